/* SPDX-License-Identifier: MIT */
/* libvirt's XML: <cpudata>, and <cpu> through libvirt's CPU map. */
#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "cpu_baseline/read/cpu_map.h"
#include "tests/unit/cpu_read_case.h"

/* clang-format off */
#define OPEN  "<cpudata arch='x86'>\n"
#define CLOSE "</cpudata>\n"
#define R0    "<cpuid eax_in='0x0' ecx_in='0x00' eax='0x00000001' ebx='0x756e6547' ecx='0x6c65746e' edx='0x49656e69'/>\n"
#define R1    "<cpuid eax_in='0x1' ecx_in='0x00' eax='0x000306c3' ebx='0x00010800' ecx='0x7ffaf3bf' edx='0xbfebfbff'/>\n"
#define RX    "<cpuid eax_in='0x80000000' ecx_in='0x00' eax='0x80000000' ebx='0x0' ecx='0x0' edx='0x0'/>\n"
#define DIGITS "expected 0x and 1 to 8 hexadecimal digits"

static const struct read_case cpudata_rows[] = {
	{"cpudata",              OPEN R0 R1 RX CLOSE,                                     0, NULL},
	{"declared",             "<?xml version='1.0' encoding='UTF-8'?>\n<!-- a -->\n" OPEN "<!-- b -->" R0 R1 RX CLOSE, 0, NULL},
	{"a byte-order mark",    "\xef\xbb\xbf" OPEN R0 R1 RX CLOSE,                      0, NULL},
	{"rows of 0 left out",   OPEN R0 RX CLOSE,                                        0, NULL},
	{"an MSR",               OPEN R0 RX "<msr index='0x10a' edx='0x1' eax='0x2'/>\n" CLOSE, 0, NULL},
	{"another arch",         "<cpudata arch='ppc64'/>",                               1, "arch='ppc64', expected 'x86'"},
	{"no arch",              "\n<cpudata/>",                                          2, "<cpudata> without 'arch', expected it"},
	{"another root",         "<domain>\n</domain>",                                   1, "<domain>, expected <cpudata>, <cpu>, <capabilities> or <domainCapabilities>"},
	{"not closed",           OPEN R0,                                                 3, "Premature end of data in tag cpudata line 1, expected well-formed XML"},
	{"ends within a tag",    OPEN R0 "<cpuid eax_in='0x1",                            3, "Premature end of data in tag cpudata line 1, expected well-formed XML"},
	{"another element",      OPEN R0 "\n<leaf/>" CLOSE,                               4, "<leaf> in <cpudata>, expected <cpuid> or <msr>"},
	{"text",                 OPEN R0 "text" CLOSE,                                    3, "text in <cpudata>, expected elements"},
	{"another attribute",    OPEN "<cpuid eax_in='0x0' function='0x1'/>" CLOSE,       2, "<cpuid> with attribute 'function', expected none of that name"},
	{"lacks an attribute",   OPEN "<cpuid eax_in='0x0' eax='0x0' ebx='0x0' ecx='0x0' edx='0x0'/>" CLOSE, 2, "<cpuid> without 'ecx_in', expected it"},
	{"no hexadecimal",       OPEN "<cpuid eax_in='0' ecx_in='0x0' eax='0x0' ebx='0x0' ecx='0x0' edx='0x0'/>" CLOSE, 2, "eax_in='0', " DIGITS},
	{"nine digits",          OPEN "<cpuid eax_in='0x0' ecx_in='0x0' eax='0x0' ebx='0x0' ecx='0x0' edx='0x000000000'/>" CLOSE, 2, "edx='0x000000000', " DIGITS},
	{"no digit",             OPEN "<msr index='0x' edx='0x0' eax='0x0'/>" CLOSE,      2, "index='0x', " DIGITS},
	{"no value",             OPEN "<msr index='0x1' edx='' eax='0x0'/>" CLOSE,        2, "edx='', " DIGITS},
	{"an MSR without EDX",   OPEN "<msr index='0x1' eax='0x0'/>" CLOSE,               2, "<msr> without 'edx', expected it"},
	{"other values",         OPEN R0 "<cpuid eax_in='0x0' ecx_in='0x0' eax='0x0' ebx='0x0' ecx='0x0' edx='0x0'/>" CLOSE, 3, "leaf 0 sub-leaf 0 again with other values, expected those of line 2"},
	{"no leaf 0",            OPEN R1 RX CLOSE,                                        3, "ends without leaf 0, expected it to tell the highest leaf"},
	{"empty",                OPEN CLOSE,                                              1, "ends without leaf 0, expected it to tell the highest leaf"},
	{"no extended leaf",     OPEN R0 R1 CLOSE,                                        3, "ends without leaf 0x80000000, expected it to tell the highest leaf"},
	{"a DTD",                "<?xml version='1.0'?>\n<!DOCTYPE cpudata SYSTEM 'a.dtd'>\n" OPEN R0 RX CLOSE, 2, "a DOCTYPE, expected none"},
	{"an entity of a DTD",   "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>\n<cpudata arch='&b;'/>", 1, "a DOCTYPE, expected none"},
	{"an entity",            "<cpudata arch='&x86;'/>",                               1, "Entity 'x86' not defined, expected well-formed XML"},
};

