/* SPDX-License-Identifier: MIT */
/*
 * The processor that a VM sees: its policy, and what follows from it. What the policy hides is off on the
 * real processor while the VM runs, at L1 and L2, where the processor allows that (docs/cpu-policy.md).
 */
#ifndef L0HV_EXITS_GUEST_CPU_H
#define L0HV_EXITS_GUEST_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"

/* Features that something besides CPUID hangs on. */
enum cpu_feature {
	FEATURE_ALWAYS, /* no feature: never hidden */
	FEATURE_FPU,
	FEATURE_VME,
	FEATURE_DE,
	FEATURE_PSE,
	FEATURE_TSC,
	FEATURE_PAE,
	FEATURE_APIC,
	FEATURE_SEP,
	FEATURE_MTRR,
	FEATURE_PGE,
	FEATURE_PAT,
	FEATURE_FXSR,
	FEATURE_SSE,
	FEATURE_VMX,
	FEATURE_PCID,
	FEATURE_X2APIC,
	FEATURE_TSC_DEADLINE,
	FEATURE_XSAVE,
	FEATURE_RDRAND,
	FEATURE_FSGSBASE,
	FEATURE_TSC_ADJUST,
	FEATURE_SMEP,
	FEATURE_INVPCID,
	FEATURE_RDSEED,
	FEATURE_SMAP,
	FEATURE_UMIP,
	FEATURE_ARCH_CAPABILITIES,
	FEATURE_XSAVES,
	FEATURE_SYSCALL,
	FEATURE_NX,
	FEATURE_RDTSCP,
	FEATURE_LM,
	FEATURE_EFER, /* SYSCALL, NX or LM */
	FEATURE_COUNT
};

struct guest_cpu {
	uint64_t features; /* bit n: enum cpu_feature n is shown */
	uint64_t cr4, efer, xcr0; /* bits that the guest may set; CR4 without VMXE */
	uint32_t cpu_ctls, ctls2; /* VM-execution controls to set */
	uint32_t ctls2_off; /* secondary ones not to set */
	unsigned maxphyaddr;
	uint32_t signature; /* CPUID.1:EAX */
	uint64_t msr_bitmap; /* physical address of the page that the VM runs on */
	struct cpu_policy policy;
};

static inline bool cpu_shows(const struct guest_cpu *cpu, enum cpu_feature feature)
{
	return cpu->features >> feature & 1;
}

struct vm_config;
/*
 * The processor of a VM with this configuration, for which policy is the one that it names; NULL: this host.
 * 0, or a negative errno with *why a sentence.
 */
__attribute__((warn_unused_result)) int guest_cpu_make(struct guest_cpu *cpu, const struct vm_config *config,
						       const struct cpu_policy *policy, const char **why);

/* The same for a VM that comes from another L0: it goes on seeing what it saw. */
__attribute__((warn_unused_result)) int guest_cpu_take(struct guest_cpu *cpu, const struct vm_config *config,
						       const struct cpu_policy *policy, const char **why);

#endif
