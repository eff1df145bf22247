/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/peers/kvm/vmm/load.h"
#include "nestbed/multiboot.h"

#define RAM    (4u << 20)
#define BASE   0x200000u /* where the kernel is linked */
#define HEADER 0x80u /* offsets in the file */
#define TEXT   0x100u
#define SIZE   0x180u

/* A kernel of one segment: 128 bytes of its file, and 4096 in memory. */
static void make_kernel(uint8_t *file)
{
	struct elf32_header elf = {.entry = BASE + 8, .phoff = 0x34, .phentsize = 32, .phnum = 1};
	const struct elf32_segment segment = {
		.type = ELF_PT_LOAD, .offset = TEXT, .paddr = BASE, .filesz = SIZE - TEXT, .memsz = 4096};
	struct multiboot_header header = {.magic = MB_HEADER_MAGIC,
					  .checksum = 0u - MB_HEADER_MAGIC,
					  .header_addr = BASE + HEADER,
					  .load_addr = BASE,
					  .bss_end_addr = BASE + 0x1000,
					  .entry_addr = BASE + 16};

	memset(file, 0, SIZE);
	memcpy(elf.ident,
	       "\x7F"
	       "ELF\x01",
	       5);
	memcpy(file, &elf, sizeof(elf));
	memcpy(file + elf.phoff, &segment, sizeof(segment));
	memcpy(file + HEADER, &header, sizeof(header));
	memset(file + TEXT, 'k', SIZE - TEXT);
}

static void by_addresses(uint8_t *file)
{
	const uint32_t flags = MB_HEADER_ADDRS, checksum = 0u - MB_HEADER_MAGIC - MB_HEADER_ADDRS;

	memcpy(file + HEADER + 4, &flags, 4);
	memcpy(file + HEADER + 8, &checksum, 4);
}

struct world {
	uint8_t *ram, *file;
	struct load_file kernel;
	struct load_start start;
	const char *why;
};

/* RAM and file are just as long as they are: ASan sees a byte too far. */
static void make_world(struct world *w)
{
	*w = (struct world){.ram = aligned_alloc(4096, RAM), .file = malloc(SIZE)};
	assert_non_null(w->ram);
	assert_non_null(w->file);
	memset(w->ram, 0, RAM);
	make_kernel(w->file);
	w->kernel = (struct load_file){w->file, SIZE, "kernel a=b"};
}

static void free_world(struct world *w)
{
	free(w->ram);
	free(w->file);
}

static int load(struct world *w, const struct load_file *module, unsigned modules)
{
	return load_guest(w->ram, RAM, &w->kernel, module, modules, &w->start, &w->why);
}

static void told(const struct world *w, struct multiboot_info *info)
{
	memcpy(info, w->ram + w->start.info, sizeof(*info));
}

static void loads_elf(void **state)
{
	struct multiboot_info info;
	struct world w;

	(void)state;
	make_world(&w);
	memset(w.ram + BASE, 0xFF, 4096);
	assert_int_equal(load(&w, NULL, 0), 0);
	assert_int_equal(w.start.entry, BASE + 8);
	assert_int_equal(w.ram[BASE], 'k');
	assert_int_equal(w.ram[BASE + SIZE - TEXT], 0);
	assert_int_equal(w.ram[BASE + 4095], 0);
	told(&w, &info);
	assert_int_equal(info.mem_lower, 0x9F000 / 1024);
	assert_int_equal(info.mem_upper, RAM / 1024 - 1024);
	assert_string_equal((char *)w.ram + info.cmdline, "kernel a=b");
	assert_string_equal((char *)w.ram + info.boot_loader_name, "nestbed kvm-run");
	assert_int_equal(info.mods_count, 0);
	assert_int_equal(info.mmap_length, 48);
	free_world(&w);
}

static void loads_by_addresses(void **state)
{
	struct world w;

	(void)state;
	make_world(&w);
	by_addresses(w.file);
	assert_int_equal(load(&w, NULL, 0), 0);
	assert_int_equal(w.start.entry, BASE + 16);
	assert_memory_equal(w.ram + BASE, w.file, SIZE);
	free_world(&w);
}

static void loads_modules(void **state)
{
	static const uint8_t one[5] = "first", two[4097] = "second";
	const struct load_file module[] = {
		{one, sizeof(one), "one"        },
		{two, sizeof(two), "two x=1 y=2"},
	};
	struct multiboot_module m[2];
	struct multiboot_info info;
	struct world w;

	(void)state;
	make_world(&w);
	assert_int_equal(load(&w, module, 2), 0);
	told(&w, &info);
	assert_int_equal(info.mods_count, 2);
	memcpy(m, w.ram + info.mods_addr, sizeof(m));
	assert_int_equal(m[0].start, BASE + 4096);
	assert_int_equal(m[0].end, m[0].start + 5);
	assert_int_equal(m[1].start, BASE + 2 * 4096);
	assert_int_equal(m[1].end, m[1].start + 4097);
	assert_memory_equal(w.ram + m[0].start, "first", 5);
	assert_memory_equal(w.ram + m[1].start, "second", 7);
	assert_string_equal((char *)w.ram + m[0].cmdline, "one");
	assert_string_equal((char *)w.ram + m[1].cmdline, "two x=1 y=2");
	free_world(&w);
}

