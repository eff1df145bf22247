/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/bochs_output.h"
#include "experiments/bochsrc.h"
#include "experiments/boot_image.h"
#include "experiments/bundle_write.h"
#include "bundle/bundle.h"

#define BLOB(s)                                                                                              \
	{                                                                                                    \
		(void *)(uintptr_t)(s), sizeof(s) - 1                                                        \
	}

/* ---- boot bundle: what is written, L0's reader takes ---- */

static void bundle_is_read_back(void **state)
{
	const struct bundle_image images[] = {
		{"kernel", BLOB("kernel bytes")},
                {"empty",  {NULL, 0}           },
                {"mod",    BLOB("m")           }
        };
	const char *config = "[vm a]\nimage = kernel\n";
	struct bundle b;
	struct blob blob;
	const void *data;
	const char *why = NULL;
	size_t size;
	unsigned bad;

	(void)state;
	assert_int_equal(bundle_write(config, images, 3, &blob, &bad), 0);
	if (bundle_open(blob.data, blob.size, &b, &why))
		fail_msg("refused: %s", why);
	assert_int_equal(bundle_find(&b, "config", &data, &size), 0);
	assert_int_equal(size, strlen(config));
	assert_memory_equal(data, config, size);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(bundle_find(&b, images[i].name, &data, &size), 0);
		assert_int_equal(size, images[i].bytes.size);
		if (size)
			assert_memory_equal(data, images[i].bytes.data, size);
	}
	free(blob.data);
}

static void bundle_names(void **state)
{
	static const struct {
		const char *name;
		struct bundle_image images[2];
		int err;
	} rows[] = {
		{"twice",               {{"a", BLOB("1")}, {"a", BLOB("2")}},                         -EEXIST},
		{"the configuration's", {{"a", BLOB("1")}, {"config", BLOB("2")}},                    -EEXIST},
		{"none",                {{"a", BLOB("1")}, {"", BLOB("2")}},                          -EINVAL},
		{"with a blank",        {{"a", BLOB("1")}, {"b c", BLOB("2")}},                       -EINVAL},
		{"48 characters",
		 {{"a", BLOB("1")}, {"123456789012345678901234567890123456789012345678", BLOB("2")}},
		 -ENAMETOOLONG									       },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct blob blob = {0};
		unsigned bad = 99;
		int err = bundle_write("", rows[i].images, 2, &blob, &bad);

		if (err != rows[i].err || bad != 1)
			fail_msg("%s: %d, image %u", rows[i].name, err, bad);
	}
}

static void bundle_is_full(void **state)
{
	struct bundle_image images[NB_BUNDLE_ENTRIES_MAX];
	char names[NB_BUNDLE_ENTRIES_MAX][4];
	struct bundle b;
	struct blob blob;
	unsigned bad;

	(void)state;
	for (unsigned i = 0; i < NB_BUNDLE_ENTRIES_MAX; i++) {
		names[i][0] = (char)('A' + i);
		names[i][1] = '\0';
		images[i] = (struct bundle_image){names[i], BLOB("x")};
	}
	assert_int_equal(bundle_write("c", images, NB_BUNDLE_ENTRIES_MAX, &blob, &bad), -E2BIG);
	assert_int_equal(bundle_write("c", images, NB_BUNDLE_ENTRIES_MAX - 1, &blob, &bad), 0);
	assert_int_equal(bundle_open(blob.data, blob.size, &b, NULL), 0);
	free(blob.data);
}

/* ---- boot image ---- */

static struct machine_spec spec_of(uint64_t memory)
{
	return (struct machine_spec){
		.memory = memory,
		.kernel = BLOB("kernel"),
		.cmdline = "a=1 b",
		.module = {{BLOB("module"), "m one"}, {BLOB("second"), NULL}},
		.module_count = 2
        };
}

