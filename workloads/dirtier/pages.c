/* SPDX-License-Identifier: MIT */
#include "dirtier.h"
#include "rt.h"

#define VALUES (PAGE_WORDS - 3)
#define SPIN   2000u /* ticks from one offer of the processor to the next */
#define BACKLOG                                                                                              \
	8u /* writes that are made up for after a standstill: an exit does not slow it, a stop is no burst   \
	    */

static uint64_t id_of(const struct writer *w, uint64_t page)
{
	return mix(w->seed + (page + 1) * GOLDEN);
}

/* The n-th write to a page, from 1 on. */
static uint64_t value_of(uint64_t id, uint64_t n)
{
	return mix(id + n * GOLDEN);
}

static void start_pattern(struct writer *w)
{
	w->random = mix(w->seed) | 1;
}

void writer_init(struct writer *w)
{
	w->done = w->probed = w->bad_probes = w->next = 0;
	start_pattern(w);
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

/* The page of write k, from 0 on; to be asked for one write after the other. */
static uint64_t pick(struct writer *w, uint64_t k)
{
	switch (w->pattern) {
	case SEQUENTIAL:
		return k % w->pages;
	case ZIPF:
		return zipf(w);
	case ADVERSARIAL:
		/* Once over all pages in a round, upwards as a sender goes, whatever the number of writes:
		 * what was sent is old at once. */
		return k % w->round * w->pages / w->round % w->pages;
	case RANDOM:
	case PATTERNS:
	default:
		return draw(w) % 100 < w->hot_percent ? draw(w) % w->hot : draw(w) % w->pages;
	}
}

static void write_page(struct writer *w, uint64_t number, uint64_t nth)
{
	volatile struct page *p = &w->page[number];
	const uint64_t sequence = p->sequence + 1, value = value_of(p->id, sequence);

	p->sequence = sequence;
	p->sum += value;
	if (nth != w->spoil.tear)
		p->value[sequence % VALUES] = value;
}

/* The last writes to a page are there, and its count is this one. */
static bool looks_well(const struct writer *w, uint64_t number, uint64_t sequence)
{
	const volatile struct page *p = &w->page[number];
	const uint64_t id = id_of(w, number), last = sequence < VALUES ? sequence : VALUES;
	bool well = p->id == id && p->sequence == sequence;

	for (uint64_t n = sequence - last + 1; n <= sequence; n++)
		well &= p->value[n % VALUES] == value_of(id, n);
	for (uint64_t n = sequence + 1; n < VALUES; n++)
		well &= p->value[n] == 0;
	return well && (last == VALUES || p->value[0] == 0);
}

static void probe(struct writer *w)
{
	const uint64_t number = w->probed++ % w->pages;

	if (looks_well(w, number, w->expected[number]) || w->bad_probes++)
		return;
	rt_printf("dirtier: page %lu is wrong after %lu writes: %lu writes there, wanted %u\n", number,
		  w->done, w->page[number].sequence, w->expected[number]);
}

static void pace(struct writer *w)
{
	uint64_t now = rdtsc();

	if (now > w->next + BACKLOG * w->interval)
		w->next = now - BACKLOG * w->interval;
	w->next += w->interval;
	while (rdtsc() < w->next) {
		if (w->shares)
			rt_yield();
		for (now = rdtsc(); rdtsc() < w->next && rdtsc() - now < SPIN;)
			pause_cpu();
	}
}

void writer_run(struct writer *w, uint64_t writes)
{
	for (uint64_t i = 0; i < writes; i++) {
		const uint64_t number = pick(w, w->done++);

		if (w->done != w->spoil.lose)
			write_page(w, number, w->done);
		if (w->done == w->spoil.twice)
			write_page(w, number, w->done);
		w->expected[number]++;
		if (w->probe && w->done % w->probe == 0)
			probe(w);
		if (w->interval)
			pace(w);
	}
}

static uint64_t sum_of(uint64_t id, uint64_t sequence)
{
	uint64_t sum = 0;

	for (uint64_t n = 1; n <= sequence; n++)
		sum += value_of(id, n);
	return sum;
}

static void check_page(const struct writer *w, uint64_t number, uint32_t wanted, struct faults *f)
{
	const struct page *p = &w->page[number];
	const struct faults before = *f;

	f->lost += p->sequence < wanted;
	f->doubled += p->sequence > wanted;
	f->uncounted += w->expected[number] != wanted;
	/* no loop over a number that cannot be */
	f->torn += p->sequence > w->done || !looks_well(w, number, p->sequence) ||
		   p->sum != sum_of(id_of(w, number), p->sequence);
	if (f->first == UINT64_MAX && (f->lost != before.lost || f->doubled != before.doubled ||
				       f->torn != before.torn || f->uncounted != before.uncounted))
		f->first = number;
}

bool writer_check(struct writer *w, uint64_t writes, struct faults *f, uint64_t *digest)
{
	*f = (struct faults){.first = UINT64_MAX};
	*digest = 0;
	start_pattern(w);
	for (uint64_t k = 0; k < writes; k++)
		w->recount[pick(w, k)]++;
	for (uint64_t i = 0; i < w->pages; i++) {
		check_page(w, i, w->recount[i], f);
		*digest += mix(w->page[i].sum ^ mix(w->page[i].sequence ^ w->page[i].id));
	}
	return f->first == UINT64_MAX && w->done == writes && !w->bad_probes;
}
