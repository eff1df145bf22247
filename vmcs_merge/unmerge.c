/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/unmerge.h"

#include "vmcs_merge/lazy.h"

#define SEGMENT(X, w, name)                                                                                  \
	X(w, GUEST_##name##_SELECTOR)                                                                        \
	X(w, GUEST_##name##_BASE)                                                                            \
	X(w, GUEST_##name##_LIMIT) X(w, GUEST_##name##_ACCESS_RIGHTS)

/* What an L1 seldom reads. The code segment's base and rights and the stack segment's rights are above. */
/* clang-format off */
#define LAZY(X, w) \
	X(w, GUEST_SYSENTER_CS) X(w, GUEST_SYSENTER_ESP) X(w, GUEST_SYSENTER_EIP) \
	X(w, GUEST_CS_SELECTOR) X(w, GUEST_CS_LIMIT) \
	X(w, GUEST_SS_SELECTOR) X(w, GUEST_SS_BASE) X(w, GUEST_SS_LIMIT) \
	SEGMENT(X, w, DS) SEGMENT(X, w, ES) SEGMENT(X, w, FS) SEGMENT(X, w, GS) SEGMENT(X, w, LDTR) SEGMENT(X, w, TR) \
	X(w, GUEST_GDTR_BASE) X(w, GUEST_GDTR_LIMIT) X(w, GUEST_IDTR_BASE) X(w, GUEST_IDTR_LIMIT) \
	X(w, GUEST_PDPTE0) X(w, GUEST_PDPTE1) X(w, GUEST_PDPTE2) X(w, GUEST_PDPTE3)
#define OFTEN \
	F_GUEST_RIP, F_GUEST_RSP, F_GUEST_RFLAGS, F_GUEST_INTERRUPTIBILITY, F_GUEST_ACTIVITY, F_GUEST_PENDING_DEBUG, \
	F_GUEST_CR0, F_GUEST_CR3, F_GUEST_CR4, F_GUEST_CS_BASE, F_GUEST_CS_ACCESS_RIGHTS, F_GUEST_SS_ACCESS_RIGHTS
/* clang-format on */
#define NUMBER(w, name) F_##name,
#define BIT_OF(w, name) | (F_##name / 64 == (w) ? 1ull << F_##name % 64 : 0)

/* SDM, "Saving Control Registers, Debug Registers, and MSRs" to "Saving Non-Register State" */
const uint8_t vmcs_saved_fields[] = {OFTEN, LAZY(NUMBER, 0)};
const unsigned vmcs_saved_often = sizeof((uint8_t[]){OFTEN});
const unsigned vmcs_saved_count = sizeof(vmcs_saved_fields);
const unsigned vmcs_saved_count_no_ept = sizeof(vmcs_saved_fields) - 4;

_Static_assert(VMCS_BITSET_WORDS == 4, "one initializer a word below");
const struct vmcs_bitset vmcs_lazy_fields = {
	{0ull LAZY(BIT_OF, 0), 0ull LAZY(BIT_OF, 1), 0ull LAZY(BIT_OF, 2), 0ull LAZY(BIT_OF, 3)}
};

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