static void boot_image_layout(void **state)
{
	struct machine_spec spec = spec_of(64ull << 20);
	struct boot_image image;
	struct nb_boot_table t;
	const char *page;
	char *why;

	(void)state;
	assert_int_equal(boot_image_make(&image, &spec, &why), 0);
	memcpy(&t, image.table, sizeof(t));
	page = (const char *)image.table;
	assert_int_equal(t.magic, NB_BOOT_MAGIC);
	assert_int_equal(t.memory_bytes, 64 << 20);
	assert_int_equal(t.kernel, image.address);
	assert_int_equal(t.kernel_size, 6);
	assert_int_equal(image.address % 4096, 0);
	assert_true(image.address + image.pack.size <= 64u << 20);
	assert_string_equal(page + (t.cmdline - NB_BOOT_TABLE), "a=1 b");
	assert_int_equal(t.module_count, 2);
	assert_int_equal(t.module[0].start % 4096, 0);
	assert_int_equal(t.module[0].end - t.module[0].start, 6);
	assert_memory_equal((char *)image.pack.data + (t.module[0].start - image.address), "module", 6);
	assert_string_equal(page + (t.module[0].cmdline - NB_BOOT_TABLE), "m one");
	assert_int_equal(t.module[1].start % 4096, 0);
	assert_int_equal(t.module[1].end - t.module[1].start, 6);
	assert_memory_equal((char *)image.pack.data + (t.module[1].start - image.address), "second", 6);
	assert_string_equal(page + (t.module[1].cmdline - NB_BOOT_TABLE), "");
	boot_image_free(&image);
}

static void boot_image_lies_below_devices(void **state)
{
	struct machine_spec spec = spec_of(8ull << 30);
	struct boot_image image;
	char *why;

	(void)state;
	assert_int_equal(boot_image_make(&image, &spec, &why), 0);
	assert_true(image.address + image.pack.size <= 0xC0000000u);
	boot_image_free(&image);
}

static void boot_image_refuses(void **state)
{
	static char long_line[NB_BOOT_TABLE_SIZE];
	struct machine_spec big = spec_of(2ull << 20), wordy = spec_of(64ull << 20),
			    none = spec_of(64ull << 20);
	const struct {
		const struct machine_spec *spec;
		int err;
	} rows[] = {
		{&big,   -ENOSPC},
                {&wordy, -E2BIG },
                {&none,  -E2BIG }
        };

	(void)state;
	memset(long_line, 'x', sizeof(long_line) - 1);
	wordy.module[1].cmdline = long_line;
	none.kernel.size = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct boot_image image;
		char *why = NULL;

		assert_int_equal(boot_image_make(&image, rows[i].spec, &why), rows[i].err);
		assert_non_null(why);
		free(why);
		boot_image_free(&image);
	}
}

/* ---- Bochs ---- */

static void bochsrc_says_it_all(void **state)
{
	const struct bochsrc rc = {.cpu = "corei7_skylake_x",
				   .cpus = 1,
				   .memory = 256ull << 20,
				   .rom = "/r",
				   .rom_size = 131072,
				   .table = "/t",
				   .table_address = 0x7000,
				   .pack = "/p",
				   .pack_address = 0xff00000,
				   .com1 = "/c",
				   .log = "/l"};
	static const char *const lines[] = {
		"\ncpu: model=corei7_skylake_x, count=1,",
		"\nmemory: guest=256, host=256\n",
		"\nromimage: file=/r, address=0xfffe0000\n",
		"\noptramimage1: file=/t, address=0x00007000\n",
		"\noptramimage2: file=/p, address=0x0ff00000\n",
		"\ncom1: enabled=1, mode=file, dev=/c\n",
		"\nlog: /l\n",
		"\npanic: action=fatal\n",
		"\nport_e9_hack: enabled=1\n",
		"\nclock: sync=none, time0=",
	};
	struct text t = {0};

	(void)state;
	bochsrc_write(&t, &rc);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(t.data, lines[i]))
			fail_msg("no line '%s'", lines[i] + 1);
	assert_null(strstr(t.data, "e1000"));
	assert_null(strstr(t.data, "magic_break"));
	text_free(&t);
}

static void bochsrc_of_a_machine_with_a_nic(void **state)
{
	const struct bochsrc rc = {.cpu = "c",
				   .cpus = 1,
				   .memory = 256ull << 20,
				   .rom = "/r",
				   .rom_size = 131072,
				   .table = "/t",
				   .pack = "/p",
				   .com1 = "/c",
				   .log = "/l",
				   .nic = true,
				   .host = 11,
				   .traced = true};
	static const char *const lines[] = {
		"\ncpu: model=c, count=1, ips=1000000,",
		", e1000=1\n",
		"\npci: enabled=1, chipset=i440fx, slot1=e1000\n",
		"\nmagic_break: enabled=1\n",
		"\ne1000: enabled=1, mac=52:54:00:4e:42:0b, ethmod=socket, ethdev=40000\n",
	};
	struct text t = {0};

	(void)state;
	bochsrc_write(&t, &rc);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(t.data, lines[i]))
			fail_msg("no line '%s'", lines[i] + 1);
	text_free(&t);
}

