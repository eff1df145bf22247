/* SPDX-License-Identifier: MIT */
/* nestbed run: an experiment, from its machines to its figures. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/agent.h"
#include "experiments/cli.h"
#include "experiments/experiment.h"
#include "experiments/machine_choice.h"
#include "experiments/setting.h"

enum {
	OPT_CPU = 256,
	OPT_SET,
	OPT_OUT,
	OPT_KEEP,
	OPT_TIMEOUT,
	OPT_FROM,
	OPT_TO,
	OPT_WORKLOAD,
	OPT_LINK,
	OPT_PEER,
	OPT_AGENT
};

static const struct argp_option options[] = {
	{"cpu",						    OPT_CPU, "MODEL", 0, "The machines' processor (default " CLI_DEFAULT_CPU ")", 0},
	{"jobs",						 'j', "N", 0,
	 "Machines at a time (default: the processors of this computer; 1 where they are real)", 0},
	{"keep", OPT_KEEP, 0, 0, "Leave the machines' files and logs in DIR/machines", 0},
	{"out",							OPT_OUT, "DIR", 0, "Folder of the result (default: a new one under results/runs)", 0},
	{"set",     OPT_SET, "KEY=VALUE", 0, "A setting of the experiment; `nestbed list` shows them. Repeatable",
	 0},
	{"timeout",						       OPT_TIMEOUT, "SECONDS", 0, "End a machine after so many seconds (default 300; 0: never)",
	 0},
	{0,						       0, 0, 0, "Of experiments that have the setting:", 1},
	{"from",						   OPT_FROM, "MODEL", 0, "The same as --set from=MODEL", 1},
	{"to",						       OPT_TO, "MODEL", 0, "The same as --set to=MODEL", 1},
	{"peer",    OPT_PEER, "L0", 0, "The same as --set peer=L0", 1},
	{"workload",							OPT_WORKLOAD, "NAME", 0, "The same as --set workload=NAME", 1},
	{"link",OPT_LINK, "SCRIPT", 0, "The same as --set link=SCRIPT", 1},
	{"agent",						       OPT_AGENT, AGENT_WORD, 0,
	 "Each VM moves to a machine of an agent: the one that COMMAND, such as 'ssh HOST nestbed agent', "
	 "starts, or that "
	 "is behind the socket N (docs/agent.md)", 1},
	{0						      },
};

struct arguments {
	struct run run;
	struct machine_choice machine;
	const char *out;
	struct setting *settings;
	unsigned setting_count;
	json_t *command_line; /* as it was given: argp moves arguments around */
};

/* "KEY=VALUE" */
static void add_setting(struct arguments *a, const char *word, const struct argp_state *state)
{
	char *why;

	a->settings = array_grow(a->settings, a->setting_count, sizeof(*a->settings));
	if (setting_parse(word, &a->settings[a->setting_count], &why))
		argp_error(state, "%s", why);
	a->setting_count++;
}

/* --KEY=VALUE for --set KEY=VALUE */
static void add_short(struct arguments *a, const char *key, const char *value, const struct argp_state *state)
{
	char *word = text_format("%s=%s", key, value);

	add_setting(a, word, state);
	free(word);
}

