/* SPDX-License-Identifier: MIT */
/* Devices of this machine that a VM reaches (bundle key `passthrough`): it is bound to its host, and cannot
 * move. */
#ifndef L0HV_VM_BOUND_H
#define L0HV_VM_BOUND_H

#include "l0hv/vm/vm.h"

#define VM_BOUND_MAX 1u /* such devices of a VM, at most */

/* How I/O ports are told: the first and the last. */
#define VM_BOUND_PORTS "I/O ports %xH to %xH"

/* From now on L0 executes a VM's accesses to such ports: there is a VM that has some. */
void vm_bind(void);

/* What the VM is bound to, as "I/O ports 70H to 71H"; good until the next call. NULL: not so many. */
const char *vm_bound(const struct vm *vm, unsigned i);

#endif
