/* SPDX-License-Identifier: MIT */
/* `cpuid -r` text and our own record: what is read, what is refused and where. */
#include <glob.h>

#include "cpu_baseline/read/reader.h"
#include "tests/unit/cpu_read_case.h"

/* clang-format off */
/* A small whole processor: leaves 0 and 1, 0x80000000. */
#define R0           "0x00000000 0x00: eax=0x00000001 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n"
#define R1           "0x00000001 0x00: eax=0x000306c3 ebx=0x00010800 ecx=0x7ffaf3bf edx=0xbfebfbff\n"
#define R1B          "0x00000001 0x00: eax=0x000306c3 ebx=0x01010800 ecx=0x7ffaf3bf edx=0xbfebfbff\n" /* APIC ID 1 */
#define R1C          "0x00000001 0x00: eax=0x000306c4 ebx=0x01010800 ecx=0x7ffaf3bf edx=0xbfebfbff\n" /* stepping */
#define RX           "0x80000000 0x00: eax=0x80000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"
#define RD           "0x00000000 0x00: eax=0x0000000d ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"
#define Z(leaf, sub) leaf " " sub ": eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"
#define M            "msr 0x00000480 0x00d810000000002b\n"
/* The leaves up to 0xc that have no sub-leaves. */
#define FILL2 Z("0x00000002", "0x00") Z("0x00000003", "0x00") Z("0x00000005", "0x00") Z("0x00000006", "0x00")
#define FILL8 Z("0x00000008", "0x00") Z("0x00000009", "0x00") Z("0x0000000a", "0x00") Z("0x0000000c", "0x00")
#define S4     Z("0x00000004", "0x00")
#define S7     Z("0x00000007", "0x00")
#define SB     Z("0x0000000b", "0x00")
#define CACHE  "0x00000004 0x00: eax=0x00000021 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"
#define THREAD "0x0000000b 0x00: eax=0x00000001 ebx=0x00000002 ecx=0x00000100 edx=0x00000000\n"
#define SEVEN  "0x00000007 0x00: eax=0x00000001 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"
#define XCR0   "0x0000000d 0x00: eax=0x00000007 ebx=0x00000340 ecx=0x00000340 edx=0x00000000\n"
#define XSS    "0x0000000d 0x01: eax=0x0000000f ebx=0x00000340 ecx=0x00000100 edx=0x00000000\n"
#define AVX    "0x0000000d 0x02: eax=0x00000100 ebx=0x00000240 ecx=0x00000000 edx=0x00000000\n"
#define PT     "0x0000000d 0x08: eax=0x00000080 ebx=0x00000000 ecx=0x00000001 edx=0x00000000\n"
#define HEAD   RD R1 FILL2 FILL8

