/* SPDX-License-Identifier: MIT */
/* What KVM counts of the vCPU: its binary statistics (KVM_GET_STATS_FD). */
#ifndef KVM_VMM_STATS_H
#define KVM_VMM_STATS_H

#include "experiments/peers/kvm/vmm/vm.h"

/* 0; -ENOENT: this KVM tells none, or lacks one of those that are wanted; another negative errno. */
__attribute__((warn_unused_result)) int stats_open(struct vm *vm);
/* Zeros where KVM tells none. */
void stats_read(const struct vm *vm, struct stats *s);

#endif
