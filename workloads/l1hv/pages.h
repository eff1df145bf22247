/* SPDX-License-Identifier: MIT */
/* l1hv's own memory: taken, zeroed, never given back. Physical addresses are linear ones. */
#ifndef L1HV_PAGES_H
#define L1HV_PAGES_H

#include <stdint.h>

#define PAGE_SIZE 4096ull

void pages_init(uint64_t first, uint64_t end);
/* `count` contiguous zeroed pages at a multiple of `align` (a power of two). 0: there are no more. */
uint64_t pages_alloc(uint64_t count, uint64_t align);

#endif
