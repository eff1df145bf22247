/* SPDX-License-Identifier: MIT */
#include "experiments/boot_image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/text.h"

#define PAGE 4096u
/* The pack ends below the addresses where devices may lie, whatever the machine's RAM. */
#define PACK_TOP 0xC0000000ull
/* A kernel loads low; the pack must leave it room. */
#define PACK_BOTTOM 0x200000ull

static size_t page_up(size_t n)
{
	return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* Appends a string to the table's page; its physical address, or 0 when it doesn't fit. */
static uint32_t add_string(struct boot_image *image, size_t *used, const char *s)
{
	size_t n = strlen(s) + 1;
	uint32_t address = (uint32_t)(NB_BOOT_TABLE + *used);

	if (n > sizeof(image->table) - *used)
		return 0;
	memcpy(image->table + *used, s, n);
	*used += n;
	return address;
}

static int fill_table(struct boot_image *image, const struct machine_spec *spec, char **why)
{
	struct nb_boot_table table = {
		.magic = NB_BOOT_MAGIC,
		.memory_bytes = spec->memory,
		.kernel = image->address,
		.kernel_size = (uint32_t)spec->kernel.size,
		.module_count = spec->module_count,
		.cpus = spec->cpus,
	};
	size_t used = sizeof(table);
	size_t at = page_up(spec->kernel.size);

	table.cmdline = add_string(image, &used, spec->cmdline ? spec->cmdline : "");
	for (unsigned i = 0; i < spec->module_count; i++) {
		const struct machine_module *m = &spec->module[i];

		table.module[i].start = (uint32_t)(image->address + at);
		table.module[i].end = (uint32_t)(image->address + at + m->image.size);
		table.module[i].cmdline = add_string(image, &used, m->cmdline ? m->cmdline : "");
		if (!table.module[i].cmdline)
			table.cmdline = 0;
		at += page_up(m->image.size);
	}
	if (!table.cmdline) {
		*why = text_format("command lines exceed the %u bytes of the boot table", NB_BOOT_TABLE_SIZE);
		return -E2BIG;
	}
	memcpy(image->table, &table, sizeof(table));
	return 0;
}

static int fill_pack(struct boot_image *image, const struct machine_spec *spec)
{
	size_t at = page_up(spec->kernel.size);

	image->pack.data = calloc(1, image->pack.size);
	if (!image->pack.data)
		return -ENOMEM;
	memcpy(image->pack.data, spec->kernel.data, spec->kernel.size);
	for (unsigned i = 0; i < spec->module_count; i++) {
		const struct blob *b = &spec->module[i].image;

		memcpy((uint8_t *)image->pack.data + at, b->data, b->size);
		at += page_up(b->size);
	}
	return 0;
}

int boot_image_make(struct boot_image *image, const struct machine_spec *spec, char **why)
{
	uint64_t top = spec->memory < PACK_TOP ? spec->memory : PACK_TOP;
	size_t size = page_up(spec->kernel.size);
	int err;

	memset(image, 0, sizeof(*image));
	if (!spec->kernel.size || spec->module_count > NB_BOOT_MODULES_MAX) {
		*why = text_format(spec->kernel.size ? "at most %u modules fit" : "the kernel is empty",
				   NB_BOOT_MODULES_MAX);
		return -E2BIG;
	}
	for (unsigned i = 0; i < spec->module_count; i++)
		size += page_up(spec->module[i].image.size);
	if (size + PACK_BOTTOM > top) {
		*why = text_format("kernel and modules (%zu bytes) don't fit %llu MiB of RAM", size,
				   (unsigned long long)(spec->memory >> 20));
		return -ENOSPC;
	}
	image->pack.size = size;
	image->address = (uint32_t)((top - size) & ~(uint64_t)(PAGE - 1));
	err = fill_table(image, spec, why);
	return err ? err : fill_pack(image, spec);
}

void boot_image_free(struct boot_image *image)
{
	free(image->pack.data);
	image->pack = (struct blob){0};
}
