/* SPDX-License-Identifier: MIT */
/* nestbed cluster --dry-run: the schedule and the time that it takes, by what tasks took before. */
#ifndef EXPERIMENTS_CLUSTER_DRY_RUN_H
#define EXPERIMENTS_CLUSTER_DRY_RUN_H

#include "experiments/cluster/plan.h"

#define DURATIONS_FILE "results/runs/durations.csv"

/* `resumed`: a folder where some of it is done, or NULL. An exit status. */
__attribute__((warn_unused_result)) int dry_run(const struct plan *plan, const char *durations,
						unsigned ranks, const char *resumed);

#endif
