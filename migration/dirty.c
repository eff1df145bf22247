/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "migration/dirty.h"

void dirty_init(struct dirty *d, uint64_t *words, uint32_t pages)
{
	*d = (struct dirty){.words = words, .pages = pages};
	dirty_clear(d);
}

void dirty_clear(struct dirty *d)
{
	memset(d->words, 0, DIRTY_WORDS(d->pages) * sizeof(d->words[0]));
	d->count = 0;
}

void dirty_fill(struct dirty *d)
{
	memset(d->words, 0xFF, DIRTY_WORDS(d->pages) * sizeof(d->words[0]));
	if (d->pages % 64)
		d->words[d->pages / 64] = (1ull << d->pages % 64) - 1;
	d->count = d->pages;
}

bool dirty_has(const struct dirty *d, uint32_t page)
{
	return page < d->pages && (d->words[page / 64] >> page % 64 & 1);
}

bool dirty_mark(struct dirty *d, uint32_t page)
{
	if (page >= d->pages || dirty_has(d, page))
		return false;
	d->words[page / 64] |= 1ull << page % 64;
	d->count++;
	return true;
}

bool dirty_unmark(struct dirty *d, uint32_t page)
{
	if (!dirty_has(d, page))
		return false;
	d->words[page / 64] &= ~(1ull << page % 64);
	d->count--;
	return true;
}

uint32_t dirty_next(const struct dirty *d, uint32_t from)
{
	uint64_t word;

	if (from >= d->pages)
		return DIRTY_NONE;
	word = d->words[from / 64] & ~0ull << from % 64;
	for (size_t i = from / 64;;) {
		if (word)
			return (uint32_t)(i * 64 + (unsigned)__builtin_ctzll(word));
		if (++i == DIRTY_WORDS(d->pages))
			return DIRTY_NONE;
		word = d->words[i];
	}
}

void dirty_union(struct dirty *d, const struct dirty *with)
{
	for (size_t i = 0; i < DIRTY_WORDS(d->pages); i++) {
		uint64_t added = with->words[i] & ~d->words[i];

		d->words[i] |= added;
		for (; added; added &= added - 1)
			d->count++;
	}
}

void dirty_take_all(struct dirty *d, struct dirty *from)
{
	dirty_union(d, from);
	dirty_clear(from);
}

bool dirty_equal(const struct dirty *a, const struct dirty *b)
{
	return a->pages == b->pages && a->count == b->count &&
	       !memcmp(a->words, b->words, DIRTY_WORDS(a->pages) * sizeof(a->words[0]));
}
