/* SPDX-License-Identifier: MIT */
/* A policy with only what the table shows to guests and what its prerequisites allow. Pure. */
#ifndef CPU_BASELINE_CLOSE_H
#define CPU_BASELINE_CLOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"

/* Whether the policy's own leaf counts reach the leaf; always for one of features only. */
bool cpu_leaf_reached(const struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf);

/* Whether the policy tells all of leaf 15H or 40000000H that is needed for it to mean anything. */
bool cpu_is_enumerated(const struct cpu_policy *policy, uint32_t leaf);

/* What the host says, closed, into *out. 0; -ENOSPC. */
__attribute__((warn_unused_result)) int cpu_policy_close(const struct cpu_policy *host,
							 struct cpu_policy *out);

/*
 * Close what is made of closed policies: drop what lacks a prerequisite, compute what follows from the rest,
 * and give each row that is 0 its place or none, so that equal policies are equal bit for bit. 0; -ENOSPC.
 */
__attribute__((warn_unused_result)) int cpu_policy_tidy(struct cpu_policy *policy);

/* Keep features only. */
void cpu_policy_as_features(struct cpu_policy *policy);

#endif
