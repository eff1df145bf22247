/* SPDX-License-Identifier: MIT */
/* A result's folder read again: meta.json and its tables. Golden results, whose meta.json is shorter, are
 * some too. */
#ifndef EXPERIMENTS_RESULT_H
#define EXPERIMENTS_RESULT_H

#include <jansson.h>

#include "experiments/compare.h"
#include "experiments/table.h"

struct result_table {
	char *name; /* of the file */
	struct table table;
};

struct result {
	char *dir;
	json_t *meta;
	const char *experiment; /* in meta */
	struct result_table *table; /* in the order of their names */
	unsigned table_count;
};

/* 0, or -EINVAL with *why (malloc'd): no such folder, no meta.json or a broken one, a broken table. */
__attribute__((warn_unused_result)) int result_read(const char *dir, struct result *result, char **why);
const struct table *result_find(const struct result *result, const char *name);
/* A string of meta.json, or NULL; `object` NULL: at its top. */
const char *result_word(const struct result *result, const char *object, const char *key);
void result_free(struct result *result);

/* Adds the tables in a folder, `before` to the names of their files; NULL, or which is broken and where
 * (malloc'd). */
char *result_tables_read(const char *dir, const char *before, struct result_table **table, unsigned *count);
void result_tables_free(struct result_table *table, unsigned count);

/*
 * Why two results are not of the same thing: a line a reason, empty when they are. With `subset` other
 * settings are none.
 */
void result_incomparable(struct text *out, const struct result *first, const struct result *second,
			 bool subset);
/* Compares the tables whose names are given, which both must have; without names, all of both. */
void result_compare(const struct result *first, const struct result *second, char *const *names,
		    unsigned name_count, const struct compare_options *options, struct comparison *out);

#endif
