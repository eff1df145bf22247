/* SPDX-License-Identifier: MIT */
/* From runs of the workload `exits` that differ by noise to rows with their spread. Pure. */
#ifndef EXPERIMENTS_HOST_EXITS_ROWS_H
#define EXPERIMENTS_HOST_EXITS_ROWS_H

#include "experiments/capture.h"
#include "experiments/csv.h"

#define HOST_EXITS_REPEATS_MAX 1000u

/* One operation in all runs. Ticks of all iterations of a run, in rising order. */
struct host_exits_row {
	const char *op; /* borrowed from the first capture */
	uint64_t iterations;
	unsigned repeats;
	uint64_t median, low, p90;
};

struct host_exits_rows {
	struct host_exits_row *row;
	unsigned count;
};

/*
 * Adds a row for each operation that was measured in the first run. 0, or -EPROTO with *why (malloc'd): a run
 * did not measure what another one did, as often.
 */
__attribute__((warn_unused_result)) int
host_exits_add(struct host_exits_rows *rows, const struct capture *capture, unsigned repeats, char **why);
/* The table; the caller frees it. */
void host_exits_csv(struct csv *csv, const struct host_exits_rows *rows, const char *cpu, const char *unit);
/* The same for people. */
void host_exits_table(struct text *out, const struct host_exits_rows *rows, const char *cpu,
		      const char *unit);
void host_exits_rows_free(struct host_exits_rows *rows);

#endif
