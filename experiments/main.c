/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/text.h"

static const struct command commands[] = {
	{"list",    "list the experiments and their settings",                 cmd_list   },
	{"run",     "run an experiment: tables, records and figures",          cmd_run    },
	{"boot",    "boot one guest, bare or under L0, and print its output",  cmd_boot   },
	{"link",    "try the link between two machines and say what it costs", cmd_link   },
	{"move",    "move a running guest from host to host",                  cmd_move   },
	{"agent",   "run a machine for a nestbed on another computer",         cmd_agent  },
	{"records", "print a records file as text",                            cmd_records},
	{"stream",  "show or verify a captured migration stream",              cmd_stream },
	{"compare", "say what differs between two results, beyond noise",      cmd_compare},
	{"plot",    "draw a result's figures, for a screen or a paper",        cmd_plot   },
	{"cluster", "run a plan of experiments over the hosts of a cluster",   cmd_cluster},
	{"report",  "results as one HTML page that needs nothing else",        cmd_report },
	{"doctor",  "say what this computer has and lacks",                    cmd_doctor },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "nestbed %s\n", nestbed_version);
}

/* The list of commands, where argp asks for the text behind the options. */
static char *help_filter(int key, const char *text, void *input)
{
	struct text out = {0};

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	text_addf(&out, "Commands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		text_addf(&out, "  %-9s%s\n", commands[i].name, commands[i].what);
	text_addf(&out, "\n`nestbed COMMAND --help` tells more.\n\n" CLI_EXIT_DOC);
	return out.data;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int *first = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		*first = state->next - 1;
		state->next = state->argc; /* the rest is the command's */
		(void)arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run_command(const struct command *c, int argc, char **argv)
{
	char *name = text_format("nestbed %s", c->name);
	int status;

	argv[0] = name;
	status = c->run(argc, argv);
	free(name);
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARG...]",
		.doc = "Runs hypervisors and their guests on emulated machines and says what every exit "
		       "costs.\v-",
		.help_filter = help_filter,
	};
	int first = 0;

	argp_program_version_hook = print_version;
	argp_err_exit_status = CLI_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &first);
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[first], commands[i].name))
			return run_command(&commands[i], argc - first, argv + first);
	fprintf(stderr, "nestbed: no command '%s'; `nestbed --help` lists them\n", argv[first]);
	return CLI_USAGE;
}
