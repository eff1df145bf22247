/* SPDX-License-Identifier: MIT */
/* What the loader gave: memory, modules, command line. Copied, so that nobody overwrites it later. */
#include <nestbed/multiboot.h>

#include "internal.h"
#include "rt.h"

#define TEXT_MAX   4096u
#define MEMORY_TOP 0xc0000000ull /* rt uses no RAM behind it: devices, uncached */

struct rt_boot_info rt_boot_info;

static char text[TEXT_MAX];
static size_t text_used;
static uint64_t next_page;

static const char *keep(uint32_t address)
{
	const char *from = (const char *)(uintptr_t)address;
	char *to = text + text_used;
	size_t n = strlen(from);

	if (n >= TEXT_MAX - text_used)
		rt_panic("command lines of the loader are longer than %u bytes", TEXT_MAX);
	memcpy(to, from, n + 1);
	text_used += n + 1;
	return to;
}

/* First byte behind the RAM at 1 MiB. The map is finer than mem_upper, and can tell more than 4 GiB. */
static uint64_t memory_end(const struct multiboot_info *info)
{
	uint64_t end = 0;

	if (info->flags & MB_INFO_MMAP) {
		uint32_t at = 0;

		while (at < info->mmap_length) {
			const struct multiboot_mmap *m = (const void *)((uintptr_t)info->mmap_addr + at);

			if (m->type == MB_MMAP_AVAILABLE && m->base <= 0x100000 &&
			    m->base + m->length > 0x100000)
				end = m->base + m->length;
			at += m->size + 4;
		}
	}
	if (!end && (info->flags & MB_INFO_MEMORY))
		end = 0x100000 + (uint64_t)info->mem_upper * 1024;
	return end;
}

void rt_multiboot(uint32_t magic, const struct multiboot_info *info)
{
	struct rt_boot_info *b = &rt_boot_info;

	b->cmdline = b->loader = "";
	if (magic != MB_LOADER_MAGIC)
		rt_panic("not started by a multiboot loader: EAX is 0x%x", magic);
	b->memory_bytes = memory_end(info);
	if (info->flags & MB_INFO_CMDLINE)
		b->cmdline = keep(info->cmdline);
	if (info->flags & MB_INFO_LOADER)
		b->loader = keep(info->boot_loader_name);
	next_page = (uint64_t)(uintptr_t)rt_image_end;
	if (info->flags & MB_INFO_MODULES) {
		const struct multiboot_module *m = (const void *)(uintptr_t)info->mods_addr;

		if (info->mods_count > RT_MODULES_MAX)
			rt_panic("%u modules, at most %u", info->mods_count, RT_MODULES_MAX);
		for (uint32_t i = 0; i < info->mods_count; i++, m++) {
			b->module[i] =
				(struct rt_module){m->start, m->end, m->cmdline ? keep(m->cmdline) : ""};
			if (m->end > next_page)
				next_page = m->end;
			b->module_count++;
		}
	}
	next_page = (next_page + 4095) & ~4095ull;
}

void *rt_pages(size_t count)
{
	uint64_t end = rt_boot_info.memory_bytes < MEMORY_TOP ? rt_boot_info.memory_bytes : MEMORY_TOP;
	void *p = (void *)(uintptr_t)next_page;

	if (next_page > end || count > (end - next_page) / 4096)
		rt_panic("out of memory: %zu pages wanted", count);
	next_page += count * 4096;
	return memset(p, 0, count * 4096);
}

const char *rt_arg(const char *name)
{
	static char value[1024];
	size_t n = strlen(name);
	const char *p = rt_boot_info.cmdline;

	while (*p) {
		const char *end = p;

		while (*end && *end != ' ')
			end++;
		if (!strncmp(p, name, n) && (p + n == end || p[n] == '=')) {
			size_t size = 0;

			p += p + n == end ? n : n + 1;
			size = (size_t)(end - p);
			if (size >= sizeof(value))
				rt_panic("argument %s is longer than %zu bytes", name, sizeof(value) - 1);
			memcpy(value, p, size);
			value[size] = 0;
			return value;
		}
		p = *end ? end + 1 : end;
	}
	return NULL;
}

uint64_t rt_arg_u64(const char *name, uint64_t otherwise)
{
	const char *text_value = rt_arg(name), *p = text_value;
	uint64_t v = 0, base = 10;

	if (!p)
		return otherwise;
	if (p[0] == '0' && p[1] == 'x') {
		base = 16;
		p += 2;
	}
	if (!*p)
		rt_panic("argument %s has no number", name);
	for (; *p; p++) {
		uint64_t digit = *p >= '0' && *p <= '9'   ? (uint64_t)(*p - '0')
				 : *p >= 'a' && *p <= 'f' ? (uint64_t)(*p - 'a' + 10)
							  : 99;

		if (digit >= base || v > (UINT64_MAX - digit) / base)
			rt_panic("argument %s=%s is not a number", name, text_value);
		v = v * base + digit;
	}
	return v;
}
