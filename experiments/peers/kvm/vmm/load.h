/* SPDX-License-Identifier: MIT */
/*
 * Loading a multiboot-1 kernel and its modules into a VM's memory: Multiboot Specification 0.6.96. Pure.
 * Everything lies where L0 puts it for its VMs (docs/bundle.md), so that both track the same pages.
 */
#ifndef KVM_VMM_LOAD_H
#define KVM_VMM_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "bundle/config.h"

#define LOAD_MODULES_MAX CONFIG_MODULES_MAX
#define LOAD_WORDS_MAX   (NB_BUNDLE_NAME_MAX + CONFIG_LINE_MAX) /* with the NUL */

struct load_file {
	const uint8_t *data; /* aligned to 4 */
	size_t size;
	const char *words; /* command line; its first word is the file's name */
};

struct load_start {
	uint32_t entry; /* guest-physical, as is info */
	uint32_t info; /* multiboot_info */
};

/* ram: all of the VM's memory, zeroed, aligned to a page. 0, or -EINVAL with *why a sentence. */
__attribute__((warn_unused_result)) int load_guest(uint8_t *ram, uint64_t ram_bytes,
						   const struct load_file *kernel,
						   const struct load_file *module, unsigned modules,
						   struct load_start *start, const char **why);

#endif
