/* SPDX-License-Identifier: MIT */
/*
 * The way back: what vmcs12 gets from vmcs02 after an exit of L2 that L1 sees (SDM, "Saving Guest State").
 */
#ifndef VMCS_MERGE_UNMERGE_H
#define VMCS_MERGE_UNMERGE_H

#include "vmcs_merge/merge.h"

/*
 * Fields that every VM exit saves: value of vmcs12 = value of vmcs02, but for CR0 and CR4 (vmcs_unmerge_cr).
 * First those that L1s read often, then those of vmcs_lazy_fields (lazy.h); GUEST_PDPTE0..3 come last and are
 * saved only if L1 uses EPT.
 */
extern const uint8_t vmcs_saved_fields[];
extern const unsigned vmcs_saved_often; /* how many are not lazy */
extern const unsigned vmcs_saved_count; /* all */
extern const unsigned vmcs_saved_count_no_ept; /* without the PDPTEs */

/* Fields that are saved if vmcs12's exit controls say so: DR7, IA32_DEBUGCTL, IA32_PAT, IA32_EFER. */
struct vmcs_saved_if {
	uint8_t field;
	uint32_t exit_control;
};
extern const struct vmcs_saved_if vmcs_saved_if[];
extern const unsigned vmcs_saved_if_count;

/*
 * CR0 (cr = 0) or CR4 (cr = 4) of vmcs12 from that of vmcs02. Bits that L0 owns: as L1 set them where L1 owns
 * them too, else as L2 sees them (the read shadow of vmcs02).
 */
uint64_t vmcs_unmerge_cr(const struct merge_policy *policy, const struct vmcs_image *vmcs12, unsigned cr,
			 uint64_t value02, uint64_t shadow02);

/* ENTRY_CTLS of vmcs12: 'IA-32e mode guest' becomes IA32_EFER.LMA at the exit (IA32_VMX_MISC bit 5). */
static inline uint64_t vmcs_unmerge_entry_ctls(uint64_t entry_ctls12, bool lma)
{
	return (entry_ctls12 & ~(uint64_t)ENTRY_CTL_IA32E_GUEST) | (lma ? ENTRY_CTL_IA32E_GUEST : 0);
}

/* ENTRY_INTR_INFO of vmcs12 after an exit: the valid bit is cleared. */
static inline uint64_t vmcs_unmerge_entry_intr_info(uint64_t info12)
{
	return info12 & 0x7fffffff;
}

/*
 * All of the above on images; vmcs02 holds what the processor saved ('IA-32e mode guest' in its ENTRY_CTLS
 * included).
 */
void vmcs_unmerge(const struct merge_policy *policy, const struct vmcs_image *vmcs02,
		  struct vmcs_image *vmcs12);

#endif
