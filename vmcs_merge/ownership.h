/* SPDX-License-Identifier: MIT */
/*
 * Whose exit is it? An exit of L2 goes to L1 if L1 asked for it in vmcs12; else L0 handles it and L1 never
 * knows.
 */
#ifndef VMCS_MERGE_OWNERSHIP_H
#define VMCS_MERGE_OWNERSHIP_H

#include "vmcs_merge/exit_reason.h"
#include "vmcs_merge/fields.h"

/* How to tell, one per row of exit_reason.def */
enum exit_owner {
	OWN_UNKNOWN, /* no such reason */
	OWN_L0, /* never L1's */
	OWN_L1, /* always L1's */
	OWN_CALLER, /* EPT violation, EPT misconfiguration: only a walk of EPT12 can tell */
	OWN_CONTROL, /* L1's if vmcs12 sets the control */
	OWN_EXCEPTION,
	OWN_CR,
	OWN_IO,
	OWN_MSR_READ,
	OWN_MSR_WRITE,
	OWN_PAUSE,
};

struct exit_query {
	const struct vmcs_image *vmcs12;
	uint32_t reason; /* EXIT_REASON */
	uint64_t qualification; /* EXIT_QUALIFICATION */
	uint32_t intr_info; /* EXIT_INTR_INFO, for exceptions */
	uint32_t intr_error; /* EXIT_INTR_ERROR, for #PF */
	uint64_t operand; /* source of a MOV to a control register */
	uint32_t msr; /* RCX at RDMSR and WRMSR */
	/* L1's bitmap pages. NULL though vmcs12 uses them (an address outside L1's memory): all ones. */
	const void *io_bitmap_a, *io_bitmap_b, *msr_bitmap;
};

enum exit_owner exit_owner(uint32_t basic_reason);
const char *exit_owner_reason(uint32_t basic_reason); /* the row's reason; NULL without a row */

/* OWN_CALLER and unknown reasons: false. */
bool vmcs12_wants_exit(const struct exit_query *query);

/* Exception bitmap with PFEC mask and match (SDM, "Exception Bitmap"): does this VMCS want the exception? */
bool vmcs_wants_exception(const struct vmcs_image *image, uint32_t vector, uint32_t error_code);

#endif
