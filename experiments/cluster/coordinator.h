/* SPDX-License-Identifier: MIT */
/* Rank 0: hands out a plan's tasks as ranks become free, and gathers what comes of them. */
#ifndef EXPERIMENTS_CLUSTER_COORDINATOR_H
#define EXPERIMENTS_CLUSTER_COORDINATOR_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "experiments/cluster/durations_file.h"
#include "experiments/cluster/post.h"
#include "experiments/cluster/schedule.h"
#include "experiments/cluster/store.h"

/* Asked for; borrowed. */
struct coordinator_options {
	const struct plan *plan;
	const struct text *plan_text;
	const char *dir;
	const char *durations; /* the file */
	json_t *command_line;
	unsigned lost; /* s of silence after which a rank is taken for dead */
	bool resume, keep;
};

/* A rank, as rank 0 sees it. */
struct seat {
	json_t *facts; /* NULL: it has not told them yet */
	int task; /* -1: it is free */
	bool partner; /* of that task, which is another's */
	unsigned with; /* its partner's rank; its own: none */
	uint64_t bytes; /* of the attempt's files that came */
	bool broken; /* one of them could not be written */
	unsigned unbegun; /* attempts in a row that could not begin there */
	bool barred; /* for that: it gets no more */
	struct timespec heard;
};

struct coordinator {
	const struct coordinator_options *asked;
	struct store store;
	struct schedule schedule;
	struct durations known, fresh; /* of earlier runs; of this one, not yet written */
	unsigned ranks;
	struct seat *seat;
	struct store_row *row; /* of what ended in this session */
	unsigned rows;
	uint64_t *begun_ms; /* of each task's last attempt */
	unsigned *ran_on; /* rank of each task's last attempt; c->ranks: none */
	struct timespec started, saved, shown;
	uint64_t gather_us, expected_ms, taken_ms; /* of what ended well: by the guess, and really */
	unsigned before; /* tasks that were there */
	bool facts_done, changed;
	bool forgets; /* durations can't be written, as was told */
	bool lost; /* a rank says nothing: there is no orderly end */
	int status; /* an exit status, once it is not CLI_OK */
};

/* An exit status; then nothing has begun. */
__attribute__((warn_unused_result)) int coordinator_open(struct coordinator *c,
							 const struct coordinator_options *options);
void coordinator_message(struct coordinator *c, const struct post_message *message);
/* False: the plan is done, or can't go on; c->status says which. */
bool coordinator_turn(struct coordinator *c);
/* Writes what is known; `how`: finished, refused or interrupted. */
void coordinator_save(struct coordinator *c, const char *how);
void coordinator_close(struct coordinator *c);
uint64_t coordinator_ms(const struct coordinator *c); /* since it began */
const struct plan_task *coordinator_task(const struct coordinator *c, unsigned task);
const char *coordinator_host(const struct coordinator *c, unsigned rank);

#endif
