/* SPDX-License-Identifier: MIT */
/* A boot bundle's section that describes a CPU. */
#include "tests/unit/cpu_read_case.h"

/* clang-format off */
#define HEAD "[cpu a]\n"
#define R0   "cpuid = 0 0 1 0x756e6547 0x6c65746e 0x49656e69\n"
#define R1   "cpuid = 1 0 0x306c3 0x10800 0x7ffaf3bf 0xbfebfbff\n"
#define RX   "cpuid = 0x80000000 0 0x80000000 0 0 0\n"
#define KEYS "expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX' or 'msr = NUMBER VALUE'"

static const struct read_case rows[] = {
	{"a section",               HEAD R0 R1 RX,                         0, NULL},
	{"comments, blanks",        "# one\n\n [cpu a-1_B] # two\r\n\t" R0 "cpuid=1 0 1\t2 3 4#\n#" R1 RX "msr = 1 2 # three\n", 5, "'1 0 1?2 3 4#', expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX', six numbers of 32 bits"},
	{"comments",                "# one\n\n [cpu a-1_B] # two\r\n\t" R0 "cpuid=1 0 1  2 3 4 #\n#" R1 RX "msr = 1 2 # three\n", 0, NULL},
	{"rows of 0 left out",      HEAD RX R0,                            0, NULL},
	{"names of MSRs",           HEAD R0 RX "msr = IA32_VMX_BASIC 1\nmsr = IA32_ARCH_CAPABILITIES 0xFFFFFFFFFFFFFFFF\n", 0, NULL},
	{"a row twice",             HEAD R0 R0 RX,                         0, NULL},
	{"no section",              "\n[l0]\n",                            2, "'[l0]', expected one section, [cpu NAME]"},
	{"no name",                 "[cpu ]\n",                            1, "'[cpu ]', expected one section, [cpu NAME]"},
	{"no such name",            "[cpu a b]\n",                         1, "'[cpu a b]', expected one section, [cpu NAME]"},
	{"two sections",            HEAD R0 RX "[cpu b]\n",                4, "'[cpu b]', expected one section, [cpu NAME]"},
	{"a VM's section",          HEAD R0 RX "[vm b]\n",                 4, "'[vm b]', expected one section, [cpu NAME]"},
	{"another key",             HEAD R0 "cpu = 1\n",                   3, "'cpu = 1', " KEYS},
	{"no =",                    HEAD "cpuid 0 0 0 0 0 0\n",            2, "'cpuid 0 0 0 0 0 0', " KEYS},
	{"five numbers",            HEAD "cpuid = 0 0 0 0 0\n",            2, "'0 0 0 0 0', expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX', six numbers of 32 bits"},
	{"seven numbers",           HEAD "cpuid = 0 0 0 0 0 0 0\n",        2, "'0 0 0 0 0 0 0', expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX', six numbers of 32 bits"},
	{"33 bits",                 HEAD "cpuid = 0 0 0 0 0 4294967296\n", 2, "'0 0 0 0 0 4294967296', expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX', six numbers of 32 bits"},
	{"no number",               HEAD "cpuid = 0 0 0 x 0 0\n",          2, "'0 0 0 x 0 0', expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX', six numbers of 32 bits"},
	{"an MSR without a value",  HEAD "msr = 0x480\n",                  2, "'0x480', expected 'msr = NUMBER VALUE', numbers of 32 and 64 bits"},
	{"an MSR of two values",    HEAD "msr = 0x480 1 2\n",              2, "'0x480 1 2', expected 'msr = NUMBER VALUE', numbers of 32 and 64 bits"},
	{"an MSR of 65 bits",       HEAD "msr = 0x480 0x10000000000000000\n", 2, "'0x480 0x10000000000000000', expected 'msr = NUMBER VALUE', numbers of 32 and 64 bits"},
	{"an MSR of 68 bits",       HEAD "msr = 0x480 184467440737095516150\n", 2, "'0x480 184467440737095516150', expected 'msr = NUMBER VALUE', numbers of 32 and 64 bits"},
	{"no such MSR",             HEAD "msr = IA32_VMX 1\n",             2, "'IA32_VMX 1', expected 'msr = NUMBER VALUE', numbers of 32 and 64 bits"},
	{"a row twice, other values", HEAD R0 "cpuid = 0 0 2 0 0 0\n",     3, "leaf 0 sub-leaf 0 again with other values, expected those of line 2"},
	{"an MSR twice",            HEAD "msr = 1 1\nmsr = 1 2\n",         3, "MSR 0x1 again with another value, expected that of line 2"},
	{"no leaf 0",               HEAD R1 RX,                            3, "ends without leaf 0, expected it to tell the highest leaf"},
	{"cut at a line's end",     HEAD R0 R1,                            3, "ends without leaf 0x80000000, expected it to tell the highest leaf"},
	{"cut in a line",           HEAD R0 RX "msr = 0x480 0x12",         4, "ends within a line, expected its end"},
};
/* clang-format on */

static void lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_case(&rows[i], NULL);
}

static void whole(void **state)
{
	struct cpu_policy section, record;

	(void)state;
	read_whole("tests/unit/data/cpu/icelake_section.txt", &section);
	read_whole("cpu_baseline/hosts/corei7_icelake_u.txt", &record);
	same_policy("icelake", &section, &record);
	assert_string_equal(section.name, "icelake_section");
}

static void too_many(void **state)
{
	static char text[64 * 1024];
	size_t n = (size_t)snprintf(text, sizeof(text), HEAD R0 RX);
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "cpuid = 1 %u 0 0 0 0\n", i);
	assert_int_equal(cpu_read_text("a", text, n, NULL, &policy, &report), -EINVAL);
	assert_string_equal(report.error, "a:258: more rows of CPUID than expected, at most 256 a processor");
	/* 193 rows: what a reader holds, not a policy */
	n = (size_t)(strstr(text, "cpuid = 1 191 ") - text);
	assert_int_equal(cpu_read_text("a", text, n, NULL, &policy, &report), -EINVAL);
	assert_string_equal(report.error, "a:194: more rows of CPUID than expected, at most 192");
	n = (size_t)snprintf(text, sizeof(text), HEAD R0 RX);
	for (unsigned i = 0; i < 41; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "msr = %u 0\n", i);
	assert_int_equal(cpu_read_text("a", text, n, NULL, &policy, &report), -EINVAL);
	assert_string_equal(report.error, "a:44: more MSRs than expected, at most 40");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(whole),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
