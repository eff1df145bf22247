/* SPDX-License-Identifier: MIT */
/*
 * A plan: which experiments run, on which CPU models, with which settings, how often (docs/cluster.md). It is
 * read from YAML and multiplied out into tasks, each one `nestbed run`. Pure.
 */
#ifndef EXPERIMENTS_CLUSTER_PLAN_H
#define EXPERIMENTS_CLUSTER_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "experiments/experiment.h"

#define PLAN_TASKS_MAX   100000u
#define PLAN_REPEATS_MAX 1000u
#define PLAN_SECONDS_MAX 1000000u
#define PLAN_NAME_MAX    120u /* of a task: it is a folder's name */
#define PLAN_TIMEOUT     300u /* as that of `nestbed run` */
#define PLAN_LIMIT       3600u

struct plan_task {
	char *name; /* of its folder: [A-Za-z0-9_.=,-], no other task's */
	char *key; /* experiment, processor and settings: tasks that take equally long */
	const struct experiment *experiment;
	char *cpu; /* NULL: as the machine has it */
	char *machine; /* as --machine; NULL: the experiment's own */
	struct setting *settings; /* those that the plan gives */
	unsigned setting_count;
	unsigned repeat; /* from 1 on */
	unsigned timeout; /* s, of each machine; 0: none */
	bool emulated; /* by Bochs, which must be there */
	bool across; /* source and target of its moves are on two ranks */
	unsigned line; /* of the plan, where its entry begins */
};

struct plan {
	char *name;
	unsigned timeout; /* as a task's, where its entry says nothing */
	unsigned limit; /* s, of each task; 0: none */
	struct plan_task *task;
	unsigned count;
};

/*
 * `path` is for messages. 0, or -EINVAL with "PATH:LINE: what is wrong, and what was expected" in *why
 * (malloc'd); the plan is then empty.
 */
__attribute__((warn_unused_result)) int plan_read(const char *path, const char *text, size_t size,
						  const struct experiment *const *known, size_t known_count,
						  struct plan *plan, char **why);
void plan_free(struct plan *plan);

#endif
