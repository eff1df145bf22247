/* SPDX-License-Identifier: MIT */
/* What the processor offers of VMX, and the controls chosen from it. */
#ifndef L1HV_CAPABILITY_H
#define L1HV_CAPABILITY_H

#include "hv.h"

struct missing;

/* Probes and chooses. What l1hv needs and the processor or its firmware lacks is added to `missing`. */
void capability_probe(struct capability *cap, const struct options *opt, struct missing *missing);
/* CR0 and CR4 as VMX operation wants them, then VMXON. Only with nothing missing. */
void vmx_on(const struct capability *cap);

#endif
