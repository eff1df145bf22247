/* SPDX-License-Identifier: MIT */
/* What `cpu-baseline --json` prints, read again. */
#include "tests/unit/cpu_read_case.h"

/* clang-format off */
#define HEAD  "{\"name\": \"a\", \"features_only\": false,\n\"cpuid\": [\n"
#define ROW(leaf, eax) "{\"leaf\": " leaf ", \"subleaf\": 0, \"eax\": " eax ", \"ebx\": \"0x0\", \"ecx\": \"0\", \"edx\": \"0xFFFFFFFF\"}"
#define R0    ROW("0", "1")
#define RX    ROW("\"0x80000000\"", "\"0x80000000\"")
#define MSRS  "\n], \"msrs\": [\n"
#define TAIL  "]}\n"

static const struct read_case rows[] = {
	{"a baseline",              HEAD R0 ",\n" RX MSRS TAIL,                           0, NULL},
	{"an MSR",                  HEAD R0 ",\n" RX MSRS "{\"msr\": \"0x480\", \"name\": \"b\", \"value\": \"0xFFFFFFFFFFFFFFFF\"}" TAIL, 0, NULL},
	{"features only",           "{\"features_only\": true, \"cpuid\": [" ROW("1", "0") "], \"msrs\": []}", 0, NULL},
	{"other keys at the top",   "{\"cpuid2\": [{}], \"findings\": {\"cpuid\": [{}, {}], \"a\": \"cpuid\"},\n\"msrs\": [], \"features_only\": false,\n \"cpuid\": [" R0 ",\n" RX "]}", 0, NULL},
	{"no object",               "[1]",                                                1, "'[1]', expected one section, [cpu NAME]"},
	{"not closed",              HEAD R0,                                              3, "']' expected near end of file, expected JSON"},
	{"two values",              "{}\n{}",                                             2, "end of file expected near '{', expected JSON"},
	{"a key twice",             "{\"cpuid\": 1,\n\"cpuid\": 2}",                      2, "duplicate object key near '\"cpuid\"', expected JSON"},
	{"without features_only",   "{}",                                                 0, "no \"features_only\", expected it to be true or false"},
	{"features_only: 1",        "{\"features_only\": 1}",                             0, "no \"features_only\", expected it to be true or false"},
	{"without cpuid",           "{\"features_only\": true}",                          0, "no array \"cpuid\", expected one"},
	{"without msrs",            HEAD R0 "]}",                                         0, "no array \"msrs\", expected one"},
	{"refused",                 "{\"refused\": true, \"features_only\": true, \"cpuid\": []}", 0, "a refused baseline, expected one that there is"},
	{"a row is no object",      HEAD R0 ",\n1" MSRS TAIL,                             2, "no object, expected one with \"leaf\""},
	{"a row lacks a key",       HEAD R0 ",\n{\"leaf\": 0}" MSRS TAIL,                 4, "no \"subleaf\", expected a number up to 0xffffffff"},
	{"a row has another key",   HEAD R0 ",\n{\"a\": 1, " "\"leaf\": 0, \"subleaf\": 0, \"eax\": 0, \"ebx\": 0, \"ecx\": 0, \"edx\": 0}" MSRS TAIL, 4, "7 keys, expected 6: \"leaf\" to \"edx\""},
	{"33 bits",                 HEAD ROW("0", "4294967296") MSRS TAIL,                3, "a bad \"eax\", expected a number up to 0xffffffff"},
	{"33 bits as text",         HEAD ROW("0", "\"0x100000000\"") MSRS TAIL,           3, "a bad \"eax\", expected a number up to 0xffffffff"},
	{"less than 0",             HEAD ROW("0", "-1") MSRS TAIL,                        3, "a bad \"eax\", expected a number up to 0xffffffff"},
	{"not whole",               HEAD ROW("0", "1.0") MSRS TAIL,                       3, "a bad \"eax\", expected a number up to 0xffffffff"},
	{"no number",               HEAD ROW("0", "\"0xg\"") MSRS TAIL,                   3, "a bad \"eax\", expected a number up to 0xffffffff"},
	{"null",                    HEAD ROW("null", "0") MSRS TAIL,                      3, "a bad \"leaf\", expected a number up to 0xffffffff"},
	{"an MSR without a value",  HEAD R0 ",\n\n" RX MSRS "\n{\"msr\": 1}" TAIL,        8, "no \"value\", expected a number up to 0xffffffffffffffff"},
	{"a row twice, other values", HEAD R0 ",\n" ROW("0", "2") MSRS TAIL,              4, "leaf 0 sub-leaf 0 again with other values, expected those of line 3"},
	{"an MSR twice",            HEAD R0 MSRS "{\"msr\": 1, \"value\": 1},\n{\"msr\": 1, \"value\": 2}" TAIL, 6, "MSR 0x1 again with another value, expected that of line 5"},
	{"no leaf 0",               HEAD RX MSRS TAIL,                                    3, "ends without leaf 0, expected it to tell the highest leaf"},
	{"no extended leaf",        HEAD R0 MSRS TAIL,                                    3, "ends without leaf 0x80000000, expected it to tell the highest leaf"},
	{"strings that look like more", "{\"a\": \"[{\\\"\\\\\",\n\"b\": [\"]\"], \"features_only\": false, \"cpuid\":\n[" ROW("0", "\"x\"") MSRS TAIL, 3, "a bad \"eax\", expected a number up to 0xffffffff"},
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
	struct cpu_policy json, record;

	(void)state;
	read_whole("tests/unit/data/cpu/cnl.json", &json);
	read_whole("cpu_baseline/hosts/corei3_cnl.txt", &record);
	same_policy("cnl", &json, &record);
	assert_string_equal(json.name, "cnl");
}

static void features_only(void **state)
{
	static const char text[] = "{\"features_only\": true, \"cpuid\": [" ROW("1", "7") "], \"msrs\": []}";
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(cpu_read_text("a", text, strlen(text), NULL, &policy, &report), 0);
	assert_true(policy.features_only);
	assert_int_equal(policy.leaf_count, 1);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_EAX), 7);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_EDX), 0xffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(whole),
		cmocka_unit_test(features_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