#define CPU "<cpu>\n<model>Penryn</model>\n"
#define MAP "expected one of the CPU map in " CPU_MAP_DIR

static const struct read_case cpu_rows[] = {
	{"a model",              "<cpu><model>Penryn</model></cpu>",                          0, NULL},
	{"all that libvirt says", "<cpu mode='custom' match='exact' check='full'><arch>x86_64</arch><model fallback='forbid'> Penryn\n</model>"
	                         "<vendor>Intel</vendor><microcode version='1'/><signature family='6' model='1' stepping='1'/><counter name='tsc' frequency='1'/>"
	                         "<topology sockets='1'/><maxphysaddr mode='emulate' bits='36'/><cache mode='passthrough'/><pages unit='KiB' size='4'/><numa/>"
	                         "<features/><feature name='vmx'/><feature policy='force' name='avx'/></cpu>", 0, NULL},
	{"an alias",             CPU "<feature name='sse4_2'/></cpu>",                        0, NULL},
	{"no model",             "<cpu>\n<vendor>Intel</vendor></cpu>",                       1, "<cpu> without <model>, expected one"},
	{"no such model",        "<cpu>\n<model>Penryn2</model></cpu>",                       2, "model 'Penryn2', " MAP},
	{"an empty model",       "<cpu>\n<model/></cpu>",                                     2, "model '', " MAP},
	{"a model of elements",  "<cpu>\n<model><b/></model></cpu>",                          2, "model '', " MAP},
	{"two models",           CPU "<model>Penryn</model></cpu>",                           3, "a second <model>, expected one"},
	{"no such vendor",       CPU "<vendor>Cyrix</vendor></cpu>",                          3, "vendor 'Cyrix', " MAP},
	{"no such feature",      CPU "\n<feature policy='require' name='avx1024'/></cpu>",    4, "feature 'avx1024', " MAP},
	{"a feature without name", CPU "<feature policy='require'/></cpu>",                   3, "<feature> without 'name', expected it"},
	{"a feature twice",      CPU "<feature name='vmx'/><feature policy='disable' name='vmx'/></cpu>", 3, "feature 'vmx' again, expected it once"},
	{"may be there or not",  CPU "<feature policy='optional' name='vmx'/></cpu>",         3, "policy='optional', expected require, force, disable or forbid: nothing else says whether the feature is there"},
	{"another attribute",    CPU "<feature name='vmx' value='1'/></cpu>",                 3, "<feature> with attribute 'value', expected none of that name"},
	{"another element",      CPU "<speed/></cpu>",                                        3, "<speed> in <cpu>, expected what libvirt says of a CPU"},
	{"no host",              "<capabilities>\n<guest/></capabilities>",                   1, "<capabilities> without <host> and <cpu>, expected them"},
	{"a host without model", "<capabilities><host>\n<cpu><arch>i686</arch></cpu></host></capabilities>", 2, "<cpu> without <model>, expected one"},
	{"no host-model",        "<domainCapabilities><cpu><mode name='host-model' supported='no'/></cpu></domainCapabilities>", 1, "<domainCapabilities> without <mode name='host-model'> and a <model> in <cpu>, expected them"},
};
/* clang-format on */

