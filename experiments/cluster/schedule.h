/* SPDX-License-Identifier: MIT */
/* Which task runs next: the longest first, a failed one once more. The cluster, its prediction and its
 * simulation go by it. Pure. */
#ifndef EXPERIMENTS_CLUSTER_SCHEDULE_H
#define EXPERIMENTS_CLUSTER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_ATTEMPTS 2u /* of a task */
#define SCHEDULE_SERIALS  (SCHEDULE_ATTEMPTS + 1) /* numbers of attempts: 1 and more */
#define SCHEDULE_NONE     (-1)

enum schedule_order { SCHEDULE_LONGEST_FIRST, SCHEDULE_AS_PLANNED, SCHEDULE_SHORTEST_FIRST };

struct schedule_task {
	uint64_t ms; /* expected */
	bool pair; /* it needs two ranks */
	unsigned attempts; /* begun */
	bool done, failed;
};

struct schedule {
	struct schedule_task *task;
	unsigned count;
	unsigned *order; /* tasks; from `next` on they have not begun */
	unsigned next;
	unsigned *again; /* to be tried again: a ring */
	unsigned again_first, again_count;
	unsigned running, done, failed;
};

/* Takes over `task` (malloc'd), of which ms, pair and done are set. */
void schedule_init(struct schedule *s, struct schedule_task *task, unsigned count, enum schedule_order order);
/*
 * The task that begins now that so many ranks are free, or SCHEDULE_NONE: there is none, or it needs two and
 * the second is waited for, lest it wait for ever.
 */
int schedule_pick(struct schedule *s, unsigned free_ranks);
/* An attempt has ended. `again`: it may be tried once more. True: it will be. */
bool schedule_ended(struct schedule *s, unsigned task, bool ok, bool again);
/* An attempt that could not begin: it counts for nothing, and the task is next. */
void schedule_returned(struct schedule *s, unsigned task);
/* Nothing runs or waits any more. */
bool schedule_over(const struct schedule *s);
void schedule_free(struct schedule *s);

#endif
