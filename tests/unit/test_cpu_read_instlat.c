/* SPDX-License-Identifier: MIT */
/* Dumps as InstLatx64 collects them: with sub-leaves named, and those of old that only repeat a leaf. */
#include "tests/unit/cpu_read_case.h"

/* clang-format off */
#define CPU0  "------[ Logical CPU #0 ]------\n"
#define CPU1  "------[ CPUID Registers / Logical CPU #1 ]------\n"
#define R0    "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69 [GenuineIntel]\n"
#define R1    "CPUID 00000001: 000306C3-00100800-7FFAFBFF-BFEBFBFF\n"
#define R1B   "CPUID 00000001: 000306C3-01100800-7FFAFBFF-BFEBFBFF\n"
#define R1C   "CPUID 00000001: 000306C4-00100800-7FFAFBFF-BFEBFBFF\n"
#define RX    "CPUID 80000000: 80000000-00000000-00000000-00000000\n"
#define Z(leaf, label) "CPUID " leaf ": 00000000-00000000-00000000-00000000" label "\n"
#define M     "MSR 00000480: 00D8-1000-0000-002B\n"
#define NONE  "------[ MSR Registers ]------\n"
/* Up to 0xd, without 0xd and lists of nothing; 10 lines */
#define RD    "CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n" R1 Z("00000002", "") Z("00000003", "") Z("00000005", "") \
	Z("00000006", "") Z("00000008", "") Z("00000009", "") Z("0000000A", "") Z("0000000C", "")
#define S4    Z("00000004", "")
#define S7    Z("00000007", "")
#define XCR0  "CPUID 0000000D: 00000007-00000340-00000340-00000000"
#define XCR03 "CPUID 0000000D: 0000001F-00000340-00000340-00000000"
#define XSS   "CPUID 0000000D: 0000000F-00000340-00000100-00000000"
#define AVX   "CPUID 0000000D: 00000100-00000240-00000000-00000000"
#define PT    "CPUID 0000000D: 00000080-00000000-00000001-00000000"
#define CACHE "CPUID 00000004: 00000021-00000000-00000000-00000000"
#define SHAPE "expected 'CPUID LEAF: EAX-EBX-ECX-EDX' with 8 digits each, 'MSR NUMBER: 0000-0000-0000-0000', a header, 'NAME: TEXT' or 'NAME = TEXT'"

