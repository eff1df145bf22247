/* SPDX-License-Identifier: MIT */
/*
 * idle: docs/workloads.md, "Workloads that move". Fills memory, says that the VM may move, and does nothing
 * but halt until the timer wakes it. Command line: fill= (MiB), beats=, beat= (counts of the local APIC's
 * timer), move=0.
 */
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"
#include "rt_move.h"
#include "rt_record.h"
#include "workloads/dirtier/dirtier.h"

#define VECTOR 0x60u

static volatile uint64_t beats;

static void on_beat(struct rt_regs *regs)
{
	(void)regs;
	beats++;
	rt_apic_eoi();
}

void rt_main(void)
{
	const uint64_t wanted = rt_arg_u64("beats", 100), beat = rt_arg_u64("beat", 1000000);
	struct fill fill;
	uint64_t digest;

	if (!beat || beat > UINT32_MAX)
		rt_panic("beat: 1 to %u", UINT32_MAX);
	fill_make(&fill, rt_arg_u64("fill", 8), rt_arg_u64("seed", 1));
	rt_on(VECTOR, on_beat);
	rt_apic_enable();
	if (rt_arg_u64("move", 1))
		rt_may_move();
	for (uint64_t i = 1; i <= wanted; i++) {
		rt_apic_timer(RT_TIMER_ONE_SHOT, VECTOR, beat);
		while (beats < i) {
			interrupts_on_and_halt();
			interrupts_off();
		}
	}
	rt_check_u64("timer interrupts", beats, wanted);
	rt_check_u64("what was written once is there: wrong pages", fill_wrong(&fill, &digest), 0);
	rt_printf("idle: %lu beats, all is well, digest %016lx\n", beats, digest);
	rt_value("digest", digest, "");
	rt_check_end();
}
