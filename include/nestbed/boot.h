/* SPDX-License-Identifier: MIT */
/*
 * Boot table: how the host-side program hands a multiboot-1 kernel, its command line and its modules
 * to the boot ROM on Bochs. Placed in RAM by optramimage at NB_BOOT_TABLE; addresses are physical.
 * The ROM loads the kernel's ELF segments, builds the multiboot information and jumps as GRUB would.
 */
#ifndef NESTBED_BOOT_H
#define NESTBED_BOOT_H

#include <stddef.h>
#include <stdint.h>

#define NB_BOOT_TABLE       0x7000u
#define NB_BOOT_TABLE_SIZE  0x1000u /* strings included */
#define NB_BOOT_MAGIC       0x544F4F42424E0001ull
#define NB_BOOT_MODULES_MAX 16u

struct nb_boot_module {
	uint32_t start; /* first byte, page aligned */
	uint32_t end; /* first byte behind */
	uint32_t cmdline; /* NUL-terminated string inside the table's page */
	uint32_t reserved;
};

struct nb_boot_table {
	uint64_t magic;
	uint64_t memory_bytes; /* RAM of the machine */
	uint32_t kernel; /* ELF file, anywhere in RAM outside its own load addresses */
	uint32_t kernel_size;
	uint32_t cmdline;
	uint32_t module_count;
	struct nb_boot_module module[NB_BOOT_MODULES_MAX];
	uint32_t cpus; /* of the machine, for its MP table */
	uint32_t reserved;
};

_Static_assert(offsetof(struct nb_boot_table, module) == 32, "boot table layout");
_Static_assert(sizeof(struct nb_boot_table) == 40 + 16 * NB_BOOT_MODULES_MAX, "boot table layout");

#endif