static const struct read_case rows[] = {
	{"rows alone",               R0 R1 RX,                                           0, NULL},
	{"a header",                 CPU0 "\n" R0 R1 RX,                                 0, NULL},
	{"a header of old",          "CPU#000 AffMask: 0x0000000000000001\n" R0 R1 RX,   0, NULL},
	{"a header of older",        "CPUID Registers (CPU #1):\n" R0 R1 RX "\nCPUID Registers (CPU #2):\n" R0 R1B RX, 0, NULL},
	{"no such header",           "CPUID Registers (CPU 1):\n" R0 R1 RX,              1, "'CPUID Registers (CPU 1):', " SHAPE},
	{"lists of nothing",         RD S7 XCR0 " [SL 00]\n" XSS " [SL 01]\n" PT " [SL 08]\n" AVX " [SL 02] [AVX]\n" RX, 0, NULL},
	{"indented",                 "\r\n  " R0 "  " R1 "  " RX,                        0, NULL},
	{"two processors",           CPU0 R0 R1 RX CPU1 R0 R1B RX NONE M,                0, NULL},
	{"remarks",                  CPU0 "allcpu: Package 0 / Core 0 / Thread 0: Valid\n" R0 R1 RX, 0, NULL},
	{"sections of others",       "------[ Versions ]------\nProgram\nCPUID none\n" CPU0 R0 R1 RX "------[ GPU ]------\nMSR none\n", 0, NULL},
	{"measurements",             R0 R1 RX "----------------------------------------\nCPUID none\nCPU#001 none\n", 0, NULL},
	{"no value of an MSR",       R0 R1 RX "MSR 00000480: < FAILED >\n",              0, NULL},
	{"other MSRs",               R0 R1 RX M "Clock M.Method = 8\nMSR 0000001B: 0000-0000-FEE0-0900 [a b]\nMSR 0000001B: 0000-0000-FEE0-0800\n", 0, NULL},
	{"labelled",                 RD S4 Z("00000007", " [SL 00]") XCR0 " [SL 00]\n" XSS " [SL 01]\n" PT " [SL 08]\n" AVX " [SL 02] [AVX]\n" RX, 0, NULL},
	{"not labelled",             RD S4 S7 XCR0 "\n" XSS "\n" AVX "\n" PT "\n" RX,    0, NULL},
	{"caches",                   RD CACHE "\n" CACHE "\n" S4 S7 XCR0 "\n" XSS "\n" AVX "\n" PT "\n" RX, 0, NULL},
	{"a component too many",     RD S4 S7 XCR0 "\n" XSS "\n" AVX "\n" PT "\n" PT "\n" RX, 15, "leaf 0xd has 5 rows without [SL n], expected 4 as its first ones say: which is which is not told"},
	{"a component too few",      RD S4 S7 XCR03 "\n" XSS "\n" AVX "\n" PT "\n" RX,   15, "leaf 0xd has 4 rows without [SL n], expected 6 as its first ones say: which is which is not told"},
	{"a labelled one lacks",     RD S4 S7 XCR0 " [SL 00]\n" XSS " [SL 01]\n" PT " [SL 08]\n" RX, 16, "ends without leaf 0xd sub-leaf 0x2, expected it since XCR0 has bit 2"},
	{"no sub-leaf 1",            RD S4 S7 XCR0 "\n" RX,                              14, "ends without leaf 0xd sub-leaf 0x1, expected it with sub-leaf 0"},
	{"label missing",            RD CACHE " [SL 00]\n" S4 S7 XCR0 "\n" RX,           12, "leaf 0x4 without [SL n] behind one with it, expected it"},
	{"a leaf without sub-leaves", R0 R1 R1B RX,                                      3, "leaf 0x1 again, expected it once: it has no sub-leaves"},
	{"resources",                R0 R1 RX "CPUID 00000010: 00000000-0000000A-00000000-00000000\n" Z("00000010", "") Z("00000010", ""), 0, NULL},
	{"resources too few",        R0 R1 RX "CPUID 00000010: 00000000-0000000A-00000000-00000000\n" Z("00000010", ""), 5, "leaf 0x10 has 2 rows without [SL n], expected 3 as its first ones say: which is which is not told"},
	{"a label twice",            R0 R1 RX Z("00000004", " [SL 00]") CACHE " [SL 00]\n", 5, "leaf 0x4 sub-leaf 0 again with other values, expected those of line 4"},
	{"a bad label",              R0 R1 RX "\n" Z("00000004", " [SL 0x]"),            5, "'CPUID 00000004: 00000000-00000000-00000000-00000', " SHAPE},
	{"text behind",              R0 R1 RX Z("00000004", " x"),                       4, "'CPUID 00000004: 00000000-00000000-00000000-00000', " SHAPE},
	{"ends within a remark",     R0 R1 "CPUID 80000000: 80000000-00000000-00000000-00000000 [a", 3, "'CPUID 80000000: 80000000-00000000-00000000-00000', " SHAPE},
	{"ends within a row",        R0 R1 "CPUID 80000000: 80000000-00000000-0000",     3, "'CPUID 80000000: 80000000-00000000-0000', " SHAPE},
	{"ends within an MSR",       R0 R1 RX "MSR 00000480: 00D8-1000-00",              4, "'MSR 00000480: 00D8-1000-00', " SHAPE},
	{"seven digits",             R0 "CPUID 0000001: 00000000-00000000-00000000-00000000\n", 2, "'CPUID 0000001: 00000000-00000000-00000000-000000', " SHAPE},
	{"no header, no row",        R0 "hello\n",                                       2, "'hello', " SHAPE},
	{"an MSR twice",             R0 R1 RX M "MSR 00000480: 0000-0000-0000-0000\n",   5, "MSR 0x480 again with another value, expected that of line 4"},
	{"processors differ",        CPU0 R0 R1 RX CPU1 R0 R1C RX,                       7, "leaf 0x1 sub-leaf 0 EAX differs by 0x7 from that of line 3, expected processors that are all alike, not a hybrid"},
	{"no leaf 1",                R0 RX,                                              2, "ends without leaf 0x1, expected each up to 0x1, as leaf 0 says"},
	{"no extended leaf",         R0 R1,                                              2, "ends without leaf 0x80000000, expected it to tell the highest leaf"},
	{"headers only",             CPU0 "------[ end ]------\n",                       2, "ends without leaf 0, expected it to tell the highest leaf"},
};
/* clang-format on */

