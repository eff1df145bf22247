/* SPDX-License-Identifier: MIT */
/* Tables of moves, from what the watch knows of them. Pure. */
#ifndef EXPERIMENTS_MOVE_ROWS_H
#define EXPERIMENTS_MOVE_ROWS_H

#include "experiments/csv.h"
#include "experiments/move_watch.h"

/* What no record says. */
struct move_row {
	const char *workload, *level;
	const char *tracker; /* as asked for; where L0 told, what it took is said instead */
	uint64_t guest_mib, rate; /* bits in 10^9 ticks */
	uint64_t dirty_pages; /* in 10^9 ticks, asked of the workload; 0: not asked */
};

struct move_tables {
	struct csv moves, rounds, down, barriers;
};

void move_tables_start(struct move_tables *t);
/* A row of each hop that was begun, or was to be; in `barriers` of those that had one. */
void move_tables_add(struct move_tables *t, const struct move_watch *w, const struct move_row *row);
void move_tables_free(struct move_tables *t);

/* A line about a round and about a hop's end, for people. */
void move_round_text(struct text *out, const struct move_path *path, unsigned hop,
		     const struct move_round *r);
void move_outcome_text(struct text *out, const struct move_watch *w, unsigned hop);

#endif
