// SPDX-License-Identifier: MIT
/* The window of pages that instructions under test use, in a page table of its own. */
#include <nestbed/ports.h>

#include "exact_impl.h"

#define TABLE                    (RT_PRESENT | RT_WRITABLE | RT_USER | RT_ACCESSED)
#define ADDRESS                  0x000ffffffffff000ull
#define PAGE_SIZE                4096ull
#define ENTRY_AT(address, level) (((address) >> (3 + 9 * (level))) & 511)

static uint64_t table[512] __attribute__((aligned(4096)));
static uint8_t ram[PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static enum place now;

static bool is_data(enum page page)
{
	return page == PAGE_DATA0 || page == PAGE_DATA1;
}

volatile uint8_t *memory_bytes(enum page page)
{
	if (now == ON_DEVICE && is_data(page))
		return (volatile uint8_t *)(NB_MMIO_SCRATCH + PAGE_SIZE * (uint64_t)(page - PAGE_DATA0));
	return ram[page];
}

bool memory_has_device(void)
{
	volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)NB_MMIO_SCRATCH;

	*word = 0x12345678;
	return *word == 0x12345678;
}

void memory_init(void)
{
	uint64_t *level = (uint64_t *)(read_cr3() & ADDRESS); /* identity map of the runtime */

	for (unsigned int l = 4; l > 2; l--)
		level = (uint64_t *)(level[ENTRY_AT(WINDOW, l)] & ADDRESS);
	level[ENTRY_AT(WINDOW, 2)] = (uint64_t)(uintptr_t)table | TABLE;
	memory_place(ON_RAM);
}

static void show(enum page page, uint64_t flags)
{
	const uint64_t uncached = now == ON_DEVICE && is_data(page) ? RT_UNCACHED : 0;

	table[page] = flags ? (uint64_t)(uintptr_t)memory_bytes(page) | flags | uncached : 0;
	invlpg(LINEAR(page));
}

void memory_place(enum place place)
{
	now = place;
	for (enum page page = 0; page < PAGES; page++) {
		uint64_t flags = RT_PRESENT | RT_WRITABLE | RT_USER;

		if (page == PAGE_READ_ONLY)
			flags = RT_PRESENT | RT_USER;
		if (page == PAGE_SUPERVISOR)
			flags = RT_PRESENT | RT_WRITABLE;
		show(page, page == PAGE_ABSENT ? 0 : flags);
	}
}

void memory_flags(enum page page, uint64_t flags)
{
	show(page, flags);
}

uint64_t memory_accessed(enum page page)
{
	return table[page] & (RT_ACCESSED | RT_DIRTY);
}

/* In whole words: the device takes a REP MOVS in one exit. */
void memory_copy(volatile void *to, const volatile void *from, uint64_t bytes)
{
	uint64_t words = bytes / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}
