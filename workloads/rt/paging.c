/* SPDX-License-Identifier: MIT */
/* A window of 4 KiB pages behind the identity map, for tests of paging. */
#include "internal.h"
#include "rt.h"

static uint64_t window_pd[512] __attribute__((aligned(4096)));
static uint64_t window_pt[512] __attribute__((aligned(4096)));

#define TABLE (RT_PRESENT | RT_WRITABLE | RT_USER)

static uint64_t *entry(uint64_t address)
{
	if (address < RT_WINDOW || address - RT_WINDOW >= RT_WINDOW_SIZE)
		rt_panic("0x%lx is not in the window", address);
	return &window_pt[(address - RT_WINDOW) / 4096];
}

void rt_map(uint64_t address, uint64_t physical, uint64_t flags)
{
	uint64_t *pte = entry(address);

	if (!window_pd[0]) {
		window_pd[0] = (uint64_t)(uintptr_t)window_pt | TABLE;
		rt_pdpt[RT_WINDOW >> 30] = (uint64_t)(uintptr_t)window_pd | TABLE;
	}
	*pte = flags ? (physical & ~4095ull) | flags : 0;
	invlpg(address);
}

uint64_t rt_pte(uint64_t address)
{
	return *(volatile uint64_t *)entry(address);
}
