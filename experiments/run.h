/* SPDX-License-Identifier: MIT */
/*
 * One run of an experiment and the folder with its story: meta.json, records.pb, tables, figures. The
 * folder appears under its name when all of it is there.
 */
#ifndef EXPERIMENTS_RUN_H
#define EXPERIMENTS_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "experiments/capture.h"
#include "experiments/launch.h"

struct experiment;

struct run {
	const struct experiment *experiment;
	const struct machine_driver *driver; /* of its machines */
	const char *cpu;
	const char **values; /* of the experiment's keys, in their order */
	const char *agent; /* where machines of the experiment that may be elsewhere run; NULL: here */
	unsigned jobs; /* machines at a time */
	unsigned seconds; /* limit of each machine */
	bool keep; /* the machines' files stay */
	char *dir; /* where the result will be */
	char *partial; /* where it is until then */
	json_t *meta;
	json_t *machines; /* inside meta */
	struct text records;
};

/* The value of a key that the experiment has. */
const char *run_value(const struct run *run, const char *key);

/*
 * Names the folder (out, or a new one under results/runs) and makes what leads to it. Takes over the
 * reference to command_line. An exit status.
 */
__attribute__((warn_unused_result)) int run_open(struct run *run, const char *out, json_t *command_line);
/*
 * Prepares and runs machines; each capture is then complete. 0 when all of them ended well, else the exit
 * status of the first that didn't, told on stderr.
 */
__attribute__((warn_unused_result)) int run_machines(struct run *run, struct launch *launches,
						     struct capture *captures, unsigned count);
/* The run's processor, limits and folder into a launch, and what it asks for made. An exit status.
 * l->keep_dir is malloc'd. */
__attribute__((warn_unused_result)) int run_prepare(struct run *run, struct launch *l);
/* Books a machine that was run otherwise: its configuration, what it sent as it came (`raw`), its result, and
 * the status with its reason. */
void run_book(struct run *run, const struct launch *launch, const struct text *raw,
	      const struct machine_result *result, int status, const char *why);
/* A file of the result. An exit status. */
__attribute__((warn_unused_result)) int run_file(struct run *run, const char *name, const struct text *text);
/* Writes meta.json and records.pb, and gives the folder its name. Returns status, or CLI_FAILED. */
__attribute__((warn_unused_result)) int run_close(struct run *run, int status);
/* Drops an unfinished folder, frees everything. */
void run_free(struct run *run);

#endif
