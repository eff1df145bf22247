/* SPDX-License-Identifier: MIT */
#ifndef L0HV_EXITS_CPUID_H
#define L0HV_EXITS_CPUID_H

#include "l0hv/cpu/asm.h"
#include "l0hv/vm/vm.h"

/* The vCPU's answers, made of its VM's policy; NULL without memory. After nested_create(). */
struct cpuid_table *cpuid_table_create(const struct vcpu *v);

/* What CPUID gives the vCPU now. A VMCS of its VM's must be current. */
void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid *c);

/* The vCPU's XCR0, which the processor has now, was written: sizes in leaf 0DH hang on it. */
void cpuid_xcr0_changed(struct vcpu *v);

#endif
