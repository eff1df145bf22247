/* SPDX-License-Identifier: MIT */
/* VT-x as a policy has it: the capability MSRs that L0 gives a guest on them. Pure. */
#ifndef L0HV_EXITS_CPU_VMX_H
#define L0HV_EXITS_CPU_VMX_H

#include "cpu_baseline/policy.h"
#include "vmcs_merge/caps.h"

/* A policy's, 0 where it has none. */
void cpu_vmx_caps(const struct cpu_policy *policy, struct vmx_caps *caps);

/* Into a policy: those that a processor with these capabilities has. 0; -ENOSPC. */
__attribute__((warn_unused_result)) int cpu_vmx_set_caps(struct cpu_policy *policy,
							 const struct vmx_caps *caps);

/* Is there such an MSR on a processor with these capabilities? SDM appendix "VMX Capability Reporting
 * Facility". */
bool cpu_vmx_has_msr(const struct vmx_caps *caps, uint32_t msr);

/* What L0 offers on a processor with these capabilities: what it supports, with what that needs. */
void cpu_vmx_offer(const struct vmx_caps *processor, struct vmx_caps *offer);

/* The format of L1's VMCS is L0's, whatever a baseline says: revision, size, highest number of a field. 0;
 * -ENOSPC. Nothing without VT-x. */
__attribute__((warn_unused_result)) int cpu_vmx_own_format(struct cpu_policy *policy);

/*
 * Lower caps to what a processor with the MSRs limit[] has as well, by the rules of cpu_baseline. given: bit
 * i: limit[i] counts; controls that caps demands are demanded by it too, where it allows them. 0; -EPERM:
 * there is no such processor, *bad is the MSR (0x480 …) that contradicts.
 */
__attribute__((warn_unused_result)) int
cpu_vmx_limit(struct vmx_caps *caps, const uint64_t limit[VMX_CAPS_COUNT], uint32_t given, uint32_t *bad);

#endif
