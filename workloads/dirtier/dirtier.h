/* SPDX-License-Identifier: MIT */
/*
 * Pages that are written again and again, each with the number of its last write, and what they must hold.
 * Each processor has pages of its own.
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

struct writer {
	struct page *page;
	uint64_t pages, hot, hot_percent, writes; /* writes: of a round */
	enum pattern pattern;
	uint64_t seed, random; /* random: state, not 0 */
	uint64_t pause; /* ticks from one write to the next; 0: none */
	/* what was done, kept apart from the pages */
	uint32_t *expected; /* sequence of each page */
	uint64_t done, sum;
};

/* page and expected are filled: nothing written yet. */
void writer_init(struct writer *w);
/* Write w->writes pages. */
void writer_round(struct writer *w);
/* The page numbers that follow are a function of seed and pattern alone. */
uint64_t writer_pick(struct writer *w, uint64_t i);

struct faults {
	uint64_t lost, doubled; /* pages with fewer or more writes than were made */
	uint64_t torn; /* pages that do not hold what their sequence says */
	bool sum_differs; /* over all writes */
};
/* Looks at every page. True: everything is there, once. */
bool writer_check(const struct writer *w, struct faults *faults);

#endif
