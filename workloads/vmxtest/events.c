// SPDX-License-Identifier: MIT
/*
 * NMIs and interrupts that come to L2, their windows, and what blocks them. SDM "Nonmaskable Interrupts",
 * "Interrupt-Window Exiting", "NMI-Window Exiting", "Interruptibility State".
 */
#include "workloads/rt/rt_apic.h"
#include "lab.h"

#define VIRTUAL_NMIS PUT(OR(PIN_CTLS), PIN_NMI | PIN_VIRTUAL_NMIS)
#define NMI_WINDOW   VIRTUAL_NMIS, PUT(OR(CPU_CTLS), CPU_NMI_WINDOW)
#define INT_WINDOW   PUT(OR(CPU_CTLS), CPU_INTERRUPT_WINDOW)
#define IF_ON        PUT(GUEST_RFLAGS, 0x202)
#define NMI_BLOCKED  PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI)
#define NO_LONGER    BITS(GUEST_INTERRUPTIBILITY, 0, BLOCKED_BY_NMI)
#define STILL        BITS(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI, BLOCKED_BY_NMI)

/* A return to `to` by IRET; the local APIC's ICR is 0x300 in the window's last page. */
#define IRET_TO(to) "movq %rsp, %rcx; pushq $0x10; pushq %rcx; pushq $2; pushq $8; pushq $" to "; iretq"
#define ICR(v)      "movl $" v ", 0x10007300"

L2_CODE(plain, "9: nop; 8: nop; nop");
L2_CODE(sti, "9: sti; nop; 8: nop");
L2_CODE(pop_ss, "movl $0x10, %eax; 9: movl %eax, %ss; nop; 8: nop");
L2_CODE(iret, IRET_TO("6f") "; 6: 8: nop");
L2_CODE(iret_no_stack, "movl $0x10000800, %esp; 9: iretq");
L2_CODE(nmi_ipi, ICR("0x4400") "; 8: nop; nop");
L2_CODE(int_ipi, ICR("0x4050") "; 8: nop; nop");
L2_CODE(int_ipi_cli, "cli; nop; " ICR("0x4050") "; 8: nop; nop");
L2_CODE(cpuid_after_sti, "sti; 9: cpuid");
L2_CODE(cpuid_after_ss, "movl $0x10, %eax; movl %eax, %ss; 9: cpuid");

static const struct shot rows[] = {
	ROW("interrupt window, open at once", plain, KERNEL64, SETS(INT_WINDOW, IF_ON),
	    WANTS(EXITS(EXIT_INTERRUPT_WINDOW), IS(RIP_START, 0), NOT_IN_DELIVERY, NO_QUALIFICATION)),
	ROW("interrupt window, IF clear", plain, KERNEL64, SETS(INT_WINDOW), WANTS(TO_THE_END)),
	ROW("interrupt window, one instruction behind STI", sti, KERNEL64, SETS(INT_WINDOW),
	    WANTS(EXITS(EXIT_INTERRUPT_WINDOW), IS(RIP_NEXT, 0), IS(GUEST_INTERRUPTIBILITY, 0))),
	ROW("interrupt window, one instruction behind MOV SS", pop_ss, KERNEL64,
	    SETS(INT_WINDOW, IF_ON, PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI)),
	    WANTS(EXITS(EXIT_INTERRUPT_WINDOW), IS(RIP_AT, 0))),
	ROW("interrupt window, entry blocked by STI", plain, KERNEL64,
	    SETS(INT_WINDOW, IF_ON, PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI)),
	    WANTS(EXITS(EXIT_INTERRUPT_WINDOW), IS(RIP_NEXT, 0))),
	ROW("interrupt window, entry blocked by MOV SS", plain, KERNEL64,
	    SETS(INT_WINDOW, IF_ON, PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS)),
	    WANTS(EXITS(EXIT_INTERRUPT_WINDOW), IS(RIP_NEXT, 0))),
	ROW_NOT_BOCHS("interrupt window, L2 in HLT", plain, KERNEL64,
		      SETS(INT_WINDOW, IF_ON, PUT(GUEST_ACTIVITY, ACTIVITY_HLT)),
		      WANTS(EXITS(EXIT_INTERRUPT_WINDOW), IS(RIP_START, 0)),
		      "Bochs sleeps on: its window does not wake L2"),
	ROW("blocking by STI is saved", cpuid_after_sti, KERNEL64, SETS({0}),
	    WANTS(EXITS(EXIT_CPUID), IS(RIP_AT, 0), IS(GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI))),
	ROW("blocking by MOV SS is saved", cpuid_after_ss, KERNEL64, SETS({0}),
	    WANTS(EXITS(EXIT_CPUID), IS(RIP_AT, 0), IS(GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS))),
	ROW("NMI window, open at once", plain, KERNEL64, SETS(NMI_WINDOW),
	    WANTS(EXITS(EXIT_NMI_WINDOW), IS(RIP_START, 0), NO_QUALIFICATION)),
	ROW("NMI window, blocked", plain, KERNEL64, SETS(NMI_WINDOW, NMI_BLOCKED), WANTS(TO_THE_END, STILL)),
	ROW_NOT_BOCHS("NMI window, L2 in HLT", plain, KERNEL64,
		      SETS(NMI_WINDOW, PUT(GUEST_ACTIVITY, ACTIVITY_HLT)), WANTS(EXITS(EXIT_NMI_WINDOW)),
		      "Bochs sleeps on: its window does not wake L2"),
	ROW("NMI window, opened by IRET", iret, KERNEL64, SETS(NMI_WINDOW, NMI_BLOCKED),
	    WANTS(EXITS(EXIT_NMI_WINDOW), IS(RIP_NEXT, 0), NO_LONGER)),
	ROW("virtual NMIs: IRET unblocks", iret, KERNEL64, SETS(VIRTUAL_NMIS, NMI_BLOCKED),
	    WANTS(TO_THE_END, NO_LONGER)),
	ROW("no NMI exiting: IRET unblocks", iret, KERNEL64, SETS(NMI_BLOCKED), WANTS(TO_THE_END, NO_LONGER)),
	ROW("virtual NMIs: an injected NMI blocks", plain, KERNEL64,
	    SETS(VIRTUAL_NMIS, PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_NMI, NMI))),
	    WANTS(TAKEN_BY_L2(NMI), STILL)),
	ROW("IRET faults: NMI unblocking is told", iret_no_stack, KERNEL64,
	    SETS(VIRTUAL_NMIS, NMI_BLOCKED, INTERCEPT(PF), PUT(L2_PTE(0), 0)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE | INTR_NMI_UNBLOCK), IS(RIP_AT, 0),
		  NO_LONGER)),
	ROW("IRET faults, NMIs not blocked: nothing is told", iret_no_stack, KERNEL64,
	    SETS(VIRTUAL_NMIS, INTERCEPT(PF), PUT(L2_PTE(0), 0)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), IS(RIP_AT, 0), NO_LONGER)),
	ROW("IRET meets an EPT violation: NMI unblocking is told", iret_no_stack, KERNEL64,
	    SETS(VIRTUAL_NMIS, NMI_BLOCKED, PUT(L2_EPTE(0), 0)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, 0x1181, 0x1183), NO_LONGER)),
};

