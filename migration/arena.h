/* SPDX-License-Identifier: MIT */
/*
 * Memory for unpacking one message at a time, out of a fixed piece: what a message may take is bounded, and
 * nothing needs malloc. A message lives until the next reset; freeing is not needed
 * (protobuf_c_message_free_unpacked() does nothing then).
 */
#ifndef MIGRATION_ARENA_H
#define MIGRATION_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

struct message_arena {
	ProtobufCAllocator allocator; /* give its address to protobuf-c; the arena must not be moved */
	uint8_t *memory;
	size_t size;
	size_t used, peak; /* bytes now; most ever */
	bool exhausted; /* something did not fit since the last reset */
};

/* memory: 16-byte aligned, the caller's, as long as the arena is used. */
void message_arena_init(struct message_arena *a, void *memory, size_t size);
void message_arena_reset(struct message_arena *a);

#endif
