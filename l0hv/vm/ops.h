/* SPDX-License-Identifier: MIT */
/* What a VM's devices ask of L0. */
#ifndef L0HV_VM_OPS_H
#define L0HV_VM_OPS_H

#include "l0hv/devices/platform.h"

/* ctx is the struct vm. */
extern const struct platform_ops vm_platform_ops;

#endif
