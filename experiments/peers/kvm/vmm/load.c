/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/load.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "nestbed/multiboot.h"

#define PAGE    4096u
#define LOW_END 0x9F000u /* of the memory below 640 KiB that kernels may use */
#define HIGH    0x100000u /* kernels lie from here on */
#define INFO    0x10000u /* where what the loader tells lies */

struct told {
	struct multiboot_info info;
	struct multiboot_module module[LOAD_MODULES_MAX];
	struct multiboot_mmap mmap[2];
	char loader[16];
	char words[LOAD_WORDS_MAX];
	char module_words[LOAD_MODULES_MAX][LOAD_WORDS_MAX];
};
_Static_assert(INFO + sizeof(struct told) < LOW_END, "below 640 KiB");

#define TOLD_AT(member) (INFO + (uint32_t)offsetof(struct told, member))

struct loading {
	uint8_t *ram;
	uint64_t ram_bytes;
	uint64_t top; /* first byte behind what has been loaded */
	const char *why;
};

/* Not before HIGH: the kernel would overwrite what it is to be told. */
static bool place(struct loading *l, uint64_t at, const uint8_t *from, uint64_t filesz, uint64_t memsz)
{
	if (at < HIGH || at > l->ram_bytes || memsz > l->ram_bytes - at || filesz > memsz)
		return false;
	if (filesz)
		memcpy(l->ram + at, from, filesz);
	memset(l->ram + at + filesz, 0, memsz - filesz);
	if (at + memsz > l->top)
		l->top = at + memsz;
	return true;
}

static bool inside(uint64_t at, uint64_t n, uint64_t size)
{
	return at <= size && n <= size - at;
}

/* ---- the kernel ---- */

static bool by_header(struct loading *l, const struct load_file *f, uint32_t at, uint32_t *entry)
{
	struct multiboot_header h;
	struct multiboot_range range;

	l->why = "the addresses in the image's multiboot header make no sense";
	if (!inside(at, sizeof(h), f->size))
		return false;
	memcpy(&h, f->data + at, sizeof(h));
	if (multiboot_range(&h, at, f->size, &range))
		return false;
	l->why = "the image does not fit into the VM's memory";
	*entry = h.entry_addr;
	return place(l, h.load_addr, f->data + range.from, range.filesz, range.memsz);
}

static bool segment(struct loading *l, const struct load_file *f, uint64_t at)
{
	struct elf32_segment s;

	if (!inside(at, sizeof(s), f->size))
		return false;
	memcpy(&s, f->data + at, sizeof(s));
	if (s.type != ELF_PT_LOAD || !s.memsz)
		return true;
	return inside(s.offset, s.filesz, f->size) &&
	       place(l, s.paddr, f->data + s.offset, s.filesz, s.memsz);
}

static bool by_elf(struct loading *l, const struct load_file *f, uint32_t *entry)
{
	struct elf32_header h;
	uint32_t magic;

	l->why = "the image is neither a 32-bit ELF file nor has it addresses in its multiboot header";
	if (f->size < sizeof(h))
		return false;
	memcpy(&h, f->data, sizeof(h));
	memcpy(&magic, h.ident, sizeof(magic));
	if (magic != ELF_MAGIC || h.ident[4] != ELF_CLASS32)
		return false;
	l->why = "the image's segments lie outside the file or the VM's memory";
	*entry = h.entry;
	for (uint32_t i = 0; i < h.phnum; i++)
		if (!segment(l, f, h.phoff + (uint64_t)i * h.phentsize))
			return false;
	return true;
}

static bool load_kernel(struct loading *l, const struct load_file *f, uint32_t *entry)
{
	const int32_t at = multiboot_find_header(f->data, f->size);
	uint32_t flags;

	l->why = "the image has no multiboot-1 header";
	if (at < 0)
		return false;
	memcpy(&flags, f->data + at + offsetof(struct multiboot_header, flags), sizeof(flags));
	return flags & MB_HEADER_ADDRS ? by_header(l, f, (uint32_t)at, entry) : by_elf(l, f, entry);
}

/* ---- modules and what is told ---- */

static bool keep_words(struct loading *l, char *to, const char *words)
{
	const size_t n = strlen(words) + 1;

	l->why = "a command line is too long";
	if (n > LOAD_WORDS_MAX)
		return false;
	memcpy(to, words, n);
	return true;
}

static bool load_module(struct loading *l, const struct load_file *f, struct told *told, unsigned i)
{
	const uint64_t at = (l->top + PAGE - 1) / PAGE * PAGE;

	if (!keep_words(l, told->module_words[i], f->words))
		return false;
	l->why = "the modules do not fit into the VM's memory";
	if (!place(l, at, f->data, f->size, f->size))
		return false;
	told->module[i] = (struct multiboot_module){
		.start = (uint32_t)at,
		.end = (uint32_t)(at + f->size),
		.cmdline = TOLD_AT(module_words) + i * (uint32_t)sizeof(told->module_words[0]),
	};
	return true;
}

static void tell(const struct loading *l, unsigned modules, struct told *told)
{
	const uint64_t high = l->ram_bytes - HIGH;

	told->mmap[0] = (struct multiboot_mmap){20, 0, LOW_END, MB_MMAP_AVAILABLE};
	told->mmap[1] = (struct multiboot_mmap){20, HIGH, high, MB_MMAP_AVAILABLE};
	memcpy(told->loader, "nestbed kvm-run", sizeof("nestbed kvm-run"));
	told->info = (struct multiboot_info){
		.flags = MB_INFO_MEMORY | MB_INFO_CMDLINE | MB_INFO_MODULES | MB_INFO_MMAP | MB_INFO_LOADER,
		.mem_lower = LOW_END / 1024,
		.mem_upper = (uint32_t)(high / 1024),
		.cmdline = TOLD_AT(words),
		.mods_count = modules,
		.mods_addr = TOLD_AT(module),
		.mmap_length = sizeof(told->mmap),
		.mmap_addr = TOLD_AT(mmap),
		.boot_loader_name = TOLD_AT(loader),
	};
	memcpy(l->ram + INFO, told, sizeof(*told));
}

static bool load_all(struct loading *l, const struct load_file *kernel, const struct load_file *module,
		     unsigned modules, uint32_t *entry)
{
	struct told told = {0};

	l->why = "the VM has not enough memory to be booted in";
	if (l->ram_bytes <= HIGH)
		return false;
	l->why = "too many modules";
	if (modules > LOAD_MODULES_MAX || !keep_words(l, told.words, kernel->words) ||
	    !load_kernel(l, kernel, entry))
		return false;
	for (unsigned i = 0; i < modules; i++)
		if (!load_module(l, &module[i], &told, i))
			return false;
	tell(l, modules, &told);
	return true;
}

int load_guest(uint8_t *ram, uint64_t ram_bytes, const struct load_file *kernel,
	       const struct load_file *module, unsigned modules, struct load_start *start, const char **why)
{
	struct loading l = {.ram = ram, .ram_bytes = ram_bytes, .top = HIGH};

	if (load_all(&l, kernel, module, modules, &start->entry)) {
		start->info = INFO;
		return 0;
	}
	*why = l.why;
	return -EINVAL;
}
