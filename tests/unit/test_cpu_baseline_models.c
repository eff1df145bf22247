/* SPDX-License-Identifier: MIT */
/* Baselines of the dumps of all CPU models. */
#include <errno.h>

#include "tests/unit/cpu_fixture.h"

static struct findings told;

static int baseline_of(const enum model *which, unsigned count, const struct cpu_options *options,
		       struct cpu_policy *out)
{
	const struct cpu_policy *hosts[MODELS];

	for (unsigned i = 0; i < count; i++)
		hosts[i] = model(which[i]);
	told.count = 0;
	return cpu_baseline(hosts, count, options, out, collect, &told);
}

static const struct cpu_options scaled = {.tsc_scaled = true};

static void expect_runs(const struct cpu_policy *policy, enum model host)
{
	static struct findings against;

	against.count = 0;
	if (cpu_check(policy, model(host), &scaled, collect, &against) != 0) {
		for (unsigned i = 0; i < against.count; i++)
			print_finding(&against.list[i]);
		fail_msg("the baseline does not run on %s", model_names[host]);
	}
}

/* These tell the frequency of their TSC, each another one; the other models do not tell all of it. */
static bool tells_frequency(enum model which)
{
	return which == CANNON_LAKE || which == ICELAKE || which == TIGERLAKE;
}

static void every_pair(void **state)
{
	(void)state;
	for (unsigned a = 0; a < MODELS; a++) {
		for (unsigned b = 0; b < MODELS; b++) {
			const enum model pair[] = {(enum model)a, (enum model)b};
			const bool differ = a != b && tells_frequency(pair[0]) && tells_frequency(pair[1]);
			struct cpu_policy out;

			if (baseline_of(pair, 2, NULL, &out) != (differ ? -EPERM : 0))
				fail_msg("%s and %s: not as expected", model_names[a], model_names[b]);
			for (unsigned i = 0; differ && i < told.count; i++)
				assert_int_equal(told.list[i].leaf, 0x15);
			if (baseline_of(pair, 2, &scaled, &out) != 0) {
				for (unsigned i = 0; i < told.count; i++)
					print_finding(&told.list[i]);
				fail_msg("%s and %s: refused", model_names[a], model_names[b]);
			}
			expect_runs(&out, pair[0]);
			expect_runs(&out, pair[1]);
		}
	}
}

static void all_of_them(void **state)
{
	enum model all[MODELS];
	struct cpu_policy out;

	(void)state;
	for (unsigned i = 0; i < MODELS; i++)
		all[i] = (enum model)i;
	assert_int_equal(baseline_of(all, MODELS, NULL, &out), 0);
	for (unsigned i = 0; i < MODELS; i++)
		expect_runs(&out, all[i]);
	assert_int_equal(value_of(&out, "sse4.1"), 1);
	assert_int_equal(value_of(&out, "popcnt"), 0);
	assert_int_equal(value_of(&out, "vmx"), 1);
	assert_int_equal(value_of(&out, "vmx-ept"), 0);
	assert_int_equal(value_of(&out, "level"), 0xb);
}

/* The case of the claims: AVX2 is on Haswell and not on Sandy Bridge. */
static void haswell_and_sandy_bridge(void **state)
{
	static const char *const lost[] = {"fma",
					   "x2apic",
					   "movbe",
					   "f16c",
					   "rdrand",
					   "fsgsbase",
					   "tsc_adjust",
					   "bmi1",
					   "avx2",
					   "smep",
					   "bmi2",
					   "erms",
					   "invpcid",
					   "abm",
					   "pdpe1gb",
					   "vmx-apicv-register",
					   "vmx-apicv-vid",
					   "vmx-ple",
					   "vmx-rdrand-exit",
					   "vmx-invpcid-exit",
					   "vmx-vmfunc",
					   "vmx-eptad",
					   "vmx-shadow-vmcs",
					   "vmx-ept-violation-ve",
					   "vmx-ept-1gb",
					   "vmx-eptp-switching",
					   "vmx-vmwrite-vmexit-fields"};
	const enum model pair[] = {SANDY_BRIDGE, HASWELL};
	static struct cpu_policy out;

	(void)state;
	assert_int_equal(baseline_of(pair, 2, NULL, &out), 0);
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		if (!value_of(model(HASWELL), lost[i]) || value_of(&out, lost[i]))
			fail_msg("%s is not lost", lost[i]);
		assert_int_equal(finding_of(&told, lost[i])->verdict, CPU_LACKED);
		assert_int_equal(finding_of(&told, lost[i])->host, 0);
	}
	for (unsigned row = 0; row < cpu_field_count; row++) {
		const struct cpu_field *field = &cpu_fields[row];
		uint64_t haswell, sandy;
		bool is_lost = false;

		if (field->rule != CPU_AND || field->subleaf == CPU_ANY_SUBLEAF)
			continue;
		haswell = cpu_field_get(model(HASWELL), field);
		sandy = cpu_field_get(model(SANDY_BRIDGE), field);
		for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
			is_lost |= !strcmp(lost[i], field->name);
		/* nothing that both have; and of Haswell's, just that list */
		if (cpu_field_get(&out, field) != (haswell & sandy) ||
		    (field->width == 1 && is_lost != (haswell && !sandy)))
			fail_msg("%s", field->name);
	}
}

