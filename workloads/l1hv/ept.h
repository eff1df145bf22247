/* SPDX-License-Identifier: MIT */
/*
 * EPT12: L2's memory, on purpose not where L2 thinks it is.
 *
 *   0 .. 640 KiB          RAM, 4 KiB pages in shuffled order
 *   640 KiB .. 1 MiB      hole
 *   1 MiB .. 4 MiB        RAM, 4 KiB pages in shuffled order
 *   4 MiB .. memory       RAM, 2 MiB pages in reversed order
 *   2 MiB behind it       hole
 *   2 MiB behind the hole RAM (the island)
 *   0xFEE00000            the local APIC below, identity, uncacheable
 *   (without unrestricted guest) one page at EPT_HIDDEN_PAGE for the identity page table
 *
 * Everything else is unmapped: an EPT violation, which mmio.c serves.
 */
#ifndef L1HV_EPT_H
#define L1HV_EPT_H

#include <stdint.h>

#define EPT_CHUNK       0x200000ull
#define EPT_LOW_END     0xA0000ull
#define EPT_HIGH_BASE   0x100000ull
#define EPT_HIDDEN_PAGE 0xFEFFC000ull
#define EPT_APIC_PAGE   0xFEE00000ull
#define EPT_MEMORY_MIN  (4 * EPT_CHUNK)
#define EPT_MEMORY_MAX  (3ull << 30)

struct capability;

/* Where the island begins, if main memory ends at `memory` (a multiple of EPT_CHUNK). */
static inline uint64_t ept_island(uint64_t memory)
{
	return memory + EPT_CHUNK;
}

/* Builds it; the EPTP for the VMCS. `memory`: see above. 0: not enough memory for it. */
uint64_t ept_build(uint64_t memory, const struct capability *cap);

/* The byte of L1 behind a guest-physical address; valid to the end of its 4 KiB page. NULL: unmapped or not
 * RAM. */
void *ept_host(uint64_t gpa, uint64_t *left);

#endif
