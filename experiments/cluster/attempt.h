/* SPDX-License-Identifier: MIT */
/* What rank 0 tells of an attempt, and what it is told of its end: JSON in messages. */
#ifndef EXPERIMENTS_CLUSTER_ATTEMPT_H
#define EXPERIMENTS_CLUSTER_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "experiments/cluster/plan.h"
#include "experiments/cluster/post.h"

#define ATTEMPT_ALONE UINT32_MAX /* as a partner */

/* POST_TASK and POST_PARTNER. */
struct attempt {
	unsigned task, attempt;
	unsigned partner; /* rank; ATTEMPT_ALONE: it needs none. In POST_PARTNER: whose partner it is */
	unsigned limit; /* s; 0: none */
	char *name; /* malloc'd: of the task */
	char **words; /* malloc'd, as all of them: behind `nestbed`; NULL ends them */
};

/* A piece of a file that comes of it. */
struct attempt_piece {
	unsigned task, attempt;
	const char *path; /* below the result's folder, or ATTEMPT_LOG */
	const uint8_t *data;
	size_t size;
};
#define ATTEMPT_LOG "." /* what it printed, not a file of its folder */

/* POST_DONE. */
struct attempt_end {
	unsigned task, attempt;
	int status; /* of `nestbed run` */
	bool over_limit; /* it was ended */
	bool folder; /* there is a result, whatever the status */
	uint64_t ms;
	uint64_t bytes; /* of all its pieces */
	char why[160]; /* it could not begin, or not be sent: a sentence; "" */
	bool begun;
};

/* Its words are those of `nestbed run` for this task, but for the folder. */
void attempt_send(unsigned to, enum post_kind kind, const struct attempt *attempt);
/* 0 or -EINVAL. */
__attribute__((warn_unused_result)) int attempt_read(const struct post_message *message,
						     struct attempt *attempt);
void attempt_free(struct attempt *attempt);
char **attempt_words(const struct plan_task *task, bool keep);

void attempt_send_piece(const struct attempt_piece *piece);
/* Points into the message. 0, or -EINVAL: malformed, or a path that leads out of the folder. */
__attribute__((warn_unused_result)) int attempt_read_piece(const struct post_message *message,
							   struct attempt_piece *piece);

void attempt_send_end(const struct attempt_end *end);
__attribute__((warn_unused_result)) int attempt_read_end(const struct post_message *message,
							 struct attempt_end *end);

#endif
