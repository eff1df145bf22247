/* SPDX-License-Identifier: MIT */
/*
 * The folder of a cluster's result, which rank 0 alone writes (docs/cluster.md). Whatever ends it, a task's
 * folder is whole or absent, and so is every file.
 */
#ifndef EXPERIMENTS_CLUSTER_STORE_H
#define EXPERIMENTS_CLUSTER_STORE_H

#include <jansson.h>
#include <stdbool.h>

#include "experiments/cluster/attempt.h"
#include "experiments/cluster/plan.h"
#include "experiments/text.h"

struct store {
	char *dir;
	const struct plan *plan; /* borrowed */
	int lock;
	bool *have; /* of each task: its folder is there, and is this plan's and this program's */
	char *schedule; /* rows of schedule.csv of earlier sessions, with its head; or NULL */
	unsigned session; /* from 1 on */
};

/* An attempt that has ended, as schedule.csv has it. */
struct store_row {
	unsigned task, attempt, rank, partner; /* partner: rank itself where there was none */
	const char *host; /* borrowed */
	uint64_t start_ms, end_ms; /* of this session */
	int status;
	const char *outcome; /* static: done, again or failed */
};

/* The folder, new or (resume) with what it holds. An exit status. */
__attribute__((warn_unused_result)) int store_open(struct store *s, const char *dir, bool resume,
						   const struct plan *plan);
/* Only to look at what is done there. */
void store_look(struct store *s, const char *dir, const struct plan *plan);
/* Of an earlier session, by these programs, and the plan's still. */
bool store_has(struct store *s, unsigned task);
/* What follows is of this attempt. */
void store_begin(const struct store *s, unsigned task);
/* 0 or negative errno. */
__attribute__((warn_unused_result)) int store_piece(const struct store *s, const struct attempt_piece *piece);
/* The attempt's folder and log get their names. 0 or negative errno. */
__attribute__((warn_unused_result)) int store_end(struct store *s, const struct store_row *row,
						  const struct attempt_end *end);
/* What a partner's agent printed. */
void store_partner_log(const struct store *s, unsigned task, const void *text, size_t size);
/* malloc'd: the last lines of the log of a task that ended. */
char *store_log_tail(const struct store *s, unsigned task);
/* A file of the folder. An exit status. */
__attribute__((warn_unused_result)) int store_file(const struct store *s, const char *name,
						   const struct text *text);
/* schedule.csv and cluster.json. `state`: a new reference, completed and dropped. An exit status. */
__attribute__((warn_unused_result)) int store_state(const struct store *s, const struct store_row *rows,
						    unsigned count, json_t *state);
/* tables/EXPERIMENT.TABLE.csv: the rows of all tasks that are there. An exit status. */
__attribute__((warn_unused_result)) int store_tables(const struct store *s);
void store_close(struct store *s);

#endif
