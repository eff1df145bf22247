/* SPDX-License-Identifier: MIT */
#ifndef L0HV_EXITS_MMIO_H
#define L0HV_EXITS_MMIO_H

#include "l0hv/exits/exits.h"

/* Execute the instruction at RIP, whose memory operand is a device or nothing; at L1 or L2. */
enum verdict mmio_emulate(struct vcpu *v);

#endif
