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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair),
		cmocka_unit_test(all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
