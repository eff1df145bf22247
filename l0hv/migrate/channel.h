/* SPDX-License-Identifier: MIT */
/*
 * The messages of one move (docs/stream.md) over the link to the other host: one message on its way out at a
 * time, one read at a time. Nothing here waits.
 */
#ifndef L0HV_MIGRATE_CHANNEL_H
#define L0HV_MIGRATE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/config.h"
#include "l0hv/net/link.h"
#include "migration/arena.h"
#include "migration/frame.h"

#define CHANNEL_BATCH 32u /* most pages of a PageBatch */

struct channel {
	struct link *link;
	struct frame_writer writer;
	struct frame_reader reader;
	struct message_arena arena;
	uint8_t *out, *in, *input; /* a frame to send, one that comes, bytes of the link */
	size_t out_at, out_end;
	size_t input_at, input_end;
	uint64_t bytes; /* of all frames sent in this move */
	/* What a test does to the host's stream (bundle key migrate.fault). */
	struct config_pair fault;
	uint64_t messages; /* sent by this host in all */
	bool twice;
	bool urgent; /* somebody waits for it, or it is the last for a while */
	uint8_t *held;
	size_t held_size;
};

/* Memory, for good. -ENOMEM. */
__attribute__((warn_unused_result)) int channel_prepare(struct channel *c, const struct config_pair *fault);
/* A move begins over this link. */
void channel_open(struct channel *c, struct link *link, enum stream_sender self);

/*
 * Begin to send a message; the one before must be out. Bytes of its frame. L0's own messages fit: the rest is
 * cut by who makes them.
 */
uint64_t channel_send(struct channel *c, enum stream_type type, const void *message);
/* The same for a message that is packed already. */
uint64_t channel_send_packed(struct channel *c, enum stream_type type, const uint8_t *bytes, size_t n);
/* Hand on what the link takes. 1: nothing is left of it; 0: call again; -EPIPE: the link is dead. */
__attribute__((warn_unused_result)) int channel_push(struct channel *c);
/*
 * 1: *frame and *message are the next message that came, until the next call; 0: none yet; -EBADMSG with *why
 * a sentence.
 */
__attribute__((warn_unused_result)) int channel_receive(struct channel *c, struct frame *frame,
							ProtobufCMessage **message, const char **why);
/* Digest of the frames sent so far. */
uint64_t channel_digest(const struct channel *c);

#endif
