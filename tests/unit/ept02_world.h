/* SPDX-License-Identifier: MIT */
/*
 * An L1 with memory of its own, an EPT01 over it, and an EPT02 under test; shared by the unit test and the
 * fuzzer. L1's tables lie in the first pages of its memory; EPT12 leaves may point anywhere.
 */
#ifndef TESTS_UNIT_EPT02_WORLD_H
#define TESTS_UNIT_EPT02_WORLD_H

#include "arena.h"
#include "l0hv/nested/ept02.h"
#include "reference_walk.h"

#define L1_PAGES  32u /* pages of L1's memory that hold something */
#define L1_SPAN   (8ull << 30) /* what EPT01 maps of L1's addresses, with holes */
#define EPT01_HPA (16ull << 30)

struct world {
	struct arena *arena;
	struct ept_mem mem;
	struct ept ept01;
	struct ept_caps caps; /* of the processor */
	struct ept_caps caps12;
	uint64_t l1[L1_PAGES][512];
	unsigned failing_updates; /* next so many updates are refused */
	struct ept02 e;
};

static inline int world_read(void *ctx, uint64_t gpa, uint64_t *entry)
{
	struct world *w = ctx;

	if (gpa % 8 || gpa / 4096 >= L1_PAGES)
		return -1;
	*entry = w->l1[gpa / 4096][gpa % 4096 / 8];
	return 0;
}

static inline int world_update(void *ctx, uint64_t gpa, uint64_t old, uint64_t entry)
{
	struct world *w = ctx;
	uint64_t now;

	if (w->failing_updates) {
		w->failing_updates--;
		return -1;
	}
	if (world_read(ctx, gpa, &now) || now != old)
		return -1;
	w->l1[gpa / 4096][gpa % 4096 / 8] = entry;
	return 0;
}

static inline uint64_t world_fetch12(void *ctx, uint64_t gpa)
{
	uint64_t entry;

	return world_read(ctx, gpa, &entry) ? ~0ull : entry;
}

static inline uint64_t world_fetch_own(void *ctx, uint64_t pa)
{
	struct world *w = ctx;

	return arena_table(w->arena, pa & ~0xFFFull)[pa % 4096 / 8];
}

static inline struct reference_cpu world_cpu(const struct ept_caps *c)
{
	return (struct reference_cpu){c->maxphyaddr, c->exec_only, c->page_2m, c->page_1g};
}

static inline struct reference_answer world_walk12(struct world *w, uint64_t eptp12, uint64_t gpa,
						   unsigned access)
{
	const struct reference_cpu cpu = world_cpu(&w->caps12);

	return reference_walk(&cpu, eptp12 & 0xFFFFFFFFFF000ull, world_fetch12, w, gpa, access & 1,
			      access & 2, access & 4);
}

static inline struct reference_answer world_walk_own(struct world *w, uint64_t root, uint64_t gpa,
						     unsigned access)
{
	const struct reference_cpu cpu = world_cpu(&w->caps);

	return reference_walk(&cpu, root & 0xFFFFFFFFFF000ull, world_fetch_own, w, gpa, access & 1,
			      access & 2, access & 4);
}

/* false: the pieces could not be set up */
static inline bool world_init(struct world *w, const struct ept_caps *caps, const struct ept_caps *caps12,
			      size_t budget)
{
	const struct ept02_l1 l1 = {.ctx = w, .read = world_read, .update = world_update};

	memset(w, 0, sizeof(*w));
	w->arena = arena_new();
	w->mem = arena_mem(w->arena);
	w->caps = *caps;
	w->caps12 = *caps12;
	return !ept_init(&w->ept01, &w->mem, caps) &&
	       !ept02_init(&w->e, &w->ept01, &w->mem, &l1, caps12, budget);
}

static inline void world_end(struct world *w)
{
	ept02_free(&w->e);
	ept_free(&w->ept01, &w->mem);
	if (w->arena->in_use)
		abort(); /* a leak */
	arena_delete(w->arena);
}

#endif
