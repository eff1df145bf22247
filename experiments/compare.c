/* SPDX-License-Identifier: MIT */
#include "experiments/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/columns.h"

#define NONE (-1)

struct keyed {
	char *key;
	unsigned row;
};

/* Two tables while they are compared. */
struct pair {
	const char *name;
	const struct table *first, *second;
	const char *unit;
	const struct compare_options *options;
	int in_second[TABLE_COLUMNS_MAX]; /* of a column of the first, or NONE */
	bool key[TABLE_COLUMNS_MAX]; /* columns of the first by which rows are matched */
	struct comparison *out;
};

void compare_note_difference(struct comparison *out, const char *table, const char *row, const char *column,
			     const char *first, const char *second)
{
	out->difference = array_grow(out->difference, out->count, sizeof(*out->difference));
	out->difference[out->count++] = (struct difference){
		.table = text_copy(table),
		.row = text_copy(row),
		.column = text_copy(column),
		.first = text_copy(first),
		.second = text_copy(second),
		.change = text_copy("-"),
		.percent = text_copy("-"),
	};
}

/* ---- columns ---- */

/* The one value of a column, or NULL when there are several, or no rows. */
static const char *only_value(const struct table *t, unsigned column)
{
	for (unsigned i = 1; i < t->rows; i++)
		if (strcmp(table_cell(t, i, column), table_cell(t, 0, column)) != 0)
			return NULL;
	return t->rows ? table_cell(t, 0, column) : NULL;
}

static bool unmatched(struct pair *p, unsigned column)
{
	const char *a = only_value(p->first, column);
	const char *b = only_value(p->second, (unsigned)p->in_second[column]);

	if (!p->options->loose || !a || !b || !strcmp(a, b))
		return false;
	text_addf(&p->out->notes, "%s: %s is %s in the first, %s in the second\n", p->name,
		  p->first->head[column], a, b);
	return true;
}

static void match_columns(struct pair *p)
{
	for (unsigned i = 0; i < p->first->columns; i++) {
		const char *name = p->first->head[i];

		p->in_second[i] = table_column(p->second, name);
		if (p->in_second[i] == NONE)
			compare_note_difference(p->out, p->name, "-", name, "column", "-");
		else
			p->key[i] = column_kind(name) == COLUMN_KEY && !unmatched(p, i);
	}
	for (unsigned i = 0; i < p->second->columns; i++)
		if (table_column(p->first, p->second->head[i]) == NONE)
			compare_note_difference(p->out, p->name, "-", p->second->head[i], "-", "column");
}

/* ---- rows ---- */

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	const int order = strcmp(x->key, y->key);

	return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* A cell of the first's column, in either table. */
static const char *cell(const struct pair *p, const struct table *t, unsigned row, unsigned column)
{
	return table_cell(t, row, t == p->first ? column : (unsigned)p->in_second[column]);
}

static struct keyed *sorted_keys(const struct pair *p, const struct table *t)
{
	struct keyed *keys = zalloc((t->rows + 1) * sizeof(*keys));

	for (unsigned i = 0; i < t->rows; i++) {
		struct text key = {0};

		text_add(&key, "", 0);
		for (unsigned c = 0; c < p->first->columns; c++)
			if (p->key[c])
				text_addf(&key, "%s\x1f", cell(p, t, i, c));
		keys[i] = (struct keyed){key.data, i};
	}
	if (t->rows)
		qsort(keys, t->rows, sizeof(*keys), by_key);
	return keys;
}

static void free_keys(struct keyed *keys, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		free(keys[i].key);
	free(keys);
}

