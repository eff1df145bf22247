/* SPDX-License-Identifier: MIT */
/*
 * Runs machines, several at a time, to their ends: hands their output on as it comes, keeps time
 * limits, carries frames between them (those with a NIC are on one wire), and ends all of them at SIGINT,
 * SIGTERM or SIGHUP.
 */
#ifndef EXPERIMENTS_POOL_H
#define EXPERIMENTS_POOL_H

#include <stdbool.h>

#include "experiments/machine.h"

struct job {
	struct machine_spec spec;
	const struct machine_driver
		*driver; /* NULL: the pool's; others are started first, as they may take long */
	void (*output)(void *ctx, const uint8_t *data, size_t size); /* size 0: the output has ended */
	void *ctx;
	bool kill; /* set while it runs, by a callback: end this machine; its end is then MACHINE_KILLED */
	/* Answers: */
	bool ran;
	struct machine_result result;
};

struct progress {
	const char *title;
	bool quiet;
	/* NULL, or called each time that something came, and every 200 ms at least. */
	void (*turn)(void *ctx);
	void *ctx;
};

/*
 * 0 when every job ran (however it ended), -EINTR after a signal, or negative errno when a machine
 * could not be started (the reason is printed).
 */
__attribute__((warn_unused_result)) int pool_run(const struct machine_driver *driver, struct job *jobs,
						 unsigned count, unsigned parallel,
						 const struct progress *progress);
/* The signal that ended the last pool_run, or 0. */
int pool_signal(void);
const char *machine_end_name(enum machine_end end);

#endif
