/* SPDX-License-Identifier: MIT */
/* L0's physical memory. It is identity mapped: a physical address is a pointer. */
#ifndef L0HV_MM_PAGES_H
#define L0HV_MM_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nestbed/multiboot.h"

#define PAGE_SIZE 4096ull
#define PAGE_MASK (PAGE_SIZE - 1)

static inline void *phys_to_virt(uint64_t pa)
{
	return (void *)(uintptr_t)pa;
}

static inline uint64_t virt_to_phys(const void *p)
{
	return (uintptr_t)p;
}

/* Take the largest RAM region that the loader told of, without L0's image, modules and tables in it. */
void pages_init(const struct multiboot_info *info);
/* The RAM in L0's hands: [start, end). */
void pages_range(uint64_t *start, uint64_t *end);

/* A zeroed page; 0: none left. */
uint64_t page_alloc(void);
void page_free(uint64_t pa);
/* Zeroed, physically contiguous, aligned (a power of two of at least 4096), never given back; 0: no room. */
uint64_t pages_alloc_contiguous(uint64_t bytes, uint64_t align);
uint64_t pages_left(void);

/* L0's own page tables: text read and execute, constants read only, data no execute, nothing at address 0. */
void paging_init(void);

#endif
