/* SPDX-License-Identifier: MIT */
/* Comma-separated values as RFC 4180 has them, with "\n" line ends. */
#ifndef EXPERIMENTS_CSV_H
#define EXPERIMENTS_CSV_H

#include <stdint.h>

#include "experiments/text.h"

struct csv {
	struct text text;
	unsigned columns; /* of the head */
	unsigned column; /* of the row being written */
};

/* `head`: the column names, comma-separated. */
void csv_start(struct csv *csv, const char *head);
void csv_word(struct csv *csv, const char *word);
void csv_number(struct csv *csv, uint64_t number);
/* total / count with one decimal, rounded half up; the same digits on every computer. */
void csv_mean(struct csv *csv, uint64_t total, uint64_t count);
/* Ends the row. A row with too few or too many columns is a defect and aborts. */
void csv_end_row(struct csv *csv);
void csv_free(struct csv *csv);

/*
 * Cuts a line (without its end) into its fields, in place: at most `room` of them, and what follows the last
 * stays in it. How many, or -EINVAL: quotation marks that enclose no whole field.
 */
int csv_split(char *line, char **field, unsigned room);

#endif
