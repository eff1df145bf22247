/* SPDX-License-Identifier: MIT */
/* What falls with what: which rows of the table stay, given which a processor has. Pure. */
#ifndef CPU_BASELINE_NEEDS_H
#define CPU_BASELINE_NEEDS_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"
#include "cpu_baseline/rows.h"

#define CPU_HAVE_WORDS ((F_ROWS + 63) / 64)

/* A bit a row, 1 where its field is not 0. */
struct cpu_have {
	uint64_t bit[CPU_HAVE_WORDS];
	/* a control of VMX that must be 1, so that it stays without what it needs */
	uint64_t forced[CPU_HAVE_WORDS];
};

static inline bool cpu_bit_test(const uint64_t bits[CPU_HAVE_WORDS], unsigned row)
{
	return bits[row / 64] >> row % 64 & 1;
}

static inline void cpu_bit_put(uint64_t bits[CPU_HAVE_WORDS], unsigned row, bool one)
{
	const uint64_t bit = 1ull << row % 64;

	bits[row / 64] = (bits[row / 64] & ~bit) | (one ? bit : 0);
}

/*
 * Takes away what lacks its gate or a prerequisite, until nothing does. features_only: rows that are no
 * features count as there, and controls of VMX do not hang on each other.
 */
void cpu_needs_fix(struct cpu_have *have, bool features_only);

/* The same for a policy's fields: those that fall become 0. */
void cpu_needs_close(struct cpu_policy *policy);

#endif
