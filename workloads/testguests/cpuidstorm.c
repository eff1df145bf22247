/* SPDX-License-Identifier: MIT */
/* Exits as fast as it can: CPUID, `count` times (0: for ever). */
#include "rt.h"

void rt_main(void)
{
	uint64_t count = rt_arg_u64("count", 0);

	rt_printf("cpuidstorm\n");
	for (uint64_t i = 0; !count || i < count; i++)
		cpuid(0, 0);
	rt_printf("end\n");
}
