/* SPDX-License-Identifier: MIT */
/* Carries what a running machine writes to whoever started it. */
#ifndef EXPERIMENTS_LIBVIRT_RELAY_H
#define EXPERIMENTS_LIBVIRT_RELAY_H

#include "experiments/libvirt/folder.h"

enum relay_end {
	RELAY_SHUT_DOWN, /* it wrote the word to the shutdown port */
	RELAY_GONE, /* QEMU ended, or whoever reads has */
	RELAY_TOLD, /* a signal came */
};

/* From now on SIGTERM, SIGINT and SIGHUP are noted; a process that does not end then, for libvirt hangs, is
 * ended. */
void relay_signals(void);
/* Its files are removed if that comes to pass from now on; NULL: none are there. */
void relay_abandon(const struct folder *folder);
/* The console's bytes go to standard output, those of COM1 to com1, unless that is negative. */
enum relay_end relay(const int socket[FOLDER_SOCKETS], int com1);
/* Which of these signals came; 0: none. */
int relay_signal(void);

#endif
