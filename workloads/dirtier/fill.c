/* SPDX-License-Identifier: MIT */
#include "dirtier.h"
#include "rt.h"

#define PAGES_OF_MIB 256u

/* Odd numbers, so none is 0; each has its place in it. */
static uint64_t first_of(const struct fill *f, uint64_t page)
{
	return mix(f->seed ^ (page + 1) * GOLDEN) | 1;
}

static uint64_t word_of(uint64_t first, uint64_t i)
{
	return first + 2 * i * GOLDEN;
}

void fill_make(struct fill *f, uint64_t mib, uint64_t seed)
{
	if (mib > 4096)
		rt_panic("fill: at most 4096 MiB");
	f->pages = mib * PAGES_OF_MIB;
	f->seed = mix(seed);
	f->word = rt_pages(f->pages);
	for (uint64_t page = 0; page < f->pages; page++) {
		const uint64_t first = first_of(f, page);

		for (uint64_t i = 0; i < PAGE_WORDS; i++)
			f->word[page * PAGE_WORDS + i] = word_of(first, i);
	}
}

uint64_t fill_wrong(const struct fill *f, uint64_t *digest)
{
	uint64_t wrong = 0;

	*digest = 0;
	for (uint64_t page = 0; page < f->pages; page++) {
		const volatile uint64_t *word = &f->word[page * PAGE_WORDS];
		const uint64_t first = first_of(f, page);
		uint64_t all = 0;
		bool same = true;

		for (uint64_t i = 0; i < PAGE_WORDS; i++) {
			const uint64_t is = word[i];

			same &= is == word_of(first, i);
			all = all * 3 + is;
		}
		wrong += !same;
		*digest += mix(all ^ page);
	}
	return wrong;
}
