/* SPDX-License-Identifier: MIT */
/* MSR policy: which MSRs a guest reaches directly, which L0 emulates; the rest is #GP. */
#ifndef L0HV_EXITS_MSR_H
#define L0HV_EXITS_MSR_H

#include "l0hv/vm/vm.h"

/* IA32_MISC_ENABLE: fast strings, TM1, EIST, MONITOR, CPUID limit, xTPR, XD disable are kept without effect;
 * no branch trace storage, no PEBS. */
#define MISC_ENABLE_RESET     0x1801ull
#define MISC_ENABLE_WRITABLE  0x400C50009ull
#define MISC_ENABLE_READ_ONLY 0x1880ull

/* Physical address of a new page, the MSR bitmap of a VM with this processor; 0: no memory. */
uint64_t msr_bitmap_make(const struct guest_cpu *cpu);

/* As RDMSR and WRMSR of the guest; also for VM-entry and VM-exit MSR lists. 0, -EPERM: #GP(0). */
__attribute__((warn_unused_result)) int guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value);
__attribute__((warn_unused_result)) int guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value);

/* Swap what neither VMCS nor exit path switches (struct vcpu_rest), FPU state included. */
void vcpu_rest_save(struct vcpu *v);
void vcpu_rest_load(struct vcpu *v);

#endif
