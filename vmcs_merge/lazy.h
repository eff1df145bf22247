/* SPDX-License-Identifier: MIT */
/*
 * Guest state that a hypervisor seldom reads may stay in vmcs02 after an exit to L1: vmcs12 gets it when L1
 * or L0 asks for it. Until then vmcs02 alone has it, and vmcs12's values are old.
 */
#ifndef VMCS_MERGE_LAZY_H
#define VMCS_MERGE_LAZY_H

#include "vmcs_merge/checks.h"
#include "vmcs_merge/merge.h"

/* Of vmcs_saved_fields those from vmcs_saved_often on. No row of the merge reads another row's of them. */
extern const struct vmcs_bitset vmcs_lazy_fields;

/* The groups whose clauses read any of them. */
#define VMCS_LAZY_CHECKS (CHECK_CONTROL_REGISTERS | CHECK_SEGMENTS | CHECK_TABLES | CHECK_PDPTES)

/*
 * L1 enters L2, and vmcs02 alone has these fields: must vmcs12 get them first? dirty: as for
 * vmcs_merge_incremental(); groups: the checks that are due; full: every row is merged, or into another
 * vmcs02.
 */
bool vmcs_lazy_needed(const struct vmcs_image *vmcs12, const struct vmcs_bitset *dirty, uint32_t groups,
		      bool full);

#endif