static const struct read_case rows[] = {
	{"no header",                    R0 R1 RX,                                   0, NULL},
	{"header without a number",      "CPU:\n" R0 R1 RX,                          0, NULL},
	{"carriage returns",             "CPU 0:\r\n\r\n" R0 R1 RX,                  0, NULL},
	{"the same row twice",           R0 R1 R1 RX,                                0, NULL},
	{"two processors",               "CPU 0:\n" R0 R1 RX "CPU 1:\n" R0 R1B RX,   0, NULL},
	{"all sub-leaves",               HEAD CACHE Z("0x00000004", "0x01") SEVEN Z("0x00000007", "0x01")
	                                 THREAD Z("0x0000000b", "0x01") XCR0 XSS AVX PT RX, 0, NULL},
	{"no end of lists, older tools", HEAD CACHE S7 THREAD XCR0 XSS AVX PT RX,    0, NULL},
	{"components of 0, own record",  HEAD S4 S7 SB XCR0 XSS RX M,                0, NULL},
	{"nothing",                      "",                                         0, "nothing in it, expected what a processor says of itself"},
	{"no such format",               "\n\nhello\n",                              3, "'hello', expected a format that this reads: see docs/cpu-formats.md"},
	{"another text",                 R0 "hello\n" R1 RX,                         2, "'hello', expected 'CPU N:', '0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…' with 8 digits each, or 'msr 0xNUMBER 0x…' with 16"},
	{"ends within a line",           R0 R1 "0x80000000 0x00: eax=0x8000",        3, "'0x80000000 0x00: eax=0x8000', expected 'CPU N:', '0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…' with 8 digits each, or 'msr 0xNUMBER 0x…' with 16"},
	{"ends within the last digits",  R0 R1 RX "msr 0x00000480 0x00d8100000",     4, "'msr 0x00000480 0x00d8100000', expected 'CPU N:', '0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…' with 8 digits each, or 'msr 0xNUMBER 0x…' with 16"},
	{"nine digits",                  "0x000000000 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n" R0, 1, "'0x000000000 0x00: eax=0x00000000 ebx=0x00000000 ', expected 'CPU N:', '0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…' with 8 digits each, or 'msr 0xNUMBER 0x…' with 16"},
	{"no leaf 0",                    R1 RX,                                      2, "ends without leaf 0, expected it to tell the highest leaf"},
	{"no leaf 1",                    R0 RX,                                      2, "ends without leaf 0x1, expected each up to 0x1, as leaf 0 says"},
	{"no extended leaf",             R0 R1,                                      2, "ends without leaf 0x80000000, expected it to tell the highest leaf"},
	{"extended leaf cut off",        R0 R1 "0x80000000 0x00: eax=0x80000001 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n", 3, "ends without leaf 0x80000001, expected each up to 0x80000001, as leaf 0x80000000 says"},
	{"leaf 0 says too much",         "0x00000000 0x00: eax=0x00000100 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n" RX, 2, "leaf 0 says that leaves reach to 0x100, expected at most 256 of them"},
	{"sub-leaf of 7",                HEAD S4 SEVEN SB XCR0 XSS AVX PT RX,        18, "ends without leaf 0x7 sub-leaf 0x1, expected it since leaf 0x7 says 0x1"},
	{"hole in leaf 4",               HEAD CACHE Z("0x00000004", "0x02") S7 SB XCR0 XSS AVX PT RX, 19, "ends without leaf 0x4 sub-leaf 0x1, expected it before sub-leaf 0x2 of line 12"},
	{"sub-leaf 1 of 0xd",            HEAD S4 S7 SB XCR0 AVX RX,                  16, "ends without leaf 0xd sub-leaf 0x1, expected it with sub-leaf 0"},
	{"component of XCR0",            HEAD S4 S7 SB XCR0 XSS PT RX,               17, "ends without leaf 0xd sub-leaf 0x2, expected it since XCR0 has bit 2"},
	{"component of IA32_XSS",        HEAD S4 S7 SB XCR0 XSS AVX RX,              17, "ends without leaf 0xd sub-leaf 0x8, expected it since IA32_XSS has bit 8"},
	{"own record, end of caches",    HEAD CACHE S7 SB XCR0 XSS RX M,             17, "ends without leaf 0x4 sub-leaf 0x1, expected it since sub-leaf 0 is not the last"},
	{"own record, end of levels",    HEAD S4 S7 THREAD XCR0 XSS RX M,            17, "ends without leaf 0xb sub-leaf 0x1, expected it since sub-leaf 0 is not the last"},
	{"a row twice, other values",    R0 R1 R1B RX,                               3, "leaf 0x1 sub-leaf 0 again with other values, expected those of line 2"},
	{"an MSR twice, other values",   R0 R1 RX M "msr 0x480 0x0000000000000000\n", 5, "MSR 0x480 again with another value, expected that of line 4"},
	{"processors differ",            "CPU 0:\n" R0 R1 RX "CPU 1:\n" R0 R1C RX,   7, "leaf 0x1 sub-leaf 0 EAX differs by 0x7 from that of line 3, expected processors that are all alike, not a hybrid"},
	{"second processor cut off",     "CPU 0:\n" R0 R1 RX "CPU 1:\n" R0,          6, "ends without leaf 0x1, expected each up to 0x1, as leaf 0 says"},
	{"second processor empty",       "CPU 0:\n" R0 R1 RX "CPU 1:\n",             5, "ends without leaf 0, expected it to tell the highest leaf"},
	{"second processor has more",    "CPU 0:\n" R0 R1 RX "CPU 1:\n" R0 R1 Z("0x00000001", "0x01") RX, 8, "leaf 0x1 sub-leaf 0x1, which the first processor lacks, expected processors that are all alike, not a hybrid"},
	{"second processor has less",    "CPU 0:\n" R0 R1 Z("0x00000001", "0x01") RX "CPU 1:\n" R0 R1 RX, 9, "the processor that ends here lacks leaf 0x1 sub-leaf 0x1 of line 4, expected processors that are all alike, not a hybrid"},
	{"MSRs differ",                  "CPU 0:\n" R0 R1 RX M "CPU 1:\n" R0 R1 RX "msr 0x480 0x0000000000000000\n", 10, "MSR 0x480 differs from that of the first processor, expected processors that are all alike, not a hybrid"},
	{"a control character",          R0 "\001\n",                                2, "'?', expected 'CPU N:', '0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…' with 8 digits each, or 'msr 0xNUMBER 0x…' with 16"},
};
/* clang-format on */

static void lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_case(&rows[i], NULL);
}

