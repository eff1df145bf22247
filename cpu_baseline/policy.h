/* SPDX-License-Identifier: MIT */
/*
 * A CPU policy: what a processor says of itself by CPUID and by the MSRs that tell of capabilities. A host's
 * is what it was found to say; a baseline's is what a guest is to see. Pure; no allocation.
 */
#ifndef CPU_BASELINE_POLICY_H
#define CPU_BASELINE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define CPU_POLICY_LEAVES   192u
#define CPU_POLICY_MSRS     40u
#define CPU_POLICY_NAME_MAX 64u /* with its NUL */

enum cpu_reg { CPU_EAX, CPU_EBX, CPU_ECX, CPU_EDX, CPU_REGS };

/* One answer of CPUID: SDM Vol. 2A, "CPUID". subleaf is 0 where the leaf has none. */
struct cpu_leaf {
	uint32_t leaf, subleaf;
	uint32_t reg[CPU_REGS]; /* by enum cpu_reg */
};

struct cpu_msr {
	uint32_t number;
	uint64_t value;
};

struct cpu_policy {
	char name[CPU_POLICY_NAME_MAX]; /* for messages */
	/*
	 * It comes from a list of features by name (libvirt's <cpu>), so it knows feature words, the vendor
	 * at most, and nothing else: no leaf counts, caches, XSAVE layout, address widths.
	 */
	bool features_only;
	uint32_t leaf_count, msr_count;
	struct cpu_leaf leaf[CPU_POLICY_LEAVES]; /* by leaf, then subleaf; none twice */
	struct cpu_msr msr[CPU_POLICY_MSRS]; /* by number; none twice */
};

/* Add or replace. 0; -ENOSPC: no room. */
__attribute__((warn_unused_result)) int cpu_policy_set(struct cpu_policy *policy,
						       const struct cpu_leaf *leaf);
__attribute__((warn_unused_result)) int cpu_policy_set_msr(struct cpu_policy *policy, uint32_t number,
							   uint64_t value);

/* NULL: the policy has no such row. */
const struct cpu_leaf *cpu_policy_leaf(const struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf);
const struct cpu_msr *cpu_policy_msr(const struct cpu_policy *policy, uint32_t number);

/* A register of an answer; 0 where the policy has no such row. */
uint32_t cpu_policy_reg(const struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf, enum cpu_reg reg);

#endif
