/* SPDX-License-Identifier: MIT */
/*
 * Jumps to guest-physical memory that nobody has. The guest's own paging allows it, so there is no #PF;
 * all ones, where they can be fetched, are no instruction: #UD at the address.
 */
#include "rt.h"

#define NOWHERE 0xd0000000ull

static void jump(void *p)
{
	((void (*)(void))p)();
}

void rt_main(void)
{
	struct rt_fault fault;

	rt_printf("nowhere: jumps to 0x%lx\n", (uint64_t)NOWHERE);
	if (rt_try(jump, (void *)NOWHERE, &fault))
		rt_printf("nowhere: came back\n");
	else
		rt_printf("nowhere: vector %u at 0x%lx\n", fault.vector, fault.rip);
}
