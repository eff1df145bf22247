/* SPDX-License-Identifier: MIT */
#include "reference_walk.h"

struct bits {
	unsigned high, low; /* must be 0, both included */
};

static uint64_t field(uint64_t v, unsigned high, unsigned low)
{
	uint64_t out = 0;

	for (unsigned i = low; i <= high; i++)
		if (v & 1ull << i)
			out |= 1ull << (i - low);
	return out;
}

static bool any(uint64_t v, struct bits b)
{
	return b.high >= b.low && field(v, b.high, b.low) != 0;
}

/* Bits that every format shares: is the entry there, and are its permissions and address possible? */
static bool common_ok(const struct reference_cpu *cpu, uint64_t e)
{
	const bool r = e % 2 == 1, w = e / 2 % 2 == 1, x = e / 4 % 2 == 1;

	if (!r && w)
		return false;
	if (!r && x && !cpu->exec_only)
		return false;
	return cpu->maxphyaddr > 51 || !any(e, (struct bits){51, cpu->maxphyaddr});
}

static bool type_ok(uint64_t e)
{
	const unsigned t = (unsigned)field(e, 5, 3);

	return t < 2 || (t > 3 && t < 7);
}

static void add_permissions(struct reference_answer *a, uint64_t e)
{
	a->r = a->r && (e & 1);
	a->w = a->w && (e & 2);
	a->x = a->x && (e & 4);
}

static struct reference_answer stop(enum reference_outcome outcome)
{
	return (struct reference_answer){.outcome = outcome};
}

static struct reference_answer leaf(struct reference_answer a, uint64_t e, unsigned page_bits,
				    uint64_t address, const bool want[3])
{
	add_permissions(&a, e);
	a.page_bits = page_bits;
	a.address = field(e, 51, page_bits) << page_bits | field(address, page_bits - 1, 0);
	a.type = (unsigned)field(e, 5, 3);
	a.ignore_pat = field(e, 6, 6);
	a.leaf_dirty = field(e, 9, 9);
	a.outcome = (want[0] && !a.r) || (want[1] && !a.w) || (want[2] && !a.x) ? REF_VIOLATION : REF_OK;
	return a;
}

struct reference_answer reference_walk(const struct reference_cpu *cpu, uint64_t root,
				       uint64_t (*fetch)(void *, uint64_t), void *ctx, uint64_t address,
				       bool read, bool write, bool exec)
{
	const bool want[3] = {read, write, exec};
	struct reference_answer a = {.r = true, .w = true, .x = true};
	uint64_t e;

	if (field(address, 63, 48))
		return stop(REF_VIOLATION);

	/* PML4E: bits 7:3 are reserved */
	e = fetch(ctx, root + 8 * field(address, 47, 39));
	if (!field(e, 2, 0))
		return stop(REF_VIOLATION);
	if (!common_ok(cpu, e) || any(e, (struct bits){7, 3}))
		return stop(REF_MISCONFIG);
	add_permissions(&a, e);

	/* PDPTE: a 1-GByte page by bit 7, else bits 6:3 are reserved */
	e = fetch(ctx, (field(e, 51, 12) << 12) + 8 * field(address, 38, 30));
	if (!field(e, 2, 0))
		return stop(REF_VIOLATION);
	if (!common_ok(cpu, e))
		return stop(REF_MISCONFIG);
	if (field(e, 7, 7)) {
		if (!cpu->large_1g || any(e, (struct bits){29, 12}) || !type_ok(e))
			return stop(REF_MISCONFIG);
		return leaf(a, e, 30, address, want);
	}
	if (any(e, (struct bits){6, 3}))
		return stop(REF_MISCONFIG);
	add_permissions(&a, e);

	/* PDE */
	e = fetch(ctx, (field(e, 51, 12) << 12) + 8 * field(address, 29, 21));
	if (!field(e, 2, 0))
		return stop(REF_VIOLATION);
	if (!common_ok(cpu, e))
		return stop(REF_MISCONFIG);
	if (field(e, 7, 7)) {
		if (!cpu->large_2m || any(e, (struct bits){20, 12}) || !type_ok(e))
			return stop(REF_MISCONFIG);
		return leaf(a, e, 21, address, want);
	}
	if (any(e, (struct bits){6, 3}))
		return stop(REF_MISCONFIG);
	add_permissions(&a, e);

	/* PTE */
	e = fetch(ctx, (field(e, 51, 12) << 12) + 8 * field(address, 20, 12));
	if (!field(e, 2, 0))
		return stop(REF_VIOLATION);
	if (!common_ok(cpu, e) || !type_ok(e))
		return stop(REF_MISCONFIG);
	return leaf(a, e, 12, address, want);
}
