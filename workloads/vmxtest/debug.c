// SPDX-License-Identifier: MIT
/*
 * Pending debug exceptions, single steps over exits, the monitor trap flag. SDM "Guest Non-Register State",
 * "Saving Non-Register State", "Monitor Trap Flag", "Delivery of Pending Debug Exceptions after VM Entry".
 */
#include "lab.h"

#define TF_ON        PUT(GUEST_RFLAGS, 0x102)
#define TF_AND(more) PUT(GUEST_RFLAGS, 0x102 | (more))
#define STEP_TRAP    EXIT_INFO(INTR_HARDWARE, DB, 0), IS(EXIT_QUALIFICATION, DEBUG_BS)
#define WATCH_READ   PUT(L2_WORD(0), 0x10), PUT(L1_DR(0), PAGE(0)), PUT(GUEST_DR7, 0x00070402)
#define MONITOR      PUT(OR(CPU_CTLS), CPU_MONITOR_TRAP)

L2_CODE(nops, "9: nop; 8: nop; nop");
L2_CODE(step_cpuid, "9: cpuid; 8: nop; nop");
L2_CODE(ss_step, "9: movl %eax, %ss; nop; 8: nop; nop");
L2_CODE(ss_step_cpuid, "movl %eax, %ss; 9: cpuid; 8: nop");
L2_CODE(ss_watched, "movw 0x10000000, %ss; nop; 8: nop");
L2_CODE(ss_watched_cpuid, "movw 0x10000000, %ss; 9: cpuid");
L2_CODE(watched_cpuid, "movl 0x10000000, %eax; 8: nop");
L2_CODE(rep_step, "movl $0x10000000, %edi; movl $3, %ecx; 9: rep stosb; 8: nop");
L2_CODE(mtf_ud, "9: ud2");

