/* SPDX-License-Identifier: MIT */
#ifndef L0HV_EXITS_MMIO_H
#define L0HV_EXITS_MMIO_H

#include "l0hv/exits/exits.h"

/* Execute the instruction at RIP, whose memory operand is a device or nothing; at L1 or L2. */
enum verdict mmio_emulate(struct vcpu *v);

/* EPT01 has no such mapping at the L1-physical address: a watched page, a device, nothing, or the guest's
 * end. */
enum verdict ept_own(struct vcpu *v, uint64_t qualification, uint64_t gpa);

/*
 * The access of an EPT violation with this qualification is mapped now: its instruction starts anew. What it
 * had done until then is undone: an IRET's unblocking of NMIs (SDM "Information About NMI Unblocking Due to
 * IRET"), and breakpoints that Bochs has made pending though no instruction has completed.
 */
void ept_restart(uint64_t qualification);

#endif