/* A word of the file set to a wrong value a row. */
static const struct {
	const char *name;
	size_t offset;
	uint32_t value;
	int addresses; /* the header's are used */
} bad[] = {
	{"no magic",		       HEADER,      0,                 0},
	{"checksum",		       HEADER + 8,  1,                 0},
	{"not ELF",			0,           0,                 0},
	{"64-bit ELF",                     4,           2,                 0},
	{"program headers behind the end", 28,          SIZE,              0},
	{"program headers at the end",     28,          SIZE - 31,         0},
	{"program headers far away",       28,          UINT32_MAX,        0},
	{"below 1 MiB",                    0x34 + 12,   0xFF000,           0},
	{"on the loader's words",          0x34 + 12,   0x10000,           0},
	{"behind memory",                  0x34 + 12,   RAM,               0},
	{"across the end of memory",       0x34 + 12,   RAM - 4095,        0},
	{"address wraps",                  0x34 + 12,   0xFFFFF000,        0},
	{"file size behind the end",       0x34 + 16,   SIZE - TEXT + 1,   0},
	{"file size wraps",                0x34 + 16,   UINT32_MAX,        0},
	{"offset behind the end",          0x34 + 4,    SIZE + 1,          0},
	{"more in the file than memory",   0x34 + 20,   SIZE - TEXT - 1,   0},
	{"memory size",                    0x34 + 20,   UINT32_MAX,        0},
	{"load address behind the header", HEADER + 16, BASE + HEADER + 4, 1},
	{"header before the file",         HEADER + 12, BASE + HEADER + 4, 1},
	{"load end behind the file",       HEADER + 20, BASE + SIZE + 1,   1},
	{"load end before the start",      HEADER + 20, BASE - 1,          1},
	{"bss end before load end",        HEADER + 24, BASE + 4,          1},
	{"bss behind memory",              HEADER + 24, RAM + 1,           1},
};

static void refuses_bad_kernels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world w;

		make_world(&w);
		if (bad[i].addresses)
			by_addresses(w.file);
		memcpy(w.file + bad[i].offset, &bad[i].value, sizeof(bad[i].value));
		if (load(&w, NULL, 0) != -EINVAL || !w.why)
			fail_msg("%s: taken", bad[i].name);
		free_world(&w);
	}
}

static void refuses_what_does_not_fit(void **state)
{
	static const uint8_t big[RAM - BASE - 4096 + 1];
	struct load_file module[LOAD_MODULES_MAX + 1];
	char words[LOAD_WORDS_MAX + 1];
	struct world w;

	(void)state;
	make_world(&w);
	module[0] = (struct load_file){big, sizeof(big), "big"};
	assert_int_equal(load(&w, module, 1), -EINVAL);
	module[0].size--;
	assert_int_equal(load(&w, module, 1), 0);
	assert_int_equal(load_guest(w.ram, 1u << 20, &w.kernel, NULL, 0, &w.start, &w.why), -EINVAL);
	memset(words, 'x', LOAD_WORDS_MAX);
	words[LOAD_WORDS_MAX] = '\0';
	w.kernel.words = words;
	assert_int_equal(load(&w, NULL, 0), -EINVAL);
	words[LOAD_WORDS_MAX - 1] = '\0';
	assert_int_equal(load(&w, NULL, 0), 0);
	for (unsigned i = 0; i <= LOAD_MODULES_MAX; i++)
		module[i] = (struct load_file){big, 1, "m"};
	assert_int_equal(load(&w, module, LOAD_MODULES_MAX), 0);
	assert_int_equal(load(&w, module, LOAD_MODULES_MAX + 1), -EINVAL);
	free_world(&w);
}

/* A file that ends anywhere. */
static void refuses_short_files(void **state)
{
	(void)state;
	for (size_t n = 0; n < SIZE; n++) {
		struct world w;
		uint8_t *cut = malloc(n ? n : 1);

		make_world(&w);
		assert_non_null(cut);
		memcpy(cut, w.file, n);
		w.kernel = (struct load_file){cut, n, "cut"};
		if (load(&w, NULL, 0) != -EINVAL)
			fail_msg("%zu bytes: taken", n);
		free(cut);
		free_world(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_elf),
		cmocka_unit_test(loads_by_addresses),
		cmocka_unit_test(loads_modules),
		cmocka_unit_test(refuses_bad_kernels),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(refuses_short_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
