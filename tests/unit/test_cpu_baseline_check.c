/* SPDX-License-Identifier: MIT */
/* May a guest run on a host: cases, each one change to a policy or to a host that has all of it. */
#include <errno.h>

#include "tests/unit/cpu_fixture.h"

/* clang-format off */
static const struct check_case {
	const char *name;
	bool of_host; /* the change is to the host, before it is asked; else to the policy */
	bool scaled;
	const char *field;
	uint64_t value;
	int rc;
	const char *told; /* field that is told of */
	enum cpu_verdict verdict;
} cases[] = {
	{"as it is", false, false, NULL, 0, 0, NULL, 0},
	{"the policy has less", false, false, "avx2", 0, 0, NULL, 0},
	{"the host lacks a feature", true, false, "bmi2", 0, -EPERM, "bmi2", CPU_LACKED},
	{"the host lacks what a feature needs", true, false, "xsave", 0, -EPERM, "avx2", CPU_DEPENDS},
	{"the host needs what the guest does not know", true, false, "rtm-always-abort", 1, -EPERM, "rtm-always-abort", CPU_NEEDED},
	{"the guest knows what the host does not need", false, false, "rtm-always-abort", 1, 0, NULL, 0},
	{"narrower addresses", true, false, "phys-bits", 36, -EPERM, "phys-bits", CPU_LACKED},
	{"wider addresses", true, false, "phys-bits", 46, 0, NULL, 0},
	{"fewer leaves", true, false, "level", 0xd, -EPERM, "level", CPU_LACKED},
	{"another vendor", true, false, "vendor-ebx", 1, -EPERM, "vendor-ebx", CPU_REFUSED},
	{"another line size", true, false, "clflush-size", 16, -EPERM, "clflush-size", CPU_REFUSED},
	{"another line size, of a host without CLFLUSH", true, false, "clflush", 0, -EPERM, "clflush", CPU_LACKED},
	{"another frequency", true, false, "tsc-numerator", 99, -EPERM, "tsc-numerator", CPU_REFUSED},
	{"another frequency, scaled", true, true, "tsc-numerator", 99, 0, NULL, 0},
	{"another brand string", true, false, "brand-string-3", 99, 0, NULL, 0},
	{"other caches", true, false, "cache-descriptors-eax", 99, 0, NULL, 0},
	{"another shape", true, false, "initial-apic-id", 99, 0, NULL, 0},
	{"an enclave's feature", false, false, "sgx", 1, -EPERM, "sgx", CPU_HIDDEN},
	{"an older signature", true, false, "signature", 0x306a0, -EPERM, "signature", CPU_LACKED},
	{"the host lacks a control of VMX", true, false, "vmx-pml", 0, -EPERM, "vmx-pml", CPU_LACKED},
	{"the host lacks what a control needs", true, false, "vmx-eptad", 0, -EPERM, "vmx-pml", CPU_DEPENDS},
	{"the host demands a control", true, false, "vmx-proc-must", 0x0401e172 | 1u << 7, -EPERM, "vmx-proc-must", CPU_NEEDED},
	{"the guest sets what the host forbids", false, false, "vmx-pin-must", 0x16 | 1u << 31, -EPERM, "vmx-pin-must", CPU_REFUSED},
	{"the host's timer has another rate", true, false, "vmx-preemption-timer-rate", 9, -EPERM, "vmx-preemption-timer-rate", CPU_REFUSED},
	{"another format of the VMCS", true, false, "vmx-revision", 9, 0, NULL, 0},
	{"an MSR says that it is not affected", false, false, "mds-no", 1, -EPERM, "mds-no", CPU_LACKED},
	{"the host tells of a weakness", true, false, "rrsba", 1, -EPERM, "rrsba", CPU_NEEDED},
	{"no XSAVE component", true, false, "xcr0-opmask", 0, -EPERM, "xcr0-opmask", CPU_LACKED},
};
/* clang-format on */

static struct findings told;

static void each_case(void **state)
{
	const struct cpu_policy *const one[] = {model(TIGERLAKE)};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct check_case *c = &cases[i];
		const struct cpu_options options = {.tsc_scaled = c->scaled};
		static struct cpu_policy host, policy;
		int rc;

		host = *one[0];
		assert_int_equal(cpu_baseline(one, 1, NULL, &policy, NULL, NULL), 0);
		if (c->field)
			set_value(c->of_host ? &host : &policy, c->field, c->value);
		told.count = 0;
		rc = cpu_check(&policy, &host, &options, collect, &told);
		if (rc != c->rc)
			fail_msg("%s: returns %d", c->name, rc);
		if (!c->told) {
			assert_int_equal(told.count, 0);
			continue;
		}
		if (!finding_of(&told, c->told))
			fail_msg("%s: nothing is told of %s", c->name, c->told);
		if (finding_of(&told, c->told)->verdict != c->verdict)
			fail_msg("%s: verdict %u", c->name, (unsigned)finding_of(&told, c->told)->verdict);
		/* told or not, the answer is the same */
		assert_int_equal(cpu_check(&policy, &host, NULL, NULL, NULL), c->scaled ? -EPERM : rc);
	}
}

/* A host's raw dump is no policy: what no baseline shows is unknown or hidden there. */
static void unknown_to_the_table(void **state)
{
	static struct cpu_policy policy;
	const struct cpu_policy *const one[] = {model(TIGERLAKE)};
	const struct cpu_leaf strange = {
		.leaf = 0x8, .reg = {0, 0, 0x40, 0}
        };

	(void)state;
	assert_int_equal(cpu_baseline(one, 1, NULL, &policy, NULL, NULL), 0);
	assert_int_equal(cpu_policy_set(&policy, &strange), 0);
	told.count = 0;
	assert_int_equal(cpu_check(&policy, one[0], NULL, collect, &told), -EPERM);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.list[0].verdict, CPU_UNKNOWN);
	assert_int_equal(told.list[0].leaf, 8);
	assert_int_equal(told.list[0].reg, CPU_ECX);
	assert_int_equal(told.list[0].low, 6);
}

/* A guest of one model goes to the later models that have all of it, and to no earlier one. */
static void from_model_to_model(void **state)
{
	static const struct {
		enum model from, to;
		int rc;
	} moves[] = {
		{PENRYN,       ARRANDALE,    -EPERM                             }, /* the thermal MSRs of that leaf's flags differ; see below */
		{SANDY_BRIDGE, IVY_BRIDGE,   -EPERM /* 8 counters are 4 there */},
		{LYNNFIELD,    ARRANDALE,    0                                  },
		{IVY_BRIDGE,   SANDY_BRIDGE, -EPERM                             },
		{HASWELL,      SANDY_BRIDGE, -EPERM                             },
		{HASWELL,      BROADWELL,    0                                  },
		{BROADWELL,    HASWELL,      -EPERM                             },
		{SKYLAKE_X,    HASWELL,      -EPERM                             },
	};
	static struct cpu_policy policy;

	(void)state;
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		const struct cpu_policy *const one[] = {model(moves[i].from)};
		int rc;

		assert_int_equal(cpu_baseline(one, 1, NULL, &policy, NULL, NULL), 0);
		told.count = 0;
		rc = cpu_check(&policy, model(moves[i].to), NULL, collect, &told);
		if (rc != moves[i].rc) {
			for (unsigned f = 0; f < told.count; f++)
				print_finding(&told.list[f]);
			fail_msg("%s to %s: %d", model_names[moves[i].from], model_names[moves[i].to], rc);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(unknown_to_the_table),
		cmocka_unit_test(from_model_to_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
