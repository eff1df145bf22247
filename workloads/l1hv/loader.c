// SPDX-License-Identifier: MIT
#include "nestbed/multiboot.h"
#include "ept.h"
#include "hv.h"
#include "loader.h"
#include "pages.h"

#define LOW_START 0x1000u /* multiboot information and strings, up to EPT_LOW_END */

static uint64_t low_next = LOW_START;

/* Into L2's memory, a page at a time as it is scattered; from NULL: zeros. false: not all of it is RAM. */
static bool put(uint64_t gpa, const void *from, uint64_t size)
{
	const uint8_t *bytes = from;

	while (size) {
		uint64_t n;
		uint8_t *to = ept_host(gpa, &n);

		if (!to)
			return false;
		if (n > size)
			n = size;
		if (bytes) {
			memcpy(to, bytes, n);
			bytes += n;
		} else {
			memset(to, 0, n);
		}
		gpa += n;
		size -= n;
	}
	return true;
}

/* Its address for L2, or 0. */
static uint32_t put_low(const void *from, uint64_t size)
{
	const uint64_t at = low_next;

	if (size > EPT_LOW_END - at || !put(at, from, size))
		return 0;
	low_next = (at + size + 7) & ~7ull;
	return (uint32_t)at;
}

static const char *load_segments(const uint8_t *image, uint64_t size, uint32_t *entry_point, uint64_t *end)
{
	const struct elf32_header *elf = (const void *)image;
	uint32_t magic;

	if (multiboot_find_header(image, size) < 0)
		return "L2's kernel has no multiboot-1 header";
	memcpy(&magic, image, 4);
	if (size < sizeof(*elf) || magic != ELF_MAGIC || elf->ident[4] != ELF_CLASS32)
		return "L2's kernel is not a 32-bit ELF file";
	if (elf->phentsize < sizeof(struct elf32_segment) ||
	    elf->phoff + (uint64_t)elf->phnum * elf->phentsize > size)
		return "L2's kernel: program headers outside the file";
	for (uint32_t i = 0; i < elf->phnum; i++) {
		const struct elf32_segment *s =
			(const void *)(image + elf->phoff + (uint64_t)i * elf->phentsize);

		if (s->type != ELF_PT_LOAD)
			continue;
		if (s->filesz > s->memsz || (uint64_t)s->offset + s->filesz > size)
			return "L2's kernel: a segment lies outside the file";
		if (!put(s->paddr, image + s->offset, s->filesz) ||
		    !put((uint64_t)s->paddr + s->filesz, NULL, s->memsz - s->filesz))
			return "L2's kernel does not fit into its memory";
		if ((uint64_t)s->paddr + s->memsz > *end)
			*end = (uint64_t)s->paddr + s->memsz;
	}
	*entry_point = elf->entry;
	return NULL;
}

static const char *load_modules(struct multiboot_info *mb, uint64_t end)
{
	struct multiboot_module list[RT_MODULES_MAX];

	mb->mods_count = rt_boot_info.module_count - 1;
	if (!mb->mods_count)
		return NULL;
	for (uint32_t i = 0; i < mb->mods_count; i++) {
		const struct rt_module *m = &rt_boot_info.module[i + 1];
		const uint64_t at = (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

		end = at + (m->end - m->start);
		if (!put(at, (const void *)m->start, m->end - m->start))
			return "L2's modules do not fit into its memory";
		list[i] = (struct multiboot_module){(uint32_t)at, (uint32_t)end,
						    put_low(m->cmdline, strlen(m->cmdline) + 1), 0};
	}
	mb->mods_addr = put_low(list, mb->mods_count * sizeof(list[0]));
	return NULL;
}

static void put_memory_map(struct multiboot_info *mb, uint64_t memory)
{
	const struct multiboot_mmap map[] = {
		{20, 0,                  EPT_LOW_END,            MB_MMAP_AVAILABLE},
		{20, EPT_HIGH_BASE,      memory - EPT_HIGH_BASE, MB_MMAP_AVAILABLE},
		{20, ept_island(memory), EPT_CHUNK,              MB_MMAP_AVAILABLE},
	};

	mb->mem_lower = EPT_LOW_END >> 10;
	mb->mem_upper = (uint32_t)((memory - EPT_HIGH_BASE) >> 10);
	mb->mmap_length = sizeof(map);
	mb->mmap_addr = put_low(map, sizeof(map));
}

const char *l2_load(uint64_t memory, uint32_t *entry_point, uint32_t *info)
{
	static const char loader_name[] = "l1hv";
	struct multiboot_info mb = {.flags = MB_INFO_MEMORY | MB_INFO_CMDLINE | MB_INFO_MODULES |
					     MB_INFO_MMAP | MB_INFO_LOADER};
	uint64_t end = EPT_HIGH_BASE;
	const struct rt_module *kernel = &rt_boot_info.module[0];
	const char *wrong;

	if (!rt_boot_info.module_count)
		return "no module to run as L2";
	wrong = load_segments((const uint8_t *)kernel->start, kernel->end - kernel->start, entry_point, &end);
	if (!wrong)
		wrong = load_modules(&mb, end);
	if (wrong)
		return wrong;
	put_memory_map(&mb, memory);
	mb.cmdline = put_low(kernel->cmdline, strlen(kernel->cmdline) + 1);
	mb.boot_loader_name = put_low(loader_name, sizeof(loader_name));
	*info = put_low(&mb, sizeof(mb));
	return *info && mb.cmdline && mb.mmap_addr ? NULL
						   : "L2's command lines do not fit into its low memory";
}
