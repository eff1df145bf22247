/* SPDX-License-Identifier: MIT */
/* The VM's end, told. */
#ifndef KVM_VMM_STOP_H
#define KVM_VMM_STOP_H

#include "experiments/peers/kvm/vmm/vm.h"

/* A Stop record; with the vCPU's registers unless it shut down. An exit status. */
int stop_vm(struct vm *vm, Nestbed__Stop__Cause cause, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
