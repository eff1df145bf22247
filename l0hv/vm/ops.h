/* SPDX-License-Identifier: MIT */
/* What a VM's devices ask of L0. */
#ifndef L0HV_VM_OPS_H
#define L0HV_VM_OPS_H

#include "l0hv/devices/platform.h"

/* ctx is the struct vm. */
extern const struct platform_ops vm_platform_ops;

/* late.c: members of it */
int vm_late_write(void *ctx, uint64_t gpa, const void *from, size_t n);
void vm_late_write_waits(void *ctx);
void vm_late_write_asked(void *ctx);

#endif
