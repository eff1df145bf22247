/* SPDX-License-Identifier: MIT */
/* nestbed plot: a result's figures again. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "experiments/cli.h"
#include "experiments/experiment.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **dir = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (*dir)
			argp_error(state, "one DIR at a time");
		*dir = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which DIR?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_plot(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "DIR",
		.doc = "Draws the figures of the result in DIR again, from its tables.\v" CLI_EXIT_DOC,
	};
	const struct experiment *experiment;
	const char *dir = NULL;
	json_error_t error;
	char *path;
	json_t *meta;
	const char *name;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &dir))
		return CLI_USAGE;
	path = text_format("%s/meta.json", dir);
	meta = json_load_file(path, 0, &error);
	name = json_string_value(json_object_get(meta, "experiment"));
	experiment = name ? experiment_find(name) : NULL;
	if (!meta)
		status = cli_usage(text_format("%s: %s", path, error.text));
	else if (!experiment)
		status = cli_usage(text_format("%s names no experiment that is known here", path));
	else
		status = plot_figures(experiment, dir);
	json_decref(meta);
	free(path);
	return status;
}
