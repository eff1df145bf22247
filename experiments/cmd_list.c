/* SPDX-License-Identifier: MIT */
/* nestbed list: the experiments and their settings. */
#include <stdio.h>

#include "experiments/cli.h"
#include "experiments/cpu_models.h"
#include "experiments/experiment.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key == ARGP_KEY_ARG)
		argp_usage(state);
	return key == ARGP_KEY_ARG ? 0 : ARGP_ERR_UNKNOWN;
}

int cmd_list(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.doc = "Lists the experiments with the settings that `nestbed run --set` takes, and the CPU "
		       "models with "
		       "VT-x.\v" CLI_EXIT_DOC,
	};

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
		return CLI_USAGE;
	printf("Experiments:\n");
	for (size_t i = 0; i < experiment_count; i++) {
		const struct experiment *e = experiments[i];

		printf("  %-12s %s\n", e->name, e->what);
		for (size_t k = 0; k < e->key_count; k++)
			printf("    %s=%s  %s\n", e->keys[k].name, e->keys[k].standard, e->keys[k].what);
	}
	printf("CPU models with VT-x (--cpu):\n");
	for (size_t i = 0; i < cpu_model_count; i++)
		if (cpu_models[i].vtx)
			printf("  %-26s %s\n", cpu_models[i].name, cpu_models[i].vtx);
	return CLI_OK;
}
