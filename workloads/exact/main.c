// SPDX-License-Identifier: MIT
/* exact: docs/exact.md. Command line: seed=N, inputs=N; only=TEXT, verbose=TEXT: rows that have it in their
 * names. */
#include "exact.h"
#include "rt_check.h"

void rt_main(void)
{
	random_init(rt_arg_u64("seed", 1));
	run_init();
	test_operands();
	test_strings();
	test_system();
	rt_check_end();
}
