/* SPDX-License-Identifier: MIT */
#include "l0hv/mm/ept.h"

#include <errno.h>

#define ENTRIES   512u
#define PERMS     ((uint64_t)EPT_RWX)
#define TYPE_MASK (7ull << EPT_ENTRY_TYPE_SHIFT)

/* Levels are counted as a walk meets them: 0 PML4E, 1 PDPTE, 2 PDE, 3 PTE. */
#define LEVEL_PTE 3u

static unsigned shift_of(unsigned level)
{
	return 39u - 9u * level;
}

static uint64_t bytes_of(unsigned level)
{
	return 1ull << shift_of(level);
}

static unsigned index_of(uint64_t gpa, unsigned level)
{
	return (unsigned)(gpa >> shift_of(level)) & (ENTRIES - 1);
}

static bool leaf_allowed(const struct ept_caps *caps, unsigned level)
{
	return level == LEVEL_PTE || (level == 2 && caps->page_2m) || (level == 1 && caps->page_1g);
}

static bool is_leaf(uint64_t entry, unsigned level)
{
	return level == LEVEL_PTE || ((level == 1 || level == 2) && (entry & EPT_ENTRY_LARGE));
}

static bool type_valid(uint64_t type)
{
	return type == EPT_UC || type == EPT_WC || type == EPT_WT || type == EPT_WP || type == EPT_WB;
}

/* IA32_VMX_EPT_VPID_CAP: SDM Vol. 3D, "VPID and EPT Capabilities" */
bool ept_caps_from_msr(uint64_t cap, unsigned maxphyaddr, struct ept_caps *caps)
{
	const uint64_t must = 1ull << 6 | 1ull << 14; /* page-walk length 4, write-back tables */

	*caps = (struct ept_caps){
		.maxphyaddr = maxphyaddr,
		.exec_only = cap & 1,
		.page_2m = cap >> 16 & 1,
		.page_1g = cap >> 17 & 1,
		.ad = cap >> 21 & 1,
	};
	return (cap & must) == must;
}

uint64_t ept_eptp(uint64_t root, bool ad)
{
	return root | EPT_WB | (4 - 1) << 3 | (ad ? EPT_EPTP_AD : 0);
}

/* ---- building ---- */

static uint64_t new_table(struct ept *ept, const struct ept_mem *mem)
{
	uint64_t pa = mem->alloc(mem->ctx);

	if (pa)
		ept->tables++;
	return pa;
}

/* Free the tables below `entry`, which sits at `level`. Depth is bounded by the four levels. */
static void free_below(struct ept *ept, const struct ept_mem *mem, uint64_t entry, unsigned level)
{
	uint64_t stack_pa[4];
	unsigned stack_i[4];
	unsigned top = level;

	if (!(entry & PERMS) || is_leaf(entry, level))
		return;
	stack_pa[top] = entry & EPT_ENTRY_ADDRESS;
	stack_i[top] = 0;
	for (;;) {
		if (stack_i[top] < ENTRIES) {
			uint64_t e = mem->table(mem->ctx, stack_pa[top])[stack_i[top]++];

			if ((e & PERMS) && !is_leaf(e, top + 1)) {
				top++;
				stack_pa[top] = e & EPT_ENTRY_ADDRESS;
				stack_i[top] = 0;
			}
			continue;
		}
		mem->free(mem->ctx, stack_pa[top]);
		ept->tables--;
		if (top-- == level)
			return;
	}
}

/* Replace an entry and what hangs below it. */
static void set_entry(struct ept *ept, const struct ept_mem *mem, uint64_t *slot, uint64_t entry,
		      unsigned level)
{
	const uint64_t old = *slot;
	const uint64_t keep = EPT_ENTRY_ADDRESS | TYPE_MASK | EPT_IPAT | EPT_ENTRY_LARGE;

	*slot = entry;
	/* Cached translations stay right only if nothing was there or the same page gained permissions. */
	if ((old & PERMS) && ((old & keep) != (entry & keep) || (old & ~entry & PERMS)))
		ept->stale = true;
	free_below(ept, mem, old, level);
}

