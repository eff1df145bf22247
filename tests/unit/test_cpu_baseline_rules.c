/* SPDX-License-Identifier: MIT */
/* Each rule by cases: two hosts, in what they differ, what comes of it, and what is told. */
#include <errno.h>

#include "tests/unit/cpu_fixture.h"

/* clang-format off */
enum who { NOBODY, A, B, BOTH };

/* A field's value; or with these names, a row that the dump does not have. */
#define NO_MSR  "(no msr)"
#define NO_LEAF "(no leaf)"

struct change {
	enum who who;
	const char *name;
	uint64_t value;
};

struct expected {
	const char *name;
	uint64_t value;
};

struct told {
	const char *name;
	enum cpu_verdict verdict;
	enum who by; /* the host that decided; NOBODY: not looked at */
	const char *because;
};

static const struct rule_case {
	const char *name;
	enum model a, b;
	bool scaled;
	int rc;
	struct change change[8];
	struct expected expect[8];
	struct told told[3];
} cases[] = {
	/* and */
	{"a feature that one lacks", HASWELL, HASWELL, false, 0, {{B, "bmi2", 0}},
	 {{"bmi2", 0}, {"bmi1", 1}}, {{"bmi2", CPU_LACKED, B, NULL}}},
	{"a feature of an MSR", ICELAKE, ICELAKE, false, 0, {{A, "rdctl-no", 0}},
	 {{"rdctl-no", 0}, {"ibrs-all", 1}, {"arch-capabilities", 1}}, {{"rdctl-no", CPU_LACKED, A, NULL}}},

	/* or */
	{"a mitigation that one needs", ICELAKE, TIGERLAKE, true, 0, {{NOBODY, NULL, 0}},
	 {{"md-clear", 1}}, {{"md-clear", CPU_NEEDED, B, NULL}}},
	{"a weakness that one tells", ICELAKE, ICELAKE, false, 0, {{B, "rrsba", 1}, {A, "fb-clear", 1}},
	 {{"rrsba", 1}, {"fb-clear", 1}, {"rfds-clear", 0}}, {{"rrsba", CPU_NEEDED, B, NULL}, {"fb-clear", CPU_NEEDED, A, NULL}}},
	{"a weakness that one tells, and the other has no such MSR", HASWELL, ICELAKE, false, 0, {{B, "rsba", 1}},
	 {{"rsba", 1}, {"arch-capabilities", 1}, {"rdctl-no", 0}}, {{"rdctl-no", CPU_LACKED, A, NULL}}},
	{"leaves of one end before the bit that the other needs", HASWELL, HASWELL, false, 0,
	 {{A, "md-clear", 1}, {B, "level", 5}}, {{"level", 7}, {"md-clear", 1}, {"avx2", 0}, {"xcr0-avx", 0}},
	 {{"md-clear", CPU_NEEDED, A, NULL}, {"level", CPU_RECOMPUTED, B, NULL}, {"avx2", CPU_LACKED, B, NULL}}},
	{"values that x87 keeps no more", SANDY_BRIDGE, HASWELL, false, 0, {{NOBODY, NULL, 0}},
	 {{"zero-fcs-fds", 1}}, {{"zero-fcs-fds", CPU_NEEDED, B, NULL}}},
	{"events that are missing", HASWELL, HASWELL, false, 0, {{A, "pmu-events-missing", 0x3}, {B, "pmu-events-missing", 0x6}},
	 {{"pmu-events-missing", 0x7}}, {{"pmu-events-missing", CPU_NEEDED, A, NULL}}},

	/* min */
	{"address widths", HASWELL, HASWELL, false, 0, {{A, "phys-bits", 39}, {B, "phys-bits", 46}, {B, "linear-bits", 57}},
	 {{"phys-bits", 39}, {"linear-bits", 48}}, {{"phys-bits", CPU_LACKED, A, NULL}, {"linear-bits", CPU_LACKED, A, NULL}}},
	{"counters", SANDY_BRIDGE, HASWELL, false, 0, {{NOBODY, NULL, 0}},
	 {{"pmu-counters", 4}, {"pmu-version", 3}, {"pmu-width", 48}}, {{"pmu-counters", CPU_LACKED, B, NULL}}},
	{"the older signature", SANDY_BRIDGE, HASWELL, false, 0, {{NOBODY, NULL, 0}},
	 {{"signature", 0x206a7}}, {{"signature", CPU_LACKED, A, NULL}}},
	{"leaves end with the host that has the fewest", SKYLAKE_X, HASWELL, false, 0, {{NOBODY, NULL, 0}},
	 {{"level", 0xd}, {"base-mhz", 0}, {"xlevel", 0x80000008}}, {{"level", CPU_LACKED, B, NULL}}},
	{"no sub-leaf beyond the count", HASWELL, HASWELL, false, 0, {{BOTH, "avx-vnni", 1}, {BOTH, "level-func7", 0}},
	 {{"avx-vnni", 0}}, {{NULL, 0, 0, NULL}}},
	{"a sub-leaf that the count reaches", HASWELL, HASWELL, false, 0, {{BOTH, "avx-vnni", 1}, {BOTH, "level-func7", 1}},
	 {{"avx-vnni", 1}}, {{NULL, 0, 0, NULL}}},
	{"no counters, nothing about counters", HASWELL, HASWELL, false, 0, {{A, "pmu-version", 0}, {A, "pmu-events-missing", 3}},
	 {{"pmu-counters", 0}, {"pmu-fixed", 0}, {"pmu-events-missing", 0}}, {{"pmu-counters", CPU_DEPENDS, A, "pmu-version"}}},

	/* equal or refused */
	{"another vendor", HASWELL, HASWELL, false, -EPERM, {{B, "vendor-ecx", 0x444d4163}}, {{NULL, 0}},
	 {{"vendor-ecx", CPU_REFUSED, B, NULL}}},
	{"another line size", HASWELL, HASWELL, false, -EPERM, {{B, "clflush-size", 16}}, {{NULL, 0}},
	 {{"clflush-size", CPU_REFUSED, B, NULL}}},
	{"another line size, and one has no CLFLUSH", HASWELL, HASWELL, false, 0, {{B, "clflush-size", 16}, {A, "clflush", 0}},
	 {{"clflush-size", 0}, {"clflush", 0}}, {{"clflush", CPU_LACKED, A, NULL}}},
	{"a state component elsewhere", HASWELL, SANDY_BRIDGE, false, -EPERM, {{B, "(avx offset)", 0x280}}, {{NULL, 0}},
	 {{"xsave-component-offset", CPU_REFUSED, B, NULL}}},
	{"a state component elsewhere that one lacks", HASWELL, SANDY_BRIDGE, false, 0,
	 {{B, "(avx offset)", 0x280}, {A, "xcr0-avx", 0}}, {{"avx", 0}, {"xcr0-avx", 0}, {"xsave-size-max", 576}},
	 {{"xcr0-avx", CPU_LACKED, A, NULL}, {"avx", CPU_DEPENDS, A, "xcr0-avx"}}},
	{"another frequency of the TSC", ICELAKE, TIGERLAKE, false, -EPERM, {{NOBODY, NULL, 0}}, {{NULL, 0}},
	 {{"tsc-numerator", CPU_REFUSED, B, NULL}}},
	{"another frequency of the TSC, scaled", ICELAKE, TIGERLAKE, true, 0, {{NOBODY, NULL, 0}},
	 {{"tsc-numerator", 0}, {"tsc-crystal-hz", 0}, {"tsc-denominator", 0}}, {{"tsc-numerator", CPU_LACKED, B, NULL}}},
	{"the same frequency", TIGERLAKE, TIGERLAKE, false, 0, {{A, "clwb", 0}},
	 {{"tsc-numerator", 126}, {"tsc-crystal-hz", 38400000}, {"tsc-denominator", 2}}, {{NULL, 0, 0, NULL}}},
	{"a frequency that both tell in part", SKYLAKE_X, SKYLAKE_X, false, 0, {{NOBODY, NULL, 0}},
	 {{"tsc-numerator", 0}, {"tsc-denominator", 0}}, {{"tsc-numerator", CPU_DEPENDS, NOBODY, "tsc-crystal-hz"}}},
	{"a frequency that one tells in part", TIGERLAKE, TIGERLAKE, false, 0, {{A, "tsc-crystal-hz", 0}, {A, "tsc-numerator", 99}},
	 {{"tsc-numerator", 0}, {"tsc-crystal-hz", 0}, {"tsc-denominator", 0}}, {{"tsc-crystal-hz", CPU_LACKED, A, NULL}}},
	{"the same hypervisor below", HASWELL, HASWELL, false, 0,
	 {{BOTH, "hypervisor-signature-ebx", 0x4b4d564b}, {BOTH, "hypervisor-signature-ecx", 0x564b4d56}, {BOTH, "hypervisor-level", 0x40000001}},
	 {{"hypervisor-signature-ebx", 0x4b4d564b}, {"hypervisor-signature-ecx", 0x564b4d56}, {"hypervisor-level", 0x40000000}},
	 {{"hypervisor-level", CPU_RECOMPUTED, A, NULL}}},
	{"another hypervisor below", HASWELL, HASWELL, false, -EPERM,
	 {{BOTH, "hypervisor-signature-ebx", 0x4b4d564b}, {B, "hypervisor-signature-ebx", 0x7263694d}}, {{NULL, 0}},
	 {{"hypervisor-signature-ebx", CPU_REFUSED, B, NULL}}},
	{"a hypervisor below one only", HASWELL, HASWELL, false, 0, {{B, "hypervisor-signature-ebx", 0x4b4d564b}, {B, "hypervisor", 1}},
	 {{"hypervisor-signature-ebx", 0}, {"hypervisor-level", 0}, {"hypervisor", 0}},
	 {{"hypervisor-signature-ebx", CPU_LACKED, A, NULL}, {"hypervisor", CPU_RECOMPUTED, B, NULL}}},

	/* same */
	{"another brand string", SANDY_BRIDGE, IVY_BRIDGE, false, 0, {{NOBODY, NULL, 0}},
	 {{"brand-string-0", 0}, {"brand-string-6", 0}}, {{"brand-string-0", CPU_LACKED, B, NULL}}},
	{"the same brand string", HASWELL, HASWELL, false, 0, {{A, "avx2", 0}},
	 {{"brand-string-0", 0x65746e49}}, {{NULL, 0, 0, NULL}}},
	{"one word of the brand string", HASWELL, HASWELL, false, 0, {{A, "brand-string-7", 0x20202020}},
	 {{"brand-string-0", 0}, {"brand-string-7", 0}}, {{"brand-string-7", CPU_LACKED, B, NULL}}},

	/* hidden, the VM's own, unknown */
	{"what is bound to one host", SKYLAKE_X, SKYLAKE_X, false, 0,
	 {{BOTH, "sgx", 1}, {BOTH, "rdt-a", 1}, {BOTH, "pconfig", 1}, {BOTH, "ppin", 1}, {BOTH, "level-func7", 1}, {BOTH, "hwp", 31}, {BOTH, "pn", 1}},
	 {{"sgx", 0}, {"rdt-a", 0}, {"pconfig", 0}, {"ppin", 0}, {"hwp", 0}, {"pn", 0}},
	 {{"sgx", CPU_HIDDEN, A, NULL}, {"ppin", CPU_HIDDEN, A, NULL}}},
	{"shape and the state of CR4", HASWELL, HASWELL, false, 0, {{A, "initial-apic-id", 7}},
	 {{"initial-apic-id", 0}, {"logical-count", 0}, {"osxsave", 0}},
	 {{"initial-apic-id", CPU_RECOMPUTED, A, NULL}, {"logical-count", CPU_RECOMPUTED, A, NULL}, {"osxsave", CPU_RECOMPUTED, A, NULL}}},

	/* what falls with what */
	{"no XSAVE", TIGERLAKE, TIGERLAKE, false, 0, {{B, "xsave", 0}},
	 {{"avx", 0}, {"fma", 0}, {"avx512f", 0}, {"xsavec", 0}, {"xcr0-x87", 0}, {"xsave-size-max", 0}, {"sse4.2", 1}},
	 {{"avx512vnni", CPU_DEPENDS, B, "avx512f"}, {"xsaveopt", CPU_DEPENDS, B, "xsave"}}},
	{"the three parts of AVX-512 state go together", SKYLAKE_X, SKYLAKE_X, false, 0, {{A, "xcr0-zmm-hi256", 0}},
	 {{"xcr0-opmask", 0}, {"xcr0-hi16-zmm", 0}, {"avx512f", 0}, {"avx512vl", 0}, {"avx2", 1}, {"xsave-size-max", 0x340}},
	 {{"xcr0-opmask", CPU_DEPENDS, A, "xcr0-zmm-hi256"}, {"avx512f", CPU_DEPENDS, A, "xcr0-opmask"}}},
	{"likewise the last one", SKYLAKE_X, SKYLAKE_X, false, 0, {{B, "xcr0-hi16-zmm", 0}},
	 {{"xcr0-opmask", 0}, {"xcr0-zmm-hi256", 0}, {"avx512f", 0}, {"avx2", 1}}, {{"xcr0-opmask", CPU_DEPENDS, B, "xcr0-zmm-hi256"}}},
	{"and the first", SKYLAKE_X, SKYLAKE_X, false, 0, {{B, "xcr0-opmask", 0}},
	 {{"xcr0-hi16-zmm", 0}, {"xcr0-zmm-hi256", 0}, {"avx512f", 0}, {"avx2", 1}}, {{"xcr0-hi16-zmm", CPU_DEPENDS, B, "xcr0-zmm-hi256"}}},
	{"AVX state needs that of SSE", HASWELL, HASWELL, false, 0, {{B, "xcr0-sse", 0}},
	 {{"xcr0-avx", 0}, {"avx", 0}, {"avx2", 0}, {"xsave", 1}}, {{"avx2", CPU_DEPENDS, B, "avx"}, {"xsave-component-offset", CPU_DEPENDS, B, "xcr0-avx"}}},
	{"no 64-bit mode", HASWELL, HASWELL, false, 0, {{B, "lm", 0}},
	 {{"pcid", 0}, {"invpcid", 0}, {"cx16", 0}, {"fsgsbase", 0}, {"pdpe1gb", 0}, {"avx2", 1}}, {{"invpcid", CPU_DEPENDS, B, "pcid"}}},
	{"no APIC", HASWELL, HASWELL, false, 0, {{B, "apic", 0}}, {{"x2apic", 0}, {"tsc-deadline", 0}},
	 {{"x2apic", CPU_DEPENDS, B, "apic"}}},
	{"a component that is told without its place", TIGERLAKE, TIGERLAKE, false, 0, {{NOBODY, NULL, 0}},
	 {{"xcr0-pkru", 0}, {"pku", 0}, {"xsave-size-max", 0xa80}},
	 {{"xcr0-pkru", CPU_UNTOLD, A, NULL}, {"pku", CPU_DEPENDS, A, "xcr0-pkru"}}},
	{"an MSR that is announced and not told", ICELAKE, ICELAKE, false, 0, {{B, NO_MSR, 0x10a}, {A, "rsba", 0}},
	 {{"arch-capabilities", 0}, {"rdctl-no", 0}}, {{"arch-capabilities", CPU_UNTOLD, B, NULL}, {"rdctl-no", CPU_UNTOLD, B, NULL}}},
	{"a leaf that is not told", HASWELL, HASWELL, false, 0, {{B, NO_LEAF, 7}}, {{"avx2", 0}, {"bmi1", 0}},
	 {{"avx2", CPU_UNTOLD, B, NULL}}},
	{"an MSR with nothing to say", ICELAKE, ICELAKE, false, 0, {{B, "arch-capabilities", 0}, {A, "rsba", 0}},
	 {{"arch-capabilities", 0}, {"rdctl-no", 0}},
	 {{"rdctl-no", CPU_DEPENDS, B, "arch-capabilities"}}},
};
/* clang-format on */