/* match_a[row of the first]: the row of the second, or NONE; match_b the other way. */
static void match_rows(const struct pair *p, int *match_a, int *match_b)
{
	struct keyed *a = sorted_keys(p, p->first), *b = sorted_keys(p, p->second);
	unsigned i = 0, k = 0;

	while (i < p->first->rows || k < p->second->rows) {
		const int order = i == p->first->rows    ? 1
				  : k == p->second->rows ? -1
							 : strcmp(a[i].key, b[k].key);

		if (!order) {
			match_a[a[i].row] = (int)b[k].row;
			match_b[b[k].row] = (int)a[i].row;
		} else if (order < 0) {
			match_a[a[i].row] = NONE;
		} else {
			match_b[b[k].row] = NONE;
		}
		i += order <= 0;
		k += order >= 0;
	}
	free_keys(a, p->first->rows);
	free_keys(b, p->second->rows);
}

/* Whether a key column tells rows apart. */
static bool tells(const struct pair *p, unsigned column)
{
	const char *a = only_value(p->first, column);
	const char *b = only_value(p->second, (unsigned)p->in_second[column]);

	return !a || !b || strcmp(a, b) != 0;
}

/* malloc'd: a row's key, without what all rows have; a number with its column's name. */
static char *row_name(const struct pair *p, const struct table *t, unsigned row)
{
	struct text name = {0};

	for (unsigned c = 0; c < p->first->columns; c++) {
		const char *value;

		if (!p->key[c] || !tells(p, c))
			continue;
		value = cell(p, t, row, c);
		text_addf(&name, "%s%s%s%s", name.size ? " " : "",
			  table_number(value, NULL) ? p->first->head[c] : "",
			  table_number(value, NULL) ? "=" : "", value);
	}
	return name.data ? name.data : text_copy("-");
}

static void note_row(const struct pair *p, const struct table *t, unsigned row)
{
	char *name = row_name(p, t, row);

	compare_note_difference(p->out, p->name, name, "row", t == p->first ? "row" : "-",
				t == p->first ? "-" : "row");
	free(name);
}

/* ---- cells ---- */

static int decimals(const char *number)
{
	const char *dot = strchr(number, '.');
	const size_t n = dot ? strlen(dot + 1) : 0;

	return n > 9 ? 9 : (int)n;
}

static void note_cell(const struct pair *p, unsigned row, unsigned column, const char *a, const char *b)
{
	char *name = row_name(p, p->first, row);
	struct difference *d;
	double x, y;

	compare_note_difference(p->out, p->name, name, p->first->head[column], a, b);
	free(name);
	if (!table_number(a, &x) || !table_number(b, &y))
		return;
	d = &p->out->difference[p->out->count - 1];
	free(d->change);
	d->change = text_format("%+.*f", decimals(a) > decimals(b) ? decimals(a) : decimals(b), y - x);
	if (x != 0) {
		free(d->percent);
		d->percent = text_format("%+.1f", (y - x) / fabs(x) * 100);
	}
}

static bool within(const char *a, const char *b, double tolerance)
{
	double x, y;

	return table_number(a, &x) && table_number(b, &y) && fabs(y - x) <= fabs(x) * tolerance / 100;
}

#define MEDIAN "median_"

/* What the repeats of a row took: the least, and what nine of ten don't exceed. */
struct spread {
	double low, high;
};

static bool spread_cell(const struct table *t, unsigned row, const char *prefix, const char *what,
			double *number)
{
	char *name = text_format("%s%s", prefix, what);
	const int column = table_column(t, name);

	free(name);
	return column != NONE && table_number(table_cell(t, row, (unsigned)column), number);
}

static bool spread_of(const struct table *t, unsigned row, const char *what, struct spread *s)
{
	return spread_cell(t, row, "min_", what, &s->low) && spread_cell(t, row, "p90_", what, &s->high);
}

static bool inside(const struct spread *s, double value)
{
	return value >= s->low && value <= s->high;
}

/* By median and spread: different when each median lies outside of what the other's repeats took. */
static bool medians_differ(const struct pair *p, unsigned row_a, unsigned row_b, const char *what,
			   const char *a, const char *b)
{
	const double tolerance = p->options->tolerance;
	struct spread of_a, of_b;
	double x, y;

	if (!table_number(a, &x) || !table_number(b, &y))
		return true;
	if (!spread_of(p->first, row_a, what, &of_a) || !spread_of(p->second, row_b, what, &of_b))
		return !within(a, b, tolerance < 0 ? COMPARE_NOISE_TOLERANCE : tolerance);
	return !inside(&of_a, y) && !inside(&of_b, x) && !within(a, b, tolerance < 0 ? 0 : tolerance);
}

