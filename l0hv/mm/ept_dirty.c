/* SPDX-License-Identifier: MIT */
#include "l0hv/mm/ept_dirty.h"

#include <errno.h>

#define ENTRIES       512u
#define PD_SHIFT      21u
#define TABLE_WORDS   (ENTRIES / 64)
#define PERMS         ((uint64_t)EPT_RWX)
#define PAGE_OFFSET   (EPT_PAGE_4K - 1)
#define REGION_OFFSET (EPT_PAGE_2M - 1)

/* The PDE for gpa if it names a table; else NULL: nothing there, or a large page. */
static uint64_t *table_entry(const struct ept *ept, const struct ept_mem *mem, uint64_t gpa)
{
	uint64_t pa = ept->root;

	for (unsigned shift = 39;; shift -= 9) {
		uint64_t *entry = &mem->table(mem->ctx, pa)[gpa >> shift & (ENTRIES - 1)];

		if (!(*entry & PERMS) || (shift != 39 && *entry & EPT_ENTRY_LARGE))
			return NULL;
		if (shift == PD_SHIFT)
			return entry;
		pa = *entry & EPT_ENTRY_ADDRESS;
	}
}

static uint64_t *leaf(const struct ept *ept, const struct ept_mem *mem, uint64_t gpa)
{
	const uint64_t *pde = table_entry(ept, mem, gpa);
	uint64_t *entry;

	if (!pde)
		return NULL;
	entry = &mem->table(mem->ctx, *pde & EPT_ENTRY_ADDRESS)[gpa >> 12 & (ENTRIES - 1)];
	return *entry & PERMS ? entry : NULL;
}

int ept_dirty_split(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t bytes)
{
	const uint64_t end = gpa + bytes;

	if ((gpa | bytes) & PAGE_OFFSET)
		return -EINVAL;
	/* One small page put into a large one splits all of that; so one in each 2 MBytes will do. */
	for (; gpa < end; gpa = (gpa | REGION_OFFSET) + 1) {
		struct ept_walk_result w;
		int error;

		if (table_entry(ept, mem, gpa) || ept_walk(ept, mem, gpa, 0, &w) != EPT_MAPPED)
			continue;
		error = ept_map(ept, mem, gpa, w.pa, EPT_PAGE_4K, w.perms | (w.ipat ? EPT_IPAT : 0), w.type);
		if (error)
			return error;
	}
	return 0;
}

static void sweep_table(struct ept *ept, uint64_t *table, uint64_t gpa, uint64_t end, uint64_t flag,
			uint64_t *bitmap)
{
	for (uint64_t page = gpa >> 12; page < end >> 12; page++) {
		uint64_t *entry = &table[page & (ENTRIES - 1)];

		if (!(*entry & flag))
			continue;
		*entry &= ~flag;
		ept->stale = true;
		if (bitmap)
			bitmap[page / 64] |= 1ull << page % 64;
	}
}

void ept_dirty_sweep(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t bytes, uint64_t flag,
		     uint64_t *bitmap)
{
	const uint64_t end = gpa + bytes;

	while (gpa < end) {
		const uint64_t next = (gpa | REGION_OFFSET) + 1;
		uint64_t *pde = table_entry(ept, mem, gpa);

		if (pde && (flag != EPT_ENTRY_DIRTY || *pde & EPT_ENTRY_ACCESSED)) {
			sweep_table(ept, mem->table(mem->ctx, *pde & EPT_ENTRY_ADDRESS), gpa,
				    next < end ? next : end, flag, bitmap);
			if (flag == EPT_ENTRY_DIRTY && !(gpa & REGION_OFFSET) && next <= end) {
				*pde &= ~EPT_ENTRY_ACCESSED;
				ept->stale = true;
			}
		}
		gpa = next;
	}
}

bool ept_dirty_clear(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t flag)
{
	uint64_t *entry = leaf(ept, mem, gpa);

	if (!entry || !(*entry & flag))
		return false;
	*entry &= ~flag;
	ept->stale = true;
	return true;
}

/* Of a table whose bits these are; lacking words are no bits. */
static bool clear_in_table(uint64_t *table, const uint64_t *bitmap, uint64_t words, uint64_t flag)
{
	uint64_t had = 0;

	for (uint64_t w = 0; w < words; w++)
		for (uint64_t bits = bitmap[w]; bits; bits &= bits - 1) {
			uint64_t *entry = &table[w * 64 + (unsigned)__builtin_ctzll(bits)];

			had |= *entry;
			*entry &= ~flag;
		}
	return had & flag;
}

void ept_dirty_clear_set(struct ept *ept, const struct ept_mem *mem, const uint64_t *bitmap, uint64_t words,
			 uint64_t flag)
{
	for (uint64_t w = 0; w < words; w += TABLE_WORDS) {
		const uint64_t n = words - w < TABLE_WORDS ? words - w : TABLE_WORDS;
		const uint64_t *pde;
		uint64_t any = 0;

		for (uint64_t i = 0; i < n; i++)
			any |= bitmap[w + i];
		pde = any ? table_entry(ept, mem, w / TABLE_WORDS << PD_SHIFT) : NULL;
		if (pde &&
		    clear_in_table(mem->table(mem->ctx, *pde & EPT_ENTRY_ADDRESS), bitmap + w, n, flag))
			ept->stale = true;
	}
}

bool ept_dirty_set(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t flag)
{
	uint64_t *entry = leaf(ept, mem, gpa);

	if (!entry || *entry & flag)
		return false;
	*entry |= flag;
	return true;
}