/* Put a table with the same 512 smaller pages in place of the leaf. */
static int split(struct ept *ept, const struct ept_mem *mem, uint64_t *slot, unsigned level)
{
	const uint64_t leaf = *slot;
	const uint64_t pa = new_table(ept, mem);
	uint64_t child = level + 1 == LEVEL_PTE ? leaf & ~EPT_ENTRY_LARGE : leaf;
	uint64_t *table;

	if (!pa)
		return -ENOMEM;
	table = mem->table(mem->ctx, pa);
	for (unsigned i = 0; i < ENTRIES; i++, child += bytes_of(level + 1))
		table[i] = child;
	*slot = pa | PERMS;
	ept->stale = true;
	return 0;
}

/*
 * Set the leaf entry for gpa at `level` to `entry` (0: remove). Tables on the way are made when `entry` is
 * present; a removal that meets nothing is done.
 */
static int put(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t entry, unsigned level)
{
	uint64_t pa = ept->root;

	for (unsigned l = 0;; l++) {
		uint64_t *slot = &mem->table(mem->ctx, pa)[index_of(gpa, l)];

		if (l == level) {
			set_entry(ept, mem, slot, entry, l);
			return 0;
		}
		if (!(*slot & PERMS)) {
			uint64_t below;

			if (!entry)
				return 0;
			below = new_table(ept, mem);
			if (!below)
				return -ENOMEM;
			*slot = below | PERMS;
		} else if (is_leaf(*slot, l)) {
			int err = split(ept, mem, slot, l);

			if (err)
				return err;
		}
		pa = *slot & EPT_ENTRY_ADDRESS;
	}
}

static bool range_valid(uint64_t start, uint64_t bytes, uint64_t limit)
{
	return !((start | bytes) & (EPT_PAGE_4K - 1)) && start <= limit && bytes <= limit - start;
}

static uint64_t phys_limit(const struct ept_caps *caps)
{
	return 1ull << (caps->maxphyaddr < 52 ? caps->maxphyaddr : 52);
}

int ept_init(struct ept *ept, const struct ept_mem *mem, const struct ept_caps *caps)
{
	*ept = (struct ept){.caps = *caps};
	ept->root = new_table(ept, mem);
	return ept->root ? 0 : -ENOMEM;
}

int ept_map(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t hpa, uint64_t bytes,
	    unsigned flags, enum ept_memtype type)
{
	const unsigned perms = flags & EPT_RWX;

	if (!range_valid(gpa, bytes, EPT_SPACE) || !range_valid(hpa, bytes, phys_limit(&ept->caps)))
		return -EINVAL;
	if (flags & ~(EPT_RWX | EPT_IPAT) || !perms || !type_valid(type))
		return -EINVAL;
	if ((perms & (EPT_R | EPT_W)) == EPT_W || (perms == EPT_X && !ept->caps.exec_only))
		return -EINVAL;
	while (bytes) {
		uint64_t entry = hpa | flags | (uint64_t)type << EPT_ENTRY_TYPE_SHIFT;
		unsigned level = 1;
		int err;

		while (!leaf_allowed(&ept->caps, level) || ((gpa | hpa) & (bytes_of(level) - 1)) ||
		       bytes < bytes_of(level))
			level++;
		if (level != LEVEL_PTE)
			entry |= EPT_ENTRY_LARGE;
		err = put(ept, mem, gpa, entry, level);
		if (err)
			return err;
		gpa += bytes_of(level);
		hpa += bytes_of(level);
		bytes -= bytes_of(level);
	}
	return 0;
}

int ept_unmap(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t bytes)
{
	if (!range_valid(gpa, bytes, EPT_SPACE))
		return -EINVAL;
	while (bytes) {
		unsigned level = 0;
		int err;

		while ((gpa & (bytes_of(level) - 1)) || bytes < bytes_of(level))
			level++;
		err = put(ept, mem, gpa, 0, level);
		if (err)
			return err;
		gpa += bytes_of(level);
		bytes -= bytes_of(level);
	}
	return 0;
}

