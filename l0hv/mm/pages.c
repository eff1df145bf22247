/* SPDX-License-Identifier: MIT */
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"

extern uint8_t l0_image_start[], l0_image_end[];

/* Single pages come from below and are kept in a list when freed; contiguous memory comes from above. */
static struct {
	uint64_t start, low, high, end;
	uint64_t free_list; /* the first 8 bytes of a free page hold the next */
	uint64_t free_count;
} pool;

void pages_range(uint64_t *start, uint64_t *end)
{
	*start = pool.start;
	*end = pool.end;
}

/* Shrink [start, end) to the larger side of what [from, to) leaves of it. */
static void exclude(uint64_t *start, uint64_t *end, uint64_t from, uint64_t to)
{
	if (to <= *start || from >= *end)
		return;
	if (from > *start && from - *start > (*end > to ? *end - to : 0))
		*end = from;
	else
		*start = to < *end ? to : *end;
}

void pages_init(const struct multiboot_info *info)
{
	const struct multiboot_module *module = phys_to_virt(info->mods_addr);
	uint64_t start = 0, end = 0;

	for (uint32_t at = 0; (info->flags & MB_INFO_MMAP) && at < info->mmap_length;) {
		const struct multiboot_mmap *m = phys_to_virt(info->mmap_addr + at);
		uint64_t to = m->base + m->length < (4ull << 30) ? m->base + m->length : 4ull << 30;

		if (m->type == MB_MMAP_AVAILABLE && m->base < to && to - m->base > end - start) {
			start = m->base;
			end = to;
		}
		at += m->size + 4;
	}
	if (!end && (info->flags & MB_INFO_MEMORY)) {
		start = 1u << 20;
		end = start + (uint64_t)info->mem_upper * 1024;
	}
	exclude(&start, &end, virt_to_phys(l0_image_start), virt_to_phys(l0_image_end));
	for (uint32_t i = 0; i < info->mods_count; i++) {
		exclude(&start, &end, module[i].start, module[i].end);
		if (module[i].cmdline)
			exclude(&start, &end, module[i].cmdline, module[i].cmdline + PAGE_SIZE);
	}
	exclude(&start, &end, virt_to_phys(module), virt_to_phys(module + info->mods_count));
	exclude(&start, &end, virt_to_phys(info), virt_to_phys(info + 1));
	pool.start = pool.low = (start + PAGE_MASK) & ~PAGE_MASK;
	pool.end = pool.high = end & ~PAGE_MASK;
	if (pool.low + (8u << 20) > pool.high)
		panic("less than 8 MiB of memory left for L0");
}

uint64_t page_alloc(void)
{
	uint64_t pa = pool.free_list;

	if (pa) {
		pool.free_list = *(uint64_t *)phys_to_virt(pa);
		pool.free_count--;
	} else if (pool.low < pool.high) {
		pa = pool.low;
		pool.low += PAGE_SIZE;
	} else {
		return 0;
	}
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

void page_free(uint64_t pa)
{
	if (pa & PAGE_MASK || pa < pool.start || pa >= pool.end)
		panic("page_free of %llx", (unsigned long long)pa);
	*(uint64_t *)phys_to_virt(pa) = pool.free_list;
	pool.free_list = pa;
	pool.free_count++;
}

uint64_t pages_alloc_contiguous(uint64_t bytes, uint64_t align)
{
	uint64_t pa;

	bytes = (bytes + PAGE_MASK) & ~PAGE_MASK;
	if (bytes > pool.high - pool.low)
		return 0;
	pa = (pool.high - bytes) & ~(align - 1);
	if (pa < pool.low)
		return 0;
	pool.high = pa;
	memset(phys_to_virt(pa), 0, bytes);
	return pa;
}

uint64_t pages_left(void)
{
	return (pool.high - pool.low) / PAGE_SIZE + pool.free_count;
}