/* What of a model's own a guest does not get though it is a feature: what does not work without something
 * else. */
static const struct {
	enum model model;
	const char *name;
} falls[] = {
	{CANNON_LAKE, "xcr0-pkru"},
        {CANNON_LAKE, "pku"      },
        {ICELAKE,     "xcr0-pkru"},
	{ICELAKE,     "pku"      },
        {TIGERLAKE,   "xcr0-pkru"},
        {TIGERLAKE,   "pku"      },
};

static bool may_fall(enum model which, const char *name)
{
	for (size_t i = 0; i < sizeof(falls) / sizeof(falls[0]); i++)
		if (falls[i].model == which && !strcmp(falls[i].name, name))
			return true;
	return false;
}

static void one_alone(void **state)
{
	(void)state;
	for (unsigned m = 0; m < MODELS; m++) {
		const enum model one[] = {(enum model)m};
		static struct cpu_policy out;

		assert_int_equal(baseline_of(one, 1, NULL, &out), 0);
		for (unsigned row = 0; row < cpu_field_count; row++) {
			const struct cpu_field *field = &cpu_fields[row];
			uint64_t has, got;

			if (field->subleaf == CPU_ANY_SUBLEAF ||
			    (field->rule != CPU_AND && field->rule != CPU_OR && field->rule != CPU_MIN))
				continue;
			has = cpu_field_get(model(one[0]), field);
			got = cpu_field_get(&out, field);
			if ((has != got) != may_fall(one[0], field->name))
				fail_msg("%s alone: %s is %llx, was %llx", model_names[m], field->name,
					 (unsigned long long)got, (unsigned long long)has);
		}
	}
}

/* Leaves, registers and bits of a whole answer, written down by hand. */
static void answer_of_a_pool(void **state)
{
	const enum model pool[] = {ICELAKE, CANNON_LAKE, SKYLAKE_X};
	static const struct cpu_leaf expected[] = {
		{0x0,        0, {0x16, 0x756e6547, 0x6c65746e, 0x49656e69}},
		{0x1,        0, {0x50654, 0x800, 0x77faf3bf, 0xbfebfbff}  },
		{0xD,        0, {0xe7, 0xa80, 0xa80, 0}                   },
		{0xD,        1, {0xf, 0x980, 0, 0}                        },
		{0xD,        2, {0x100, 0x240, 0, 0}                      },
		{0x80000008, 0, {0x3028, 0, 0, 0}                         },
	};
	static struct cpu_policy out;

	(void)state;
	assert_int_equal(baseline_of(pool, 3, &scaled, &out), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct cpu_leaf *leaf = cpu_policy_leaf(&out, expected[i].leaf, expected[i].subleaf);

		assert_non_null(leaf);
		if (memcmp(leaf, &expected[i], sizeof(*leaf)) != 0)
			fail_msg("leaf %x.%x", leaf->leaf, leaf->subleaf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair),       cmocka_unit_test(all_of_them),
		cmocka_unit_test(one_alone),        cmocka_unit_test(haswell_and_sandy_bridge),
		cmocka_unit_test(answer_of_a_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
