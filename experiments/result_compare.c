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

static void tell_settings(struct text *out, const struct result *first, const struct result *second)
{
	const json_t *a = json_object_get(first->meta, "settings"),
		     *b = json_object_get(second->meta, "settings");
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)a, key, value)
	{
		char *what = text_format("setting %s", key);

		tell(out, what, json_string_value(value), json_string_value(json_object_get(b, key)));
		free(what);
	}
	json_object_foreach((json_t *)b, key, value)
	{
		if (!json_object_get(a, key))
			text_addf(out, "setting %s: none in the first, %s in the second\n", key,
				  json_is_string(value) ? json_string_value(value) : "?");
	}
}

void result_incomparable(struct text *out, const struct result *first, const struct result *second,
			 bool subset)
{
	static const char *const same[] = {"experiment", "machine", "host_cpu", "unit"};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		tell(out, same[i], result_word(first, NULL, same[i]), result_word(second, NULL, same[i]));
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

/* Of rows that name none. An emulated machine's ticks are its instructions, whatever a table calls them; what
 * is computed without a machine is as exact. */
static const char *unit_of(const struct result *r)
{
	const char *machine = result_word(r, NULL, "machine");

	return machine && (!strcmp(machine, "bochs") || !strcmp(machine, "none"))
		       ? COMPARE_EXACT_UNIT
		       : result_word(r, NULL, "unit");
}

static void compare_named(const struct result *first, const struct result *second, const char *name,
			  const struct compare_options *options, struct comparison *out)
{
	const struct table *a = result_find(first, name), *b = result_find(second, name);

	if (a && b)
		compare_tables(name, a, b, unit_of(first), options, out);
	else if (b || !options->subset)
		compare_note_difference(out, name, "-", "-", a ? "table" : "-", b ? "table" : "-");
}

void result_compare(const struct result *first, const struct result *second, char *const *names,
		    unsigned name_count, const struct compare_options *options, struct comparison *out)
{
	note_versions(&out->notes, first, second);
	for (unsigned i = 0; i < name_count; i++)
		compare_named(first, second, names[i], options, out);
	for (unsigned i = 0; !name_count && i < first->table_count; i++)
		compare_named(first, second, first->table[i].name, options, out);
	for (unsigned i = 0; !name_count && i < second->table_count; i++)
		if (!result_find(first, second->table[i].name))
			compare_named(first, second, second->table[i].name, options, out);
}