static struct findings told;

static void drop_msr(struct cpu_policy *policy, uint32_t number)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < policy->msr_count; i++)
		if (policy->msr[i].number != number)
			policy->msr[kept++] = policy->msr[i];
	policy->msr_count = kept;
}

static void drop_leaf(struct cpu_policy *policy, uint32_t leaf)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < policy->leaf_count; i++)
		if (policy->leaf[i].leaf != leaf)
			policy->leaf[kept++] = policy->leaf[i];
	policy->leaf_count = kept;
}

static void apply(struct cpu_policy *policy, const struct change *change)
{
	if (!strcmp(change->name, NO_MSR)) {
		drop_msr(policy, (uint32_t)change->value);
	} else if (!strcmp(change->name, NO_LEAF)) {
		drop_leaf(policy, (uint32_t)change->value);
	} else if (!strcmp(change->name, "(avx offset)")) {
		struct cpu_leaf leaf = *cpu_policy_leaf(policy, 0xD, 2);

		leaf.reg[CPU_EBX] = (uint32_t)change->value;
		assert_int_equal(cpu_policy_set(policy, &leaf), 0);
	} else {
		set_value(policy, change->name, change->value);
	}
}

static void expect_told(const struct rule_case *c, const struct told *expected)
{
	const struct cpu_finding *found = finding_of(&told, expected->name);

	if (!found) {
		fail_msg("%s: nothing is told of %s", c->name, expected->name);
		return;
	}
	if (found->verdict != expected->verdict)
		fail_msg("%s: another verdict on %s", c->name, expected->name);
	if (expected->by != NOBODY && found->host != (expected->by == A ? 0 : 1))
		fail_msg("%s: %s is put down to the other host", c->name, expected->name);
	if (expected->because && found->because != cpu_field_find(expected->because))
		fail_msg("%s: %s for another reason", c->name, expected->name);
	if (expected->verdict == CPU_DEPENDS && !expected->because)
		fail_msg("%s: the case gives no reason for %s", c->name, expected->name);
}

