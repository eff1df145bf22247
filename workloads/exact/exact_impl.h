/* SPDX-License-Identifier: MIT */
/* Between the files of exact that are no tests. */
#ifndef EXACT_IMPL_H
#define EXACT_IMPL_H

#include "exact.h"

uint64_t memory_accessed(enum page page); /* RT_ACCESSED, RT_DIRTY of its entry */
void memory_copy(volatile void *to, const volatile void *from, uint64_t bytes /* a multiple of 8 */);

#endif
