/* SPDX-License-Identifier: MIT */
/* Loading a multiboot-1 kernel into a VM's memory, as a boot loader would (Multiboot Specification 0.6.96).
 */
#ifndef L0HV_VM_MULTIBOOT_H
#define L0HV_VM_MULTIBOOT_H

#include "l0hv/vm/vm.h"

/*
 * Kernel and modules as vm->config names them, from the bundle. entry: where to start; info: guest-physical
 * address of the multiboot information. 0, or -EINVAL with *why a sentence.
 */
__attribute__((warn_unused_result)) int multiboot_load(struct vm *vm, const struct bundle *bundle,
						       uint32_t *entry, uint32_t *info, const char **why);

#endif
