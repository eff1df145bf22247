/* SPDX-License-Identifier: MIT */
#include "l0hv/exits/cpu_vmx.h"

#include <errno.h>

#include "cpu_baseline/vmx.h"

_Static_assert(VMX_CAPS_COUNT == NB_VMX_MSR_COUNT && VMX_CAPS_FIRST_MSR == NB_VMX_MSR_FIRST,
	       "the same MSRs in the same order");

void cpu_vmx_caps(const struct cpu_policy *policy, struct vmx_caps *caps)
{
	cpu_vmx_from_policy(policy, caps->msr);
}

bool cpu_vmx_has_msr(const struct vmx_caps *caps, uint32_t msr)
{
	switch (msr) {
	case 0x48B:
		return vmx_can(caps, WORD_CPU, CPU_ACTIVATE_CTLS2);
	case 0x48C:
		return vmx_can(caps, WORD_CPU2, CTL2_EPT) || vmx_can(caps, WORD_CPU2, CTL2_VPID);
	case 0x48D:
	case 0x48E:
	case 0x48F:
	case 0x490:
		return caps->basic & VMX_BASIC_TRUE_CTLS;
	case 0x491:
		return vmx_can(caps, WORD_CPU2, CTL2_VMFUNC);
	default:
		return msr >= VMX_CAPS_FIRST_MSR && msr <= 0x48A;
	}
}

int cpu_vmx_set_caps(struct cpu_policy *policy, const struct vmx_caps *caps)
{
	int error = 0;

	for (uint32_t i = 0; i < VMX_CAPS_COUNT && !error; i++)
		if (cpu_vmx_has_msr(caps, VMX_CAPS_FIRST_MSR + i) ||
		    cpu_policy_msr(policy, VMX_CAPS_FIRST_MSR + i))
			error = cpu_policy_set_msr(policy, VMX_CAPS_FIRST_MSR + i, caps->msr[i]);
	return error;
}

void cpu_vmx_offer(const struct vmx_caps *processor, struct vmx_caps *offer)
{
	caps_for_guest(processor, offer);
	cpu_vmx_close(offer->msr);
	caps_own_format(offer);
}

int cpu_vmx_own_format(struct cpu_policy *policy)
{
	struct vmx_caps caps;

	if (!cpu_policy_msr(policy, VMX_CAPS_FIRST_MSR))
		return 0;
	cpu_vmx_caps(policy, &caps);
	caps_own_format(&caps);
	return cpu_vmx_set_caps(policy, &caps);
}

/* A control word: what must be 1, below what may be. */
static bool is_word(unsigned index)
{
	return (index >= 1 && index <= 4) || index == 0xB || (index >= 0xD && index <= 0x10);
}

int cpu_vmx_limit(struct vmx_caps *caps, const uint64_t limit[VMX_CAPS_COUNT], uint32_t given, uint32_t *bad)
{
	struct vmx_caps lesser = *caps, met;

	if (!given)
		return 0;
	for (unsigned i = 0; i < VMX_CAPS_COUNT; i++)
		if (given >> i & 1)
			lesser.msr[i] = limit[i] | (is_word(i) ? limit[i] >> 32 & (uint32_t)caps->msr[i] : 0);
	met = *caps;
	cpu_vmx_close(met.msr);
	cpu_vmx_close(lesser.msr);
	cpu_vmx_meet(met.msr, lesser.msr, met.msr);
	cpu_vmx_close(met.msr);
	for (unsigned i = 0; i < VMX_CAPS_COUNT; i++) {
		*bad = VMX_CAPS_FIRST_MSR + i;
		if (cpu_vmx_contradiction(met.msr, i))
			return -EPERM;
	}
	caps_own_format(&met);
	*caps = met;
	return 0;
}
