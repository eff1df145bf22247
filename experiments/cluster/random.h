/* SPDX-License-Identifier: MIT */
/* Numbers that look drawn at random and are the same on every computer: xorshift64* (Vigna 2016, "An
 * experimental exploration of Marsaglia's xorshift generators, scrambled"). Pure. */
#ifndef EXPERIMENTS_CLUSTER_RANDOM_H
#define EXPERIMENTS_CLUSTER_RANDOM_H

#include <stdint.h>

/* A state for each seed, never 0. */
static inline uint64_t random_seed(uint64_t seed)
{
	return seed * 0x9e3779b97f4a7c15ull + 1;
}

/* Below `below`, which is less than 2^32 and not 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((*state * 0x2545f4914f6cdd1dull) >> 32) % below;
}

#endif
