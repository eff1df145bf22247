/* SPDX-License-Identifier: MIT */
/* What a PC's firmware leaves in memory, for kernels that look there (include/nestbed/mptable.h). */
#ifndef L0HV_VM_FIRMWARE_H
#define L0HV_VM_FIRMWARE_H

#include "l0hv/vm/vm.h"

/* After the VM's vCPUs were made: their number and what CPUID tells them goes into the MP table. */
void firmware_write(struct vm *vm);

#endif
