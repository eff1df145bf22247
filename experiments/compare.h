/* SPDX-License-Identifier: MIT */
/*
 * What differs between two results' tables, beyond noise. Rows are matched by their key columns (columns.h),
 * the n-th of several with the same key to the n-th. Pure.
 */
#ifndef EXPERIMENTS_COMPARE_H
#define EXPERIMENTS_COMPARE_H

#include <stdbool.h>

#include "experiments/table.h"
#include "experiments/text.h"

#define COMPARE_EXACT_UNIT      "insns"
#define COMPARE_NOISE_TOLERANCE 5.0 /* per cent, of cycles without a spread */

struct compare_options {
	double tolerance; /* per cent that numbers may differ; below 0: the standard, which is none for insns
			   */
	bool subset; /* the second measured a part: what it lacks is no difference */
	bool loose; /* a key column with one value here and another there is no key */
};

/* All malloc'd. "-" where there is nothing. */
struct difference {
	char *table, *row, *column, *first, *second, *change, *percent;
};

#define DIFFERENCE_FIELDS 7u
/* The members above, as tables of differences name them. */
extern const struct difference_field {
	const char *name;
	bool number;
} difference_field[DIFFERENCE_FIELDS];
const char *difference_word(const struct difference *d, unsigned field);

struct comparison {
	struct difference *difference;
	unsigned count;
	unsigned tables, rows; /* compared: rows that both have */
	struct text notes; /* lines: not a difference, but to be known */
};

/* `unit`: of rows without a column of that name; may be NULL: exact. */
void compare_tables(const char *name, const struct table *first, const struct table *second, const char *unit,
		    const struct compare_options *options, struct comparison *out);
/* A difference that is not of a cell. */
void compare_note_difference(struct comparison *out, const char *table, const char *row, const char *column,
			     const char *first, const char *second);
/* Rows were compared, and nothing differs: two results that have no row in common are not equal. */
bool comparison_is_equal(const struct comparison *comparison);
void comparison_free(struct comparison *comparison);

/* The differences as an aligned table, at most `limit` rows of it; 0: all. */
void compare_text(struct text *out, const struct comparison *comparison, unsigned limit);
/* "equal: ...", "differs: ..." or "nothing compared: ...", a line. */
void compare_summary(struct text *out, const struct comparison *comparison);
/* The same as CSV. */
void compare_csv(struct text *out, const struct comparison *comparison);

#endif
