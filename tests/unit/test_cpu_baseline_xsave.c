/* SPDX-License-Identifier: MIT */
/* Sizes of the XSAVE area, against those that processors tell. */
#include "cpu_baseline/xsave.h"
#include "tests/unit/cpu_fixture.h"

static void sizes(void **state)
{
	/* components, standard and compacted size, from the layout of Skylake: 256 bytes at 240H, 64 at 440H,
	 * 512 at 480H, 1024 at 680H */
	static const struct {
		uint64_t components;
		uint32_t standard, compacted;
	} cases[] = {
		{0x0,  576,  576 },
                {0x3,  576,  576 },
                {0x7,  832,  832 },
		{0x27, 1152, 896 },
                {0x23, 1152, 640 },
                {0x43, 1664, 1088},
		{0xe7, 2688, 2432},
                {0xe3, 2688, 2176},
                {0x83, 2688, 1600},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cpu_xsave_size(model(SKYLAKE_X), cases[i].components), cases[i].standard);
		assert_int_equal(cpu_xsave_compacted_size(model(SKYLAKE_X), cases[i].components),
				 cases[i].compacted);
	}
	/* what the processor itself told */
	assert_int_equal(cpu_xsave_size(model(SKYLAKE_X), cpu_xsave_xcr0(model(SKYLAKE_X))),
			 cpu_policy_reg(model(SKYLAKE_X), 0xD, 0, CPU_ECX));
	assert_int_equal(cpu_xsave_size(model(HASWELL), cpu_xsave_xcr0(model(HASWELL))),
			 cpu_policy_reg(model(HASWELL), 0xD, 0, CPU_ECX));
}

static void aligned(void **state)
{
	static struct cpu_policy policy;
	const struct cpu_leaf rows[] = {
		{0xD, 2,  {256, 576, 0, 0}  },
                {0xD, 5,  {8, 1088, 0, 0}   },
                {0xD, 8,  {128, 0, 1, 0}    },
		{0xD, 17, {64, 2752, 2, 0}  },
                {0xD, 18, {8192, 2816, 6, 0}},
	};

	(void)state;
	policy = (struct cpu_policy){0};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(cpu_policy_set(&policy, &rows[i]), 0);
	/* 576 + 256 + 8, up to 896, + 64 + 8192 */
	assert_int_equal(cpu_xsave_compacted_size(&policy, 0x60027), 9152);
	assert_int_equal(cpu_xsave_compacted_size(&policy, 0x107), 960);
	assert_int_equal(cpu_xsave_size(&policy, 0x60027), 11008);
}

static void untold_layout(void **state)
{
	(void)state;
	assert_int_equal(cpu_xsave_untold(model(SKYLAKE_X)), 0);
	assert_int_equal(cpu_xsave_untold(model(TIGERLAKE)), 0x200);
	assert_int_equal(cpu_xsave_untold(model(PENRYN)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(aligned),
		cmocka_unit_test(untold_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
