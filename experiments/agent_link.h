/* SPDX-License-Identifier: MIT */
/*
 * One end of the connection between nestbed and its agent: a stream socket or two pipes, never waited for.
 * What is to be sent waits in a queue; who would add what may be lost, or may wait where it is, looks at
 * agent_link_crowded() first.
 */
#ifndef EXPERIMENTS_AGENT_LINK_H
#define EXPERIMENTS_AGENT_LINK_H

#include "experiments/agent_message.h"

#define AGENT_CROWDED (512u << 10) /* bytes that wait: no frame and no output is added */

struct agent_link {
	int in, out; /* two descriptors, though it be one socket; -1: closed */
	struct agent_reader reader;
	struct text waiting;
	size_t sent; /* of `waiting` */
};

/* Takes both descriptors; `from` is the side at the other end. */
void agent_link_open(struct agent_link *l, int in, int out, enum agent_side from);
void agent_link_close(struct agent_link *l);
bool agent_link_waits(const struct agent_link *l);
bool agent_link_crowded(const struct agent_link *l);
/* Sends what goes. 0, or negative errno: the connection is gone. */
__attribute__((warn_unused_result)) int agent_link_send(struct agent_link *l);
/* Takes some of what has come. 1; 0: the end; -EAGAIN: nothing; or another negative errno: the connection is
 * gone. */
__attribute__((warn_unused_result)) int agent_link_receive(struct agent_link *l);

#endif
