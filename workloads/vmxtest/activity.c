// SPDX-License-Identifier: MIT
/*
 * Activity states HLT and shutdown: what wakes L2, what does not, what the exit saves. SDM "Activity State",
 * "Changing the Activity State by VM Entry", "Interrupt-Window Exiting", "NMI-Window Exiting".
 * Wait-for-SIPI needs a second processor that sends the SIPI.
 */
#include "lab.h"

#define IN(state)         PUT(GUEST_ACTIVITY, ACTIVITY_##state)
#define SHUTDOWN          PUT(NEED(NEED_SHUTDOWN), 0), IN(SHUTDOWN)
#define STAYS(state)      IS(GUEST_ACTIVITY, ACTIVITY_##state)
#define IF_ON             PUT(GUEST_RFLAGS, 0x202)
#define EXTERNAL          PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT)
#define ACKNOWLEDGE       PUT(OR(EXIT_CTLS), EXIT_ACK_INTERRUPT)
#define NMIS              PUT(OR(PIN_CTLS), PIN_NMI | PIN_VIRTUAL_NMIS)
#define PENDING_INTERRUPT PUT(NEED(NEED_XAPIC), 0), PUT(L1_IPI, 0x4000 | LAB_VECTOR)
#define TIMER             EXITS(EXIT_TIMER), IS(RIP_START, 0)

L2_CODE(act_nop, "9: nop; 8: nop");
L2_CODE(act_hlt, "9: hlt; 8: nop");
L2_CODE(act_sti_hlt, "sti; 9: hlt; 8: nop");

