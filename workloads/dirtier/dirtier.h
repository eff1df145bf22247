/* SPDX-License-Identifier: MIT */
/*
 * Pages that are written again and again, each with the number of its last write, and what they must hold.
 * Each processor has pages of its own. What a page must hold is a function of the writer's settings and of
 * the number of writes alone, so that the check believes nothing that lies in memory.
 */
#ifndef WORKLOADS_DIRTIER_H
#define WORKLOADS_DIRTIER_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_WORDS 512u

enum pattern { SEQUENTIAL, RANDOM, ZIPF, ADVERSARIAL, PATTERNS };

struct page {
	uint64_t id; /* constant */
	uint64_t sequence; /* writes so far */
	uint64_t sum; /* of the values written so far */
	uint64_t value[PAGE_WORDS - 3]; /* the last writes, each at its sequence modulo their number */
};
_Static_assert(sizeof(struct page) == 4096, "a page");

/* A write that is spoilt, to see that the check finds it; each the number of a write, from 1 on. 0: none. */
struct spoil {
	uint64_t lose, twice, tear;
};

struct writer {
	struct page *page;
	uint64_t pages, hot, hot_percent;
	uint64_t round; /* writes in which ADVERSARIAL goes once over the pages */
	enum pattern pattern;
	uint64_t seed;
	uint64_t interval; /* ticks from one write to the next; 0: as fast as it can */
	uint64_t probe; /* one page is checked each so many writes, in their order; 0: none */
	bool shares; /* the processor, with others: it yields while it waits */
	struct spoil spoil;
	/* where it is */
	uint64_t done; /* writes */
	uint64_t random; /* of the pattern */
	uint64_t next; /* tick of the next write */
	uint64_t probed; /* pages, in all rounds of probing */
	uint64_t bad_probes;
	uint32_t *expected; /* sequence of each page, for probing */
	uint32_t *recount; /* room for the check: a number a page, 0 */
};

/* Memory and settings are filled in: nothing written yet. */
void writer_init(struct writer *w);
/* Write that many pages. */
void writer_run(struct writer *w, uint64_t writes);

struct faults {
	uint64_t lost, doubled; /* pages with fewer or more writes than were made */
	uint64_t torn; /* pages that do not hold what their sequence says */
	uint64_t uncounted; /* pages whose entry in `expected` is wrong */
	uint64_t first; /* lowest page with one of these; UINT64_MAX: none */
};
/*
 * Looks at every page: true when `writes` writes are there, each once, and nothing else. Goes through all
 * writes once more, so it takes about as long as they did without pauses. *digest: of all pages.
 */
bool writer_check(struct writer *w, uint64_t writes, struct faults *faults, uint64_t *digest);

/* fill.c: pages that are written once, and hold no zero that a sender could leave out. */
struct fill {
	uint64_t *word;
	uint64_t pages, seed;
};
void fill_make(struct fill *f, uint64_t mib, uint64_t seed); /* panics where there is not so much memory */
/* Pages that do not hold it any more; *digest: of all. */
uint64_t fill_wrong(const struct fill *f, uint64_t *digest);

/* The finalizer of SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators". */
static inline uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}
#define GOLDEN 0x9e3779b97f4a7c15ull

#endif
