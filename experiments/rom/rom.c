/* SPDX-License-Identifier: MIT */
/*
 * Boot ROM for Bochs: a multiboot-1 loader for what the boot table names. It has no data segment:
 * it runs in place, with its stack and the multiboot information in low memory.
 */
#include "experiments/rom/bare.h"
#include "nestbed/boot.h"
#include "nestbed/mptable.h"
#include "nestbed/multiboot.h"

#define INFO_ADDRESS 0x8000u /* multiboot information, then modules, then memory map */
#define LOW_MEMORY   0x9F000u
#define HIGH_MEMORY  0x100000u
#define RAM_BLOCK    0x20000u /* Bochs's */

/* Indices of 32-bit words in the local APIC's page */
#define APIC_VERSION (0x30 / 4)
#define APIC_SVR     (0xF0 / 4)
#define APIC_LINT0   (0x350 / 4)
#define APIC_LINT1   (0x360 / 4)

struct info_page {
	struct multiboot_info info;
	struct multiboot_module module[NB_BOOT_MODULES_MAX];
	struct multiboot_mmap mmap[2];
	char loader[16];
};

void rom_main(void);
void rom_enter(uint32_t entry, uint32_t info) __attribute__((noreturn));

static void die(const char *why)
{
	give_up("rom", why);
}

/* By words, since an emulator takes as long for a byte, and the rest by bytes. */
static void copy(void *to, const void *from, uint32_t n)
{
	uint32_t words = n / 4, rest = n % 4;

	__asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

static void clear(void *to, uint32_t n)
{
	uint32_t words = n / 4, rest = n % 4;

	__asm__ volatile("rep stosl" : "+D"(to), "+c"(words) : "a"(0) : "memory");
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(0) : "memory");
}

static void load_part(const struct nb_boot_table *boot, uint32_t address, const uint8_t *from,
		      uint32_t filesz, uint32_t memsz)
{
	if (filesz > memsz || address < HIGH_MEMORY || address >= boot->memory_bytes ||
	    memsz > boot->memory_bytes - address)
		die("kernel's segments do not fit");
	copy((void *)address, from, filesz);
	clear((uint8_t *)address + filesz, memsz - filesz);
}

static uint32_t load_by_header(const struct nb_boot_table *boot, uint32_t at)
{
	const struct multiboot_header *header = (const void *)(boot->kernel + at);
	struct multiboot_range range = {0};

	if (multiboot_range(header, at, boot->kernel_size, &range))
		die("the addresses in the kernel's multiboot header make no sense");
	load_part(boot, header->load_addr, (const uint8_t *)boot->kernel + range.from, (uint32_t)range.filesz,
		  (uint32_t)range.memsz);
	return header->entry_addr;
}

static uint32_t load_elf(const struct nb_boot_table *boot)
{
	const uint8_t *file = (const uint8_t *)boot->kernel;
	const struct elf32_header *elf = (const void *)file;

	if (boot->kernel_size < sizeof(*elf) || *(const uint32_t *)elf->ident != ELF_MAGIC ||
	    elf->ident[4] != ELF_CLASS32)
		die("kernel is neither a 32-bit ELF file nor has it addresses in its multiboot header");
	for (uint32_t i = 0; i < elf->phnum; i++) {
		uint32_t at = elf->phoff + i * elf->phentsize;
		const struct elf32_segment *s = (const void *)(file + at);

		if (at > boot->kernel_size - sizeof(*s))
			die("kernel's program headers lie outside the file");
		if (s->type != ELF_PT_LOAD || !s->memsz)
			continue;
		if (s->offset > boot->kernel_size || s->filesz > boot->kernel_size - s->offset)
			die("kernel's segments lie outside the file");
		load_part(boot, s->paddr, file + s->offset, s->filesz, s->memsz);
	}
	return elf->entry;
}

static uint32_t load_kernel(const struct nb_boot_table *boot)
{
	int32_t at = multiboot_find_header((const void *)boot->kernel, boot->kernel_size);

	if (at < 0)
		die("kernel has no multiboot-1 header");
	if (((const struct multiboot_header *)(boot->kernel + (uint32_t)at))->flags & MB_HEADER_ADDRS)
		return load_by_header(boot, (uint32_t)at);
	return load_elf(boot);
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

static void cpuid1(uint32_t *signature, uint32_t *features)
{
	uint32_t ebx, ecx;

	__asm__ volatile("cpuid" : "=a"(*signature), "=b"(ebx), "=c"(ecx), "=d"(*features) : "a"(1));
}

/* What firmware leaves for kernels that expect a PC behind it: virtual wire mode and the MP table. */
static void firmware(const struct nb_boot_table *boot)
{
	const uint16_t segment = MP_EBDA >> 4, kib = MP_EBDA / 1024;
	volatile uint32_t *apic = (volatile uint32_t *)MP_LAPIC;
	struct mp_area *area = (void *)MP_EBDA;
	uint32_t signature, features;

	cpuid1(&signature, &features);
	apic[APIC_SVR] = 0x1FF; /* enabled by software, spurious vector 0xFF */
	apic[APIC_LINT0] = 0x700; /* ExtINT: the PIC's */
	apic[APIC_LINT1] = 0x400; /* NMI */
	copy((void *)MP_BDA_EBDA_SEGMENT, &segment, sizeof(segment));
	copy((void *)MP_BDA_BASE_MEMORY, &kib, sizeof(kib));
	clear(area, MP_EBDA_SIZE);
	mp_table_make(area, boot->cpus <= MP_CPUS_MAX ? boot->cpus : 1, (uint8_t)apic[APIC_VERSION],
		      signature, features);
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
	firmware(boot);
	fill_info(boot, page);
	rom_enter(load_kernel(boot), (uint32_t)&page->info);
}
