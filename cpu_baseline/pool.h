/* SPDX-License-Identifier: MIT */
/*
 * Which hosts go together: the largest sets whose baseline keeps the features that somebody wants. Pure; no
 * allocation.
 */
#ifndef CPU_BASELINE_POOL_H
#define CPU_BASELINE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/baseline.h"

#define CPU_POOL_HOSTS 64u
#define CPU_POOL_EXACT 12u /* so many hosts or less: every set is tried */

struct cpu_pool {
	uint64_t hosts; /* bit i: host i is in it */
	unsigned count; /* of hosts */
	unsigned features; /* of the pool's baseline: cpu_feature_count() */
};

struct cpu_pools {
	unsigned count;
	struct cpu_pool pool[CPU_POOL_HOSTS]; /* in the order in which they were taken: largest first */
	uint64_t none; /* hosts that have no baseline with all wanted features even by themselves */
	/*
	 * Each pool is the largest that the hosts left by those before it allow. false: a pool was chosen
	 * from more than CPU_POOL_EXACT hosts and did not take them all; then it is one to which no host can
	 * be added, found by the pairs of hosts that go together.
	 */
	bool exact;
};

/*
 * Takes the largest pool, then the largest of the rest, until each host that has the wanted features is in
 * one. Of pools of one size that is taken which has the host with the lowest index that the other lacks.
 * A third host may reconcile two that contradict each other, by hiding what they disagree about: pairs alone
 * do not decide. 0; -EINVAL: count above CPU_POOL_HOSTS; -ENOSPC: more leaves than a policy holds.
 */
__attribute__((warn_unused_result)) int cpu_pools(const struct cpu_policy *const hosts[], unsigned count,
						  const struct cpu_field *const wanted[],
						  unsigned wanted_count, const struct cpu_options *options,
						  struct cpu_pools *out);

/* Bits of feature words (rule `and`, one bit wide, CPUID and MSRs) that are 1. */
unsigned cpu_feature_count(const struct cpu_policy *policy);

#endif
