/* SPDX-License-Identifier: MIT */
/*
 * The set of pages that were written: one for all writers of a VM. Page numbers are guest-physical addresses
 * divided by 4096. Not atomic: who shares a set locks it.
 */
#ifndef MIGRATION_DIRTY_H
#define MIGRATION_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRTY_NONE UINT32_MAX
/* 64-bit words that a set of so many pages needs */
#define DIRTY_WORDS(pages) (((size_t)(pages) + 63u) / 64u)

struct dirty {
	uint64_t *words; /* the caller's, DIRTY_WORDS(pages) of them; bits behind the last page are 0 */
	uint32_t pages; /* pages that there are */
	uint32_t count; /* pages in the set */
};

/* The set is empty. pages < DIRTY_NONE */
void dirty_init(struct dirty *d, uint64_t *words, uint32_t pages);
void dirty_clear(struct dirty *d);
void dirty_fill(struct dirty *d);
/* Page numbers that there are not are ignored (false): they are a guest's. True: it was not in the set. */
bool dirty_mark(struct dirty *d, uint32_t page);
/* True: it was in the set. */
bool dirty_unmark(struct dirty *d, uint32_t page);
bool dirty_has(const struct dirty *d, uint32_t page);
/* The first page of the set that is >= from, or DIRTY_NONE. */
uint32_t dirty_next(const struct dirty *d, uint32_t from);
/* All pages of `from`, which is empty then, are put into d. Both have the same number of pages. */
void dirty_take_all(struct dirty *d, struct dirty *from);
/* The same without emptying. */
void dirty_union(struct dirty *d, const struct dirty *with);
bool dirty_equal(const struct dirty *a, const struct dirty *b);

#endif
