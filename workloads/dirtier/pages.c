/* SPDX-License-Identifier: MIT */
#include "dirtier.h"
#include "rt.h"

#define VALUES (PAGE_WORDS - 3)

/* The finalizer of SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators". */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t id_of(const struct writer *w, uint64_t page)
{
	return mix(w->seed + (page + 1) * 0x9e3779b97f4a7c15ull);
}

/* The n-th write to a page, from 1 on. */
static uint64_t value_of(uint64_t id, uint64_t n)
{
	return mix(id + n * 0x9e3779b97f4a7c15ull);
}

void writer_init(struct writer *w)
{
	w->random = mix(w->seed) | 1;
	w->done = w->sum = 0;
	for (uint64_t i = 0; i < w->pages; i++) {
		memset(&w->page[i], 0, sizeof(w->page[i]));
		w->page[i].id = id_of(w, i);
		w->expected[i] = 0;
	}
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" */
static uint64_t draw(struct writer *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dull >> 16;
}

/* Page r has about 1/r of the writes of page 1: an octave of ranks is as likely as any other. */
static uint64_t zipf(struct writer *w)
{
	unsigned int octaves = 1;
	uint64_t first, rank;

	while (2ull << octaves <= w->pages)
		octaves++;
	first = 1ull << draw(w) % octaves;
	rank = first + draw(w) % first;
	return rank < w->pages ? rank : w->pages - 1;
}

uint64_t writer_pick(struct writer *w, uint64_t i)
{
	switch (w->pattern) {
	case SEQUENTIAL:
		return (w->done + i) % w->pages;
	case ZIPF:
		return zipf(w);
	case ADVERSARIAL:
		/* Once over all pages in a round, upwards as a sender goes, whatever the number of writes:
		 * what was sent is old at once. */
		return i * w->pages / w->writes % w->pages;
	case RANDOM:
	case PATTERNS:
	default:
		return draw(w) % 100 < w->hot_percent ? draw(w) % w->hot : draw(w) % w->pages;
	}
}

static void write_page(struct writer *w, uint64_t number)
{
	volatile struct page *p = &w->page[number];
	const uint64_t sequence = p->sequence + 1, value = value_of(p->id, sequence);

	p->sequence = sequence;
	p->sum += value;
	p->value[sequence % VALUES] = value;
	w->expected[number]++;
	w->sum += value;
}

void writer_round(struct writer *w)
{
	uint64_t next = rdtsc();

	for (uint64_t i = 0; i < w->writes; i++) {
		write_page(w, writer_pick(w, i));
		for (next += w->pause; w->pause && rdtsc() < next;)
			pause_cpu();
	}
	w->done += w->writes;
}

/* Everything but the count. */
static bool page_holds(const struct writer *w, uint64_t number, uint64_t *sum)
{
	const struct page *p = &w->page[number];
	const uint64_t last = p->sequence < VALUES ? p->sequence : VALUES;
	uint64_t all = 0;
	bool holds = p->id == id_of(w, number);

	for (uint64_t n = 1; n <= p->sequence; n++)
		all += value_of(p->id, n);
	for (uint64_t n = p->sequence - last + 1; n <= p->sequence; n++)
		holds &= p->value[n % VALUES] == value_of(p->id, n);
	*sum += all;
	return holds && p->sum == all;
}

bool writer_check(const struct writer *w, struct faults *f)
{
	uint64_t sum = 0, writes = 0;

	*f = (struct faults){0};
	for (uint64_t i = 0; i < w->pages; i++) {
		const uint64_t sequence = w->page[i].sequence;

		f->lost += sequence < w->expected[i];
		f->doubled += sequence > w->expected[i];
		/* no loop over a number that cannot be */
		f->torn += sequence > w->done || !page_holds(w, i, &sum);
		writes += sequence;
	}
	f->sum_differs = writes != w->done || sum != w->sum;
	return !f->lost && !f->doubled && !f->torn && !f->sum_differs;
}
