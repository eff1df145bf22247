/* SPDX-License-Identifier: MIT */
/* What L0 can offer a guest: what a processor says of itself, less what L0 has no support for. */
#ifndef L0HV_EXITS_CPU_OFFER_H
#define L0HV_EXITS_CPU_OFFER_H

#include <stdbool.h>

#include "cpu_baseline/policy.h"

/* Highest leaves that L0 knows what to do about. */
#define CPU_OFFER_BASIC    0x16u
#define CPU_OFFER_EXTENDED 0x80000008u

#define MSR_ARCH_CAPABILITIES 0x10Au

/*
 * This processor as L0 finds it, in the leaves and MSRs that matter; what L0 makes itself on any processor is
 * there, what it could not switch off or pass on is not. Made at the first call.
 */
const struct cpu_policy *cpu_found(void);

/*
 * What L0 would offer on such a processor; vmx: with VT-x. What is a VM's own (topology, frequencies, the
 * hypervisor's leaf) is not in it. 0, -ENOSPC.
 */
__attribute__((warn_unused_result)) int cpu_offer_on(const struct cpu_policy *processor, bool vmx,
						     struct cpu_policy *offer);

#endif
