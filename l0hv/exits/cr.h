/* SPDX-License-Identifier: MIT */
/* Control registers and IA32_EFER of a guest; unpaged guests on processors without unrestricted guest. */
#ifndef L0HV_EXITS_CR_H
#define L0HV_EXITS_CR_H

#include "l0hv/vm/vm.h"

/* Guest CR0 as at its start, CR4 = 0; masks and shadows. Current VMCS is vmcs01. */
void cr_init(struct vcpu *v, uint64_t cr0);
/* L1 entered or left VMX operation, which fixes bits of CR0 and CR4 for it. Current VMCS is vmcs01. */
void cr_update_masks(struct vcpu *v);

/* As the guest sees them. */
uint64_t guest_cr0(void);
uint64_t guest_cr4(void);
uint64_t guest_cr3(const struct vcpu *v);
/* As they take effect: in L2, where L1 owns bits, not what L1 shows of them. */
uint64_t guest_cr0_in_force(const struct vcpu *v);
uint64_t guest_cr4_in_force(const struct vcpu *v);

/* As MOV to CR0, CR3, CR4 of the guest: 0, -EPERM: #GP(0). */
__attribute__((warn_unused_result)) int cr0_write(struct vcpu *v, uint64_t value);
__attribute__((warn_unused_result)) int cr4_write(struct vcpu *v, uint64_t value);

/* vmcs01 after a VM exit to L1's host state: values as L1 sees them, checked before. */
void cr_load_host(struct vcpu *v, uint64_t cr0, uint64_t cr4);
/* Restored state, as the guest sees it, into vmcs01, which is current; not in real mode without unrestricted
 * guest. */
void cr_restore(struct vcpu *v, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer);
/* In PAE paging, load the PDPTE fields as the load of CR3 would; else nothing. Current VMCS is vmcs01. */
void cr_load_pdptes(struct vcpu *v);
/* L0's bits while the guest is in L1 or L2: owned in CR0 and CR4, and what they are on the processor. */
void cr_owned(const struct vcpu *v, bool in_l2, uint64_t *cr0_owned, uint64_t *cr0_value, uint64_t *cr4_owned,
	      uint64_t *cr4_value);

/*
 * #NM of a guest whose CPUID hides the FPU. True: it was CR0.EM's, which is clear now on the processor,
 * though the guest reads it as it wrote it: the instruction goes on. False: the exception is the guest's.
 */
bool cr_use_hidden_fpu(struct vcpu *v);

/* A PDPTE that is present has no reserved bit set (SDM "PDPTE Registers"). */
bool pdpte_ok(uint64_t entry);

int cr_read_efer(struct vcpu *v, uint32_t msr, uint64_t *value);
int cr_write_efer(struct vcpu *v, uint32_t msr, uint64_t value);

#endif
