/* SPDX-License-Identifier: MIT */
/*
 * VMX capability MSRs of several hosts: SDM appendix "VMX Capability Reporting Facility". An array holds the
 * MSRs by number from NB_VMX_MSR_FIRST on, 0 where there is none. Pure.
 */
#ifndef CPU_BASELINE_VMX_H
#define CPU_BASELINE_VMX_H

#include <stdint.h>

#include "cpu_baseline/policy.h"
#include "nestbed/vmx_msrs.h"

struct cpu_field;
struct cpu_have;

/*
 * What both have, as the table says. Whoever runs the guest computes the VMCS revision and region size: they
 * are 0 in out. Both must be closed. out may be a or b.
 */
void cpu_vmx_meet(const uint64_t a[NB_VMX_MSR_COUNT], const uint64_t b[NB_VMX_MSR_COUNT],
		  uint64_t out[NB_VMX_MSR_COUNT]);

/*
 * Hide what the table does not know, what lacks its prerequisite among the MSRs, and MSRs that
 * IA32_VMX_BASIC and the controls say do not exist. Bits that must be 1 stay.
 */
void cpu_vmx_close(uint64_t msr[NB_VMX_MSR_COUNT]);

/*
 * Bits that one host demands to be 1 and another, or itself, does not allow to be: of a control word, by the
 * index of its MSR (plain and TRUE), or of CR0 and CR4, by that of the FIXED0. 0 for any other index.
 */
uint64_t cpu_vmx_contradiction(const uint64_t msr[NB_VMX_MSR_COUNT], unsigned index);

/* Into and out of a policy; to: what is 0 is left out, except what exists wherever VMX does. */
void cpu_vmx_from_policy(const struct cpu_policy *policy, uint64_t msr[NB_VMX_MSR_COUNT]);
__attribute__((warn_unused_result)) int cpu_vmx_to_policy(const uint64_t msr[NB_VMX_MSR_COUNT],
							  struct cpu_policy *policy);

/*
 * Which bits a policy allows to be 1, given a row of bits that must be: of a control word those in the upper
 * half of the MSR, of CR0 and CR4 those in the next MSR.
 */
uint64_t cpu_vmx_allowed(const struct cpu_policy *host, const struct cpu_field *must);

/* Which controls must be 1: into have->forced. */
void cpu_vmx_forced(const uint64_t msr[NB_VMX_MSR_COUNT], struct cpu_have *have);

#endif
