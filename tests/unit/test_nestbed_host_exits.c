/* SPDX-License-Identifier: MIT */
/* Rows of host-exits from runs that differ by noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/host_exits_rows.h"

#define REPEATS 10u

static struct sample empty = {1, "empty", 100, 50, 0, NULL};

static void median_and_spread(void **state)
{
	static const uint64_t ticks[REPEATS] = {5000, 1200, 1100, 1300, 1000, 1900, 1400, 1500, 1700, 1600};
	struct sample samples[REPEATS][3];
	struct capture c[REPEATS] = {0};
	struct host_exits_rows rows = {0};
	struct csv csv;
	char *why;

	(void)state;
	for (unsigned i = 0; i < REPEATS; i++) {
		samples[i][0] = empty;
		samples[i][1] = (struct sample){2, "cpuid", 100, ticks[i] * 100, 0, NULL};
		samples[i][2] = (struct sample){0, "xsetbv", 0, 0, 0, "no XSAVE"};
		c[i].sample = samples[i];
		c[i].sample_count = 3;
	}
	assert_int_equal(host_exits_add(&rows, c, REPEATS, &why), 0);
	host_exits_csv(&csv, &rows, "a processor", "cycles");
	assert_string_equal(csv.text.data,
			    "host_cpu,l0,op,repeats,iterations,median_ticks_per_op,min_ticks_per_op,"
			    "p90_ticks_per_op,unit\n"
			    "a processor,kvm,cpuid,10,100,1400.0,1000.0,1900.0,cycles\n");
	csv_free(&csv);
	host_exits_rows_free(&rows);
	assert_int_equal(host_exits_add(&rows, c, 1, &why), 0); /* one run is its own spread */
	assert_int_equal(rows.row[0].low, 500000);
	assert_int_equal(rows.row[0].median, 500000);
	assert_int_equal(rows.row[0].p90, 500000);
	host_exits_rows_free(&rows);
}

static void a_run_that_differs_is_told(void **state)
{
	struct sample first[] = {
		{2, "cpuid", 100, 1, 0, NULL}
        };
	struct sample others[][1] = {{{2, "vmcall", 100, 1, 0, NULL}},
				     {{2, "cpuid", 99, 1, 0, NULL}},
				     {{0, "cpuid", 0, 0, 0, "skipped"}}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct capture c[2] = {
			{.sample = first,     .sample_count = 1},
                        {.sample = others[i], .sample_count = 1}
                };
		struct host_exits_rows rows = {0};
		char *why = NULL;

		assert_int_equal(host_exits_add(&rows, c, 2, &why), -EPROTO);
		assert_string_equal(why, "run 2 did not measure 'cpuid' as the first one did");
		free(why);
		host_exits_rows_free(&rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_and_spread),
		cmocka_unit_test(a_run_that_differs_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
