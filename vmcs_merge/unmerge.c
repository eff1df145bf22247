/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/unmerge.h"

#define SEGMENT(name)                                                                                        \
	F_GUEST_##name##_SELECTOR, F_GUEST_##name##_BASE, F_GUEST_##name##_LIMIT,                            \
		F_GUEST_##name##_ACCESS_RIGHTS

/* SDM, "Saving Control Registers, Debug Registers, and MSRs" to "Saving Non-Register State" */
const uint8_t vmcs_saved_fields[] = {
	/* what an L1 reads and L2 changes most comes first */
	F_GUEST_RIP,       F_GUEST_RSP,           F_GUEST_RFLAGS,       F_GUEST_INTERRUPTIBILITY,
	F_GUEST_ACTIVITY,  F_GUEST_PENDING_DEBUG, F_GUEST_CR0,          F_GUEST_CR3,
	F_GUEST_CR4,       F_GUEST_SYSENTER_CS,   F_GUEST_SYSENTER_ESP, F_GUEST_SYSENTER_EIP,
	SEGMENT(CS),       SEGMENT(SS),           SEGMENT(DS),          SEGMENT(ES),
	SEGMENT(FS),       SEGMENT(GS),           SEGMENT(LDTR),        SEGMENT(TR),
	F_GUEST_GDTR_BASE, F_GUEST_GDTR_LIMIT,    F_GUEST_IDTR_BASE,    F_GUEST_IDTR_LIMIT,
	F_GUEST_PDPTE0,    F_GUEST_PDPTE1,        F_GUEST_PDPTE2,       F_GUEST_PDPTE3,
};
const unsigned vmcs_saved_count = sizeof(vmcs_saved_fields);
const unsigned vmcs_saved_count_no_ept = sizeof(vmcs_saved_fields) - 4;

const struct vmcs_saved_if vmcs_saved_if[] = {
	{F_GUEST_DR7,      EXIT_CTL_SAVE_DEBUG},
	{F_GUEST_DEBUGCTL, EXIT_CTL_SAVE_DEBUG},
	{F_GUEST_PAT,      EXIT_CTL_SAVE_PAT  },
	{F_GUEST_EFER,     EXIT_CTL_SAVE_EFER },
};
const unsigned vmcs_saved_if_count = sizeof(vmcs_saved_if) / sizeof(vmcs_saved_if[0]);

uint64_t vmcs_unmerge_cr(const struct merge_policy *policy, const struct vmcs_image *vmcs12, unsigned cr,
			 uint64_t value02, uint64_t shadow02)
{
	uint64_t owned = cr == 0 ? policy->cr0_owned : policy->cr4_owned;
	uint64_t mask12 = vmcs12->v[cr == 0 ? F_CR0_MASK : F_CR4_MASK];
	uint64_t value12 = vmcs12->v[cr == 0 ? F_GUEST_CR0 : F_GUEST_CR4];

	return (value02 & ~owned) | (value12 & owned & mask12) | (shadow02 & owned & ~mask12);
}

void vmcs_unmerge(const struct merge_policy *policy, const struct vmcs_image *vmcs02,
		  struct vmcs_image *vmcs12)
{
	bool ept = vmcs_effective_controls(vmcs12, WORD_CPU2) & CTL2_EPT;
	unsigned count = ept ? vmcs_saved_count : vmcs_saved_count_no_ept;
	uint64_t cr0 = vmcs_unmerge_cr(policy, vmcs12, 0, vmcs02->v[F_GUEST_CR0], vmcs02->v[F_CR0_SHADOW]);
	uint64_t cr4 = vmcs_unmerge_cr(policy, vmcs12, 4, vmcs02->v[F_GUEST_CR4], vmcs02->v[F_CR4_SHADOW]);

	for (unsigned i = 0; i < count; i++)
		vmcs12->v[vmcs_saved_fields[i]] = vmcs02->v[vmcs_saved_fields[i]];
	vmcs12->v[F_GUEST_CR0] = cr0;
	vmcs12->v[F_GUEST_CR4] = cr4;
	for (unsigned i = 0; i < vmcs_saved_if_count; i++) {
		if (vmcs12->v[F_EXIT_CTLS] & vmcs_saved_if[i].exit_control)
			vmcs12->v[vmcs_saved_if[i].field] = vmcs02->v[vmcs_saved_if[i].field];
	}
	if (vmcs_effective_controls(vmcs12, WORD_CPU2) & CTL2_VIRTUAL_INTR_DELIVERY)
		vmcs12->v[F_GUEST_INTR_STATUS] = vmcs02->v[F_GUEST_INTR_STATUS];
	vmcs12->v[F_ENTRY_CTLS] = vmcs_unmerge_entry_ctls(vmcs12->v[F_ENTRY_CTLS],
							  vmcs02->v[F_ENTRY_CTLS] & ENTRY_CTL_IA32E_GUEST);
	vmcs12->v[F_ENTRY_INTR_INFO] = vmcs_unmerge_entry_intr_info(vmcs12->v[F_ENTRY_INTR_INFO]);
}