/* Each leaves something behind in the local APIC or in NMI blocking. */
static const struct shot arriving[] = {
	ROW("an NMI exits", nmi_ipi, KERNEL64, SETS(PUT(OR(PIN_CTLS), PIN_NMI)),
	    WANTS(EXITS(EXIT_EXCEPTION_NMI), IS(EXIT_INTR_INFO, INTR_INFO(INTR_NMI, NMI)), IS(RIP_NEXT, 0),
		  NOT_IN_DELIVERY)),
	ROW("an NMI exits with virtual NMIs blocked", nmi_ipi, KERNEL64, SETS(VIRTUAL_NMIS, NMI_BLOCKED),
	    WANTS(EXITS(EXIT_EXCEPTION_NMI), IS(EXIT_INTR_INFO, INTR_INFO(INTR_NMI, NMI)), STILL)),
	ROW("an NMI goes to L2", nmi_ipi, KERNEL64, SETS({0}),
	    WANTS(TAKEN_BY_L2(NMI), IS(FRAME_NEXT, 0), STILL)),
	ROW("an interrupt exits, acknowledged", int_ipi, KERNEL64,
	    SETS(IF_ON, PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT), PUT(OR(EXIT_CTLS), EXIT_ACK_INTERRUPT)),
	    WANTS(EXITS(EXIT_EXTERNAL_INTERRUPT), IS(EXIT_INTR_INFO, INTR_INFO(INTR_EXTERNAL, 0x50)),
		  IS(RIP_NEXT, 0))),
	ROW_NOT_BOCHS("an interrupt exits with IF clear", int_ipi, KERNEL64,
		      SETS(PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT), PUT(OR(EXIT_CTLS), EXIT_ACK_INTERRUPT)),
		      WANTS(EXITS(EXIT_EXTERNAL_INTERRUPT), IS(RIP_NEXT, 0)),
		      "Bochs looks at IF of the time before the entry"),
	ROW("an interrupt exits with IF cleared by L2", int_ipi_cli, KERNEL64,
	    SETS(IF_ON, PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT), PUT(OR(EXIT_CTLS), EXIT_ACK_INTERRUPT)),
	    WANTS(EXITS(EXIT_EXTERNAL_INTERRUPT), IS(RIP_NEXT, 0))),
	ROW("an interrupt goes to L2", int_ipi, KERNEL64, SETS(IF_ON),
	    WANTS(TAKEN_BY_L2(0x50), IS(FRAME_NEXT, 0))),
};

/* What comes is left to L1. */
static const struct shot waiting[] = {
	ROW("an NMI waits while blocked", nmi_ipi, KERNEL64, SETS(NMI_BLOCKED), WANTS(TO_THE_END)),
	ROW("an interrupt exits, not acknowledged", int_ipi, KERNEL64,
	    SETS(IF_ON, PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT)),
	    WANTS(EXITS(EXIT_EXTERNAL_INTERRUPT), BITS(EXIT_INTR_INFO, 0, INTR_VALID), IS(RIP_NEXT, 0))),
	ROW("an interrupt waits for IF", int_ipi, KERNEL64, SETS({0}), WANTS(TO_THE_END)),
};

void test_events(void)
{
	SHOTS_RUN(rows);
	if (!lab_group("an NMI") && !lab_group("an interrupt"))
		return;
	if (rt_apic_is_x2()) {
		rt_skip("an NMI exits", "the local APIC is in x2APIC mode");
		return;
	}
	lab_events_on();
	for (unsigned int i = 0; i < sizeof(arriving) / sizeof(arriving[0]); i++) {
		shots_run(&arriving[i], 1);
		lab_events_settle();
	}
	for (unsigned int i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
		if (!lab_selected(waiting[i].name))
			continue;
		shots_run(&waiting[i], 1);
		rt_check_u64("what waited comes to L1", lab_events_settle(), 1);
	}
	lab_events_off();
}
