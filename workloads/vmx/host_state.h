/* SPDX-License-Identifier: MIT */
#ifndef WORKLOADS_VMX_HOST_STATE_H
#define WORKLOADS_VMX_HOST_STATE_H

#include <stdbool.h>

/*
 * The host state of the current VMCS is made what this processor has now, so that an exit changes nothing but
 * RIP (`exit`) and RSP, which stays to the caller. pat, efer: the exit loads them.
 */
void vmx_host_state(void (*exit)(void), bool pat, bool efer);

#endif
