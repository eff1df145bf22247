/* SPDX-License-Identifier: MIT */
/* The same random numbers for the same `seed=` of the command line. xorshift64*: Vigna, "An experimental
 * exploration of Marsaglia's xorshift generators, scrambled". */
#ifndef WORKLOADS_TESTGUESTS_RANDOM_H
#define WORKLOADS_TESTGUESTS_RANDOM_H

#include "rt.h"

static uint64_t random_state;

static inline void random_seed(void)
{
	random_state = rt_arg_u64("seed", 1) * 0x9e3779b97f4a7c15ull | 1;
}

static inline uint64_t next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

#endif