#define BANNER                                                                                               \
	"=====\n  Bochs x86 Emulator 2.7\n=====\nNext at t=0\n(0) [0x0000fffffff0] f000:fff0: jmp .+13\n"
#define I(n)                                                                                                 \
	"(0).[" n "] [0x00000e3a7640] 0008:0000000000102640 (unk. ctxt): mov ecx, dword ptr ds:[rax] ; 8b08"
#define STOP                                                                                                 \
	"(0) Magic breakpoint\nNext at t=24601412\n(0) [0x00000e3a7640] 0008:0000000000102640 (unk. ctxt): " \
	"nop ; 90\n"
#define ON     STOP "Tracing enabled for CPU0\n"
#define OFF    STOP "Tracing disabled for CPU0\n"
#define NOPAGE "(0).[7] ??? (physical address not available)"
#define LAST   "(0).[820] [0x0000ffffffff001c] f000:001c (unk. ctxt): out dx, al ; ee\n"
#define DESC   "bx_dbg_read_pmode_descriptor: selector (0x0008) > GDT size limit\n"

static const struct {
	const char *name, *in, *out;
} bochs_rows[] = {
	{"banner and end",                         BANNER "hello\n" LAST,           "hello\n"               },
	{"no newline before the end",              BANNER "hello" LAST,             "hello"                 },
	{"complaints around the last instruction", BANNER "x\n" DESC LAST DESC,     "x\n"                   },
	{"died at once",			   "=====\n",                       ""                      },
	{"nothing written",                        BANNER LAST,                     ""                      },
	{"such a line amid the output stays",      BANNER "a\n" LAST "b\n" LAST,    "a\n" LAST "b\n"        },
	{"a bracket is a bracket",                 BANNER "f(0).[x] (0) b bx_ (((", "f(0).[x] (0) b bx_ ((("},
	{"the banner's words in the output",       BANNER "Next at t=0\n(0) [0x\n", "Next at t=0\n(0) [0x\n"},
	{"two brackets before the end",            BANNER "((0)." LAST,             "((0)."                 },
};

/* What the trace holds: lines, and "." at the end of a section. */
static const struct {
	const char *name, *in, *out, *trace;
} trace_rows[] = {
	{"no breakpoint",                  BANNER "hello\n" LAST,						       "hello\n",   ""                                    },
	{"two sections",                   BANNER "a" ON I("1") "\n" I("2") "\n" OFF "b\n" ON I("3") "\n" OFF "c" LAST, "ab\nc",
	 I("1") "\n" I("2") "\n.\n" I("3") "\n.\n"															 },
	{"one behind the other",           BANNER ON I("1") "\n" OFF ON I("2") "\n" OFF LAST,                           "",
	 I("1") "\n.\n" I("2") "\n.\n"																     },
	{"an empty section",               BANNER ON OFF "x" LAST,						      "x",         ".\n"                                 },
	{"the machine writes meanwhile",   BANNER ON I("1") "\nNB(0).[" I("2") "\n((b\n" I("3") "\n" OFF LAST,
	 "NB(0).[((b\n",													     I("1") "\n" I("2") "\n" I("3") "\n.\n"},
	{"lines that name no instruction", BANNER ON NOPAGE "\n" DESC I("3") "\n" OFF LAST,                             "",
	 NOPAGE "\n" DESC I("3") "\n.\n"																   },
	{"such a line outside",            BANNER I("1") "\n" ON OFF LAST,                                              I("1") "\n", ".\n"                                 },
	{"words that only begin so",       BANNER "(0) Magic breakpoint\nNext time\n" ON OFF LAST,
	 "(0) Magic breakpoint\nNext time\n",											".\n"                                 },
	{"the machine begins a line",      BANNER ON "(0).[9] [0x1] " I("1") "\n" OFF LAST,                             "",
	 "(0).[9] [0x1] " I("1") "\n.\n"																   },
	{"it ends in a section",           BANNER ON I("1") "\n" LAST,                                                  "",          I("1") "\n" LAST                      },
	{"it is cut off in a section",     BANNER ON I("1") "\n(0).[2] [0x",                                            "",          I("1") "\n"                           },
};

static void keep_line(void *ctx, const char *line, size_t size)
{
	text_addf(ctx, "%.*s\n", line ? (int)size : 1, line ? line : ".");
}

