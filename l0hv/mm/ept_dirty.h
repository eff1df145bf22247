/* SPDX-License-Identifier: MIT */
/*
 * Which pages of an EPT were written: by write permission that is taken away and given back, or by the dirty
 * flags. Pure. SDM Vol. 3C, "Accessed and Dirty Flags for EPT".
 *
 * Every leaf of the range is a 4-KByte page: ept_dirty_split() first. Whoever lowers entries finds ept->stale
 * set, as in ept.h; a flag that is cleared counts as lowered, since the processor may keep it.
 */
#ifndef L0HV_MM_EPT_DIRTY_H
#define L0HV_MM_EPT_DIRTY_H

#include "l0hv/mm/ept.h"

/* Map [gpa, gpa + bytes), which is mapped, by 4-KByte pages with the rights and types that it has. -EINVAL:
 * unaligned; -ENOMEM: a part of it is split. */
__attribute__((warn_unused_result)) int ept_dirty_split(struct ept *ept, const struct ept_mem *mem,
							uint64_t gpa, uint64_t bytes);

/*
 * Clear flag (EPT_W or EPT_ENTRY_DIRTY) in every leaf of the range. bitmap, if not NULL, gets bit gpa / 4096
 * of each that had it. Tables that the processor has not used since the last sweep of dirty flags are passed
 * over by their accessed flag.
 */
void ept_dirty_sweep(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t bytes, uint64_t flag,
		     uint64_t *bitmap);

/* The same for one page: true if it had the flag. */
bool ept_dirty_clear(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t flag);
/* The same for the pages of a bitmap of `words` words, from address 0 on: one walk for the pages of a table.
 */
void ept_dirty_clear_set(struct ept *ept, const struct ept_mem *mem, const uint64_t *bitmap, uint64_t words,
			 uint64_t flag);
/* Set it: true if the page is mapped and did not have it. Nothing becomes stale. */
bool ept_dirty_set(struct ept *ept, const struct ept_mem *mem, uint64_t gpa, uint64_t flag);

#endif
