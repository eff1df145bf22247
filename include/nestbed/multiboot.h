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
#define MB_HEADER_ADDRS   0x10000u /* the header's addresses say what to load, whatever the file's format */
#define MB_LOADER_MAGIC   0x2BADB002u /* in EAX at the kernel's entry; EBX holds multiboot_info */

#define MB_INFO_MEMORY  0x001u
#define MB_INFO_CMDLINE 0x004u
#define MB_INFO_MODULES 0x008u
#define MB_INFO_MMAP    0x040u
#define MB_INFO_LOADER  0x200u

/* Lies at a multiple of 4 in the file. The addresses are there with MB_HEADER_ADDRS only. */
struct multiboot_header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr; /* physical address of this header */
	uint32_t load_addr; /* of what is loaded first, at or before the header */
	uint32_t load_end_addr; /* first byte behind what the file holds; 0: all of the file */
	uint32_t bss_end_addr; /* first byte behind what is zeroed; 0: nothing is */
	uint32_t entry_addr;
};
_Static_assert(sizeof(struct multiboot_header) == 32, "multiboot layout");

/* What a header's addresses ask for. */
struct multiboot_range {
	uint64_t from; /* in the file */
	uint64_t filesz, memsz; /* bytes from the file, and with the zeroed ones */
};

/* File offset of the header, -1 when there is none. */
static inline int32_t multiboot_find_header(const void *file, uint64_t size)
{
	for (uint32_t at = 0; at + 12ull <= size && at < MB_HEADER_SEARCH; at += 4) {
		const uint32_t *h = (const uint32_t *)(const void *)((const uint8_t *)file + at);

		if (h[0] == MB_HEADER_MAGIC && h[0] + h[1] + h[2] == 0)
			return (int32_t)at;
	}
	return -1;
}

/* The range to load by a header at file offset `at`. 0; -1: the addresses contradict each other or the file.
 */
static inline int multiboot_range(const struct multiboot_header *h, uint32_t at, uint64_t size,
				  struct multiboot_range *r)
{
	uint32_t before = h->header_addr - h->load_addr;

	if (at + sizeof(*h) > size || h->header_addr < h->load_addr || before > at)
		return -1;
	r->from = at - before;
	r->filesz = h->load_end_addr ? (uint64_t)h->load_end_addr - h->load_addr : size - r->from;
	r->memsz = h->bss_end_addr ? (uint64_t)h->bss_end_addr - h->load_addr : r->filesz;
	if (h->load_end_addr && h->load_end_addr < h->load_addr)
		return -1;
	return r->filesz > size - r->from || r->memsz < r->filesz || r->memsz > UINT32_MAX ? -1 : 0;
}

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
