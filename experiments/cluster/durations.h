/* SPDX-License-Identifier: MIT */
/* How long tasks took before, and what that says of one that is to run. A table of tasks, hosts and
 * milliseconds. Pure. */
#ifndef EXPERIMENTS_CLUSTER_DURATIONS_H
#define EXPERIMENTS_CLUSTER_DURATIONS_H

#include "experiments/cluster/plan.h"
#include "experiments/text.h"

#define DURATIONS_KEPT    5u /* of one task, the last */
#define DURATIONS_ASSUMED 60000u /* ms, where nothing is known */

struct durations {
	struct duration {
		char *key; /* as a plan_task's */
		char *host;
		uint64_t ms;
	} * row;
	unsigned count;
};

/* What a guess rests on, the best first. */
enum durations_basis { DURATIONS_SAME, DURATIONS_EXPERIMENT, DURATIONS_ANY, DURATIONS_NOTHING };

/* 0, or -EINVAL with "PATH:LINE: ..." in *why (malloc'd); d is then empty. */
__attribute__((warn_unused_result)) int durations_read(struct durations *d, const char *path, char *text,
						       char **why);
void durations_add(struct durations *d, const char *key, const char *host, uint64_t ms);
/* The table as it is read. */
void durations_write(const struct durations *d, struct text *table);
/* ms: the median of those of the same task, of the same experiment, of all; or DURATIONS_ASSUMED. */
uint64_t durations_guess(const struct durations *d, const struct plan_task *task,
			 enum durations_basis *basis);
const char *durations_basis_name(enum durations_basis basis);
void durations_free(struct durations *d);

#endif
