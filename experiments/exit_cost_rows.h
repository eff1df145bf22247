/* SPDX-License-Identifier: MIT */
/* From what machine runs reported to rows of exit-cost's tables. Pure. */
#ifndef EXPERIMENTS_EXIT_COST_ROWS_H
#define EXPERIMENTS_EXIT_COST_ROWS_H

#include <stdbool.h>

#include "experiments/capture.h"
#include "experiments/csv.h"

/* The operation without a body: its window holds what the marks themselves cost. */
#define EXIT_COST_EMPTY "empty"

/* Why the workload skips VMX instructions where the guest may not use VT-x. */
#define EXIT_COST_NO_VTX "no VT-x"

/* Where the workload ran. */
struct exit_cost_run {
	const char *l0; /* "none", "nestbed", "kvm" */
	const char *level; /* "bare", "L1", "L2" */
	const char *config; /* "-" where there is nothing to choose */
	const char *like; /* of another L0: the configuration of ours to compare it with; else NULL */
	const char *unit;
	unsigned depth; /* 0, 1, 2 */
	bool vmx; /* of VMX instructions: a run of their own */
	bool opaque; /* this L0 says how often it was exited to, and nothing of what it did */
	const struct capture *capture;
};

struct reason_row {
	uint32_t level, reason; /* that exited */
	char *name;
	uint64_t count, ticks, reflected;
};

/* One operation in one run. Totals over all iterations, what the marks cost taken off. */
struct exit_cost_row {
	const struct exit_cost_run *run;
	const char *op;
	uint64_t iterations, ticks, check;
	bool windowed; /* L0 reported; false on the bare machine */
	uint64_t ticks_l0, ticks_l1;
	uint64_t exits; /* to L0, from every level */
	uint64_t exits_l2; /* of them from L2 */
	uint64_t entries, vmreads, vmwrites, vmptrlds, merges_full, merges_incremental, accounting_ticks;
	struct reason_row *reason; /* L2's first, then by number */
	unsigned reason_count;
};

struct exit_cost_rows {
	struct exit_cost_row *row;
	unsigned count;
};

/*
 * Adds a run's rows, in the workload's order. 0, or -EPROTO with *why (malloc'd): a sample without its
 * window, a window of another level, or no "empty" operation.
 */
__attribute__((warn_unused_result)) int exit_cost_add(struct exit_cost_rows *rows,
						      const struct exit_cost_run *run, char **why);
/* NULL when there is none. */
const struct exit_cost_row *exit_cost_find(const struct exit_cost_rows *rows, const struct exit_cost_run *run,
					   const char *op);
void exit_cost_rows_free(struct exit_cost_rows *rows);

/* Each writes a whole table; the caller frees it. */
void exit_cost_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu);
void exit_reasons_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu);
void accounting_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu);

/*
 * Compares what the workload computed and printed between runs. Adds a line for each difference to
 * `out`; how many.
 */
unsigned exit_cost_compare(const struct exit_cost_rows *rows, const struct exit_cost_run *runs,
			   unsigned run_count, struct text *out);
/* The table for people. */
void exit_cost_table(struct text *out, const struct exit_cost_rows *rows, const struct exit_cost_run *runs,
		     unsigned run_count, const char *cpu);
/* The costs of VMX instructions in the runs of them, ours. */
void exit_cost_vmx_table(struct text *out, const struct exit_cost_rows *rows,
			 const struct exit_cost_run *runs, unsigned run_count);

#endif