static void lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_case(&rows[i], NULL);
}

/* Which sub-leaf a row without a label is. */
static void numbering(void **state)
{
	static const char states[] = RD CACHE "\n" CACHE "\n" S4 S7 XCR0 "\n" XSS "\n" AVX "\n" PT "\n" RX;
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(cpu_read_text("a", states, strlen(states), NULL, &policy, &report), 0);
	assert_int_equal(cpu_policy_reg(&policy, 0xd, 0, CPU_EAX), 7);
	assert_int_equal(cpu_policy_reg(&policy, 0xd, 1, CPU_ECX), 0x100);
	assert_int_equal(cpu_policy_reg(&policy, 0xd, 2, CPU_EBX), 0x240);
	assert_int_equal(cpu_policy_reg(&policy, 0xd, 8, CPU_EAX), 0x80);
	assert_int_equal(cpu_policy_reg(&policy, 4, 1, CPU_EAX), 0x21);
	assert_non_null(cpu_policy_leaf(&policy, 4, 2));
}

/* Of leaf 0x10, which tells by bits of EBX what sub-leaves there are: 1 and 3. */
static void by_bits(void **state)
{
	char text[4096];
	struct cpu_policy policy;
	struct cpu_read_report report;
	size_t n = (size_t)snprintf(text, sizeof(text),
				    "CPUID 00000000: 00000010-00000000-00000000-00000000\n"
				    "%sCPUID 00000010: 00000000-0000000A-00000000-00000000\n"
				    "CPUID 00000010: 00000011-00000000-00000000-00000000\n"
				    "CPUID 00000010: 00000033-00000000-00000000-00000000\n",
				    Z("0000000D", "") RX);

	(void)state;
	for (unsigned leaf = 1; leaf < 0x10; leaf++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, Z("%08X", ""), leaf);
	assert_int_equal(cpu_read_text("a", text, n, NULL, &policy, &report), 0);
	assert_int_equal(cpu_policy_reg(&policy, 0x10, 1, CPU_EAX), 0x11);
	assert_int_equal(cpu_policy_reg(&policy, 0x10, 3, CPU_EAX), 0x33);
	assert_null(cpu_policy_leaf(&policy, 0x10, 2));
}

static void whole(void **state)
{
	struct cpu_policy dump, record;

	(void)state;
	read_whole("tests/unit/data/cpu/haswell_instlat_old.txt", &dump);
	read_whole("cpu_baseline/hosts/corei7_haswell_4770.txt", &record);
	same_policy("haswell", &dump, &record);
	assert_string_equal(dump.name, "haswell_instlat_old");
	/* Labelled, of two processors; the record leaves out component 9, all 0. */
	read_whole("tests/unit/data/cpu/tigerlake_instlat.txt", &dump);
	read_whole("cpu_baseline/hosts/tigerlake.txt", &record);
	assert_int_equal(cpu_policy_set(&record, &(struct cpu_leaf){.leaf = 0xd, .subleaf = 9}), 0);
	same_policy("tigerlake", &dump, &record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(numbering),
		cmocka_unit_test(by_bits),
		cmocka_unit_test(whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