static const struct shot rows[] = {
	ROW("pending BS traps at entry", nops, KERNEL64,
	    SETS(INTERCEPT(DB), TF_ON, PUT(GUEST_PENDING_DEBUG, DEBUG_BS)),
	    WANTS(STEP_TRAP, IS(RIP_START, 0), IS(GUEST_PENDING_DEBUG, 0))),
	ROW("pending B2 traps at entry", nops, KERNEL64,
	    SETS(INTERCEPT(DB), PUT(GUEST_PENDING_DEBUG, DEBUG_ANY | 4), PUT(GUEST_DR7, 0x420)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), BITS(EXIT_QUALIFICATION, 4, 0x600f), IS(RIP_START, 0))),
	ROW("pending BS goes to L2 where nobody intercepts", nops, KERNEL64,
	    SETS(TF_ON, PUT(GUEST_PENDING_DEBUG, DEBUG_BS)),
	    WANTS(TAKEN_BY_L2(DB), IS(FRAME_START, 0), BITS(L1_DR(6), DEBUG_BS, DEBUG_BS))),
	ROW("TF at entry traps behind one instruction", nops, KERNEL64, SETS(INTERCEPT(DB), TF_ON),
	    WANTS(STEP_TRAP, IS(RIP_NEXT, 0))),
	ROW("TF at entry, blocked by MOV SS with BS pending", nops, KERNEL64,
	    SETS(INTERCEPT(DB), TF_ON, PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS),
		 PUT(GUEST_PENDING_DEBUG, DEBUG_BS)),
	    WANTS(STEP_TRAP, IS(RIP_NEXT, 0), IS(GUEST_INTERRUPTIBILITY, 0))),
	ROW("TF over MOV SS traps one instruction later", ss_step, KERNEL64,
	    SETS(INTERCEPT(DB), TF_ON, PUT(L2_REG(RAX), SEL_DATA)), WANTS(STEP_TRAP, IS(RIP_NEXT, 0))),
	ROW("TF over MOV SS, then an exit: BS is pending", ss_step_cpuid, KERNEL64,
	    SETS(INTERCEPT(DB), TF_ON, PUT(L2_REG(RAX), SEL_DATA)),
	    WANTS(EXITS(EXIT_CPUID), IS(RIP_AT, 0), IS(GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS),
		  IS(GUEST_PENDING_DEBUG, DEBUG_BS))),
	ROW_NOT_ON_BOCHS("TF, then an exit: nothing is pending", step_cpuid, KERNEL64,
			 SETS(INTERCEPT(DB), TF_ON),
			 WANTS(EXITS(EXIT_CPUID), IS(RIP_AT, 0), IS(GUEST_PENDING_DEBUG, 0)),
			 "Bochs saves BS pending"),
	ROW("data breakpoint of MOV SS traps one instruction later", ss_watched, KERNEL64,
	    SETS(INTERCEPT(DB), WATCH_READ),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), BITS(EXIT_QUALIFICATION, 1, 0x600f), IS(RIP_NEXT, 0))),
	ROW("data breakpoint of MOV SS, then an exit: it is pending", ss_watched_cpuid, KERNEL64,
	    SETS(INTERCEPT(DB), WATCH_READ),
	    WANTS(EXITS(EXIT_CPUID), IS(GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS),
		  IS(GUEST_PENDING_DEBUG, DEBUG_ANY | 1))),
	ROW("data breakpoint of a read", watched_cpuid, KERNEL64, SETS(INTERCEPT(DB), WATCH_READ),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(RIP_NEXT, 0), BITS(EXIT_QUALIFICATION, 1, 0x600f))),
	ROW("TF in REP STOSB traps after one iteration", rep_step, KERNEL64, SETS(INTERCEPT(DB), TF_AND(0)),
	    WANTS(STEP_TRAP)),
	ROW_NOT_ON_BOCHS("monitor trap after one instruction", nops, KERNEL64, SETS(MONITOR),
			 WANTS(EXITS(EXIT_MONITOR_TRAP), IS(RIP_NEXT, 0), NO_QUALIFICATION),
			 "Bochs offers the control and does nothing"),
	ROW_NOT_ON_BOCHS("monitor trap in the handler of a fault", mtf_ud, KERNEL64, SETS(MONITOR),
			 WANTS(EXITS(EXIT_MONITOR_TRAP), IS(RIP_VECTOR, UD)),
			 "Bochs offers the control and does nothing"),
	ROW_NOT_ON_BOCHS("monitor trap at the handler of an injected event", nops, KERNEL64,
			 SETS(MONITOR, PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, UD))),
			 WANTS(EXITS(EXIT_MONITOR_TRAP), IS(RIP_VECTOR, UD), IS(FRAME_START, 0)),
			 "Bochs offers the control and does nothing"),
	ROW("monitor trap: an exit comes before it", step_cpuid, KERNEL64, SETS(MONITOR),
	    WANTS(EXITS(EXIT_CPUID))),
};

/* L1 emulates a CPUID with TF set, as SDM "Single-Step Debug Exceptions" makes it: the trap comes behind. */
static void step_over_emulated(void)
{
	static const struct want trapped[] = {STEP_TRAP, IS(RIP_NEXT, 0), IS(GUEST_PENDING_DEBUG, 0)};
	const char *name = "TF over an instruction that L1 emulates";

	if (!lab_selected(name))
		return;
	lab_reset(&code_step_cpuid, KERNEL64);
	put(EXCEPTION_BITMAP, 1u << DB);
	put(GUEST_RFLAGS, 0x102);
	if (lab_run() != RAN || get(EXIT_REASON) != EXIT_CPUID) {
		rt_fail(name, "no CPUID exit");
		return;
	}
	put(GUEST_RIP, get(GUEST_RIP) + get(EXIT_INSTR_LEN));
	put(GUEST_PENDING_DEBUG, DEBUG_BS);
	lab_run();
	lab_compare(name, &code_step_cpuid, trapped, sizeof(trapped) / sizeof(trapped[0]));
}

void test_debug(void)
{
	SHOTS_RUN(rows);
	step_over_emulated();
}
