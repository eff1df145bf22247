/* SPDX-License-Identifier: MIT */
/* nestbed compare: what differs between two results, beyond noise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/result.h"

#define SHOWN 25u

enum { OPT_TOLERANCE = 256, OPT_CSV, OPT_ALL, OPT_FORCE, OPT_SUBSET, OPT_TABLE };

/* clang-format off */
static const struct argp_option options[] = {
	{"tolerance", OPT_TOLERANCE, "PERCENT", 0, "Numbers may differ by so much (standard: 0; of cycles without a spread 5)",        0},
	{"csv",       OPT_CSV,       0,         0, "Print the differences as CSV, all of them",                                        0},
	{"all",       OPT_ALL,       0,         0, "Print all of them, not the first 25",                                              0},
	{"table",     OPT_TABLE,     "NAME",    0, "This table only, such as exit-cost.csv; both must have it. Repeatable",            0},
	{"subset",    OPT_SUBSET,    0,         0, "The second run measured a part: rows and tables that it lacks are no difference, nor are other settings; a table without any row is one", 0},
	{"force",     OPT_FORCE,     0,         0, "Compare results of other settings or processors too",                              0},
	{0},
};
/* clang-format on */

struct arguments {
	const char *dir[2];
	unsigned dirs;
	char **table;
	unsigned tables;
	bool csv, all, force;
	struct compare_options options;
};

static void take_tolerance(struct arguments *a, const char *arg, const struct argp_state *state)
{
	double percent;

	if (!table_number(arg, &percent) || percent < 0 || percent > 1000000)
		argp_error(state, "--tolerance: '%s' is no number of per cent from 0 to 1000000", arg);
	else
		a->options.tolerance = percent;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_TOLERANCE:
		take_tolerance(a, arg, state);
		return 0;
	case OPT_CSV:
		a->csv = true;
		return 0;
	case OPT_ALL:
		a->all = true;
		return 0;
	case OPT_FORCE:
		a->force = a->options.loose = true;
		return 0;
	case OPT_SUBSET:
		a->options.subset = true;
		return 0;
	case OPT_TABLE:
		a->table = array_grow(a->table, a->tables, sizeof(*a->table));
		a->table[a->tables++] = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->dirs == 2)
			argp_error(state, "two RUNs, not more");
		else
			a->dir[a->dirs++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->dirs != 2)
			argp_error(state, "which two RUNs?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A table that was asked for and is in neither is a mistake. */
static char *unknown_table(const struct arguments *a, const struct result *first, const struct result *second)
{
	for (unsigned i = 0; i < a->tables; i++)
		if (!result_find(first, a->table[i]) && !result_find(second, a->table[i]))
			return text_format("--table: neither run has a %s", a->table[i]);
	return NULL;
}

static void print(const struct arguments *a, const struct comparison *c)
{
	struct text out = {0};

	if (a->csv) {
		compare_csv(&out, c);
		if (!c->rows)
			fputs("nestbed: nothing compared: no row is in both\n", stderr);
	} else {
		text_addf(&out, "%s", c->notes.size ? c->notes.data : "");
		compare_text(&out, c, a->all ? 0 : SHOWN);
		compare_summary(&out, c);
	}
	fputs(out.data, stdout);
	text_free(&out);
}

/* An exit status */
static int compare(const struct arguments *a, const struct result *first, const struct result *second)
{
	struct comparison c = {0};
	struct text reasons = {0};
	char *unknown = unknown_table(a, first, second);
	int status;

	result_incomparable(&reasons, first, second, a->options.subset);
	if (unknown) {
		text_free(&reasons);
		return cli_usage(unknown);
	}
	if (reasons.size && !a->force) {
		fprintf(stderr,
			"nestbed: %s and %s are not of the same thing; --force compares them "
			"nevertheless\n%s",
			first->dir, second->dir, reasons.data);
		text_free(&reasons);
		return CLI_USAGE;
	}
	if (reasons.size)
		text_add(&c.notes, reasons.data, reasons.size);
	result_compare(first, second, a->table, a->tables, &a->options, &c);
	print(a, &c);
	status = comparison_is_equal(&c) ? CLI_OK : CLI_FAILED;
	comparison_free(&c);
	text_free(&reasons);
	return status;
}

static int read_and_compare(const struct arguments *a)
{
	struct result first, second;
	char *why;
	int status;

	if (result_read(a->dir[0], &first, &why))
		return cli_usage(why);
	if (result_read(a->dir[1], &second, &why)) {
		result_free(&first);
		return cli_usage(why);
	}
	status = compare(a, &first, &second);
	result_free(&first);
	result_free(&second);
	return status;
}

int cmd_compare(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "RUN RUN",
		.doc = "Compares the tables of two results' folders, row by row: the first is what was, the "
		       "second "
		       "what is. "
		       "Golden results are results too.\v"
		       "Rows whose unit is insns, and all that ran on Bochs, must be equal to the last "
		       "digit. Of others, counts such as "
		       "iterations "
		       "must be equal; a median differs when it lies outside of what the other run's repeats "
		       "took, from "
		       "the least to that which nine of ten don't exceed, and the other's median outside of "
		       "its own; all "
		       "else differs by more than --tolerance.\n\n"
		       "Exit status:\n"
		       "  0  nothing differs\n"
		       "  1  something differs, or no row is in both\n"
		       "  2  wrong usage, no such result, or results of other settings",
	};
	struct arguments a = {.options = {.tolerance = -1}};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return CLI_USAGE;
	status = read_and_compare(&a);
	free(a.table);
	return status;
}
