/* SPDX-License-Identifier: MIT */
/* What the guest writes to the mark port (include/nestbed/ports.h). */
#ifndef KVM_VMM_WINDOW_H
#define KVM_VMM_WINDOW_H

#include "experiments/peers/kvm/vmm/vm.h"

/* 0, or a negative errno of KVM's dirty log. */
__attribute__((warn_unused_result)) int window_mark(struct vm *vm, uint32_t value);

#endif
