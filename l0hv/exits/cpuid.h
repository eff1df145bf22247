/* SPDX-License-Identifier: MIT */
#ifndef L0HV_EXITS_CPUID_H
#define L0HV_EXITS_CPUID_H

#include "l0hv/cpu/asm.h"
#include "l0hv/vm/vm.h"

/* The answers that a vCPU gets always; NULL without memory. Its VM's configuration must be set. */
struct cpuid_cache *cpuid_cache_create(const struct vcpu *v);

/* What CPUID gives the vCPU now. A VMCS of its VM's must be current. */
void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid *c);

#endif
