/* SPDX-License-Identifier: MIT */
/* A comparison in words: an aligned table, CSV, a line. */
#include <stdio.h>
#include <string.h>

#include "experiments/compare.h"
#include "experiments/csv.h"

const struct difference_field difference_field[DIFFERENCE_FIELDS] = {
	{"table",      false},
        {"row",        false},
        {"column",     false},
        {"first",      true },
	{"second",     true },
        {"difference", true },
        {"percent",    true },
};

const char *difference_word(const struct difference *d, unsigned field)
{
	const char *const words[DIFFERENCE_FIELDS] = {d->table,  d->row,    d->column, d->first,
						      d->second, d->change, d->percent};

	return words[field];
}

static void add_line(struct text *out, const char *const *words, const int *width)
{
	for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++)
		text_addf(out, "%*s%s", difference_field[i].number ? width[i] : -width[i], words[i],
			  i + 1 < DIFFERENCE_FIELDS ? "  " : "\n");
}

void compare_text(struct text *out, const struct comparison *comparison, unsigned limit)
{
	const unsigned shown = limit && comparison->count > limit ? limit : comparison->count;
	const char *words[DIFFERENCE_FIELDS];
	int width[DIFFERENCE_FIELDS];

	if (!shown)
		return;
	for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++) {
		width[i] = (int)strlen(difference_field[i].name);
		for (unsigned k = 0; k < shown; k++) {
			const int n = (int)strlen(difference_word(&comparison->difference[k], i));

			width[i] = n > width[i] ? n : width[i];
		}
	}
	for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++)
		words[i] = difference_field[i].name;
	add_line(out, words, width);
	for (unsigned k = 0; k < shown; k++) {
		for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++)
			words[i] = difference_word(&comparison->difference[k], i);
		add_line(out, words, width);
	}
	if (shown < comparison->count)
		text_addf(out, "and %u more: --all shows them\n", comparison->count - shown);
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

void compare_summary(struct text *out, const struct comparison *c)
{
	if (c->count)
		text_addf(out, "differs: %u difference%s in", c->count, plural(c->count));
	else
		text_addf(out, comparison_is_equal(c) ? "equal:" : "nothing compared:");
	text_addf(out, " %u row%s of %u table%s\n", c->rows, plural(c->rows), c->tables, plural(c->tables));
}

void compare_csv(struct text *out, const struct comparison *comparison)
{
	struct text head = {0};
	struct csv csv;

	for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++)
		text_addf(&head, "%s%s", i ? "," : "", difference_field[i].name);
	csv_start(&csv, head.data);
	text_free(&head);
	for (unsigned k = 0; k < comparison->count; k++) {
		for (unsigned i = 0; i < DIFFERENCE_FIELDS; i++)
			csv_word(&csv, difference_word(&comparison->difference[k], i));
		csv_end_row(&csv);
	}
	text_add(out, csv.text.data, csv.text.size);
	csv_free(&csv);
}
