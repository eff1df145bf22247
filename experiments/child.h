/* SPDX-License-Identifier: MIT */
/* A machine's process: what every driver does with it. */
#ifndef EXPERIMENTS_CHILD_H
#define EXPERIMENTS_CHILD_H

#include <sys/types.h>
#include <time.h>

/*
 * In the child, before exec: it ends with its parent, gets no ^C, and has the default signals; its output is
 * `out`, what it complains of goes to `errors`, and it reads nothing.
 */
void child_begin(pid_t parent, int out, int errors);
/* Ends the child and what it started. */
void child_kill(pid_t pid);
/* Waits for its end; its wait status. */
int child_wait(pid_t pid);
/* Wall-clock time since then, by CLOCK_MONOTONIC. */
double seconds_since(const struct timespec *then);

#endif
