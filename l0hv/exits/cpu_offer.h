/* SPDX-License-Identifier: MIT */
/* What L0 can offer a guest on this processor: its CPUID less what L0 has no support for. */
#ifndef L0HV_EXITS_CPU_OFFER_H
#define L0HV_EXITS_CPU_OFFER_H

#include "cpu_baseline/policy.h"

/* Highest leaves that L0 knows what to do about. */
#define CPU_OFFER_BASIC    0x16u
#define CPU_OFFER_EXTENDED 0x80000008u

/* Made at the first call. What is a VM's own (topology, its frequencies, VT-x) is not in it. */
const struct cpu_policy *cpu_offer(void);

#endif
