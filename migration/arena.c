/* SPDX-License-Identifier: MIT */
#include "migration/arena.h"

#define ALIGN 16u

static void *take(void *context, size_t n)
{
	struct message_arena *a = context;
	const size_t rest = a->size - a->used;
	uint8_t *p = a->memory + a->used;

	if (n > rest || (n + ALIGN - 1) / ALIGN * ALIGN > rest) {
		a->exhausted = true;
		return NULL;
	}
	a->used += (n + ALIGN - 1) / ALIGN * ALIGN;
	if (a->used > a->peak)
		a->peak = a->used;
	return p;
}

static void give_back(void *context, void *p)
{
	(void)context;
	(void)p;
}

void message_arena_init(struct message_arena *a, void *memory, size_t size)
{
	*a = (struct message_arena){.memory = memory, .size = size};
	a->allocator = (ProtobufCAllocator){.alloc = take, .free = give_back, .allocator_data = a};
}

void message_arena_reset(struct message_arena *a)
{
	a->used = 0;
	a->exhausted = false;
}