static void run_case(const struct rule_case *c)
{
	static struct cpu_policy a, b, out;
	const struct cpu_policy *const hosts[] = {&a, &b};
	const struct cpu_options options = {.tsc_scaled = c->scaled};
	int rc;

	a = *model(c->a);
	b = *model(c->b);
	for (unsigned i = 0; i < 8 && c->change[i].name; i++) {
		if (c->change[i].who != B)
			apply(&a, &c->change[i]);
		if (c->change[i].who != A)
			apply(&b, &c->change[i]);
	}
	told.count = 0;
	rc = cpu_baseline(hosts, 2, &options, &out, collect, &told);
	if (rc != c->rc)
		fail_msg("%s: returns %d", c->name, rc);
	for (unsigned i = 0; i < 8 && c->expect[i].name; i++)
		if (value_of(&out, c->expect[i].name) != c->expect[i].value)
			fail_msg("%s: %s is %llx", c->name, c->expect[i].name,
				 (unsigned long long)value_of(&out, c->expect[i].name));
	for (unsigned i = 0; i < 3 && c->told[i].name; i++)
		expect_told(c, &c->told[i]);
	if (rc)
		return;
	assert_int_equal(cpu_check(&out, &a, &options, NULL, NULL), 0);
	assert_int_equal(cpu_check(&out, &b, &options, NULL, NULL), 0);
}

