/* SPDX-License-Identifier: MIT */
/* The bootstrap processor halts for good; the other one says where the VM may move (moves=N, 2), and goes on.
 */
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"
#include "rt_move.h"

#define PATIENCE 200000000ull /* ticks */
#define WORK     1000000u

static volatile uint64_t beats;

static void other(void *p)
{
	const uint64_t moves = rt_arg_u64("moves", 2);

	(void)p;
	for (uint64_t i = 0; i < moves; i++) {
		rt_may_move();
		for (unsigned int k = 0; k < WORK; k++)
			beats++;
	}
	rt_check_u64("the processor that runs has gone on", beats, moves * WORK);
	rt_check_end();
	rt_shutdown();
}

void rt_main(void)
{
	rt_apic_enable();
	if (!rt_start_cpu(1, 1, other, NULL, PATIENCE))
		rt_panic("CPU 1 does not start");
	for (;;) {
		interrupts_off();
		halt();
	}
}
