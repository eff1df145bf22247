// SPDX-License-Identifier: MIT
/* PAUSE-loop exiting. SDM "Instructions That Cause VM Exits Conditionally", entry for PAUSE. */
#include "lab.h"

#define LOOPS(gap, window) PUT(OR(CPU_CTLS2), CPU2_PAUSE_LOOP), PUT(PLE_GAP, gap), PUT(PLE_WINDOW, window)
#define PAUSE_EXIT         EXITS(EXIT_PAUSE), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 2)

L2_CODE(ple_one, "9: pause; 8:");
L2_CODE(ple_loop, "movl $2000, %ecx; 9: pause; decl %ecx; jnz 9b; 8:");
L2_CODE(ple_apart, "movl $3, %edx; 9: pause; movl $3000, %ecx; 6: loop 6b; decl %edx; jnz 9b; 8:");

static const struct shot rows[] = {
	ROW("PAUSE loop: one is none", ple_one, KERNEL64, SETS(LOOPS(0xffffffff, 0xffffffff)),
	    WANTS(TO_THE_END)),
	ROW("PAUSE loop: longer than its window", ple_loop, KERNEL64, SETS(LOOPS(0x10000, 64)),
	    WANTS(PAUSE_EXIT)),
	ROW("PAUSE loop: shorter than its window", ple_loop, KERNEL64, SETS(LOOPS(0x10000, 0xffffffff)),
	    WANTS(TO_THE_END)),
	ROW("PAUSE loop: too far apart to be one", ple_apart, KERNEL64, SETS(LOOPS(16, 64)),
	    WANTS(TO_THE_END)),
	ROW("PAUSE loop: not at CPL 3", ple_loop, USER64, SETS(LOOPS(0x10000, 64)), WANTS(TO_THE_END)),
	ROW("PAUSE loop: PAUSE exiting comes first", ple_one, KERNEL64,
	    SETS(LOOPS(0xffffffff, 0xffffffff), PUT(OR(CPU_CTLS), CPU_PAUSE)), WANTS(PAUSE_EXIT)),
	ROW("PAUSE loop: PAUSE exiting at CPL 3", ple_one, USER64, SETS(PUT(OR(CPU_CTLS), CPU_PAUSE)),
	    WANTS(PAUSE_EXIT)),
};

void test_pause(void)
{
	SHOTS_RUN(rows);
}
