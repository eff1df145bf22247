/* SPDX-License-Identifier: MIT */
/* KVM's log of the pages that the VM writes: by bitmap or by ring, a round at a time. */
#ifndef KVM_VMM_DIRTY_H
#define KVM_VMM_DIRTY_H

#include "experiments/peers/kvm/vmm/vm.h"

/* Before memory and vCPU are made: what KVM is to be told by then. An exit status. */
__attribute__((warn_unused_result)) int dirty_prepare(struct vm *vm);
/* After it. Nothing is in the set, and every page's next write will be. An exit status. */
__attribute__((warn_unused_result)) int dirty_start(struct vm *vm);

/* KVM_EXIT_DIRTY_RING_FULL: the vCPU may go on. 0 or a negative errno. */
__attribute__((warn_unused_result)) int dirty_ring_full(struct vm *vm);
/* The round ends and is told in a Log record, inside a window when that has ended. 0 or a negative errno.
 * Nothing where nothing is tracked. */
__attribute__((warn_unused_result)) int dirty_round(struct vm *vm);
/* Tells the rounds that wait. */
void dirty_tell(struct vm *vm);

#endif