static void cpudata_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cpudata_rows); i++)
		check_case(&cpudata_rows[i], NULL);
}

static void cpu_lines(void **state)
{
	struct cpu_read_options options = {.map = *state};

	for (size_t i = 0; i < COUNT(cpu_rows); i++)
		check_case(&cpu_rows[i], &options);
}

static void cpudata_whole(void **state)
{
	struct cpu_policy xml, record;

	(void)state;
	read_whole("tests/unit/data/cpu/haswell_cpudata.xml", &xml);
	read_whole("cpu_baseline/hosts/corei7_haswell_4770.txt", &record);
	same_policy("haswell", &xml, &record);
	assert_string_equal(xml.name, "haswell_cpudata");
	/* without the rows that are all 0 */
	read_whole("tests/unit/data/cpu/tigerlake_cpudata.xml", &xml);
	read_whole("cpu_baseline/hosts/tigerlake.txt", &record);
	assert_true(xml.leaf_count < record.leaf_count);
	for (uint32_t i = 0; i < record.leaf_count; i++) {
		const struct cpu_leaf *row = &record.leaf[i];

		for (unsigned reg = 0; reg < CPU_REGS; reg++)
			assert_int_equal(row->reg[reg],
					 cpu_policy_reg(&xml, row->leaf, row->subleaf, (enum cpu_reg)reg));
	}
	assert_int_equal(xml.msr_count, record.msr_count);
}

/* Capabilities of a host, of domains. */
static void features(void **state)
{
	struct cpu_policy policy;

	(void)state;
	read_whole("tests/unit/data/cpu/host_capabilities.xml", &policy);
	assert_true(policy.features_only);
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_EBX), 0x756e6547); /* Genu */
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_EDX), 0x49656e69);
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_ECX), 0x6c65746e);
	assert_true(cpu_policy_reg(&policy, 1, 0, CPU_ECX) & 1u << 28); /* avx: the model's */
	assert_true(cpu_policy_reg(&policy, 1, 0, CPU_ECX) & 1u << 5); /* vmx: told */
	assert_true(cpu_policy_reg(&policy, 7, 0, CPU_EDX) & 1u << 10); /* md-clear */
	assert_true(cpu_policy_reg(&policy, 7, 0, CPU_EDX) & 1u << 26); /* spec-ctrl, of -IBRS */
	assert_false(cpu_policy_reg(&policy, 7, 0, CPU_EBX) & 1u << 5); /* avx2: not on Ivy Bridge */
	assert_int_equal(cpu_policy_reg(&policy, 0x80000007, 0, CPU_EDX), 1u << 8); /* invtsc */

	read_whole("tests/unit/data/cpu/domain_capabilities.xml", &policy);
	assert_true(policy.features_only);
	assert_true(cpu_policy_reg(&policy, 1, 0, CPU_ECX) & 1u << 5);
	assert_false(cpu_policy_reg(&policy, 1, 0, CPU_ECX) & 1u << 19); /* sse4.1 of Penryn: disabled */
}

static void map(void **state)
{
	const struct cpu_map *m = *state;
	const struct cpu_map_feature *avx2 = cpu_map_find_feature(m, "avx2");
	const struct cpu_map_feature *no = cpu_map_find_feature(m, "rdctl-no");
	const struct cpu_map_model *model = cpu_map_find_model(m, "Icelake-Server");
	struct cpu_policy policy;

	assert_int_equal(avx2->bits.leaf, 7);
	assert_int_equal(avx2->bits.reg[CPU_EBX], 1u << 5);
	assert_int_equal(no->msr, 0x10a);
	assert_true(no->msr_bits == 1);
	assert_ptr_equal(cpu_map_find_feature(m, "sse3"), cpu_map_find_feature(m, "pni"));
	assert_null(cpu_map_find_feature(m, "none"));
	assert_null(cpu_map_find_model(m, "none"));
	assert_string_equal(model->vendor->string, "GenuineIntel");
	assert_true(model->has[avx2 - cpu_map_feature(m, 0)]);
	/* removed='yes' */
	assert_false(model->has[cpu_map_find_feature(m, "intel-pt") - cpu_map_feature(m, 0)]);
	read_whole("cpu_baseline/hosts/corei7_haswell_4770.txt", &policy);
	assert_true(cpu_map_has(&policy, avx2));
	assert_false(cpu_map_has(&policy, cpu_map_find_feature(m, "avx512f")));
	assert_false(cpu_map_has(&policy, no));
}

