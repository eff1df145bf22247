/* SPDX-License-Identifier: MIT */
/*
 * What `cpu-baseline --json` prints: {"features_only": …, "cpuid": [{"leaf": …, "subleaf": …, "eax": …,
 * "ebx": …, "ecx": …, "edx": …}], "msrs": [{"msr": …, "value": …}]}. Numbers are JSON's own or text. Other
 * keys beside these are what it tells people.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cpu_baseline/read/reader.h"

bool json_is(struct piece text)
{
	struct piece line = {0};

	while (text.n && !line.n)
		line = piece_trim(piece_line(&text));
	return piece_take(&line, "{");
}

/* ---- lines: jansson tells none of what it has read ---- */

struct place {
	struct piece text;
	size_t at;
	unsigned line, depth;
	struct piece string; /* the last one, without quotes */
};

/* The next bracket that is not in a string, 0 behind the last. The text is known to be well-formed. */
static char next(struct place *p)
{
	while (p->at < p->text.n) {
		char c = p->text.at[p->at++];

		if (c == '\n')
			p->line++;
		if (c == '{' || c == '}' || c == '[' || c == ']')
			return c;
		if (c != '"')
			continue;
		p->string.at = p->text.at + p->at;
		while (p->at < p->text.n && p->text.at[p->at] != '"')
			p->at += p->text.at[p->at] == '\\' ? 2 : 1;
		p->string.n = (size_t)(p->text.at + p->at - p->string.at);
		p->at++;
	}
	return 0;
}

/* The lines in which objects begin in this array at the top; of the array, for elements that are none. */
static void find_lines(struct piece text, const char *array, unsigned lines[READER_LEAVES])
{
	struct place p = {.text = text, .line = 1};
	unsigned found = 0;
	bool inside = false;
	char c;

	for (unsigned i = 0; i < READER_LEAVES; i++)
		lines[i] = 1;
	while ((c = next(&p)) && !(inside && c == ']' && p.depth == 2)) {
		if (c == '[' && p.depth == 1 && piece_is(p.string, array)) {
			inside = true;
			for (unsigned i = 0; i < READER_LEAVES; i++)
				lines[i] = p.line;
		} else if (c == '{' && p.depth == 2 && inside && found < READER_LEAVES) {
			lines[found++] = p.line;
		}
		p.depth = c == '{' || c == '[' ? p.depth + 1 : p.depth - 1;
	}
}

/* ---- rows ---- */

static int number(struct reader *r, const json_t *row, const char *key, uint64_t max, uint64_t *value)
{
	const json_t *v = json_object_get(row, key);
	bool good = false;

	if (json_is_integer(v)) {
		*value = (uint64_t)json_integer_value(v);
		good = json_integer_value(v) >= 0 && *value <= max;
	} else if (json_is_string(v)) {
		good = piece_number((struct piece){json_string_value(v), json_string_length(v)}, max, value);
	}
	if (good)
		return 0;
	return reader_wrong(r, "%s \"%s\", expected a number up to %#llx", v ? "a bad" : "no", key,
			    (unsigned long long)max);
}

/* The row has these keys and no other, except "name". */
static int numbers(struct reader *r, const json_t *row, const char *const keys[], const uint64_t max[],
		   uint64_t values[], unsigned count)
{
	size_t names = json_object_get(row, "name") ? 1 : 0;
	int status = 0;

	if (!json_is_object(row))
		return reader_wrong(r, "no object, expected one with \"%s\"", keys[0]);
	for (unsigned i = 0; i < count && !status; i++)
		status = number(r, row, keys[i], max[i], &values[i]);
	if (!status && json_object_size(row) != count + names)
		status = reader_wrong(r, "%zu keys, expected %u: \"%s\" to \"%s\"",
				      json_object_size(row) - names, count, keys[0], keys[count - 1]);
	return status;
}

static int leaf_row(struct reader *r, const json_t *row)
{
	static const char *const keys[] = {"leaf", "subleaf", "eax", "ebx", "ecx", "edx"};
	static const uint64_t max[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX,
				       UINT32_MAX, UINT32_MAX, UINT32_MAX};
	uint64_t value[2 + CPU_REGS] = {0};
	struct cpu_leaf leaf;
	int status = numbers(r, row, keys, max, value, 2 + CPU_REGS);

	if (status)
		return status;
	leaf.leaf = (uint32_t)value[0];
	leaf.subleaf = (uint32_t)value[1];
	for (unsigned i = 0; i < CPU_REGS; i++)
		leaf.reg[i] = (uint32_t)value[2 + i];
	return reader_leaf(r, &leaf);
}

static int msr_row(struct reader *r, const json_t *row)
{
	static const char *const keys[] = {"msr", "value"};
	static const uint64_t max[] = {UINT32_MAX, UINT64_MAX};
	uint64_t value[2] = {0};
	int status = numbers(r, row, keys, max, value, 2);

	return status ? status : reader_msr(r, (uint32_t)value[0], value[1]);
}

static int all_rows(struct reader *r, const json_t *top, const char *key,
		    int (*row)(struct reader *r, const json_t *row))
{
	const json_t *array = json_object_get(top, key);
	unsigned lines[READER_LEAVES];
	int status = 0;

	if (!json_is_array(array))
		return reader_wrong_at(r, 0, "no array \"%s\", expected one", key);
	if (json_array_size(array) > READER_LEAVES)
		return reader_wrong_at(r, 0, "%zu rows in \"%s\", expected at most %u",
				       json_array_size(array), key, READER_LEAVES);
	find_lines(r->rest, key, lines);
	for (size_t i = 0; i < json_array_size(array) && !status; i++) {
		r->line = lines[i];
		status = row(r, json_array_get(array, i));
	}
	return status;
}

static int policy(struct reader *r, const json_t *top)
{
	const json_t *features_only = json_object_get(top, "features_only");
	int status;

	if (!json_is_object(top))
		return reader_wrong_at(r, 0, "no object, expected one with \"cpuid\"");
	if (json_is_true(json_object_get(top, "refused")))
		return reader_wrong_at(r, 0, "a refused baseline, expected one that there is");
	if (!json_is_boolean(features_only))
		return reader_wrong_at(r, 0, "no \"features_only\", expected it to be true or false");
	r->policy->features_only = json_is_true(features_only);
	status = all_rows(r, top, "cpuid", leaf_row);
	if (!status)
		status = all_rows(r, top, "msrs", msr_row);
	return status ? status : reader_finish(r);
}

int json_read(struct reader *r)
{
	char shown[PIECE_SHOWN + 1];
	json_error_t error;
	json_t *top = json_loadb(r->rest.at, r->rest.n, JSON_REJECT_DUPLICATES, &error);
	int status;

	if (!top)
		return reader_wrong_at(r, error.line > 0 ? (unsigned)error.line : 1, "%s, expected JSON",
				       piece_show(piece_of(error.text), shown));
	status = policy(r, top);
	json_decref(top);
	return status;
}
