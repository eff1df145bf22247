/* SPDX-License-Identifier: MIT */
/*
 * Boot ROM for Bochs: a multiboot-1 loader for what the boot table names. It has no data segment:
 * it runs in place, with its stack and the multiboot information in low memory.
 */
#include "nestbed/boot.h"
#include "nestbed/multiboot.h"
#include "nestbed/ports.h"

#define INFO_ADDRESS 0x8000u /* multiboot information, then modules, then memory map */
#define LOW_MEMORY   0x9F000u
#define HIGH_MEMORY  0x100000u
#define RAM_BLOCK    0x20000u /* Bochs's */

struct info_page {
	struct multiboot_info info;
	struct multiboot_module module[NB_BOOT_MODULES_MAX];
	struct multiboot_mmap mmap[2];
	char loader[16];
};

void rom_main(void);
void rom_enter(uint32_t entry, uint32_t info) __attribute__((noreturn));

static void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static void print(const char *s)
{
	while (*s)
		outb(NB_PORT_CONSOLE, (uint8_t)*s++);
}

static void die(const char *why)
{
	print("rom: ");
	print(why);
	print("\n");
	for (const char *s = NB_SHUTDOWN_WORD; *s; s++)
		outb(NB_PORT_SHUTDOWN, (uint8_t)*s);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void copy(void *to, const void *from, uint32_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static void clear(void *to, uint32_t n)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

static int has_multiboot_header(const uint8_t *file, uint32_t size)
{
	for (uint32_t at = 0; at + 12 <= size && at < MB_HEADER_SEARCH; at += 4) {
		const uint32_t *h = (const uint32_t *)(const void *)(file + at);

		if (h[0] == MB_HEADER_MAGIC && h[0] + h[1] + h[2] == 0)
			return 1;
	}
	return 0;
}

static uint32_t load_elf(const struct nb_boot_table *boot)
{
	const uint8_t *file = (const uint8_t *)boot->kernel;
	const struct elf32_header *elf = (const void *)file;

	if (boot->kernel_size < sizeof(*elf) || *(const uint32_t *)elf->ident != ELF_MAGIC ||
	    elf->ident[4] != ELF_CLASS32)
		die("kernel is not a 32-bit ELF file");
	if (!has_multiboot_header(file, boot->kernel_size))
		die("kernel has no multiboot-1 header");
	for (uint32_t i = 0; i < elf->phnum; i++) {
		uint32_t at = elf->phoff + i * elf->phentsize;
		const struct elf32_segment *s = (const void *)(file + at);

		if (at > boot->kernel_size - sizeof(*s))
			die("kernel's program headers lie outside the file");
		if (s->type != ELF_PT_LOAD || !s->memsz)
			continue;
		if (s->offset > boot->kernel_size || s->filesz > boot->kernel_size - s->offset ||
		    s->filesz > s->memsz || s->paddr < HIGH_MEMORY || s->paddr >= boot->memory_bytes ||
		    s->memsz > boot->memory_bytes - s->paddr)
			die("kernel's segments do not fit");
		copy((void *)s->paddr, file + s->offset, s->filesz);
		clear((uint8_t *)s->paddr + s->filesz, s->memsz - s->filesz);
	}
	return elf->entry;
}

static void fill_info(const struct nb_boot_table *boot, struct info_page *page)
{
	clear(page, sizeof(*page));
	copy(page->loader, "nestbed ROM", 12);
	page->mmap[0] = (struct multiboot_mmap){20, 0, LOW_MEMORY, MB_MMAP_AVAILABLE};
	page->mmap[1] =
		(struct multiboot_mmap){20, HIGH_MEMORY, boot->memory_bytes - HIGH_MEMORY, MB_MMAP_AVAILABLE};
	for (uint32_t i = 0; i < boot->module_count; i++)
		page->module[i] = (struct multiboot_module){boot->module[i].start, boot->module[i].end,
							    boot->module[i].cmdline, 0};
	page->info.flags = MB_INFO_MEMORY | MB_INFO_CMDLINE | MB_INFO_MODULES | MB_INFO_MMAP | MB_INFO_LOADER;
	page->info.mem_lower = LOW_MEMORY / 1024;
	page->info.mem_upper = (uint32_t)((boot->memory_bytes - HIGH_MEMORY) / 1024);
	page->info.cmdline = boot->cmdline;
	page->info.mods_count = boot->module_count;
	page->info.mods_addr = (uint32_t)page->module;
	page->info.mmap_length = sizeof(page->mmap);
	page->info.mmap_addr = (uint32_t)page->mmap;
	page->info.boot_loader_name = (uint32_t)page->loader;
}

/*
 * Bochs hands out RAM in blocks of 128 KiB at their first use, one behind the other, but reads an image file
 * as if all of the RAM behind its first byte were there already. So the image's blocks must be the next ones
 * used.
 */
static void claim_image(const struct nb_boot_table *boot)
{
	uint32_t end = boot->kernel + boot->kernel_size;

	for (uint32_t i = 0; i < boot->module_count; i++)
		if (boot->module[i].end > end)
			end = boot->module[i].end;
	for (uint32_t at = boot->kernel; at < end; at = (at | (RAM_BLOCK - 1)) + 1)
		(void)*(const volatile uint8_t *)at;
}

void rom_main(void)
{
	const struct nb_boot_table *boot = (const void *)NB_BOOT_TABLE;
	struct info_page *page = (void *)INFO_ADDRESS;

	if (boot->magic != NB_BOOT_MAGIC || boot->module_count > NB_BOOT_MODULES_MAX)
		die("no boot table");
	claim_image(boot);
	fill_info(boot, page);
	rom_enter(load_elf(boot), (uint32_t)&page->info);
}
