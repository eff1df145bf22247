/* SPDX-License-Identifier: MIT */
#include "experiments/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void csv_start(struct csv *csv, const char *head)
{
	*csv = (struct csv){.columns = 1};
	for (const char *p = head; *p; p++)
		csv->columns += *p == ',';
	text_addf(&csv->text, "%s\n", head);
}

static void next_column(struct csv *csv)
{
	if (csv->column++)
		text_addf(&csv->text, ",");
}

void csv_word(struct csv *csv, const char *word)
{
	next_column(csv);
	if (!strpbrk(word, ",\"\r\n")) {
		text_addf(&csv->text, "%s", word);
		return;
	}
	text_addf(&csv->text, "\"");
	for (; *word; word++)
		text_addf(&csv->text, *word == '"' ? "\"\"" : "%c", *word);
	text_addf(&csv->text, "\"");
}

void csv_number(struct csv *csv, uint64_t number)
{
	next_column(csv);
	text_addf(&csv->text, "%" PRIu64, number);
}

void csv_mean(struct csv *csv, uint64_t total, uint64_t count)
{
	uint64_t whole = count ? total / count : 0;
	uint64_t rest = count ? total % count : 0;
	uint64_t tenths = count ? (rest * 20 + count) / (count * 2) : 0;

	next_column(csv);
	text_addf(&csv->text, "%" PRIu64 ".%" PRIu64, whole + tenths / 10, tenths % 10);
}

void csv_end_row(struct csv *csv)
{
	if (csv->column != csv->columns) {
		fprintf(stderr, "nestbed: a row of %u columns in a table of %u\n", csv->column, csv->columns);
		abort();
	}
	csv->column = 0;
	text_addf(&csv->text, "\n");
}

void csv_free(struct csv *csv)
{
	text_free(&csv->text);
}

/* Takes the marks off a quoted field, which begins behind the first of them; what follows it, or NULL. */
static char *unquote(char *p)
{
	char *to = p;

	for (; *p; *to++ = *p++) {
		if (*p == '"' && *++p != '"') {
			*to = '\0';
			return p;
		}
	}
	return NULL;
}

int csv_split(char *line, char **field, unsigned room)
{
	unsigned n = 0;

	while (n < room) {
		char *p = line;

		field[n++] = p;
		if (*p == '"') {
			field[n - 1] = p + 1;
			p = unquote(p + 1);
			if (!p || (*p && *p != ','))
				return -EINVAL;
		} else {
			p += strcspn(p, ",");
		}
		if (!*p || n == room)
			break;
		*p = '\0';
		line = p + 1;
	}
	return (int)n;
}
