/* SPDX-License-Identifier: MIT */
/*
 * Boots the Linux bzImage that is its first multiboot module. The other modules lie one behind the other,
 * page aligned with zeros between: together they are the initramfs. Linux, Documentation/x86/boot.rst, "The
 * Linux/x86 Boot Protocol" has the layouts.
 */
#include <stdbool.h>
#include <stddef.h>

#include "experiments/rom/bare.h"
#include "acpi.h"
#include "nestbed/multiboot.h"

#define KERNEL_AT   0x1000000u /* where Linux likes to be; below it are this program and what the ROM left */
#define SECTOR      512u
#define E820_MAX    128u
#define BOOT_FLAG   0xAA55u
#define LOADER_NONE 0xFFu /* no number was given to this one */
#define LOADED_HIGH 1u
#define OLDEST      0x020Cu /* of the protocol: ramdisk and command line anywhere below 4 GiB */

struct setup_header {
	uint8_t setup_sectors;
	uint16_t root_flags;
	uint32_t sectors16;
	uint16_t ram_size, vga_mode, root_device, boot_flag;
	uint8_t jump, header_end; /* the header ends so many bytes behind `magic` */
	char magic[4];
	uint16_t version;
	uint32_t switch_code;
	uint16_t start_segment, kernel_version;
	uint8_t loader, load_flags;
	uint16_t move_size;
	uint32_t code32, ramdisk, ramdisk_size, bootsect;
	uint16_t heap_end;
	uint8_t loader_extension, loader_more;
	uint32_t cmdline, ramdisk_max, alignment;
	uint8_t relocatable, min_alignment;
	uint16_t xload_flags;
	uint32_t cmdline_size, subarch;
	uint64_t subarch_data;
	uint32_t payload, payload_size;
	uint64_t setup_data, preferred;
	uint32_t init_size;
} __attribute__((packed));
_Static_assert(offsetof(struct setup_header, magic) == 0x202 - 0x1F1, "Linux's layout");
_Static_assert(offsetof(struct setup_header, init_size) == 0x260 - 0x1F1, "Linux's layout");

struct e820 {
	uint64_t base, size;
	uint32_t type;
} __attribute__((packed));

struct boot_params {
	uint8_t before[0x70];
	uint64_t rsdp;
	uint8_t between1[0x1E8 - 0x78];
	uint8_t e820_count;
	uint8_t between2[0x1F1 - 0x1E9];
	struct setup_header setup;
	uint8_t between3[0x2D0 - 0x1F1 - sizeof(struct setup_header)];
	struct e820 e820[E820_MAX];
	uint8_t after[0x1000 - 0x2D0 - E820_MAX * sizeof(struct e820)];
} __attribute__((packed));
_Static_assert(sizeof(struct boot_params) == 4096, "Linux's layout");

void boot_linux(const struct multiboot_info *info);
void enter_linux(uint32_t entry, const void *params) __attribute__((noreturn));

static struct boot_params params __attribute__((aligned(4096)));

static void die(const char *why)
{
	give_up("boot", why);
}

static void copy(void *to, const void *from, uint32_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static const struct setup_header *find_header(const struct multiboot_module *kernel)
{
	const uint32_t size = kernel->end - kernel->start;
	const struct setup_header *h = (const void *)(kernel->start + 0x1F1);

	if (size < 2 * SECTOR || h->boot_flag != BOOT_FLAG || h->magic[0] != 'H' || h->magic[1] != 'd' ||
	    h->magic[2] != 'r' || h->magic[3] != 'S')
		die("the first module is no Linux bzImage");
	if (h->version < OLDEST || !(h->load_flags & LOADED_HIGH))
		die("this Linux is too old to be booted here");
	if ((h->setup_sectors + 1u) * SECTOR >= size)
		die("the Linux bzImage is cut short");
	return h;
}

/* The header proper is as long as the kernel says; the rest of the parameters is zero. */
static void take_header(const struct setup_header *h)
{
	const uint32_t to_magic = offsetof(struct setup_header, magic);

	copy(&params.setup, h, to_magic);
	copy(params.setup.magic, h->magic, h->header_end);
}

static void add_memory(const struct multiboot_info *info)
{
	const uint32_t end = info->mmap_addr + info->mmap_length;

	for (uint32_t at = info->mmap_addr; at < end && params.e820_count < E820_MAX;) {
		const struct multiboot_mmap *m = (const void *)at;

		params.e820[params.e820_count++] = (struct e820){m->base, m->length, m->type};
		at += m->size + sizeof(m->size);
	}
}

static bool fits(const struct multiboot_info *info, const struct multiboot_module *module, uint32_t count,
		 uint32_t image, uint32_t init_size)
{
	const uint32_t needed = image > init_size ? image : init_size;
	uint32_t lowest = 0x100000u + info->mem_upper * 1024u;

	for (uint32_t i = 0; i < count; i++)
		lowest = module[i].start < lowest ? module[i].start : lowest;
	return lowest > KERNEL_AT && lowest - KERNEL_AT >= needed;
}

void boot_linux(const struct multiboot_info *info)
{
	const uint32_t wanted = MB_INFO_MEMORY | MB_INFO_CMDLINE | MB_INFO_MODULES | MB_INFO_MMAP;
	const struct multiboot_module *module = (const void *)info->mods_addr;
	const struct setup_header *h;
	uint32_t setup, image;

	if ((info->flags & wanted) != wanted || !info->mods_count)
		die("no Linux bzImage was given as a module");
	h = find_header(&module[0]);
	setup = (h->setup_sectors + 1u) * SECTOR;
	image = module[0].end - module[0].start - setup;
	if (!fits(info, module, info->mods_count, image, h->init_size))
		die("the machine has too little memory for this Linux");
	take_header(h);
	params.setup.loader = LOADER_NONE;
	params.setup.cmdline = info->cmdline;
	params.setup.code32 = KERNEL_AT;
	if (info->mods_count > 1) {
		params.setup.ramdisk = module[1].start;
		params.setup.ramdisk_size = module[info->mods_count - 1].end - module[1].start;
	}
	params.rsdp = acpi_tables();
	add_memory(info);
	copy((void *)KERNEL_AT, (const void *)(module[0].start + setup), image);
	enter_linux(KERNEL_AT, &params);
}
