/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "experiments/experiment.h"

const struct experiment *const experiments[] = {&exit_cost, &ablation,   &phases,
						&migrate,   &host_exits, &scaling};
const size_t experiment_count = sizeof(experiments) / sizeof(experiments[0]);

const struct machine_driver *experiment_driver(const struct experiment *experiment)
{
	return experiment->driver ? experiment->driver : &machine_bochs;
}

const struct experiment *experiment_find(const char *name)
{
	for (size_t i = 0; i < experiment_count; i++)
		if (!strcmp(experiments[i]->name, name))
			return experiments[i];
	return NULL;
}
