/* SPDX-License-Identifier: MIT */
/* The VM runs until it ends. */
#ifndef KVM_VMM_RUN_H
#define KVM_VMM_RUN_H

#include "experiments/peers/kvm/vmm/vm.h"

/* An exit status; a Stop record says why it ended. */
int run_vm(struct vm *vm);

#endif
