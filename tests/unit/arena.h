/* SPDX-License-Identifier: MIT */
/* Pages for table tests: counted, so that a leak shows, and finite, so that running out can be tried. */
#ifndef TESTS_UNIT_ARENA_H
#define TESTS_UNIT_ARENA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "l0hv/mm/ept.h"

#define ARENA_BASE 0x7000000ull /* physical address of the first page: not 0, not the host's */
#ifndef ARENA_PAGES
#define ARENA_PAGES 8192u
#endif

struct arena {
	uint64_t (*page)[512];
	bool used[ARENA_PAGES];
	size_t in_use;
	size_t limit; /* pages that may be in use */
};

static inline uint64_t *arena_table(void *ctx, uint64_t pa)
{
	struct arena *a = ctx;
	const uint64_t i = (pa - ARENA_BASE) / 4096;

	if (pa < ARENA_BASE || i >= ARENA_PAGES || !a->used[i])
		abort(); /* the code under test followed an entry that it never made */
	return a->page[i];
}

static inline uint64_t arena_alloc(void *ctx)
{
	struct arena *a = ctx;

	if (a->in_use >= a->limit)
		return 0;
	for (size_t i = 0; i < ARENA_PAGES; i++) {
		if (a->used[i])
			continue;
		a->used[i] = true;
		a->in_use++;
		memset(a->page[i], 0, 4096);
		return ARENA_BASE + i * 4096;
	}
	return 0;
}

static inline void arena_free(void *ctx, uint64_t pa)
{
	struct arena *a = ctx;

	memset(arena_table(ctx, pa), 0xEE, 4096);
	a->used[(pa - ARENA_BASE) / 4096] = false;
	a->in_use--;
}

static inline struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->page = calloc(ARENA_PAGES, 4096);
	if (!a->page)
		abort();
	a->limit = ARENA_PAGES;
	return a;
}

static inline void arena_delete(struct arena *a)
{
	free(a->page);
	free(a);
}

static inline struct ept_mem arena_mem(struct arena *a)
{
	return (struct ept_mem){.ctx = a, .table = arena_table, .alloc = arena_alloc, .free = arena_free};
}

/* xorshift64*: the same numbers on every host */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545F4914F6CDD1Dull;
}

static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
	return (next_random(state) >> 16) % n;
}

#endif
