/* SPDX-License-Identifier: MIT */
/* Running the workload `exits`: what the experiments with it share. */
#ifndef EXPERIMENTS_EXITS_RUNS_H
#define EXPERIMENTS_EXITS_RUNS_H

#include "experiments/exit_cost_rows.h"
#include "experiments/launch.h"
#include "experiments/run.h"

#define EXITS_MEMORY   (64ull << 20)
#define EXITS_RUNS_MAX 16u

/* Checks of the settings `iterations` and `ops`: 0, or -EINVAL with *why (malloc'd). */
int exits_check_iterations(const char *value, char **why);
int exits_check_ops(const char *value, char **why);

/*
 * The workload's command line (malloc'd) from the setting `ops` and from that which says how often they run,
 * `iterations` or another. The empty operation is always measured: it says what the marks cost.
 */
char *exits_cmdline(const struct run *run, const char *iterations);
/* Of those operations alone that need VT-x in the guest; NULL when none of them is asked for. */
char *exits_vmx_cmdline(const struct run *run, const char *iterations);
#define EXITS_UNIT_CYCLES "unit=cycles"

/* For l1hv's command line: what its records call a tick on the run's machines, or "" where it is l1hv's
 * standard. */
const char *exits_unit_words(const struct run *run);
/* Makes the workload a VM of l1hv, which is a VM of L0. */
void exits_launch_l2(struct launch *l, struct blob exits, struct blob l1hv, const char *cmdline,
		     const char *l1hv_cmdline);
/* A workload without results gave up; the last line that it wrote says why. */
void exits_tell_silence(const char *name, const struct text *printed);

/* One run at L2: a configuration of L0. */
struct exits_variant {
	const char *name; /* of the machine run */
	const char *config; /* in tables */
	const char *vm_lines;
};

struct exits_runs {
	struct capture capture[EXITS_RUNS_MAX];
	struct launch launch[EXITS_RUNS_MAX];
	struct exit_cost_run run[EXITS_RUNS_MAX];
	unsigned count;
	struct exit_cost_rows rows; /* of all runs, a run's together */
};

/* Runs all of them at L2 and compares what they computed; an exit status. exits_runs_free() in any case. */
__attribute__((warn_unused_result)) int exits_runs_make(struct run *run, const struct exits_variant *variant,
							unsigned count, struct exits_runs *runs);
void exits_runs_free(struct exits_runs *runs);

#endif
