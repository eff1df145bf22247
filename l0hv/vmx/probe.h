/* SPDX-License-Identifier: MIT */
/* What this processor's VT-x can do. */
#ifndef L0HV_VMX_PROBE_H
#define L0HV_VMX_PROBE_H

#include <stdbool.h>

#include "vmcs_merge/caps.h"

extern struct vmx_caps l0_caps;

/* Facts that the exit path asks for. */
struct vmx_features {
	bool unrestricted_guest, vpid, vmcs_shadowing, xsave, wbinvd_exiting;
	bool invvpid_single;
	unsigned timer_rate; /* the preemption timer counts down by 1 each 2^rate ticks of the TSC */
	unsigned maxphyaddr;
	bool page_1g; /* CPUID.80000001H:EDX[26] */
	bool rdtscp;
	bool xsaves;
	bool virtual_interrupt_quirk; /* docs/bochs-differences.md: IDT-vectoring of a virtual interrupt */
	uint64_t xcr0; /* components that XCR0 may hold */
	unsigned xsave_bytes; /* XSAVE area for all of them; 512 without XSAVE */
};
extern struct vmx_features l0_features;

/* Read everything, enable VMX in IA32_FEATURE_CONTROL where firmware left that open, and enter VMX root
 * operation. Says Hello, or refuses with what is missing. */
void vmx_probe(void);

#endif
