/* SPDX-License-Identifier: MIT */
/* Layouts of the Multiboot Specification version 0.6.96 that L0, the boot ROM and guests use. */
#ifndef NESTBED_MULTIBOOT_H
#define NESTBED_MULTIBOOT_H

#include <stddef.h>
#include <stdint.h>

#define MB_HEADER_MAGIC   0x1BADB002u
#define MB_HEADER_SEARCH  8192u /* the header lies within this many first bytes of the file */
#define MB_HEADER_ALIGNED 0x1u /* modules page aligned */
#define MB_HEADER_MEMORY  0x2u
#define MB_HEADER_VIDEO   0x4u
#define MB_HEADER_ADDRS   0x10000u /* a.out addresses in the header */
#define MB_LOADER_MAGIC   0x2BADB002u /* in EAX at the kernel's entry; EBX holds multiboot_info */

#define MB_INFO_MEMORY  0x001u
#define MB_INFO_CMDLINE 0x004u
#define MB_INFO_MODULES 0x008u
#define MB_INFO_MMAP    0x040u
#define MB_INFO_LOADER  0x200u

struct multiboot_info {
	uint32_t flags;
	uint32_t mem_lower; /* KiB from 0 */
	uint32_t mem_upper; /* KiB from 1 MiB */
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count;
	uint32_t mods_addr; /* struct multiboot_module[] */
	uint32_t syms[4];
	uint32_t mmap_length; /* bytes */
	uint32_t mmap_addr; /* struct multiboot_mmap[] */
	uint32_t drives_length;
	uint32_t drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
	uint32_t apm_table;
};
_Static_assert(offsetof(struct multiboot_info, mmap_length) == 44, "multiboot layout");
_Static_assert(offsetof(struct multiboot_info, boot_loader_name) == 64, "multiboot layout");

struct multiboot_module {
	uint32_t start;
	uint32_t end; /* first byte behind */
	uint32_t cmdline;
	uint32_t reserved;
};
_Static_assert(sizeof(struct multiboot_module) == 16, "multiboot layout");

#define MB_MMAP_AVAILABLE 1u
#define MB_MMAP_RESERVED  2u

struct multiboot_mmap {
	uint32_t size; /* of what follows: 20 */
	uint64_t base;
	uint64_t length; /* bytes */
	uint32_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct multiboot_mmap) == 24, "multiboot layout");

/* ELF32, as far as a loader needs it (System V ABI, "Object Files"). */
struct elf32_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version, entry, phoff, shoff, flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf32_header) == 52, "ELF layout");

struct elf32_segment {
	uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
_Static_assert(sizeof(struct elf32_segment) == 32, "ELF layout");

#define ELF_MAGIC   0x464C457Fu
#define ELF_CLASS32 1u
#define ELF_PT_LOAD 1u

#endif
