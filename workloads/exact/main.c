// SPDX-License-Identifier: MIT
/* exact: docs/exact.md. Command line: seed=N, only=TEXT, inputs=N, verbose=1. */
#include "exact.h"
#include "rt_check.h"

bool verbose;

void rt_main(void)
{
	verbose = rt_arg_u64("verbose", 0);
	random_init(rt_arg_u64("seed", 1));
	run_init();
	test_operands();
	test_strings();
	test_system();
	rt_check_end();
}
