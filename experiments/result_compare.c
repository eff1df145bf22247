/* SPDX-License-Identifier: MIT */
/* Two results: are they of the same thing, and what differs? */
#include <stdlib.h>
#include <string.h>

#include "experiments/result.h"

static void tell(struct text *out, const char *what, const char *first, const char *second)
{
	if (!first && !second)
		return;
	if (!first || !second || strcmp(first, second) != 0)
		text_addf(out, "%s: %s in the first, %s in the second\n", what, first ? first : "none",
			  second ? second : "none");
}

/* malloc'd: a setting as it is told, a string without its quotes; NULL: there is none. */
static char *setting_text(const json_t *value)
{
	char *dump, *copy;

	if (!value || json_is_string(value))
		return value ? text_copy(json_string_value(value)) : NULL;
	dump = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	copy = text_copy(dump ? dump : "?");
	free(dump);
	return copy;
}

static void tell_setting(struct text *out, const char *key, const json_t *first, const json_t *second)
{
	char *a, *b;

	if (first && second && json_equal(first, second))
		return;
	a = setting_text(first);
	b = setting_text(second);
	text_addf(out, "setting %s: %s in the first, %s in the second\n", key, a ? a : "none",
		  b ? b : "none");
	free(a);
	free(b);
}

static void tell_settings(struct text *out, const struct result *first, const struct result *second)
{
	const json_t *a = json_object_get(first->meta, "settings"),
		     *b = json_object_get(second->meta, "settings");
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)a, key, value)
	{
		tell_setting(out, key, value, json_object_get(b, key));
	}
	json_object_foreach((json_t *)b, key, value)
	{
		if (!json_object_get(a, key))
			tell_setting(out, key, NULL, value);
	}
}

/* Of rows that name none. An emulated machine's ticks are its instructions, whatever its results call them;
 * what is computed without a machine is as exact. */
static const char *unit_of(const struct result *r)
{
	const char *machine = result_word(r, NULL, "machine");

	return machine && (!strcmp(machine, "bochs") || !strcmp(machine, "none"))
		       ? COMPARE_EXACT_UNIT
		       : result_word(r, NULL, "unit");
}

void result_incomparable(struct text *out, const struct result *first, const struct result *second,
			 bool subset)
{
	static const char *const same[] = {"experiment", "machine", "host_cpu"};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		tell(out, same[i], result_word(first, NULL, same[i]), result_word(second, NULL, same[i]));
	tell(out, "unit", unit_of(first), unit_of(second));
	if (!subset)
		tell_settings(out, first, second);
}

/* Counts are the compiler's and the emulator's too. */
static void note_versions(struct text *out, const struct result *first, const struct result *second)
{
	static const char *const tools[] = {"compiler", "bochs", "packages"};

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		char *what = text_format("versions: %s", tools[i]);

		tell(out, what, result_word(first, "versions", tools[i]),
		     result_word(second, "versions", tools[i]));
		free(what);
	}
}

/* A run that failed may have left a part of its rows. */
static void note_failure(struct text *out, const struct result *r, const char *which)
{
	const json_int_t status = json_integer_value(json_object_get(r->meta, "exit_status"));

	if (status)
		text_addf(out, "exit status: the %s run ended with %" JSON_INTEGER_FORMAT "\n", which,
			  status);
}

/* Cycles are this processor's, and its microcode's. */
static void note_processor(struct text *out, const struct result *first, const struct result *second)
{
	const char *unit = unit_of(first);

	if (unit && !strcmp(unit, COMPARE_EXACT_UNIT))
		return;
	tell(out, "processor", result_word(first, "computer", "processor"),
	     result_word(second, "computer", "processor"));
	tell(out, "microcode", result_word(first, "computer", "microcode"),
	     result_word(second, "computer", "microcode"));
}

/* `wanted`: asked for by its name, so that a part must have it as well. */
static void compare_named(const struct result *first, const struct result *second, const char *name,
			  bool wanted, const struct compare_options *options, struct comparison *out)
{
	const struct table *a = result_find(first, name), *b = result_find(second, name);

	if (!a || !b) {
		if (b || wanted || !options->subset)
			compare_note_difference(out, name, "-", "-", a ? "table" : "-", b ? "table" : "-");
		return;
	}
	compare_tables(name, a, b, unit_of(first), options, out);
	if (options->subset && a->rows && !b->rows)
		compare_note_difference(out, name, "-", "-", "rows", "-");
}

void result_compare(const struct result *first, const struct result *second, char *const *names,
		    unsigned name_count, const struct compare_options *options, struct comparison *out)
{
	note_versions(&out->notes, first, second);
	note_processor(&out->notes, first, second);
	note_failure(&out->notes, first, "first");
	note_failure(&out->notes, second, "second");
	for (unsigned i = 0; i < name_count; i++)
		compare_named(first, second, names[i], true, options, out);
	for (unsigned i = 0; !name_count && i < first->table_count; i++)
		compare_named(first, second, first->table[i].name, false, options, out);
	for (unsigned i = 0; !name_count && i < second->table_count; i++)
		if (!result_find(first, second->table[i].name))
			compare_named(first, second, second->table[i].name, false, options, out);
}
