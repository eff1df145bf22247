/* SPDX-License-Identifier: MIT */
/* A plan that a user wrote is taken, with names that are folders' and none twice, or refused with its line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cluster/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct experiment_key keys[] = {
	{"ops", "", "words", NULL},
	{"n",   "", "words", NULL},
};
static const struct experiment still = {.name = "a", .keys = keys, .key_count = 2};
static const struct experiment moving = {.name = "b", .keys = keys, .key_count = 2, .agents = true};

static void check_name(const char *name)
{
	if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > PLAN_NAME_MAX + 8)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct experiment *const known[] = {&still, &moving};
	struct plan plan;
	char *why = NULL;

	if (plan_read("f", (const char *)data, size, known, 2, &plan, &why)) {
		if (!why || strncmp(why, "f:", 2) != 0)
			abort();
		free(why);
		return 0;
	}
	if (!plan.count)
		abort();
	for (unsigned i = 0; i < plan.count && i < 200; i++) {
		check_name(plan.task[i].name);
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(plan.task[i].name, plan.task[k].name))
				abort();
	}
	plan_free(&plan);
	return 0;
}
