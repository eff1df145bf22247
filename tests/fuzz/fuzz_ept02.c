/* SPDX-License-Identifier: MIT */
/*
 * A hostile L1: the input is its memory (tables of EPT12) and a list of accesses. Whatever it holds, L0
 * neither crashes nor leaks nor exceeds its budget, and what EPT02 maps is what EPT12 and EPT01 map.
 */
#define ARENA_PAGES 64u /* a new arena each run */
#include "tests/unit/ept02_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define BUDGET 16u

struct input {
	const uint8_t *p;
	size_t n;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes && in->n; i++, in->p++, in->n--)
		v |= (uint64_t)*in->p << (8 * i);
	return v;
}

static void fill_tables(struct world *w, struct input *in)
{
	const unsigned entries = (unsigned)take(in, 1);

	for (unsigned i = 0; i < entries && in->n; i++) {
		const unsigned where = (unsigned)take(in, 2);
		const uint64_t low = take(in, 4);
		const uint64_t high = where & 0x8000 ? take(in, 4) : 0;

		w->l1[where >> 3 & (L1_PAGES - 1)][(where & 7) * 73] = low | high << 32;
	}
}

static void check(struct world *w, uint64_t eptp12, uint64_t l2, unsigned access, enum ept02_verdict v)
{
	const struct reference_answer a = world_walk12(w, eptp12, l2, access);
	const struct reference_answer c = world_walk_own(w, w->e.current->ept.root, l2, access);
	struct reference_answer b;

	if ((v == EPT02_REFLECT_MISCONFIG) != (a.outcome == REF_MISCONFIG) ||
	    (v == EPT02_REFLECT_VIOLATION) != (a.outcome == REF_VIOLATION))
		abort();
	if (v != EPT02_MAPPED)
		return;
	b = world_walk_own(w, w->ept01.root, a.address, access);
	if (b.outcome != REF_OK || c.outcome != REF_OK || c.address != b.address || (c.w && !(a.w && b.w)) ||
	    (c.x && !(a.x && b.x)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct ept_caps caps = {
		.maxphyaddr = 39, .page_2m = true, .page_1g = true, .ad = true, .exec_only = true};
	static struct world w;
	struct input in = {data, n};
	uint64_t eptp02;

	if (!world_init(&w, &caps, &caps, BUDGET))
		abort();
	if (ept_map(&w.ept01, &w.mem, 0, EPT01_HPA, 1 << 30, EPT_RWX, EPT_WB) ||
	    ept_map(&w.ept01, &w.mem, 0x200000, EPT01_HPA, 0x3000, EPT_R, EPT_WB) ||
	    ept_unmap(&w.ept01, &w.mem, 0x400000, 0x1000))
		abort();
	fill_tables(&w, &in);
	while (in.n) {
		const uint64_t op = take(&in, 1);
		const uint64_t eptp12 = (op & 3) << 12 | 0x1E | (op & 4 ? EPT_EPTP_AD : 0);
		/* A byte an index, spread over the eight that fill_tables uses, and bits of the offset */
		const uint64_t i = take(&in, 2);
		const uint64_t l2 = (i & 7) * 73 << 39 | (i >> 3 & 7) * 73 << 30 | (i >> 6 & 7) * 73 << 21 |
				    (i >> 9 & 7) * 73 << 12 | i >> 12;
		const unsigned access = 1u << (op >> 3) % 3;
		struct ept02_result r;
		enum ept02_verdict v;
		size_t held = 0;

		if (op >> 6 == 3)
			ept02_invept_single(&w.e, eptp12);
		if (op >> 5 == 5)
			fill_tables(&w, &in);
		if (op >> 5 == 5)
			ept02_invept_all(&w.e);
		if (ept02_use(&w.e, eptp12, &eptp02))
			abort();
		/* Flags may change the very tables that are walked; judge by what they were before. */
		v = ept02_fault(&w.e, l2, access, &r);
		if (!(eptp12 & EPT_EPTP_AD))
			check(&w, eptp12, l2, access, v);
		for (unsigned s = 0; s < EPT02_SLOTS; s++)
			held += w.e.slot[s].ept.tables;
		if (held > BUDGET || v == EPT02_NO_MEMORY)
			abort();
	}
	world_end(&w);
	return 0;
}
