/* SPDX-License-Identifier: MIT */
/* The messages of the stream: their numbers in frames, who may send them, and what they are made of.
 * docs/stream.md */
#ifndef MIGRATION_MESSAGES_H
#define MIGRATION_MESSAGES_H

#include <stdint.h>

#include "migration/arena.h"
#include "migration/stream.pb-c.h"

#define STREAM_VERSION 1u

/* A frame's type. Numbers are never given to another message. */
enum stream_type {
	STREAM_HELLO = 1,
	STREAM_ACCEPT = 2,
	STREAM_REFUSE = 3,
	STREAM_PAGE_BATCH = 4,
	STREAM_ZERO_RUN = 5,
	STREAM_ROUND_END = 6,
	STREAM_BARRIER = 7,
	STREAM_BARRIER_APPLIED = 8,
	STREAM_DEVICE_STATE = 9,
	STREAM_VCPU_STATE = 10,
	STREAM_END = 11,
	STREAM_READY = 12,
	STREAM_COMMIT = 13,
	STREAM_RUNNING = 14,
	STREAM_ABORT = 15,
	STREAM_DECIDE = 16,
	STREAM_TYPES /* one more than the last */
};

/* Who sent a frame. Each has sequence numbers of its own. */
enum stream_sender {
	SENDER_SOURCE,
	SENDER_TARGET,
	SENDER_WIRE, /* who carries the frames and holds both records: Decide only */
	SENDERS
};

struct stream_kind {
	const char *name;
	const ProtobufCMessageDescriptor *descriptor;
	uint8_t senders; /* bit n: enum stream_sender n may */
};

/* NULL: no message of this version */
const struct stream_kind *stream_kind(uint32_t type);
const char *stream_sender_name(uint32_t sender);

/*
 * A frame's body as a message of stream_kind(type)->descriptor, in the arena, which is reset before. 0;
 * -EINVAL: no such type; -EBADMSG: not such a message; -ENOMEM: more than the arena holds.
 */
__attribute__((warn_unused_result)) int stream_unpack(uint32_t type, const uint8_t *body, size_t n,
						      struct message_arena *arena,
						      ProtobufCMessage **message);

#endif
