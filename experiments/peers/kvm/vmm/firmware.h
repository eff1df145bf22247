/* SPDX-License-Identifier: MIT */
/* What a PC's firmware leaves in memory, as L0 leaves it in that of its VMs (include/nestbed/mptable.h). */
#ifndef KVM_VMM_FIRMWARE_H
#define KVM_VMM_FIRMWARE_H

#include <stdint.h>

/* ram: more than 1 MiB. signature, features: the vCPU's CPUID.1: EAX, EDX. */
void firmware_write(uint8_t *ram, uint32_t signature, uint32_t features);

#endif
