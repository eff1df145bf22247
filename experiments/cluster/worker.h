/* SPDX-License-Identifier: MIT */
/* A rank's own work: runs one attempt of a task, or the other end of one, as a child process, and sends what
 * comes of it to rank 0. */
#ifndef EXPERIMENTS_CLUSTER_WORKER_H
#define EXPERIMENTS_CLUSTER_WORKER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "experiments/cluster/post.h"
#include "experiments/cluster/relay.h"
#include "experiments/own_folder.h"

/* The files of an ended attempt, on their way to rank 0. */
struct sending {
	bool on;
	char **name; /* below the result's folder; ATTEMPT_LOG first */
	unsigned count, next;
	FILE *file; /* of name[next], once it has begun */
	uint64_t bytes;
	int status; /* of the attempt */
	bool folder;
	char why[160]; /* what could not be read; "" */
};

struct worker {
	struct own_folder scratch; /* of this rank alone, on its own computer */
	pid_t child; /* 0: none */
	bool partner; /* the child is the other end of somebody's task */
	unsigned task, attempt, limit;
	bool over_limit;
	char *dir, *log; /* of the attempt's result and of what it printed */
	struct timespec started; /* the child */
	struct timespec told; /* rank 0, that this rank lives */
	struct timespec told_end; /* the agent, that its connection has ended */
	struct relay relay;
	struct sending sending;
};

/* 0, or negative errno: no scratch folder. Removes those that this user's dead ranks left. */
__attribute__((warn_unused_result)) int worker_open(struct worker *w);
/* POST_TASK, POST_PARTNER and POST_RELAY are for it. */
void worker_message(struct worker *w, const struct post_message *message);
void worker_turn(struct worker *w);
/* Waits until something may have come, a few milliseconds at most. */
void worker_wait(struct worker *w);
/* Ends what runs, and removes its files. */
void worker_close(struct worker *w);

#endif
