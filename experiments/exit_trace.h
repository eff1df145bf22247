/* SPDX-License-Identifier: MIT */
/*
 * What of exit-cost traces instructions (setting trace): machine runs of their own, in which the emulator
 * lists what is executed for each operation.
 */
#ifndef EXPERIMENTS_EXIT_TRACE_H
#define EXPERIMENTS_EXIT_TRACE_H

#include <stdbool.h>

#include "experiments/exit_trace_rows.h"
#include "experiments/run.h"

/* Checks of the settings `trace`, `cpi` and `latencies`: 0, or -EINVAL with *why (malloc'd). */
int exit_trace_check_iterations(const char *value, char **why);
int exit_trace_check_cpi(const char *value, char **why);
int exit_trace_check_latencies(const char *value, char **why);

/* Iterations of each operation that are traced; 0: none are. */
unsigned exit_trace_iterations(const struct run *run);
/* The image of the workload in a traced run; its command lines are exits_cmdline(run, "trace") and its like.
 */
#define EXIT_TRACE_IMAGE "exits-traced"
/* Runs the workload at L1 and L2 of this project's L0 and adds the rows of what was traced; an exit status.
 */
__attribute__((warn_unused_result)) int exit_trace_measure(struct run *run, bool shadowing,
							   struct exit_trace_rows *rows);
/* The tables instructions.csv and modelled.csv of all rows, and the one for people; an exit status. */
__attribute__((warn_unused_result)) int exit_trace_write(struct run *run, const struct exit_trace_rows *rows);

#endif