/* min_WHAT and p90_WHAT where median_WHAT stands beside them: the spread, by which that one is judged. */
static bool is_spread(const struct pair *p, const char *name)
{
	static const char *const prefixes[] = {"min_", "p90_"};

	for (size_t i = 0; i < 2; i++) {
		char *median;
		bool there;

		if (strncmp(name, prefixes[i], 4) != 0)
			continue;
		median = text_format(MEDIAN "%s", name + 4);
		there = table_column(p->first, median) != NONE && table_column(p->second, median) != NONE;
		free(median);
		return there;
	}
	return false;
}

static bool is_exact(const struct pair *p, unsigned row)
{
	const int column = table_column(p->first, "unit");
	const char *unit = column != NONE ? table_cell(p->first, row, (unsigned)column) : p->unit;

	return !unit || !strcmp(unit, COMPARE_EXACT_UNIT);
}

static bool cells_differ(const struct pair *p, unsigned row_a, unsigned row_b, unsigned column, const char *a,
			 const char *b)
{
	const char *name = p->first->head[column];
	const double tolerance = p->options->tolerance;

	if (!strcmp(a, b))
		return false;
	if (is_exact(p, row_a) || column_kind(name) == COLUMN_EXACT)
		return !within(a, b, tolerance < 0 ? 0 : tolerance) || tolerance <= 0;
	if (is_spread(p, name))
		return false;
	if (!strncmp(name, MEDIAN, strlen(MEDIAN)))
		return medians_differ(p, row_a, row_b, name + strlen(MEDIAN), a, b);
	return !within(a, b, tolerance < 0 ? COMPARE_NOISE_TOLERANCE : tolerance);
}

static void compare_row(const struct pair *p, unsigned row_a, unsigned row_b)
{
	for (unsigned c = 0; c < p->first->columns; c++) {
		const char *a, *b;

		if (p->in_second[c] == NONE || column_kind(p->first->head[c]) == COLUMN_KEY)
			continue;
		a = cell(p, p->first, row_a, c);
		b = cell(p, p->second, row_b, c);
		if (cells_differ(p, row_a, row_b, c, a, b))
			note_cell(p, row_a, c, a, b);
	}
	p->out->rows++;
}

void compare_tables(const char *name, const struct table *first, const struct table *second, const char *unit,
		    const struct compare_options *options, struct comparison *out)
{
	struct pair p = {
		.name = name, .first = first, .second = second, .unit = unit, .options = options, .out = out};
	int *match_a = zalloc((first->rows + 1) * sizeof(*match_a));
	int *match_b = zalloc((second->rows + 1) * sizeof(*match_b));

	match_columns(&p);
	match_rows(&p, match_a, match_b);
	for (unsigned i = 0; i < first->rows; i++) {
		if (match_a[i] != NONE)
			compare_row(&p, i, (unsigned)match_a[i]);
		else if (!options->subset)
			note_row(&p, first, i);
	}
	for (unsigned i = 0; i < second->rows; i++)
		if (match_b[i] == NONE)
			note_row(&p, second, i);
	out->tables++;
	free(match_a);
	free(match_b);
}

bool comparison_is_equal(const struct comparison *comparison)
{
	return comparison->rows && !comparison->count;
}

void comparison_free(struct comparison *comparison)
{
	for (unsigned i = 0; i < comparison->count; i++) {
		struct difference *d = &comparison->difference[i];
		char *const all[] = {d->table, d->row, d->column, d->first, d->second, d->change, d->percent};

		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			free(all[k]);
	}
	free(comparison->difference);
	text_free(&comparison->notes);
	*comparison = (struct comparison){0};
}
