/* SPDX-License-Identifier: MIT */
/* exit-cost's runs on another L0: Linux's KVM. */
#ifndef EXPERIMENTS_EXIT_COST_PEER_H
#define EXPERIMENTS_EXIT_COST_PEER_H

#include "experiments/exit_cost_rows.h"
#include "experiments/exit_trace_rows.h"
#include "experiments/run.h"

#define EXIT_COST_PEER_RUNS 10u

struct exit_cost_images {
	struct blob exits, l1hv;
	struct blob traced; /* EXIT_TRACE_IMAGE, with the setting `trace`; else empty */
};

/*
 * Runs the workload at L1 and L2, and VMX instructions at L1, as the settings `ops` and `iterations` say; and
 * once more as `trace` says, whose rows are added to `traced`. Initialises captures and runs, *count of them
 * in any case; the caller frees the captures. An exit status.
 */
__attribute__((warn_unused_result)) int exit_cost_peer(struct run *run, const struct exit_cost_images *images,
						       bool shadow, struct capture *capture,
						       struct exit_cost_run *cost_run, unsigned *count,
						       struct exit_trace_rows *traced);

#endif
