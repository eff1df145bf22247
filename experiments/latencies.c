/* SPDX-License-Identifier: MIT */
#include "experiments/latencies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/csv.h"
#include "experiments/text.h"

enum column { CLASS, CYCLES, PROCESSOR, SOURCE, VERIFIED, REMARK, COLUMNS };

#define MILLIS_END UINT64_C(1000000000)

int millis_parse(const char *word, uint32_t *millis)
{
	uint64_t number = 0;
	unsigned whole = 0, decimals = 0;
	const char *p = word;

	for (; *p >= '0' && *p <= '9' && number < MILLIS_END; p++, whole++)
		number = number * 10 + (uint64_t)(*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && decimals < 3; p++, decimals++)
			number = number * 10 + (uint64_t)(*p - '0');
	if (*p || !whole || (p[-1] == '.'))
		return -EINVAL;
	for (; decimals < 3 && number < MILLIS_END; decimals++)
		number *= 10;
	if (number >= MILLIS_END)
		return -EINVAL;
	*millis = (uint32_t)number;
	return 0;
}

/* NULL, or what is wrong with a row (malloc'd). */
static char *take_row(struct latencies *l, bool *seen, char **field, unsigned fields)
{
	enum trace_class class;

	if (fields != COLUMNS)
		return text_format("%u fields, not the six of " LATENCIES_HEAD, fields);
	class = trace_class_find(field[CLASS]);
	if (class == TRACE_CLASS_COUNT || class == TRACE_OTHER)
		return text_format("'%s' is no class of slow instructions; instructions.csv has their names",
				   field[CLASS]);
	if (seen[class])
		return text_format("%s stands there twice", field[CLASS]);
	seen[class] = true;
	if (strcmp(field[VERIFIED], "yes") != 0 && strcmp(field[VERIFIED], "no") != 0)
		return text_format("verified: '%s' is neither yes nor no", field[VERIFIED]);
	l->known[class] = strcmp(field[CYCLES], "none") != 0;
	if (l->known[class] && millis_parse(field[CYCLES], &l->millicycles[class]))
		return text_format(
			"cycles: '%s' is neither a decimal number below 1000000, such as 12.5, nor none",
			field[CYCLES]);
	if (l->known[class] && (!*field[PROCESSOR] || !*field[SOURCE]))
		return text_format("%s: a number needs a processor and a source", field[CLASS]);
	return NULL;
}

static char *take_line(struct latencies *l, bool *seen, char *line, unsigned number)
{
	char *field[COLUMNS + 1];
	int fields;

	if (number == 1)
		return strcmp(line, LATENCIES_HEAD) != 0 ? text_format("not the head " LATENCIES_HEAD) : NULL;
	if (!*line || *line == '#')
		return NULL;
	fields = csv_split(line, field, COLUMNS + 1);
	return fields < 0 ? text_format("quotation marks that enclose no whole field")
			  : take_row(l, seen, field, (unsigned)fields);
}

int latencies_parse(const char *text, const char *name, struct latencies *latencies, char **why)
{
	bool seen[TRACE_CLASS_COUNT] = {false};
	char *copy = text_copy(text), *bad = NULL, *next;
	unsigned number = 0;

	*latencies = (struct latencies){0};
	for (char *line = copy; line && !bad; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		bad = take_line(latencies, seen, line, ++number);
	}
	if (bad)
		*why = text_format("%s:%u: %s", name, number, bad);
	free(bad);
	free(copy);
	return bad ? -EINVAL : 0;
}

/* VMX instructions but for the entries, which are listed apart. */
static bool is_vmx(enum trace_class class)
{
	return class >= TRACE_VMREAD && class <= TRACE_VMCALL;
}

struct modelled latencies_model(const struct latencies *latencies, uint32_t milli_cpi,
				const struct trace_counts *counts, enum trace_who who)
{
	struct modelled m = {0};

	for (enum trace_class c = 0; c < TRACE_CLASS_COUNT; c++) {
		uint64_t n = counts->of[who][c];
		uint64_t cycles = n * (latencies->known[c] ? latencies->millicycles[c] : milli_cpi);

		if (!latencies->known[c])
			m.plain += cycles;
		else if (c == TRACE_ENTRY)
			m.transitions += cycles;
		else if (is_vmx(c))
			m.vmx += cycles;
		else
			m.slow += cycles;
		m.all += cycles;
		m.left_out[c] = n && !latencies->known[c] && c != TRACE_OTHER;
	}
	return m;
}
