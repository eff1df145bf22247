/* SPDX-License-Identifier: MIT */
/* Basic exit reasons (SDM, appendix "VMX Basic Exit Reasons"), made from exit_reason.def. */
#ifndef VMCS_MERGE_EXIT_REASON_H
#define VMCS_MERGE_EXIT_REASON_H

#include <stdint.h>

enum exit_reason {
#define VMX_EXIT(name, number, text, owner, word, mask, reason) EXIT_##name = (number),
#include "vmcs_merge/exit_reason.def"
#undef VMX_EXIT
	EXIT_REASON_COUNT
};

/* The EXIT_REASON field: bits 15:0 the basic reason */
#define EXIT_REASON_BASIC(field)  ((uint32_t)(field)&0xffffu)
#define EXIT_REASON_ENTRY_FAILURE (1u << 31)

/* "cpuid", ...; "reserved" for a number without a row */
const char *exit_reason_name(uint32_t basic_reason);

#endif