static void each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i]);
}

/* CLAIMS of old: what an emulator without an FPU hides takes all that lives in its registers with it. */
static void hidden_fpu(void **state)
{
	static const char *const gone[] = {
		"fpu",       "mmx",      "fxsr",     "sse",      "sse2",     "pni",    "ssse3",
		"sse4.1",    "sse4.2",   "aes",      "pclmuldq", "xsave",    "avx",    "f16c",
		"fma",       "avx2",     "avx512f",  "avx512vl", "xsaveopt", "xsavec", "xsaves",
		"xgetbv1",   "xcr0-x87", "xcr0-avx", "sha-ni",   "gfni",     "vaes",   "xsave-size-max",
		"vmx-xsaves"};
	static const char *const kept[] = {"lm",     "tsc",  "msr",  "cx8",   "apic",   "cmov",
					   "popcnt", "bmi1", "bmi2", "movbe", "rdrand", "vmx"};
	static struct cpu_policy host, out;
	const struct cpu_policy *const hosts[] = {model(ICELAKE), &host};

	(void)state;
	host = *model(ICELAKE);
	set_value(&host, "fpu", 0);
	told.count = 0;
	assert_int_equal(cpu_baseline(hosts, 2, NULL, &out, collect, &told), 0);
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		if (!value_of(hosts[0], gone[i]))
			fail_msg("%s: the model does not have it", gone[i]);
		if (value_of(&out, gone[i]))
			fail_msg("%s is left", gone[i]);
		if (!finding_of(&told, gone[i]))
			fail_msg("%s: nothing is told", gone[i]);
		if (finding_of(&told, gone[i])->verdict != CPU_RECOMPUTED &&
		    finding_of(&told, gone[i])->host != 1)
			fail_msg("%s: put down to the other host", gone[i]);
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (!value_of(&out, kept[i]))
			fail_msg("%s is gone", kept[i]);
	assert_int_equal(finding_of(&told, "fpu")->verdict, CPU_LACKED);
	assert_int_equal(finding_of(&told, "mmx")->verdict, CPU_DEPENDS);
	assert_ptr_equal(finding_of(&told, "mmx")->because, cpu_field_find("fpu"));
}

