/* SPDX-License-Identifier: MIT */
/* What rank 0 tells its user while a plan runs, on standard error. */
#ifndef EXPERIMENTS_CLUSTER_TELL_H
#define EXPERIMENTS_CLUSTER_TELL_H

#include "experiments/cluster/coordinator.h"

/* "1 h 20 min", "3 min 5 s", "12 s"; malloc'd. */
char *tell_time(uint64_t ms);
/* What is left by the schedule, corrected by how right its guesses were so far. */
uint64_t tell_left_ms(const struct coordinator *c);
/* How many tasks run and wait, and how long they take; ends the line. */
void tell_counts(struct coordinator *c);
/* A line for an attempt that has ended; the end of its log if it failed for good. */
void tell_end(struct coordinator *c, const struct store_row *row, const struct attempt_end *end, bool broken);

#endif
