// SPDX-License-Identifier: MIT
/* SDM volume 3, "The Extended Page Table Mechanism (EPT)". */
#include "nestbed/ports.h"

#include "ept.h"
#include "guest.h"
#include "pages.h"

#define EPT_RWX       7ull
#define EPT_WB        (6ull << 3)
#define EPT_UC        (0ull << 3)
#define EPT_PAGE      (1ull << 7)
#define EPT_ADDRESS   0x000FFFFFFFFFF000ull
#define EPTP_WB       6ull
#define EPTP_WALK_4   (3ull << 3)
#define PAGES_A_CHUNK (EPT_CHUNK / PAGE_SIZE)

static uint64_t *root;

/* The entry for gpa in the table of `level` (1: 4 KiB pages, 2: 2 MiB), with the tables above it made on the
 * way. */
static uint64_t *entry_make(uint64_t gpa, unsigned int level)
{
	uint64_t *table = root;

	for (unsigned int l = 4; l > level; l--) {
		uint64_t *entry = &table[(gpa >> (3 + 9 * l)) & 511];

		if (!*entry)
			*entry = pages_alloc(1, PAGE_SIZE) | EPT_RWX;
		table = (uint64_t *)(*entry & EPT_ADDRESS);
	}
	return &table[(gpa >> (3 + 9 * level)) & 511];
}

/* A permutation of a chunk's pages: 77 is odd, so multiplying by it modulo 512 is one. */
static uint64_t shuffled(uint64_t page)
{
	return (page * 77 + 13) % PAGES_A_CHUNK;
}

static void map_chunk(uint64_t gpa, uint64_t host, bool small, bool shuffle)
{
	if (!small) {
		*entry_make(gpa, 2) = host | EPT_RWX | EPT_WB | EPT_PAGE;
		return;
	}
	for (uint64_t i = 0; i < PAGES_A_CHUNK; i++) {
		const uint64_t at = gpa + i * PAGE_SIZE;

		if (at >= EPT_LOW_END && at < EPT_HIGH_BASE)
			continue;
		*entry_make(at, 1) = (host + (shuffle ? shuffled(i) : i) * PAGE_SIZE) | EPT_RWX | EPT_WB;
	}
}

uint64_t ept_build(uint64_t memory, const struct capability *cap)
{
	const uint64_t chunks = memory / EPT_CHUNK + 1; /* and the island */
	const bool only_small = !(cap->ept_vpid & EPT_CAP_2M);
	const uint64_t host = pages_alloc(chunks * PAGES_A_CHUNK, EPT_CHUNK);

	if (!host)
		return 0;
	root = (uint64_t *)pages_alloc(1, PAGE_SIZE);
	for (uint64_t i = 0; i < chunks; i++) {
		const uint64_t gpa = i + 1 < chunks ? i * EPT_CHUNK : ept_island(memory);

		map_chunk(gpa, host + (chunks - 1 - i) * EPT_CHUNK, only_small || i < 2, i < 2);
	}
	for (uint64_t page = 0; page < NB_MMIO_SCRATCH_SIZE; page += PAGE_SIZE)
		*entry_make(NB_MMIO_SCRATCH + page, 1) = (NB_MMIO_SCRATCH + page) | EPT_RWX | EPT_UC;
	*entry_make(EPT_APIC_PAGE, 1) = EPT_APIC_PAGE | EPT_RWX | EPT_UC;
	if (!cap->unrestricted)
		*entry_make(EPT_HIDDEN_PAGE, 1) = pages_alloc(1, PAGE_SIZE) | EPT_RWX | EPT_WB;
	return (uint64_t)root | EPTP_WB | EPTP_WALK_4;
}

void *ept_host(uint64_t gpa, uint64_t *left)
{
	const uint64_t *table = root;

	if (gpa >> 48 || (gpa & ~(PAGE_SIZE - 1)) == EPT_APIC_PAGE)
		return NULL;
	for (unsigned int level = 4; level > 0; level--) {
		const uint64_t size = 1ull << (3 + 9 * level), entry = table[(gpa >> (3 + 9 * level)) & 511];

		if (!entry)
			return NULL;
		if (level == 1 || (entry & EPT_PAGE)) {
			if (left)
				*left = PAGE_SIZE - (gpa & (PAGE_SIZE - 1));
			return (void *)((entry & EPT_ADDRESS & ~(size - 1)) + (gpa & (size - 1)));
		}
		table = (const uint64_t *)(entry & EPT_ADDRESS);
	}
	return NULL;
}
