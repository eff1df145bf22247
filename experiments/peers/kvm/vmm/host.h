/* SPDX-License-Identifier: MIT */
/* What this computer says of itself and of its KVM. */
#ifndef KVM_VMM_HOST_H
#define KVM_VMM_HOST_H

#include "experiments/peers/kvm/vmm/vm.h"

/* Hello, then Log records of the kernel's command line and of its mitigations. vm: with the device open, or
 * not. */
void host_hello(const struct vm *vm);

#endif
