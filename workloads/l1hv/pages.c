// SPDX-License-Identifier: MIT
#include "pages.h"

static uint64_t next, limit;

void pages_init(uint64_t first, uint64_t end)
{
	next = (first + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	limit = end & ~(PAGE_SIZE - 1);
}

uint64_t pages_alloc(uint64_t count, uint64_t align)
{
	const uint64_t start = (next + align - 1) & ~(align - 1);
	uint64_t at = start, words = count * PAGE_SIZE / 8;

	if (start > limit || count > (limit - start) / PAGE_SIZE)
		return 0;
	next = start + count * PAGE_SIZE;
	__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(0) : "memory");
	return start;
}
