/* SPDX-License-Identifier: MIT */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/cli/cli.h"

#ifndef NESTBED_VERSION
#define NESTBED_VERSION "unknown"
#endif

const char *argp_program_version = "cpu-baseline " NESTBED_VERSION;

typedef int command_fn(const struct cli_arguments *arguments, FILE *out);

enum key {
	OPT_NAME = 0x100,
	OPT_WITHOUT,
	OPT_TSC_SCALED,
	OPT_CPU_MAP,
	OPT_QEMU,
	OPT_LIST_FIELDS,
};

/* clang-format off */
static const struct {
	const char *name;
	write_fn *write;
} formats[] = {
	{"table",   write_table  },
	{"json",    write_json   },
        {"libvirt", write_libvirt},
	{"qemu",    write_qemu   },
	{"bundle",  write_bundle },
};
/* clang-format on */

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* clang-format off */
static const struct argp_option option_list[] = {
	{NULL, 0, NULL, 0, "Questions (without one: print the baseline)", 1},
	{"explain", 'e', NULL, 0,
	 "Say for every bit that some host has and the baseline lacks, or the reverse: which host, which rule, why", 0},
	{"check", 'c', "POLICY", 0,
	 "May a guest that sees POLICY run on each HOST? POLICY is named as a HOST is: a baseline that was printed as bundle, "
	 "or a host whose guests shall move", 0},
	{"pool", 'p', "DIR", 0,
	 "Group the hosts of a folder into the largest pools that keep the features of --want; exit status 1 if a host fits none", 0},
	{"libvirt", 'l', "URI", 0,
	 "Put libvirt's own answer beside ours, feature by feature, each difference with its explanation; exit status 1 if one "
	 "has none", 0},
	{"matrix", 'm', NULL, 0,
	 "A table (CSV) of what each pair of hosts has in common, and what each loses by the other; scripts/plots/cpu-matrix.gp "
	 "draws it", 0},
	{"list-fields", OPT_LIST_FIELDS, NULL, 0, "Print the table: name, place, bits, rule, reason", 0},
	{NULL, 0, NULL, 0, "How", 2},
	{"format", 'f', "FORMAT", 0, "table (default), json, libvirt, qemu, bundle", 0},
	{"name", OPT_NAME, "NAME", 0, "Name of the baseline (default: baseline)", 0},
	{"want", 'w', "FEATURE,...", 0, "Features that each pool must keep", 0},
	{"without", OPT_WITHOUT, "FEATURE,...", 0, "Hide these features, and what needs them", 0},
	{"tsc-scaled", OPT_TSC_SCALED, NULL, 0, "TSC frequencies may differ: the hypervisor scales", 0},
	{"cpu-map", OPT_CPU_MAP, "DIR", 0, "libvirt's CPU map (default: where libvirt keeps it)", 0},
	{"qemu", OPT_QEMU, "PROGRAM", 0,
	 "QEMU that says which features it has a name for, for --format=qemu (default: qemu-system-x86_64)", 0},
	{0},
};
/* clang-format on */

static const char doc[] =
	"Print the richest virtual CPU that runs on each HOST, bit by bit."
	"\vHOST is a file (a dump by `cpuid -r` or workloads/cpudump, an InstLatx64 dump, libvirt's XML, "
	"what this "
	"program prints as bundle or json), `self` for the processor that this runs on, or a libvirt URI.\n\n"
	"Exit status:\n"
	"  0  answered; with --check: may run on each\n"
	"  1  the hosts have no common baseline; with --check: may not run; with\n"
	"     --pool: a host fits none; with --libvirt: a difference that nothing\n"
	"     explains\n"
	"  2  wrong use or bad input\n"
	"  3  this computer could not do it";

struct parsed {
	struct cli_arguments arguments;
	command_fn *command;
};

static command_fn *choose(struct argp_state *state, command_fn *old, command_fn *now)
{
	if (old && old != now)
		argp_error(state, "one question at a time");
	return now;
}

static void parse_format(struct argp_state *state, struct cli_arguments *a, const char *name)
{
	a->format = NULL;
	for (size_t i = 0; i < FORMATS; i++)
		if (!strcmp(formats[i].name, name))
			a->format = formats[i].write;
	if (!a->format)
		argp_error(state, "no format '%s': table, json, libvirt, qemu or bundle", name);
	a->json = a->format == write_json;
}

