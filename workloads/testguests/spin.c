/* SPDX-License-Identifier: MIT */
/* Never ends, never exits by itself: for limits of time and for scheduling. */
#include "rt.h"

void rt_main(void)
{
	rt_printf("spin\n");
	for (;;)
		__asm__ volatile("");
}
