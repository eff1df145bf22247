/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "bundle/bundle.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/vm/multiboot.h"
#include "nestbed/multiboot.h"

#define LOW_MEMORY   0x9F000u
#define HIGH_MEMORY  0x100000u
#define INFO_ADDRESS 0x10000u /* guest-physical; strings and tables behind it stay below LOW_MEMORY */

/* Guest-physical layout of what the loader leaves for the kernel. */
struct info_page {
	struct multiboot_info info;
	struct multiboot_module module[CONFIG_MODULES_MAX];
	struct multiboot_mmap mmap[2];
	char loader[16];
	char cmdline[NB_BUNDLE_NAME_MAX + CONFIG_LINE_MAX];
	char module_cmdline[CONFIG_MODULES_MAX][NB_BUNDLE_NAME_MAX + CONFIG_LINE_MAX];
};
_Static_assert(sizeof(struct info_page) < LOW_MEMORY - INFO_ADDRESS, "fits below 640 KiB");

/* What is loaded where; `top` rises to the first byte behind it. */
static int load_part(struct vm *vm, uint64_t address, const void *from, uint64_t filesz, uint64_t memsz,
		     uint64_t *top)
{
	uint8_t *to = vm_memory(vm, address, memsz);

	if (!to || address < HIGH_MEMORY || filesz > memsz)
		return -EINVAL;
	memcpy(to, from, filesz);
	memset(to + filesz, 0, memsz - filesz);
	if (address + memsz > *top)
		*top = address + memsz;
	return 0;
}

static int load_by_header(struct vm *vm, const uint8_t *file, size_t size, uint32_t at, uint32_t *entry,
			  uint64_t *top, const char **why)
{
	struct multiboot_header header;
	struct multiboot_range range;

	*why = "the addresses in its image's multiboot header make no sense";
	if (at + sizeof(header) > size)
		return -EINVAL;
	memcpy(&header, file + at, sizeof(header));
	if (multiboot_range(&header, at, size, &range))
		return -EINVAL;
	*why = "its image does not fit into its memory";
	*entry = header.entry_addr;
	return load_part(vm, header.load_addr, file + range.from, range.filesz, range.memsz, top);
}

static int load_elf(struct vm *vm, const uint8_t *file, size_t size, uint32_t *entry, uint64_t *top,
		    const char **why)
{
	struct elf32_header elf;

	*why = "its image is neither a 32-bit ELF file nor has it addresses in its multiboot header";
	if (size < sizeof(elf))
		return -EINVAL;
	memcpy(&elf, file, sizeof(elf));
	if (memcmp(elf.ident,
		   "\x7F"
		   "ELF\x01",
		   5))
		return -EINVAL;
	*why = "its image's segments do not fit into its memory";
	for (uint32_t i = 0; i < elf.phnum; i++) {
		uint64_t at = elf.phoff + (uint64_t)i * elf.phentsize;
		struct elf32_segment s;

		if (at + sizeof(s) > size)
			return -EINVAL;
		memcpy(&s, file + at, sizeof(s));
		if (s.type != ELF_PT_LOAD || !s.memsz)
			continue;
		if ((uint64_t)s.offset + s.filesz > size ||
		    load_part(vm, s.paddr, file + s.offset, s.filesz, s.memsz, top))
			return -EINVAL;
	}
	*entry = elf.entry;
	return 0;
}

/* top: first byte behind what was loaded. */
static int load_kernel(struct vm *vm, const uint8_t *file, size_t size, uint32_t *entry, uint64_t *top,
		       const char **why)
{
	int32_t at = multiboot_find_header(file, size);
	uint32_t flags;

	*why = "its image has no multiboot-1 header";
	if (at < 0)
		return -EINVAL;
	*top = HIGH_MEMORY;
	memcpy(&flags, file + at + offsetof(struct multiboot_header, flags), sizeof(flags));
	if (flags & MB_HEADER_ADDRS)
		return load_by_header(vm, file, size, (uint32_t)at, entry, top, why);
	return load_elf(vm, file, size, entry, top, why);
}

static int load_modules(struct vm *vm, const struct bundle *bundle, struct info_page *page, uint64_t top,
			const char **why)
{
	for (uint32_t i = 0; i < vm->config->module_count; i++) {
		const struct vm_module *m = &vm->config->module[i];
		const void *data;
		size_t size;
		void *to;

		*why = "a module is not in the bundle";
		if (bundle_find(bundle, m->entry, &data, &size))
			return -EINVAL;
		top = (top + PAGE_MASK) & ~PAGE_MASK;
		to = vm_memory(vm, top, size);
		*why = "its modules do not fit into its memory";
		if (!to)
			return -EINVAL;
		memcpy(to, data, size);
		snprintf(page->module_cmdline[i], sizeof(page->module_cmdline[i]), "%s%s%s", m->entry,
			 m->args[0] ? " " : "", m->args);
		page->module[i].start = (uint32_t)top;
		page->module[i].end = (uint32_t)(top + size);
		page->module[i].cmdline = INFO_ADDRESS +
					  (uint32_t)offsetof(struct info_page, module_cmdline) +
					  i * (uint32_t)sizeof(page->module_cmdline[0]);
		top += size;
	}
	return 0;
}

int multiboot_load(struct vm *vm, const struct bundle *bundle, uint32_t *entry, uint32_t *info,
		   const char **why)
{
	struct info_page *page = vm_memory(vm, INFO_ADDRESS, sizeof(*page));
	uint64_t top;
	const void *file;
	size_t size;
	int error;

	*why = "it has not enough memory to be booted in";
	if (!page || vm->ram_bytes <= HIGH_MEMORY)
		return -EINVAL;
	*why = "its image is not in the bundle";
	if (bundle_find(bundle, vm->config->image, &file, &size))
		return -EINVAL;
	error = load_kernel(vm, file, size, entry, &top, why);
	if (error)
		return error;
	error = load_modules(vm, bundle, page, top, why);
	if (error)
		return error;
	snprintf(page->loader, sizeof(page->loader), "nestbed L0");
	snprintf(page->cmdline, sizeof(page->cmdline), "%s%s%s", vm->config->image,
		 vm->config->cmdline[0] ? " " : "", vm->config->cmdline);
	page->mmap[0] = (struct multiboot_mmap){20, 0, LOW_MEMORY, MB_MMAP_AVAILABLE};
	page->mmap[1] =
		(struct multiboot_mmap){20, HIGH_MEMORY, vm->ram_bytes - HIGH_MEMORY, MB_MMAP_AVAILABLE};
	page->info.flags = MB_INFO_MEMORY | MB_INFO_CMDLINE | MB_INFO_MODULES | MB_INFO_MMAP | MB_INFO_LOADER;
	page->info.mem_lower = LOW_MEMORY / 1024;
	page->info.mem_upper = (uint32_t)((vm->ram_bytes - HIGH_MEMORY) / 1024);
	page->info.cmdline = INFO_ADDRESS + (uint32_t)offsetof(struct info_page, cmdline);
	page->info.mods_count = vm->config->module_count;
	page->info.mods_addr = INFO_ADDRESS + (uint32_t)offsetof(struct info_page, module);
	page->info.mmap_length = sizeof(page->mmap);
	page->info.mmap_addr = INFO_ADDRESS + (uint32_t)offsetof(struct info_page, mmap);
	page->info.boot_loader_name = INFO_ADDRESS + (uint32_t)offsetof(struct info_page, loader);
	*info = INFO_ADDRESS;
	return 0;
}