/* Cut in parts of a size, all bytes but the first `head` of them. */
static void read_in_parts(struct bochs_output *o, const char *in, size_t head, size_t part, struct text *out)
{
	uint8_t got[4096];
	size_t size = strlen(in), n;

	for (size_t at = 0, end = head ? head : part; at < size; at = end, end += part) {
		bochs_output_feed(o, (const uint8_t *)in + at, (end < size ? end : size) - at);
		while ((n = bochs_output_take(o, got, sizeof(got))))
			text_add(out, got, n);
	}
	bochs_output_end(o);
	while ((n = bochs_output_take(o, got, sizeof(got))))
		text_add(out, got, n);
}

static void check_parts(size_t row, size_t head, size_t part)
{
	struct bochs_output o;
	struct text out = {0}, lines = {0};
	const struct machine_trace trace = {.line = keep_line, .ctx = &lines};

	text_add(&out, "", 0);
	text_add(&lines, "", 0);
	bochs_output_init(&o, &trace);
	read_in_parts(&o, trace_rows[row].in, head, part, &out);
	if (strcmp(out.data, trace_rows[row].out) != 0)
		fail_msg("%s, in parts of %zu after %zu: '%s'", trace_rows[row].name, part, head, out.data);
	if (strcmp(lines.data, trace_rows[row].trace) != 0)
		fail_msg("%s, in parts of %zu after %zu: traced '%s'", trace_rows[row].name, part, head,
			 lines.data);
	bochs_output_free(&o);
	text_free(&out);
	text_free(&lines);
}

static void bochs_trace_is_taken_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trace_rows) / sizeof(trace_rows[0]); i++) {
		size_t size = strlen(trace_rows[i].in);

		for (size_t n = 1; n <= size; n++) {
			check_parts(i, 0, n);
			check_parts(i, n, size);
		}
	}
}

/* Without a trace a breakpoint's words are the machine's. */
static void bochs_untraced(void **state)
{
	struct bochs_output o;
	struct text out = {0};

	(void)state;
	bochs_output_init(&o, NULL);
	read_in_parts(&o, BANNER ON I("1") "\n" OFF LAST, 0, 16, &out);
	assert_string_equal(out.data, ON I("1") "\n" OFF);
	bochs_output_free(&o);
	text_free(&out);
}

static void bochs_debugger_has_enough_commands(void **state)
{
	struct text t = {0};
	unsigned lines = 0;

	(void)state;
	bochsrc_debugger(&t, false);
	assert_string_equal(t.data, "c\n");
	text_free(&t);
	bochsrc_debugger(&t, true);
	for (const char *p = t.data; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 4 * MACHINE_TRACES_MAX + 1);
	assert_int_equal(strncmp(t.data, "c\ntrace on\nc\ntrace off\nc\n", 25), 0);
	assert_string_equal(t.data + t.size - 12, "trace off\nc\n");
	text_free(&t);
}

static void bochs_own_lines_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bochs_rows) / sizeof(bochs_rows[0]); i++) {
		size_t size = strlen(bochs_rows[i].in);

		for (size_t part = 1; part <= size; part++) {
			struct bochs_output o;
			uint8_t got[1024];
			size_t n = 0;

			bochs_output_init(&o, NULL);
			for (size_t at = 0; at < size; at += part) {
				bochs_output_feed(&o, (const uint8_t *)bochs_rows[i].in + at,
						  size - at < part ? size - at : part);
				n += bochs_output_take(&o, got + n, sizeof(got) - n);
			}
			bochs_output_end(&o);
			n += bochs_output_take(&o, got + n, sizeof(got) - n);
			if (n != strlen(bochs_rows[i].out) || memcmp(got, bochs_rows[i].out, n) != 0)
				fail_msg("%s, in parts of %zu: '%.*s'", bochs_rows[i].name, part, (int)n,
					 got);
			bochs_output_free(&o);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bundle_is_read_back),
		cmocka_unit_test(bundle_names),
		cmocka_unit_test(bundle_is_full),
		cmocka_unit_test(boot_image_layout),
		cmocka_unit_test(boot_image_lies_below_devices),
		cmocka_unit_test(boot_image_refuses),
		cmocka_unit_test(bochsrc_says_it_all),
		cmocka_unit_test(bochsrc_of_a_machine_with_a_nic),
		cmocka_unit_test(bochs_own_lines_go),
		cmocka_unit_test(bochs_trace_is_taken_out),
		cmocka_unit_test(bochs_untraced),
		cmocka_unit_test(bochs_debugger_has_enough_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