/* Once a register, with the bits and the first host that has them. */
static void unknown_bits(void **state)
{
	static struct cpu_policy a, b, out;
	const struct cpu_policy *const hosts[] = {&a, &b};
	const struct cpu_leaf strange = {
		.leaf = 0x8, .reg = {0, 0x30, 0, 0}
        };
	struct cpu_leaf leaf;
	unsigned seen = 0;

	(void)state;
	a = b = *model(SKYLAKE_X);
	leaf = *cpu_policy_leaf(&a, 7, 0);
	leaf.reg[CPU_EDX] = 1u << 7;
	assert_int_equal(cpu_policy_set(&b, &leaf), 0);
	leaf.reg[CPU_EDX] = 1u << 6;
	assert_int_equal(cpu_policy_set(&a, &leaf), 0);
	assert_int_equal(cpu_policy_set(&b, &strange), 0);
	assert_int_equal(cpu_policy_set_msr(&b, 0x1234, 0x100), 0);
	told.count = 0;
	assert_int_equal(cpu_baseline(hosts, 2, NULL, &out, collect, &told), 0);
	for (unsigned i = 0; i < told.count; i++) {
		const struct cpu_finding *f = &told.list[i];

		if (f->verdict != CPU_UNKNOWN)
			continue;
		seen++;
		assert_null(f->field);
		if (f->leaf == 7)
			assert_true(f->reg == CPU_EDX && f->had == 0xc0 && f->host == 0 && f->low == 6);
		else if (f->leaf == 8)
			assert_true(f->reg == CPU_EBX && f->had == 0x30 && f->host == 1 && f->low == 4);
		else
			assert_true(f->msr == 0x1234 && f->had == 0x100 && f->host == 1 && f->low == 8);
	}
	assert_int_equal(seen, 3);
	assert_null(cpu_policy_leaf(&out, 8, 0));
	assert_null(cpu_policy_msr(&out, 0x1234));
}