void ept_clear(struct ept *ept, const struct ept_mem *mem)
{
	uint64_t *root = mem->table(mem->ctx, ept->root);

	for (unsigned i = 0; i < ENTRIES; i++)
		set_entry(ept, mem, &root[i], 0, 0);
}

void ept_free(struct ept *ept, const struct ept_mem *mem)
{
	if (!ept->root)
		return;
	ept_clear(ept, mem);
	mem->free(mem->ctx, ept->root);
	ept->root = 0;
	ept->tables = 0;
}

/* ---- walking ---- */

/* SDM "EPT Misconfigurations": what makes a present entry one. */
static bool misconfigured(const struct ept_caps *caps, uint64_t entry, unsigned level)
{
	const unsigned perms = entry & EPT_RWX;
	uint64_t reserved = EPT_ENTRY_ADDRESS & ~(phys_limit(caps) - 1);

	if (!(perms & EPT_R) && ((perms & EPT_W) || !caps->exec_only))
		return true;
	if (is_leaf(entry, level)) {
		if (!leaf_allowed(caps, level))
			return true;
		reserved |= EPT_ENTRY_ADDRESS & (bytes_of(level) - 1);
		return (entry & reserved) || !type_valid((entry & TYPE_MASK) >> EPT_ENTRY_TYPE_SHIFT);
	}
	/* Bits 7:3 of an entry that names a table; in a PML4E bit 7 cannot mean a page. */
	return (entry & (reserved | TYPE_MASK | EPT_IPAT | EPT_ENTRY_LARGE)) != 0;
}

enum ept_outcome ept_walk_with(uint64_t root, const struct ept_caps *caps, ept_read_fn *read, void *ctx,
			       uint64_t gpa, unsigned access, struct ept_walk_result *r)
{
	uint64_t table = root;

	*r = (struct ept_walk_result){.perms = EPT_RWX};
	if (gpa >= EPT_SPACE) {
		r->perms = 0;
		return EPT_VIOLATION;
	}
	for (unsigned level = 0;; level++) {
		const uint64_t entry_pa = table + 8ull * index_of(gpa, level);
		uint64_t entry;

		if (read(ctx, entry_pa, &entry))
			entry = ~0ull;
		r->entry_pa[level] = entry_pa;
		r->entry[level] = entry;
		r->levels = level + 1;
		r->perms &= (unsigned)(entry & PERMS);
		if (!(entry & PERMS)) {
			r->perms = 0;
			return EPT_VIOLATION;
		}
		if (misconfigured(caps, entry, level))
			return EPT_MISCONFIG;
		if (is_leaf(entry, level)) {
			const uint64_t offset = bytes_of(level) - 1;

			r->page_bytes = offset + 1;
			r->pa = (entry & EPT_ENTRY_ADDRESS & ~offset) | (gpa & offset);
			r->type = (enum ept_memtype)((entry & TYPE_MASK) >> EPT_ENTRY_TYPE_SHIFT);
			r->ipat = (entry & EPT_IPAT) != 0;
			break;
		}
		table = entry & EPT_ENTRY_ADDRESS;
	}
	/* Rights are judged after the whole walk: a misconfiguration below comes first. */
	return (access & ~r->perms & EPT_RWX) ? EPT_VIOLATION : EPT_MAPPED;
}

static int read_own(void *ctx, uint64_t entry_pa, uint64_t *entry)
{
	const struct ept_mem *mem = ctx;

	*entry = mem->table(mem->ctx, entry_pa & EPT_ENTRY_ADDRESS)[(entry_pa & (EPT_PAGE_4K - 1)) / 8];
	return 0;
}

enum ept_outcome ept_walk(const struct ept *ept, const struct ept_mem *mem, uint64_t gpa, unsigned access,
			  struct ept_walk_result *result)
{
	struct ept_mem own = *mem;

	return ept_walk_with(ept->root, &ept->caps, read_own, &own, gpa, access, result);
}