static error_t parse_short(struct arguments *a, int key, const char *arg, const struct argp_state *state)
{
	static const struct {
		int key;
		const char *name;
	} shorts[] = {
		{OPT_FROM,     "from"    },
                {OPT_TO,       "to"      },
                {OPT_WORKLOAD, "workload"},
		{OPT_LINK,     "link"    },
                {OPT_PEER,     "peer"    },
	};

	for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
		if (shorts[i].key != key)
			continue;
		add_short(a, shorts[i].name, arg, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	uint64_t number;
	char *why;

	switch (key) {
	case OPT_CPU:
		a->run.cpu = arg;
		return 0;
	case 'j':
		if (number_parse(arg, 1, 1024, &number, &why))
			argp_error(state, "%s", why);
		a->run.jobs = (unsigned)number;
		return 0;
	case OPT_KEEP:
		a->run.keep = true;
		return 0;
	case OPT_OUT:
		if (!*arg)
			argp_error(state, "--out needs a folder's name");
		a->out = arg;
		return 0;
	case OPT_SET:
		add_setting(a, arg, state);
		return 0;
	case OPT_TIMEOUT:
		if (number_parse(arg, 0, 1000000, &number, &why))
			argp_error(state, "%s", why);
		a->run.seconds = (unsigned)number;
		return 0;
	case OPT_AGENT:
		if (agent_check(arg, &why))
			argp_error(state, "%s", why);
		a->run.agent = arg;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->machine;
		return 0;
	case ARGP_KEY_ARG:
		if (a->run.experiment)
			argp_error(state, "one EXPERIMENT at a time");
		a->run.experiment = experiment_find(arg);
		if (!a->run.experiment)
			argp_error(state, "no experiment '%s'; `nestbed list` shows them", arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which EXPERIMENT? `nestbed list` shows them");
		return 0;
	default:
		return parse_short(a, key, arg, state);
	}
}

/* Settings into the experiment's values; an exit status. */
static int apply_settings(struct arguments *a)
{
	const struct experiment *e = a->run.experiment;
	char *why;

	a->run.values = zalloc((e->key_count + 1) * sizeof(*a->run.values));
	return experiment_apply(e, a->settings, a->setting_count, a->run.values, &why) ? cli_usage(why)
										       : CLI_OK;
}

/* The machines on which the experiment runs; an exit status. */
static int choose_machines(struct arguments *a)
{
	struct run *r = &a->run;
	const struct machine_driver *standard = experiment_driver(r->experiment), *asked = a->machine.driver;
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (asked && asked != standard && !r->experiment->any_machine)
		return cli_usage(text_format("experiment %s runs on machine %s alone", r->experiment->name,
					     standard->name));
	r->driver = asked ? asked : standard;
	if (!r->jobs) /* on hardware machines would disturb each other */
		r->jobs = asked && !asked->emulates ? 1 : cores > 0 ? (unsigned)cores : 1;
	return machine_cpu(r->driver, &r->cpu);
}

static int run(struct arguments *a)
{
	struct run *r = &a->run;
	int status = apply_settings(a);

	if (!status && r->agent && !r->experiment->agents)
		status = cli_usage(
			text_format("--agent: %s has no machines that run elsewhere", r->experiment->name));
	if (!status)
		status = choose_machines(a);
	if (!status)
		status = cli_machines(r->driver);
	if (status)
		return status;
	status = run_open(r, a->out, json_incref(a->command_line));
	if (status)
		return status;
	status = r->experiment->run(r);
	if (status > CLI_INTERRUPTED || status == CLI_USAGE)
		return status;
	if (status == CLI_OK || status == CLI_FAILED) {
		int drawn = plot_figures(r->experiment, r->partial);

		status = status ? status : drawn;
	}
	status = run_close(r, status);
	if (!r->partial)
		printf("Result: %s\n", r->dir);
	return status;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = machine_choice_child,
		.args_doc = "EXPERIMENT",
		.doc = "Runs EXPERIMENT and writes its records, tables and figures, and meta.json, which "
		       "says how they came to "
		       "be.\v" CLI_EXIT_DOC,
	};
	struct arguments a = {.run = {.seconds = 300}};
	int status;

	a.command_line = json_pack("[ss]", "nestbed", "run");
	for (int i = 1; i < argc; i++)
		json_array_append_new(a.command_line, json_string(argv[i]));
	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return CLI_USAGE;
	signal(SIGPIPE, SIG_IGN); /* whoever stops reading the table still gets the result */
	status = run(&a);
	run_free(&a.run);
	for (unsigned i = 0; i < a.setting_count; i++)
		setting_free(&a.settings[i]);
	free(a.settings);
	json_decref(a.command_line);
	return status;
}