/* A list of features knows no XSAVE layout and no counts. */
static void features_only(void **state)
{
	static struct cpu_policy list, out;
	const struct cpu_policy *const both[] = {&list, model(HASWELL)}, *const one[] = {&list};
	static const char *const names[] = {"fpu",
					    "fxsr",
					    "mmx",
					    "sse",
					    "sse2",
					    "pni",
					    "ssse3",
					    "sse4.1",
					    "sse4.2",
					    "xsave",
					    "avx",
					    "avx2",
					    "avx512f",
					    "vmx",
					    "vmx-ept",
					    "vmx-secondary-ctls",
					    "vmx-page-walk-4"};

	(void)state;
	list = (struct cpu_policy){.features_only = true};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		set_value(&list, names[i], 1);
	assert_int_equal(cpu_baseline(one, 1, NULL, &out, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!value_of(&out, names[i]))
			fail_msg("%s is gone", names[i]);
	told.count = 0;
	assert_int_equal(cpu_baseline(both, 2, NULL, &out, collect, &told), 0);
	assert_true(out.features_only);
	assert_int_equal(value_of(&out, "avx2"), 1);
	assert_int_equal(value_of(&out, "avx512f"), 0);
	assert_int_equal(value_of(&out, "bmi1"), 0);
	assert_int_equal(value_of(&out, "vmx-ept"), 1);
	assert_int_equal(value_of(&out, "vmx-vpid"), 0);
	assert_null(cpu_policy_leaf(&out, 0xD, 0));
	/* the vendor is the one thing beside features that is known, if only one tells it */
	assert_int_equal(value_of(&out, "vendor-ebx"), 0x756e6547);
	assert_int_equal(value_of(&out, "level"), 0);
	assert_null(finding_of(&told, "vendor-ebx"));
	assert_int_equal(finding_of(&told, "avx512f")->verdict, CPU_LACKED);
	assert_int_equal(finding_of(&told, "avx512f")->host, 1);
	assert_int_equal(finding_of(&told, "phys-bits")->verdict, CPU_UNTOLD);
	assert_int_equal(finding_of(&told, "phys-bits")->host, 0);
	assert_int_equal(cpu_check(&out, both[1], NULL, NULL, NULL), 0);
	assert_int_equal(cpu_check(&out, model(SANDY_BRIDGE), NULL, NULL, NULL), -EPERM);
	set_value(&out, "vendor-ebx", 0x68747541);
	told.count = 0;
	assert_int_equal(cpu_check(&out, both[1], NULL, collect, &told), -EPERM);
	assert_int_equal(finding_of(&told, "vendor-ebx")->verdict, CPU_REFUSED);
	set_value(&list, "vendor-ebx", 0x68747541);
	told.count = 0;
	assert_int_equal(cpu_baseline(both, 2, NULL, &out, collect, &told), -EPERM);
	assert_int_equal(finding_of(&told, "vendor-ebx")->verdict, CPU_REFUSED);
}

static void full_policy(void **state)
{
	static struct cpu_policy host, out;
	const struct cpu_policy *const hosts[] = {&host};

	(void)state;
	host = *model(HASWELL);
	set_value(&host, "level", 0x24);
	for (uint32_t s = 0; host.leaf_count < CPU_POLICY_LEAVES; s++) {
		const struct cpu_leaf cache = {
			.leaf = 4, .subleaf = 8 + s, .reg = {1, 1, 1, 1}
                };

		assert_int_equal(cpu_policy_set(&host, &cache), 0);
	}
	assert_int_equal(cpu_baseline(hosts, 1, NULL, &out, NULL, NULL), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),    cmocka_unit_test(hidden_fpu),
		cmocka_unit_test(unknown_bits), cmocka_unit_test(features_only),
		cmocka_unit_test(full_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
