/* SPDX-License-Identifier: MIT */
#ifndef WORKLOADS_VMX_FEATURE_H
#define WORKLOADS_VMX_FEATURE_H

#include <stdbool.h>

#include "vmcs.h"
#include "workloads/rt/x86.h"

/*
 * Firmware may have left IA32_FEATURE_CONTROL unlocked: VMXON needs it locked, with VMX enabled. SDM
 * "Enabling and Entering VMX Operation". False: it is locked without.
 */
static inline bool vmx_feature_on(void)
{
	const uint64_t value = rdmsr(IA32_FEATURE_CONTROL);

	if (!(value & FEATURE_LOCK))
		wrmsr(IA32_FEATURE_CONTROL, value | FEATURE_LOCK | FEATURE_VMX);
	return rdmsr(IA32_FEATURE_CONTROL) & FEATURE_VMX;
}

#endif
