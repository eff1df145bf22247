/* SPDX-License-Identifier: MIT */
/* Keeps a child process off the network: what it opens, nobody outside this process can reach. */
#ifndef EXPERIMENTS_ISOLATE_H
#define EXPERIMENTS_ISOLATE_H

enum isolation {
	ISOLATE_NAMESPACE, /* network namespace of its own, by privilege */
	ISOLATE_USER_NAMESPACE, /* the same inside a user namespace of its own */
	ISOLATE_SECCOMP, /* a thread that calls listen() ends there */
	ISOLATE_NONE, /* nothing works: don't run what listens */
};

/* For the calling process and its children, for good. Says which way worked. */
enum isolation isolate(void);
/* Which way would work here: tried in a child. */
enum isolation isolate_probe(void);
const char *isolation_name(enum isolation isolation);

#endif
