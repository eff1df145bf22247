/* SPDX-License-Identifier: MIT */
/* Random policies: around a given one, or of nothing but the table's leaves. */
#ifndef TESTS_UNIT_CPU_RANDOM_H
#define TESTS_UNIT_CPU_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"

/* A source of numbers: some given bytes first, then xorshift64* from its state, which must not be 0. */
struct dice {
	uint64_t state;
	const uint8_t *bytes;
	size_t left;
};

uint64_t dice_throw(struct dice *dice);
uint64_t dice_below(struct dice *dice, uint64_t sides);

/*
 * A policy near *base, or with base NULL a wild one: fields changed, leaves and MSRs gone, unknown bits and
 * leaves, sometimes features only. Most keep what hosts must share, so that not everything is refused.
 */
void random_policy(struct dice *dice, const struct cpu_policy *base, struct cpu_policy *out);

#endif
