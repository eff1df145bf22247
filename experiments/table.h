/* SPDX-License-Identifier: MIT */
/* A result's table: a CSV file with a head, as csv.h writes it, read again. Pure. */
#ifndef EXPERIMENTS_TABLE_H
#define EXPERIMENTS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 64

struct table {
	char *data; /* what the cells point into */
	unsigned columns, rows;
	char *head[TABLE_COLUMNS_MAX];
	char **cells; /* rows * columns */
};

/*
 * `name` stands in front of *why (malloc'd), with the line. 0, or -EINVAL: no head, a name twice, a row of
 * another length, quotation marks that enclose no whole field, a NUL.
 */
__attribute__((warn_unused_result)) int table_parse(const char *text, size_t size, const char *name,
						    struct table *table, char **why);
const char *table_cell(const struct table *table, unsigned row, unsigned column);
/* Its place, or -1. */
int table_column(const struct table *table, const char *name);
/* Whether each row has a decimal number or "-" there, and one of them a number. */
bool table_is_numeric(const struct table *table, unsigned column);
/* Whether it is a decimal number, with a sign or without, and nothing else; *number may be NULL. */
bool table_number(const char *cell, double *number);
void table_free(struct table *table);

#endif
