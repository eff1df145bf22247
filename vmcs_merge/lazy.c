/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/lazy.h"

bool vmcs_lazy_needed(const struct vmcs_image *vmcs12, const struct vmcs_bitset *dirty, uint32_t groups,
		      bool full)
{
	uint64_t rows = 0;

	if (full || groups & VMCS_LAZY_CHECKS)
		return true;
	for (unsigned w = 0; w < VMCS_BITSET_WORDS; w++)
		rows |= dirty->w[w] & vmcs_lazy_fields.w[w];
	if (rows)
		return true;
	/* without EPT an exit saves no PDPTEs, and those of vmcs02 are L0's: what L1 had in it would be lost
	 */
	return (vmcs_bitset_test(dirty, F_CPU_CTLS) || vmcs_bitset_test(dirty, F_CPU_CTLS2)) &&
	       !(vmcs_effective_controls(vmcs12, WORD_CPU2) & CTL2_EPT);
}
