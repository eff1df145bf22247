/* SPDX-License-Identifier: MIT */
/* The connection between a task on one rank and the agent on another: bytes from a socket to the partner's,
 * and back. */
#ifndef EXPERIMENTS_CLUSTER_RELAY_H
#define EXPERIMENTS_CLUSTER_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "experiments/text.h"

struct relay {
	int fd; /* this side's socket; -1: none */
	unsigned partner; /* rank */
	uint32_t serial; /* of the attempt, that nothing of an earlier one comes in */
	bool ended; /* the socket has told its end, and so have we */
	struct text waiting; /* for the socket, from `sent` on */
	size_t sent;
	bool partner_ended; /* nothing follows what waits */
};

void relay_none(struct relay *r);
/* A pair of sockets: one is kept, the other returned, for a child. Negative errno. */
__attribute__((warn_unused_result)) int relay_open(struct relay *r, unsigned partner, uint32_t serial);
void relay_close(struct relay *r);
/* POST_RELAY of the partner. */
void relay_message(struct relay *r, const uint8_t *data, size_t size);
/* Moves what can be moved. */
void relay_turn(struct relay *r);
/* Sends what is left in the socket, and the end. */
void relay_end(struct relay *r);
/* Tells the partner the end of a connection that never was. */
void relay_refuse(const struct relay *r);
/* What to poll the socket for; 0: nothing. */
short relay_events(const struct relay *r);

#endif
