/* SPDX-License-Identifier: MIT */
/* VMCSs: L0's own for L1, and what every VMCS that L0 gives the processor has in common. */
#ifndef L0HV_VMX_VMCS01_H
#define L0HV_VMX_VMCS01_H

#include "l0hv/vm/vm.h"
#include "vmcs_merge/fields.h"

/* A cleared VMCS region of the processor's revision; shadow: with the shadow-VMCS indicator. Panics without
 * memory. */
void vmcs_region_init(struct vmcs_region *region, bool shadow);
/* Make it the vCPU's current one. Only the launch state follows; cached controls are the caller's. */
void vmcs_switch(struct vcpu *v, struct vmcs_region *region);

/* Fill vmcs01 for a guest that starts at entry in 32-bit protected mode with the multiboot state. */
void vmcs01_init(struct vcpu *v, uint32_t entry, uint32_t info);
/* An application processor after SIPI: real mode at vector << 12. Current VMCS is vmcs01. */
void vmcs01_start_real_mode(struct vcpu *v, uint8_t vector);

/* Host-state area, L0's exit and entry controls, as every VMCS of L0's has them, into the current VMCS. */
void vmcs_write_host_state(struct vcpu *v);

/* vmcs01's control and host fields as the merge takes them. */
void vmcs01_image(const struct vcpu *v, struct vmcs_image *image);

/* Segment access rights of the guest's start, SDM "Guest Register State" */
#define AR_CODE32   0xC09Bu
#define AR_DATA32   0xC093u
#define AR_CODE64   0xA09Bu
#define AR_CODE16   0x009Bu
#define AR_DATA16   0x0093u
#define AR_TSS64    0x008Bu
#define AR_LDT      0x0082u
#define AR_UNUSABLE 0x10000u

#endif
