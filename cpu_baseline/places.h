/* SPDX-License-Identifier: MIT */
/* Every leaf and MSR that any of several policies has, in the table's order. Pure. */
#ifndef CPU_BASELINE_PLACES_H
#define CPU_BASELINE_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"
#include "cpu_baseline/rows.h"

struct cpu_place {
	bool first; /* set: begin before all of them */
	uint32_t msr, leaf, subleaf; /* msr 0: of CPUID */
};

/* The next one that a policy or also (which may be NULL) has. False: there is none. */
bool cpu_next_place(const struct cpu_policy *const policies[], unsigned count, const struct cpu_policy *also,
		    struct cpu_place *place);

struct cpu_rows cpu_place_rows(const struct cpu_place *place);

/* What the policy says there that no row covers. CPU_EAX for an MSR. */
uint64_t cpu_place_unknown(const struct cpu_policy *policy, const struct cpu_place *place, enum cpu_reg reg);

/*
 * A row's field, 0 where the policy's leaf counts do not reach it. subleaf is the row's own, or that which a
 * row for any sub-leaf is asked for.
 */
uint64_t cpu_told(const struct cpu_policy *policy, const struct cpu_field *field, uint32_t subleaf);

#endif
