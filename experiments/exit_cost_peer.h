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
};

/*
 * Runs the workload with cmdline at L1 and L2, and with vmx_cmdline (NULL: not) at L1. Initialises captures
 * and runs, *count of them in any case; the caller frees the captures. An exit status.
 */
__attribute__((warn_unused_result)) int exit_cost_peer(struct run *run, const struct exit_cost_images *images,
						       const char *cmdline, const char *vmx_cmdline,
						       bool shadow, struct capture *capture,
						       struct exit_cost_run *cost_run, unsigned *count);
/* Traces the same with the settings `trace`, `ops`, and adds the rows of what was traced. An exit status. */
__attribute__((warn_unused_result)) int exit_cost_peer_trace(struct run *run, bool shadow,
							     struct exit_trace_rows *rows);

#endif
