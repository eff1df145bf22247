// SPDX-License-Identifier: MIT
/* exact: docs/exact.md. Command line: seed=N, inputs=N; only=TEXT, verbose=TEXT: rows that have it in their
 * names. */
#include "exact.h"
#include "rt_check.h"

void rt_main(void)
{
	run_init();
	test_operands();
	test_strings();
	test_system();
	test_steps();
	test_sensitive();
	rt_check_end();
}
