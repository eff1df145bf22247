/* SPDX-License-Identifier: MIT */
#include "experiments/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/csv.h"
#include "experiments/text.h"

/* Cuts off the next record, which goes on over a line's end within quotation marks. What follows it, or NULL.
 */
static char *next_record(char *record, unsigned *lines)
{
	bool quoted = false;

	*lines = 1;
	for (char *p = record; *p; p++) {
		if (*p == '"')
			quoted = !quoted;
		if (*p != '\n')
			continue;
		if (quoted) {
			++*lines;
			continue;
		}
		*p = '\0';
		if (p > record && p[-1] == '\r')
			p[-1] = '\0';
		return p + 1;
	}
	return NULL;
}

static char *take_head(struct table *t, char **field, unsigned fields)
{
	if (fields > TABLE_COLUMNS_MAX)
		return text_format("more than %d columns", TABLE_COLUMNS_MAX);
	for (unsigned i = 0; i < fields; i++) {
		if (!*field[i])
			return text_format("column %u has no name", i + 1);
		if (table_column(t, field[i]) >= 0)
			return text_format("column '%s' stands there twice", field[i]);
		t->head[t->columns++] = field[i];
	}
	return NULL;
}

/* NULL, or what is wrong with the record (malloc'd). */
static char *take_record(struct table *t, char *record)
{
	char *field[TABLE_COLUMNS_MAX + 1];
	const int fields = csv_split(record, field, TABLE_COLUMNS_MAX + 1);

	if (fields < 0)
		return text_format("quotation marks that enclose no whole field");
	if (!t->columns)
		return take_head(t, field, (unsigned)fields);
	if ((unsigned)fields != t->columns)
		return text_format("%d fields where the head has %u", fields, t->columns);
	for (unsigned i = 0; i < t->columns; i++) {
		t->cells = array_grow(t->cells, (size_t)t->rows * t->columns + i, sizeof(*t->cells));
		t->cells[(size_t)t->rows * t->columns + i] = field[i];
	}
	t->rows++;
	return NULL;
}

int table_parse(const char *text, size_t size, const char *name, struct table *table, char **why)
{
	unsigned line = 1, lines;
	char *bad = NULL, *next;

	*table = (struct table){.data = zalloc(size + 1)};
	memcpy(table->data, text, size);
	if (strlen(table->data) != size)
		bad = text_format("a NUL, which no table has");
	for (char *record = table->data; !bad && record && *record; record = next) {
		next = next_record(record, &lines);
		bad = take_record(table, record);
		line += bad ? 0 : lines;
	}
	if (!bad && !table->columns)
		bad = text_format("no table: a head with the columns' names was expected");
	if (!bad)
		return 0;
	*why = text_format("%s:%u: %s", name, line, bad);
	free(bad);
	table_free(table);
	return -EINVAL;
}

const char *table_cell(const struct table *table, unsigned row, unsigned column)
{
	return table->cells[(size_t)row * table->columns + column];
}

int table_column(const struct table *table, const char *name)
{
	for (unsigned i = 0; i < table->columns; i++)
		if (!strcmp(table->head[i], name))
			return (int)i;
	return -1;
}

bool table_number(const char *cell, double *number)
{
	const char *p = cell + (*cell == '-' || *cell == '+');
	const size_t whole = strspn(p, "0123456789");
	size_t decimals = 0;

	if (!whole)
		return false;
	p += whole;
	if (*p == '.') {
		decimals = strspn(++p, "0123456789");
		p += decimals;
		if (!decimals)
			return false;
	}
	if (*p)
		return false;
	if (number)
		*number = strtod(cell, NULL);
	return true;
}

bool table_is_numeric(const struct table *table, unsigned column)
{
	bool any = false;

	for (unsigned i = 0; i < table->rows; i++) {
		const char *cell = table_cell(table, i, column);

		if (table_number(cell, NULL))
			any = true;
		else if (strcmp(cell, "-") != 0)
			return false;
	}
	return any;
}

void table_free(struct table *table)
{
	free(table->data);
	free(table->cells);
	*table = (struct table){0};
}