static const struct shot rows[] = {
	ROW("activity HLT: the timer's exit saves it", act_nop, KERNEL64, SETS(IN(HLT), AWAKE),
	    WANTS(TIMER, STAYS(HLT))),
	ROW("activity HLT: by L2's HLT, the timer finds it", act_hlt, KERNEL64,
	    SETS(AWAKE, PUT(CLEAR(CPU_CTLS), CPU_HLT)),
	    WANTS(EXITS(EXIT_TIMER), IS(RIP_NEXT, 0), STAYS(HLT))),
	ROW("activity HLT: an exit by HLT is active", act_hlt, KERNEL64, SETS(PUT(OR(CPU_CTLS), CPU_HLT)),
	    WANTS(EXITS(EXIT_HLT), STAYS(ACTIVE))),
	ROW_NOT_BOCHS("activity HLT: an interrupt's exit", act_nop, KERNEL64,
		      SETS(IN(HLT), AWAKE, IF_ON, EXTERNAL, ACKNOWLEDGE, PENDING_INTERRUPT),
		      WANTS(EXITS(EXIT_EXTERNAL_INTERRUPT),
			    IS(EXIT_INTR_INFO, INTR_INFO(INTR_EXTERNAL, LAB_VECTOR)), IS(RIP_START, 0),
			    STAYS(HLT)),
		      "Bochs saves active"),
	ROW_NOT_BOCHS("activity HLT: an interrupt's exit, IF clear", act_nop, KERNEL64,
		      SETS(IN(HLT), AWAKE, EXTERNAL, ACKNOWLEDGE, PENDING_INTERRUPT),
		      WANTS(EXITS(EXIT_EXTERNAL_INTERRUPT), IS(RIP_START, 0), STAYS(HLT)),
		      "Bochs looks at IF of the time before the entry"),
	ROW("activity HLT: an interrupt is taken by L2", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, IF_ON, PENDING_INTERRUPT),
	    WANTS(TAKEN_BY_L2(LAB_VECTOR), IS(FRAME_START, 0), STAYS(ACTIVE))),
	ROW("activity HLT: an interrupt waits for IF", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, PENDING_INTERRUPT), WANTS(TIMER, STAYS(HLT))),
	ROW("activity HLT: an interrupt behind STI, HLT", act_sti_hlt, KERNEL64,
	    SETS(AWAKE, PUT(CLEAR(CPU_CTLS), CPU_HLT), PENDING_INTERRUPT),
	    WANTS(TAKEN_BY_L2(LAB_VECTOR), IS(FRAME_NEXT, 0))),
	ROW("activity HLT: an injected NMI wakes", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_NMI, NMI))),
	    WANTS(TAKEN_BY_L2(NMI), IS(FRAME_START, 0), STAYS(ACTIVE))),
	ROW("activity HLT: an injected #DB wakes", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, DB))),
	    WANTS(TAKEN_BY_L2(DB), IS(FRAME_START, 0), STAYS(ACTIVE))),
	ROW("activity HLT: a pending #DB wakes", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, INTERCEPT(DB), PUT(GUEST_RFLAGS, 0x102), PUT(GUEST_PENDING_DEBUG, DEBUG_BS)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(EXIT_QUALIFICATION, DEBUG_BS), IS(RIP_START, 0))),
	ROW("activity HLT: the interrupt window waits for IF", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, PUT(OR(CPU_CTLS), CPU_INTERRUPT_WINDOW)), WANTS(TIMER, STAYS(HLT))),
	ROW("activity HLT: the NMI window waits for unblocking", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, NMIS, PUT(OR(CPU_CTLS), CPU_NMI_WINDOW),
		 PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI)),
	    WANTS(TIMER, STAYS(HLT))),
	ROW("activity HLT: a preemption timer of 0", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, PUT(PREEMPTION_TIMER, 0)), WANTS(TIMER, STAYS(HLT))),
	ROW("activity HLT: TPR below the threshold", act_nop, KERNEL64,
	    SETS(IN(HLT), AWAKE, PUT(OR(CPU_CTLS), CPU_TPR_SHADOW), PUT(OR(CPU_CTLS2), CPU2_APIC_ACCESSES),
		 PUT(VAPIC(0x80), 0x10), PUT(TPR_THRESHOLD, 2)),
	    WANTS(EXITS(EXIT_TPR_BELOW), IS(RIP_START, 0), STAYS(HLT))),

	ROW("activity shutdown: the timer's exit saves it", act_nop, KERNEL64, SETS(SHUTDOWN, AWAKE),
	    WANTS(TIMER, STAYS(SHUTDOWN))),
	ROW("activity shutdown: an injected NMI wakes", act_nop, KERNEL64,
	    SETS(SHUTDOWN, AWAKE, PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_NMI, NMI))),
	    WANTS(TAKEN_BY_L2(NMI), IS(FRAME_START, 0), STAYS(ACTIVE))),
	ROW("activity shutdown: no interrupt window", act_nop, KERNEL64,
	    SETS(SHUTDOWN, AWAKE, IF_ON, PUT(OR(CPU_CTLS), CPU_INTERRUPT_WINDOW)),
	    WANTS(TIMER, STAYS(SHUTDOWN))),
	ROW_NOT_BOCHS("activity shutdown: the NMI window opens", act_nop, KERNEL64,
		      SETS(SHUTDOWN, AWAKE, NMIS, PUT(OR(CPU_CTLS), CPU_NMI_WINDOW)),
		      WANTS(EXITS(EXIT_NMI_WINDOW), IS(RIP_START, 0), STAYS(SHUTDOWN)),
		      "Bochs sleeps on: its window does not wake L2"),
};

/* L1 wakes L2 up: by an event, and by writing the activity state. */
static const struct shot over_exits[] = {
	ROW("activity over exits: L2 sleeps", act_hlt, KERNEL64, SETS(AWAKE, PUT(CLEAR(CPU_CTLS), CPU_HLT)),
	    WANTS(EXITS(EXIT_TIMER), IS(RIP_NEXT, 0), STAYS(HLT))),
	ROW_THEN("activity over exits: it sleeps on", SETS(PUT(PREEMPTION_TIMER, 1000)),
		 WANTS(EXITS(EXIT_TIMER), IS(RIP_NEXT, 0), STAYS(HLT))),
	ROW_THEN("activity over exits: made active, it runs",
		 SETS(IN(ACTIVE), PUT(PREEMPTION_TIMER, LONG_TIME)), WANTS(TO_THE_END, STAYS(ACTIVE))),
};

void test_activity(void)
{
	lab_events_on();
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		shots_run(&rows[i], 1);
		lab_events_settle();
	}
	lab_events_off();
	SHOTS_RUN(over_exits);
}
