/* SPDX-License-Identifier: MIT */
/* The file of durations, which several runs may have at a time. */
#ifndef EXPERIMENTS_CLUSTER_DURATIONS_FILE_H
#define EXPERIMENTS_CLUSTER_DURATIONS_FILE_H

#include "experiments/cluster/durations.h"

/* What is in it; no file is none yet. An exit status, told. */
__attribute__((warn_unused_result)) int durations_file_read(const char *path, struct durations *known);
/* Adds to what others wrote meanwhile; makes the folder too. 0 or negative errno. */
__attribute__((warn_unused_result)) int durations_file_add(const char *path, const struct durations *fresh);

#endif
