/* SPDX-License-Identifier: MIT */
/* The policy with which a VM may run on any of several CPU models: their baseline (docs/cpu-policy.md). */
#ifndef EXPERIMENTS_POLICY_POOL_H
#define EXPERIMENTS_POLICY_POOL_H

#include "experiments/move_path.h"
#include "experiments/policy_file.h"

#define POLICY_POOL "pool" /* instead of a file's name */

/* By `cpu-baseline` from what the build keeps of each model. 0 or negative errno; *why (malloc'd) says it. */
__attribute__((warn_unused_result)) int policy_pool(const struct move_path *path, struct policy_file *policy,
						    char **why);

#endif
