/* SPDX-License-Identifier: MIT */
/* From traced runs of the workload `exits` to tables of what L0 executed for each operation. Pure. */
#ifndef EXPERIMENTS_EXIT_TRACE_ROWS_H
#define EXPERIMENTS_EXIT_TRACE_ROWS_H

#include "experiments/capture.h"
#include "experiments/csv.h"
#include "experiments/latencies.h"
#include "experiments/trace.h"

/* One operation in one run. Totals over all iterations, those of the empty operation taken off. */
struct exit_trace_row {
	const char *l0, *level, *config; /* borrowed */
	char *op;
	uint64_t iterations;
	struct trace_counts counts;
};

struct exit_trace_rows {
	struct exit_trace_row *row;
	unsigned count;
};

/* Where the workload ran, and who was L0: words for the tables, which must outlive the rows. */
struct exit_trace_label {
	const char *l0, *level, *config;
};

/*
 * Adds a run's rows, in the workload's order, from the trace's sections from *at on, and moves *at behind
 * them: several runs may be in one trace. 0, or -EPROTO with *why (malloc'd): there are fewer sections than
 * measured operations, or no "empty" one among these. HLT has no row where L0 is a kernel that idles
 * meanwhile.
 */
__attribute__((warn_unused_result)) int exit_trace_add(struct exit_trace_rows *rows,
						       const struct exit_trace_label *label,
						       const struct capture *capture,
						       const struct trace *trace, unsigned *at, char **why);
/* After the last run of a trace: 0, or -EPROTO with *why (malloc'd) when there are sections that no operation
 * has. */
__attribute__((warn_unused_result)) int exit_trace_end(const struct trace *trace, unsigned at, char **why);
/* NULL when there is none. */
const struct exit_trace_row *exit_trace_find(const struct exit_trace_rows *rows,
					     const struct exit_trace_label *label, const char *op);
void exit_trace_rows_free(struct exit_trace_rows *rows);

/* How cycles are modelled. */
struct exit_trace_model {
	struct latencies latencies;
	uint32_t milli_cpi; /* of instructions without a latency of their own */
};

/* Each writes a whole table; the caller frees it. */
void instructions_csv(struct csv *csv, const struct exit_trace_rows *rows, const char *cpu);
void modelled_csv(struct csv *csv, const struct exit_trace_rows *rows, const struct exit_trace_model *model,
		  const char *cpu);
/* The table for people. */
void exit_trace_table(struct text *out, const struct exit_trace_rows *rows,
		      const struct exit_trace_model *model, const char *cpu);

/*
 * Compares with what this project's L0 counted itself between the same marks; of another L0, VM entries
 * alone. Adds a line for each difference to `out`; how many.
 */
unsigned exit_trace_compare(const struct exit_trace_rows *rows, const struct exit_trace_label *label,
			    const struct capture *capture, struct text *out);

#endif