static void values(void **state)
{
	static const char text[] = "CPU 0:\n" R0 R1 RX M;
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(cpu_read_text("dir/a.b.txt", text, strlen(text), NULL, &policy, &report), 0);
	assert_string_equal(policy.name, "a.b");
	assert_string_equal(report.notes, "");
	assert_false(policy.features_only);
	assert_int_equal(policy.leaf_count, 3);
	assert_int_equal(policy.msr_count, 1);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_EAX), 0x306c3);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_EBX), 0x10800);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_ECX), 0x7ffaf3bf);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_EDX), 0xbfebfbff);
	assert_true(cpu_policy_msr(&policy, 0x480)->value == 0xd810000000002b);
}

/* An Intel processor answers for a range that it lacks with the data of its highest basic leaf. */
static void outside(void **state)
{
	static const char text[] =
		R0 R1 "0x20000000 0x00: eax=0x00000007 ebx=0x00000340 ecx=0x00000340 "
		      "edx=0x00000000\n" RX Z("0xc0000000", "0x00") Z("0x80000008", "0x00");
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(cpu_read_text("a", text, strlen(text), NULL, &policy, &report), 0);
	assert_int_equal(policy.leaf_count, 3);
	assert_string_equal(
		report.notes,
		"a: rows of CPUID left out: 3, from leaf 0x20000000 on; the processor has no such leaves\n");
}

static void all_hosts(void **state)
{
	struct cpu_policy policy;
	struct cpu_read_report report;
	glob_t found;

	(void)state;
	assert_int_equal(glob("cpu_baseline/hosts/*.txt", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 11);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (cpu_read(found.gl_pathv[i], NULL, &policy, &report) || report.notes[0])
			fail_msg("%s%s", report.error, report.notes);
		assert_non_null(cpu_policy_msr(&policy, 0x480));
		assert_non_null(strstr(found.gl_pathv[i], policy.name));
	}
	globfree(&found);
}

/* Numbers: how many digits there may be, and no more. */
static void digits(void **state)
{
	static const struct {
		const char *text;
		unsigned min, max;
		bool taken;
		uint64_t value;
		size_t rest;
	} hex[] = {
		{"12ab", 4, 4, true,  0x12ab, 0},
                {"12AB", 1, 8, true,  0x12ab, 0},
		{"12-",  2, 2, true,  0x12,   1},
                {"12",   3, 3, false, 0,      2},
		{"123",  2, 2, false, 0,      3},
                {"",     0, 2, true,  0,      0},
		{"g",    1, 2, false, 0,      1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hex); i++) {
		struct piece s = piece_of(hex[i].text);
		uint64_t value;
		bool taken = piece_hex(&s, hex[i].min, hex[i].max, &value);

		if (taken != hex[i].taken || s.n != hex[i].rest || (taken && value != hex[i].value))
			fail_msg("'%s': %d, %#llx", hex[i].text, taken, (unsigned long long)value);
	}
}

/* What a string of C cannot hold. */
static void bytes(void **state)
{
	static const char zero[] = R0 "0x0000\0\n";
	static char line[CPU_READ_LINE_MAX + 3];
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(cpu_read_text("a", zero, sizeof(zero) - 1, NULL, &policy, &report), -EINVAL);
	assert_string_equal(report.error, "a:2: a byte of value 0, expected text");
	memset(line, ' ', sizeof(line));
	line[0] = '\n';
	assert_int_equal(cpu_read_text("a", line, sizeof(line), NULL, &policy, &report), -EINVAL);
	assert_string_equal(report.error, "a:2: a line of 1026 characters, expected at most 1024");
}

/* Each example of docs/cpu-formats.md is read: the formats of texts, all of them. */
static void documented(void **state)
{
	static char page[64 * 1024];
	FILE *file = fopen("docs/cpu-formats.md", "r");
	struct cpu_policy policy;
	struct cpu_read_report report;
	unsigned examples = 0;

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = 0;
	fclose(file);
	for (char *at = page, *end; (at = strstr(at, "```text\n")); at = end + 4) {
		at += strlen("```text\n");
		end = strstr(at, "\n```");
		assert_non_null(end);
		if (cpu_read_text("example", at, (size_t)(end + 1 - at), NULL, &policy, &report))
			fail_msg("%u: %s", examples, report.error);
		examples++;
	}
	assert_int_equal(examples, 6);
}

static void no_such_file(void **state)
{
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(cpu_read("no/such/file", NULL, &policy, &report), -ENOENT);
	assert_string_equal(report.error, "no/such/file: No such file or directory");
	assert_int_equal(cpu_read("tests", NULL, &policy, &report), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),      cmocka_unit_test(values),       cmocka_unit_test(outside),
		cmocka_unit_test(bytes),      cmocka_unit_test(digits),       cmocka_unit_test(all_hosts),
		cmocka_unit_test(documented), cmocka_unit_test(no_such_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
