/* SPDX-License-Identifier: MIT */
/* Is a dump whole? Its own leaves say what else there must be: SDM Vol. 2A, "CPUID". */
#include <string.h>

#include "cpu_baseline/read/reader.h"

static uint32_t reg_of(const struct reader_rows *rows, uint32_t leaf, uint32_t subleaf, enum cpu_reg reg)
{
	const struct cpu_leaf *row = rows_find(rows, leaf, subleaf);

	return row ? row->reg[reg] : 0;
}

static uint32_t base_of(uint32_t leaf)
{
	return leaf & 0xffff0000u;
}

/* The highest leaf of the range, or 0: the processor has no such range, and answers with other leaves' data.
 */
static uint32_t highest(const struct reader_rows *rows, uint32_t base)
{
	uint32_t eax = reg_of(rows, base, 0, CPU_EAX);

	return base_of(eax) == base ? eax : 0;
}

static int missing(struct reader *r, uint32_t leaf, uint32_t subleaf, uint32_t teller, uint32_t value)
{
	if (subleaf)
		return reader_wrong(r,
				    "ends without leaf %#x sub-leaf %#x, expected it since leaf %#x says %#x",
				    leaf, subleaf, teller, value);
	return reader_wrong(r, "ends without leaf %#x, expected each up to %#x, as leaf %#x says", leaf,
			    value, teller);
}

static bool outside(const struct reader_rows *rows, uint32_t leaf)
{
	uint32_t base = base_of(leaf);

	/* Of hypervisors' leaves some tell no highest one. */
	if (leaf == 0 || leaf == 0x80000000u || base == 0x40000000u)
		return false;
	return leaf > highest(rows, base);
}

/* What is outside the ranges that the processor has is the data of another leaf. */
static void drop_outside(struct reader *r, struct reader_rows *rows)
{
	bool out[READER_LEAVES];
	uint32_t first = 0;
	unsigned kept = 0;

	/* All are looked at before one moves: the first row of a range tells about the others. */
	for (unsigned i = 0; i < rows->leaf_count; i++)
		out[i] = outside(rows, rows->leaf[i].leaf);
	for (unsigned i = 0; i < rows->leaf_count; i++) {
		if (out[i]) {
			first = first ? first : rows->leaf[i].leaf;
			continue;
		}
		rows->leaf[kept] = rows->leaf[i];
		rows->leaf_line[kept++] = rows->leaf_line[i];
	}
	if (first && rows == &r->first)
		reader_note(
			r,
			"%s: rows of CPUID left out: %u, from leaf %#x on; the processor has no such leaves",
			r->name, rows->leaf_count - kept, first);
	rows->leaf_count = kept;
}

/* Leaves whose sub-leaves are a list: caches, topology levels, PCONFIG's targets. */
static bool is_list(uint32_t leaf)
{
	return leaf == 0x4 || leaf == 0xb || leaf == 0x1b || leaf == 0x1f || leaf == 0x8000001du ||
	       leaf == 0x80000026u;
}

static int every_leaf(struct reader *r, const struct reader_rows *rows, uint32_t base)
{
	uint32_t top = base ? highest(rows, base) : reg_of(rows, base, 0, CPU_EAX);

	if (top && top - base >= READER_LEAVES)
		return reader_wrong(r, "leaf %#x says that leaves reach to %#x, expected at most %u of them",
				    base, top, READER_LEAVES);
	for (uint32_t leaf = base; top && leaf <= top && r->promises.every_leaf; leaf++) {
		if (!rows_find(rows, leaf, 0) && !(r->promises.but_empty_lists && is_list(leaf)))
			return missing(r, leaf, 0, base, top);
	}
	return 0;
}

/* Sub-leaves from 0 on; with last, also the one that says that there are no more. */
static int no_holes(struct reader *r, const struct reader_rows *rows, bool last)
{
	static const struct {
		uint32_t leaf, mask; /* of the type of a cache or level, 0 for none */
		enum cpu_reg reg;
	} lists[] = {
		{0x4,  0x1f,   CPU_EAX},
		{0xb,  0xff00, CPU_ECX},
		{0x1f, 0xff00, CPU_ECX},
	};

	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		for (unsigned i = 0; i < rows->leaf_count; i++) {
			const struct cpu_leaf *row = &rows->leaf[i];

			if (row->leaf != lists[l].leaf)
				continue;
			if (row->subleaf && !rows_find(rows, row->leaf, row->subleaf - 1))
				return reader_wrong(r,
						    "ends without leaf %#x sub-leaf %#x, expected it before "
						    "sub-leaf %#x of line %u",
						    row->leaf, row->subleaf - 1, row->subleaf,
						    rows->leaf_line[i]);
			if (last && row->reg[lists[l].reg] & lists[l].mask &&
			    !rows_find(rows, row->leaf, row->subleaf + 1))
				return reader_wrong(r,
						    "ends without leaf %#x sub-leaf %#x, expected it since "
						    "sub-leaf %#x is not the last",
						    row->leaf, row->subleaf + 1, row->subleaf);
		}
	}
	return 0;
}

static int every_subleaf(struct reader *r, const struct reader_rows *rows)
{
	uint32_t top = reg_of(rows, 7, 0, CPU_EAX);

	for (uint32_t s = 1; s <= top && s < READER_LEAVES; s++) {
		if (!rows_find(rows, 7, s))
			return missing(r, 7, s, 7, top);
	}
	return 0;
}

/* Components 0 and 1, x87 and SSE, have no sub-leaf: those numbers tell of all components. */
static int every_component(struct reader *r, const struct reader_rows *rows)
{
	uint64_t xcr0 = (uint64_t)reg_of(rows, 0xd, 0, CPU_EDX) << 32 | reg_of(rows, 0xd, 0, CPU_EAX);
	uint64_t xss = (uint64_t)reg_of(rows, 0xd, 1, CPU_EDX) << 32 | reg_of(rows, 0xd, 1, CPU_ECX);

	if (!rows_find(rows, 0xd, 0))
		return 0;
	if (!rows_find(rows, 0xd, 1))
		return reader_wrong(r, "ends without leaf 0xd sub-leaf 0x1, expected it with sub-leaf 0");
	for (uint32_t s = 2; s < 63; s++) {
		if ((xcr0 | xss) >> s & 1 && !rows_find(rows, 0xd, s))
			return reader_wrong(
				r, "ends without leaf 0xd sub-leaf %#x, expected it since %s has bit %u", s,
				xcr0 >> s & 1 ? "XCR0" : "IA32_XSS", s);
	}
	return 0;
}

int reader_complete(struct reader *r)
{
	static const uint32_t bases[] = {0, 0x80000000u};
	struct reader_rows *rows = r->rows;
	int status = 0;

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]) && !status; i++) {
		if (!rows_find(rows, bases[i], 0))
			return reader_wrong(r, "ends without leaf %#x, expected it to tell the highest leaf",
					    bases[i]);
		status = every_leaf(r, rows, bases[i]);
	}
	drop_outside(r, rows);
	if (!status)
		status = no_holes(r, rows, r->promises.last_subleaf);
	if (!status && r->promises.every_subleaf)
		status = every_subleaf(r, rows);
	if (!status && r->promises.every_component)
		status = every_component(r, rows);
	return status;
}