/* "FEATURE,…": names of rows with rule `and`. */
static void parse_features(struct argp_state *state, struct cli_features *features, char *list)
{
	char *rest = list;

	for (char *name = strsep(&rest, ","); name; name = strsep(&rest, ",")) {
		const struct cpu_field *field = cpu_field_find(name);

		if (!field)
			argp_error(state, "no feature '%s'; --list-fields lists them", name);
		else if (field->rule != CPU_AND || field->width != 1 || field->subleaf == CPU_ANY_SUBLEAF)
			argp_error(state, "'%s' is no feature (its rule is '%s')", name,
				   cpu_rule_name(field->rule));
		else if (features->count == CLI_FEATURES_MAX)
			argp_error(state, "more than %u features", CLI_FEATURES_MAX);
		else
			features->field[features->count++] = field;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct parsed *p = state->input;
	struct cli_arguments *a = &p->arguments;

	switch (key) {
	case 'e':
		a->explain = true;
		return 0;
	case 'c':
		a->check = arg;
		p->command = choose(state, p->command, cmd_check);
		return 0;
	case 'f':
		parse_format(state, a, arg);
		return 0;
	case 'p':
		a->pool = arg;
		p->command = choose(state, p->command, cmd_pool);
		return 0;
	case 'l':
		a->libvirt = arg;
		p->command = choose(state, p->command, cmd_libvirt);
		return 0;
	case 'm':
		p->command = choose(state, p->command, cmd_matrix);
		return 0;
	case 'w':
		parse_features(state, &a->want, arg);
		return 0;
	case OPT_NAME:
		a->write.name = arg;
		return 0;
	case OPT_WITHOUT:
		parse_features(state, &a->without, arg);
		return 0;
	case OPT_TSC_SCALED:
		a->options.tsc_scaled = true;
		return 0;
	case OPT_CPU_MAP:
		a->write.cpu_map = arg;
		return 0;
	case OPT_QEMU:
		a->write.qemu = arg;
		return 0;
	case OPT_LIST_FIELDS:
		p->command = choose(state, p->command, cmd_list_fields);
		return 0;
	case ARGP_KEY_ARGS:
		a->source = state->argv + state->next;
		a->sources = (unsigned)(state->argc - state->next);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The whole answer, or nothing of it. */
static int run(const struct parsed *p)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int status;

	if (!out) {
		cli_wrong("%s", strerror(errno));
		return CLI_FAILED;
	}
	status = p->command(&p->arguments, out);
	if (fclose(out)) {
		cli_wrong("%s", strerror(errno));
		status = CLI_FAILED;
	} else if (status <= CLI_NO && (fwrite(text, 1, size, stdout) != size || fflush(stdout))) {
		cli_wrong("standard output: %s", strerror(errno));
		status = CLI_FAILED;
	}
	free(text);
	return status;
}

/* What does not go together; NULL: all does. */
static const char *misuse(const struct parsed *p)
{
	const struct cli_arguments *a = &p->arguments;
	bool takes_hosts = p->command != cmd_pool && p->command != cmd_list_fields;
	bool plain = p->command == cmd_matrix || p->command == cmd_list_fields;

	if (takes_hosts && !a->sources)
		return "which HOST?";
	if (!takes_hosts && a->sources)
		return "this question takes no HOST";
	if (a->want.count && p->command != cmd_pool)
		return "--want goes with --pool";
	if (a->explain && p->command != cmd_baseline)
		return "one question at a time";
	if (a->format != write_table && (plain || (!a->json && (a->explain || p->command != cmd_baseline))))
		return "this question is not answered in that format";
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {option_list, parse, "HOST...", doc, NULL, NULL, NULL};
	const char *wrong;
	static struct parsed p = {
		.arguments = {.format = write_table, .write = {.name = "baseline"}}
        };

	argp_err_exit_status = CLI_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &p);
	if (!p.command)
		p.command = cmd_baseline;
	wrong = misuse(&p);
	if (wrong)
		return cli_wrong("%s; `cpu-baseline --help` tells more", wrong);
	return run(&p);
}
