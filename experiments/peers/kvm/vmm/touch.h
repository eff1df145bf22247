/* SPDX-License-Identifier: MIT */
/* Has KVM map all of the VM's memory before its kernel runs. */
#ifndef KVM_VMM_TOUCH_H
#define KVM_VMM_TOUCH_H

#include "experiments/peers/kvm/vmm/vm.h"

/*
 * By a guest of a few bytes that reads a byte of each page; its own bytes are zeros again afterwards. The
 * vCPU is to be started anew. An exit status.
 */
__attribute__((warn_unused_result)) int touch_all(struct vm *vm);

#endif
