/* SPDX-License-Identifier: MIT */
/* How nestbed comes to an agent: by a command that it starts, or by a socket that it was given. */
#ifndef EXPERIMENTS_AGENT_CONNECT_H
#define EXPERIMENTS_AGENT_CONNECT_H

#include <sys/types.h>

struct agent_peer {
	pid_t pid; /* of the command; 0: none */
	int in, out; /* the connection: two descriptors */
};

/* 0, or negative errno with *why (malloc'd). */
__attribute__((warn_unused_result)) int agent_connect(const char *agent, struct agent_peer *peer, char **why);
/* The command's end, for which it gets a few seconds, the connection being closed; its wait status, 0 without
 * a command. */
int agent_disconnect(const struct agent_peer *peer);

#endif
