/* SPDX-License-Identifier: MIT */
/*
 * Reads along on the wire: the bytes that two L0s exchange, put together from the link's frames, cut into the
 * messages of migration streams, and kept a file a move, as `nestbed stream` reads them. Pure. What comes is
 * taken for hostile: it may waste memory up to what was sent, nothing else.
 */
#ifndef EXPERIMENTS_MOVE_TAP_H
#define EXPERIMENTS_MOVE_TAP_H

#include <stdbool.h>

#include "experiments/text.h"

struct move_tap_message {
	unsigned move; /* of all that were seen, from 0 on */
	unsigned from, to; /* hosts */
	bool by_target;
	uint32_t number; /* of this sender in this move, from 0 on */
	uint32_t type; /* as its header says */
};

struct move_tap;

/* `begins`: called when a message's header is there, before the rest; NULL: nobody listens. */
struct move_tap *move_tap_new(void (*begins)(void *ctx, const struct move_tap_message *m), void *ctx);
/* A frame, as its sender sent it. */
void move_tap_frame(struct move_tap *t, const uint8_t *frame, size_t n);
/* Nothing comes any more: what waits goes into the captures. */
void move_tap_end(struct move_tap *t);
/* How many moves were seen, and the stream of one: messages of both directions, in the order in which the
 * source sent them or had taken them. */
unsigned move_tap_moves(const struct move_tap *t);
const struct text *move_tap_stream(const struct move_tap *t, unsigned move);
void move_tap_free(struct move_tap *t);

#endif
