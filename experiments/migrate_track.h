/* SPDX-License-Identifier: MIT */
/* What tracking the pages that a guest writes costs it, by each means: a part of experiment migrate. */
#ifndef EXPERIMENTS_MIGRATE_TRACK_H
#define EXPERIMENTS_MIGRATE_TRACK_H

#include "experiments/run.h"

/* Check of the setting track_pages: 0, or -EINVAL with *why (malloc'd). */
int migrate_track_check(const char *value, char **why);
/*
 * Runs the same dirtier without tracking and by each means that run->cpu has, and writes tracker.csv. An exit
 * status; CLI_FAILED also when two means found different pages.
 */
__attribute__((warn_unused_result)) int migrate_track(struct run *run);

#endif
