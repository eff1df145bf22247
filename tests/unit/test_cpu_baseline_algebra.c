/* SPDX-License-Identifier: MIT */
/* Properties of the baseline, of random policies around the dumps of all models, and of wild ones. */
#include "tests/unit/cpu_fixture.h"
#include "tests/unit/cpu_properties.h"
#include "tests/unit/cpu_random.h"

#define TRIALS 1000u

/* How the hosts of a trial come about. */
struct kind {
	const char *name;
	bool one_model; /* all of the same one; else each of its own */
	bool wild; /* of no model */
	bool scaled;
};

static void run(const struct kind *kind, uint64_t seed)
{
	struct dice dice = {.state = seed};
	const struct cpu_options options = {.tsc_scaled = kind->scaled};
	struct property_counts counts = {0};
	static struct cpu_policy hosts[3];
	const struct cpu_policy *const pointers[] = {&hosts[0], &hosts[1], &hosts[2]};

	for (unsigned trial = 0; trial < TRIALS; trial++) {
		const enum model first = (enum model)dice_below(&dice, MODELS);
		const char *broken;
		char where[200];

		for (unsigned i = 0; i < 3; i++) {
			const enum model which =
				kind->one_model ? first : (enum model)dice_below(&dice, MODELS);

			random_policy(&dice, kind->wild ? NULL : model(which), &hosts[i]);
		}
		broken = broken_property(pointers, &options, &counts, where, sizeof(where));
		if (broken)
			fail_msg("%s, trial %u: %s: %s", kind->name, trial, broken, where);
	}
	print_message("%s: %u sets, %u refused, %u nested\n", kind->name, counts.sets, counts.refused,
		      counts.nested);
	/* else the properties say nothing */
	assert_true(counts.refused > TRIALS / 100);
	assert_true(counts.nested > TRIALS / 4);
}

static void around_one_model(void **state)
{
	(void)state;
	run(&(struct kind){.name = "around one model", .one_model = true, .scaled = true}, 0x1234567);
}

static void around_several_models(void **state)
{
	(void)state;
	run(&(struct kind){.name = "around several models"}, 0x89abcdef);
}

static void wild(void **state)
{
	(void)state;
	run(&(struct kind){.name = "wild", .wild = true}, 0xfeedface);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(around_one_model),
		cmocka_unit_test(around_several_models),
		cmocka_unit_test(wild),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