static void quiet(void **state)
{
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(read_quietly("tests/unit/data/cpu/broken.xml", &policy, &report), -EINVAL);
	assert_string_equal(report.error,
			    "tests/unit/data/cpu/broken.xml:3: Opening and ending tag mismatch: "
			    "cpudata line 1 and cpu, expected well-formed XML");
}

static bool requires(const char *xml, const char *name)
{
	char element[128];

	snprintf(element, sizeof(element), "<feature policy='require' name='%s'/>", name);
	return strstr(xml, element);
}

/* Each model has the features that libvirt itself gives it. */
static void as_libvirt(void **state)
{
	virConnectPtr connection = virConnectOpenReadOnly("test:///default");
	const struct cpu_map_feature *feature;
	const struct cpu_map_model *model;
	char text[256], *answer;

	assert_non_null(connection);
	for (unsigned m = 0; (model = cpu_map_model(*state, m)); m++) {
		const char *list[] = {text};

		snprintf(text, sizeof(text), "<cpu><arch>x86_64</arch><model>%s</model></cpu>", model->name);
		answer = virConnectBaselineCPU(connection, list, 1, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES);
		if (!answer) {
			fail_msg("%s: no answer", model->name);
			return;
		}
		for (unsigned f = 0; (feature = cpu_map_feature(*state, f)); f++) {
			if (requires(answer, feature->name) != model->has[f])
				fail_msg("%s: %s is %d", model->name, feature->name, model->has[f]);
		}
		free(answer);
	}
	virConnectClose(connection);
}

static void read_with(const struct cpu_read_options *options, const char *text, struct cpu_policy *policy)
{
	struct cpu_read_report report;

	if (cpu_read_text("a", text, strlen(text), options, policy, &report))
		fail_msg("%s", report.error);
}

/* Maps that are not libvirt's. */
static void maps(void **state)
{
	struct cpu_read_options options = {.map_dir = "tests/unit/data/cpu/no_map"};
	struct cpu_policy policy;
	struct cpu_read_report report;
	static const char text[] = "<cpu><model>a</model></cpu>";

	(void)state;
	assert_true(cpu_read_text("a", text, strlen(text), &options, &policy, &report) < 0);
	assert_string_equal(report.error, "tests/unit/data/cpu/no_map/index.xml: No such file or directory");
	options.map_dir = "tests/unit/data/cpu/map";
	assert_true(cpu_read_text("a", text, strlen(text), &options, &policy, &report) < 0);
	assert_string_equal(report.error,
			    "tests/unit/data/cpu/map/models.xml:4: feature 'two', expected one that "
			    "the map named before");
	options.map_dir = "tests/unit/data/cpu/map3"; /* a model that takes from another, a removed feature */
	read_with(&options, "<cpu><model>Penryn</model></cpu>", &policy);
	assert_int_equal(policy.msr_count, 0);
	assert_int_equal(policy.leaf_count, 2);
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_EBX), 0x756e6547);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_ECX), 0x80020);
	read_with(&options, "<cpu><model>base</model><feature name='rdctl-no'/></cpu>", &policy);
	assert_int_equal(cpu_policy_reg(&policy, 1, 0, CPU_ECX), 0x80000);
	assert_true(cpu_policy_msr(&policy, 0x10a)->value == 1);
	assert_null(cpu_map_load("tests/unit/data/cpu/map2", &report));
	assert_string_equal(report.error,
			    "tests/unit/data/cpu/map2: no models of x86 in it, expected libvirt's CPU map");
}

static int load(void **state)
{
	struct cpu_read_report report;

	*state = cpu_map_load(NULL, &report);
	if (!*state)
		fail_msg("%s", report.error);
	return 0;
}

static int unload(void **state)
{
	cpu_map_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpudata_lines), cmocka_unit_test(cpudata_whole), cmocka_unit_test(cpu_lines),
		cmocka_unit_test(features),      cmocka_unit_test(map),           cmocka_unit_test(maps),
		cmocka_unit_test(as_libvirt),    cmocka_unit_test(quiet),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
