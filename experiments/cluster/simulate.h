/* SPDX-License-Identifier: MIT */
/* What the schedule comes to on so many ranks, by the coordinator's own rules: which task goes where and
 * when. Pure; a function of its input. */
#ifndef EXPERIMENTS_CLUSTER_SIMULATE_H
#define EXPERIMENTS_CLUSTER_SIMULATE_H

#include "experiments/cluster/schedule.h"

#define SIMULATE_SCALE 1000000u /* chances are millionths */

struct simulation {
	unsigned ranks;
	enum schedule_order order;
	uint32_t stragglers; /* chance that a rank is slow */
	unsigned slow_percent; /* how long a task takes there; 100: as long as elsewhere */
	uint32_t failures; /* chance that an attempt fails, at any moment of it */
	uint64_t gather_ms; /* rank 0's work for an ended attempt, one at a time */
	uint64_t seed;
};

struct simulation_event {
	unsigned task, attempt, rank, partner; /* partner: rank itself where there is none */
	uint64_t start_ms, end_ms;
	bool ok;
};

struct simulation_result {
	uint64_t makespan_ms;
	uint64_t work_ms; /* of all attempts, a pair's twice */
	uint64_t bound_ms; /* no schedule is shorter, where every rank is as fast as it should be */
	unsigned retried, failed;
};

/* tasks: ms, pair and done of each are read. `tell` may be NULL. ranks: 2 at least where a task needs two. */
void simulate(const struct simulation *s, const struct schedule_task *tasks, unsigned count,
	      struct simulation_result *result, void (*tell)(void *ctx, const struct simulation_event *event),
	      void *ctx);

#endif
