/* SPDX-License-Identifier: MIT */
/* A comparison in words: an aligned table, CSV, a line. */
#include <stdio.h>
#include <string.h>

#include "experiments/compare.h"
#include "experiments/csv.h"

#define FIELDS 7u
#define HEAD   "table,row,column,first,second,difference,percent"

static const char *const heads[FIELDS] = {"table",  "row",        "column", "first",
					  "second", "difference", "percent"};
static const bool to_the_right[FIELDS] = {false, false, false, true, true, true, true};

static const char *field(const struct difference *d, unsigned i)
{
	const char *const fields[FIELDS] = {d->table,  d->row,    d->column, d->first,
					    d->second, d->change, d->percent};

	return fields[i];
}

static void add_line(struct text *out, const char *const *words, const int *width)
{
	for (unsigned i = 0; i < FIELDS; i++)
		text_addf(out, "%*s%s", to_the_right[i] ? width[i] : -width[i], words[i],
			  i + 1 < FIELDS ? "  " : "\n");
}

void compare_text(struct text *out, const struct comparison *comparison, unsigned limit)
{
	const unsigned shown = limit && comparison->count > limit ? limit : comparison->count;
	int width[FIELDS];

	if (!shown)
		return;
	for (unsigned i = 0; i < FIELDS; i++) {
		width[i] = (int)strlen(heads[i]);
		for (unsigned k = 0; k < shown; k++) {
			const int n = (int)strlen(field(&comparison->difference[k], i));

			width[i] = n > width[i] ? n : width[i];
		}
	}
	add_line(out, heads, width);
	for (unsigned k = 0; k < shown; k++) {
		const char *words[FIELDS];

		for (unsigned i = 0; i < FIELDS; i++)
			words[i] = field(&comparison->difference[k], i);
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
	struct csv csv;

	csv_start(&csv, HEAD);
	for (unsigned k = 0; k < comparison->count; k++) {
		for (unsigned i = 0; i < FIELDS; i++)
			csv_word(&csv, field(&comparison->difference[k], i));
		csv_end_row(&csv);
	}
	text_add(out, csv.text.data, csv.text.size);
	csv_free(&csv);
}
