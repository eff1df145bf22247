// SPDX-License-Identifier: MIT
/* The VMX-preemption timer. SDM "VMX-Preemption Timer", "VM-Exit Controls", "Priority Among Concurrent
 * Events". */
#include "lab.h"

#define TIMER(v)   PUT(OR(PIN_CTLS), PIN_PREEMPTION_TIMER), PUT(PREEMPTION_TIMER, v)
#define SAVE       PUT(OR(EXIT_CTLS), EXIT_SAVE_TIMER)
#define EXPIRED    EXITS(EXIT_TIMER), NOT_IN_DELIVERY
#define AT_ONCE    EXPIRED, IS(RIP_START, 0)
#define LEFT_OF(v) BITS(PREEMPTION_TIMER, (v)-1u, 0xff000000)
#define NMIS       PUT(OR(PIN_CTLS), PIN_NMI | PIN_VIRTUAL_NMIS)
#define LONG       0x10000000u

L2_CODE(tm_nops, "9: nop; 8: nop; nop");
L2_CODE(tm_loop, "movl $20000, %ecx; 9: loop 9b; 8:");
L2_CODE(tm_cpuid, "movl $20000, %ecx; 6: loop 6b; 9: cpuid; 8: nop");

static const struct shot rows[] = {
	ROW("preemption timer: expires while L2 runs", tm_loop, KERNEL64, SETS(TIMER(100)), WANTS(EXPIRED)),
	ROW("preemption timer: long enough", tm_loop, KERNEL64, SETS(TIMER(LONG)), WANTS(TO_THE_END)),
	ROW("preemption timer: its own exit saves 0", tm_loop, KERNEL64, SETS(TIMER(100), SAVE),
	    WANTS(EXPIRED, IS(PREEMPTION_TIMER, 0))),
	ROW("preemption timer: its own exit, not saved", tm_loop, KERNEL64, SETS(TIMER(100)),
	    WANTS(EXPIRED, IS(PREEMPTION_TIMER, 100))),
	ROW("preemption timer: another exit, not saved", tm_loop, KERNEL64, SETS(TIMER(LONG)),
	    WANTS(TO_THE_END, IS(PREEMPTION_TIMER, LONG))),
	ROW("preemption timer: 0 of an entry that injects", tm_nops, KERNEL64,
	    SETS(TIMER(0), PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, UD))),
	    WANTS(EXPIRED, IS(RIP_HANDLER, UD), IS(FRAME_START, 0))),
	ROW("preemption timer: 0 behind a pending #DB", tm_nops, KERNEL64,
	    SETS(TIMER(0), INTERCEPT(DB), PUT(GUEST_RFLAGS, 0x102), PUT(GUEST_PENDING_DEBUG, DEBUG_BS)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(RIP_START, 0))),
	ROW("preemption timer: 0 before the NMI window", tm_nops, KERNEL64,
	    SETS(TIMER(0), NMIS, PUT(OR(CPU_CTLS), CPU_NMI_WINDOW)), WANTS(AT_ONCE)),
	ROW("preemption timer: 0 before the interrupt window", tm_nops, KERNEL64,
	    SETS(TIMER(0), PUT(OR(CPU_CTLS), CPU_INTERRUPT_WINDOW), PUT(GUEST_RFLAGS, 0x202)),
	    WANTS(AT_ONCE)),
	ROW("preemption timer: 0, L2 blocked by NMI", tm_nops, KERNEL64,
	    SETS(TIMER(0), NMIS, PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI)), WANTS(AT_ONCE)),
	ROW("preemption timer: off, its value doesn't matter", tm_nops, KERNEL64,
	    SETS(TIMER(0), PUT(CLEAR(PIN_CTLS), PIN_PREEMPTION_TIMER)), WANTS(TO_THE_END)),
};

static const struct shot over_exits[] = {
	ROW("preemption timer over exits: the rest is saved", tm_cpuid, KERNEL64, SETS(TIMER(LONG), SAVE),
	    WANTS(EXITS(EXIT_CPUID), LEFT_OF(LONG))),
	ROW_THEN("preemption timer over exits: L2 goes on with it", SETS(PUT(SKIPPED, 0)),
		 WANTS(TO_THE_END, LEFT_OF(LONG))),
};

void test_timer(void)
{
	SHOTS_RUN(rows);
	SHOTS_RUN(over_exits);
}
