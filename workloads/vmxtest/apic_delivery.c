// SPDX-License-Identifier: MIT
/*
 * Virtual-interrupt delivery: evaluation, delivery, EOI, self-IPI. SDM "Evaluation and Delivery of Virtual
 * Interrupts", "PPR Virtualization", "EOI Virtualization", "Self-IPI Virtualization".
 */
#include "lab.h"

#define ON                                                                                                   \
	PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT), PUT(OR(CPU_CTLS), CPU_TPR_SHADOW),                        \
		PUT(OR(CPU_CTLS2), CPU2_INTERRUPT_DELIVERY)
#define MAPPED              PUT(OR(CPU_CTLS2), CPU2_APIC_ACCESSES)
#define IF_ON               PUT(GUEST_RFLAGS, 0x202)
#define STATUS(svi, rvi)    ((svi) << 8 | (rvi))
#define PENDING(v)          PUT(GUEST_INTERRUPT_STATUS, STATUS(0u, v)), REQUESTED(v)
#define REQUESTED(v)        PUT(IRR(v), BIT(v))
#define STATUS_IS(svi, rvi) IS(GUEST_INTERRUPT_STATUS, STATUS(svi, rvi))
#define IRR(v)              VAPIC(0x200u + (v) / 32u * 16u)
#define ISR(v)              VAPIC(0x100u + (v) / 32u * 16u)
#define BIT(v)              (1u << (v) % 32u)
#define VTPR                VAPIC(0x80)
#define VPPR                VAPIC(0xa0)
#define VICR                VAPIC(0x300)
#define EOI_EXITS(v)        PUT(EOI_EXIT_BITMAP0 + (v) / 64 * 2, 1ull << (v) % 64)
#define ICR(v)              PUT(L2_REG(RAX), v), PUT(L2_REG(RBX), PAGE(WINDOW_ACCESS) + 0x300)
#define EOI                 PUT(L2_REG(RAX), 0), PUT(L2_REG(RBX), PAGE(WINDOW_ACCESS) + 0xb0)
#define APIC_WRITE(o)       EXITS(EXIT_APIC_WRITE), IS(EXIT_QUALIFICATION, o), IS(RIP_NEXT, 0), NOT_IN_DELIVERY
#define SELF                0x40000u

L2_CODE(vid_plain, "9: nop; 8: nop; nop");
L2_CODE(vid_sti, "9: sti; nop; 8: nop");
L2_CODE(vid_cr8, "movl $4, %eax; 9: movq %rax, %cr8; 8: nop");
L2_CODE(vid_write, "9: movl %eax, (%rbx); 8: nop; nop");
L2_CODE(vid_hlt, "sti; 9: hlt; 8: nop");

static const struct shot rows[] = {
	ROW("virtual interrupt: at entry", vid_plain, KERNEL64, SETS(ON, IF_ON, PENDING(0x51u)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_START, 0), STATUS_IS(0x51u, 0u), IS(ISR(0x51u), BIT(0x51u)),
		  IS(IRR(0x51u), 0), IS(VPPR, 0x50))),
	ROW("virtual interrupt: the next request becomes RVI", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0x51u), PUT(IRR(0x42u), BIT(0x51u) | BIT(0x42u))),
	    WANTS(TAKEN_BY_L2(0x51), STATUS_IS(0x51u, 0x42u), IS(IRR(0x42u), BIT(0x42u)))),
	ROW("virtual interrupt: the next request in another register", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0xf1u), PUT(IRR(0x33u), BIT(0x33u))),
	    WANTS(TAKEN_BY_L2(0xf1), STATUS_IS(0xf1u, 0x33u), IS(VPPR, 0xf0))),
	ROW("virtual interrupt: IF clear", vid_plain, KERNEL64, SETS(ON, PENDING(0x51u)),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0x51u), IS(VPPR, 0))),
	ROW("virtual interrupt: one instruction behind STI", vid_sti, KERNEL64, SETS(ON, PENDING(0x51u)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0))),
	ROW("virtual interrupt: entry blocked by STI", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0x51u), PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0))),
	ROW("virtual interrupt: entry blocked by MOV SS", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0x51u), PUT(GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0))),
	ROW("virtual interrupt: blocked by VTPR", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0x51u), PUT(VTPR, 0x50)),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0x51u), IS(VPPR, 0x50))),
	ROW("virtual interrupt: VTPR one class lower", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0x51u), PUT(VTPR, 0x4f)), WANTS(TAKEN_BY_L2(0x51))),
	ROW("virtual interrupt: VTPR lowered by CR8", vid_cr8, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0x51u), PUT(VTPR, 0x50)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0), IS(VTPR, 0x40))),
	ROW("virtual interrupt: VTPR lowered in memory", vid_write, KERNEL64,
	    SETS(ON, MAPPED, IF_ON, PENDING(0x51u), PUT(VTPR, 0x50),
		 PUT(L2_REG(RBX), PAGE(WINDOW_ACCESS) + 0x80)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0))),
	ROW("virtual interrupt: VTPR below the threshold is no exit", vid_cr8, KERNEL64,
	    SETS(ON, PUT(VTPR, 0xf0), PUT(TPR_THRESHOLD, 8)), WANTS(TO_THE_END, IS(VTPR, 0x40))),
	ROW("virtual interrupt: blocked by SVI", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0x51u)), REQUESTED(0x51u)),
	    WANTS(TO_THE_END, STATUS_IS(0x52u, 0x51u), IS(VPPR, 0x50))),
	ROW("virtual interrupt: VPPR is VTPR where their classes are the same", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0u)), PUT(VTPR, 0x5b)),
	    WANTS(TO_THE_END, IS(VPPR, 0x5b))),
	ROW("virtual interrupt: preempts SVI", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0x61u)), REQUESTED(0x61u),
		 PUT(ISR(0x52u), BIT(0x52u))),
	    WANTS(TAKEN_BY_L2(0x61), STATUS_IS(0x61u, 0u), IS(ISR(0x61u), BIT(0x61u)),
		  IS(ISR(0x52u), BIT(0x52u)), IS(VPPR, 0x60))),
	ROW("virtual interrupt: window exiting holds it back", vid_plain, KERNEL64,
	    SETS(ON, IF_ON, PENDING(0x51u), PUT(OR(CPU_CTLS), CPU_INTERRUPT_WINDOW)),
	    WANTS(EXITS(EXIT_INTERRUPT_WINDOW), IS(RIP_START, 0), STATUS_IS(0u, 0x51u))),
	ROW_NOT_BOCHS("virtual interrupt: wakes L2 that enters HLT", vid_plain, KERNEL64,
		      SETS(ON, IF_ON, PENDING(0x51u), AWAKE, PUT(GUEST_ACTIVITY, ACTIVITY_HLT)),
		      WANTS(TAKEN_BY_L2(0x51), IS(FRAME_START, 0), IS(GUEST_ACTIVITY, ACTIVITY_ACTIVE)),
		      "Bochs sleeps on: a virtual interrupt does not wake L2"),
	ROW_NOT_BOCHS("virtual interrupt: wakes L2 from HLT", vid_hlt, KERNEL64,
		      SETS(ON, PENDING(0x51u), AWAKE, PUT(CLEAR(CPU_CTLS), CPU_HLT)),
		      WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0)),
		      "Bochs sleeps on: a virtual interrupt does not wake L2"),
	ROW("virtual interrupt: behind an injected event", vid_plain, KERNEL64,
	    SETS(ON, PENDING(0x51u), PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, UD))),
	    WANTS(TAKEN_BY_L2(UD), STATUS_IS(0u, 0x51u))),
	ROW_NOT_BOCHS("virtual interrupt: its delivery faults", vid_plain, KERNEL64,
		      SETS(ON, IF_ON, PENDING(0x51u), INTERCEPT(NP), PUT(L2_GATE(0x51), 0x0e)),
		      WANTS(EXIT_INFO(INTR_HARDWARE, NP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * 0x51 + 3),
			    IS(IDT_VECTORING_INFO, INTR_INFO(INTR_EXTERNAL, 0x51)), STATUS_IS(0x51u, 0u)),
		      "Bochs tells an event of before"),
	ROW_NOT_BOCHS("virtual interrupt: its delivery meets an EPT violation", vid_plain, KERNEL64,
		      SETS(ON, IF_ON, PENDING(0x51u), PUT(GUEST_IDTR_BASE, PAGE(0)), PUT(L2_EPTE(0), 0)),
		      WANTS(EXITS(EXIT_EPT_VIOLATION), IS(IDT_VECTORING_INFO, INTR_INFO(INTR_EXTERNAL, 0x51)),
			    STATUS_IS(0x51u, 0u)),
		      "Bochs tells an event of before"),

	ROW("virtual EOI: SVI becomes the next in service", vid_write, KERNEL64,
	    SETS(ON, MAPPED, EOI, PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0u)), PUT(ISR(0x52u), BIT(0x52u)),
		 PUT(ISR(0x33u), BIT(0x33u))),
	    WANTS(TO_THE_END, STATUS_IS(0x33u, 0u), IS(ISR(0x52u), 0), IS(VPPR, 0x30))),
	ROW("virtual EOI: none in service afterwards", vid_write, KERNEL64,
	    SETS(ON, MAPPED, EOI, PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0u)), PUT(ISR(0x52u), BIT(0x52u)),
		 PUT(VTPR, 0x20)),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0u), IS(ISR(0x52u), 0), IS(VPPR, 0x20))),
	ROW("virtual EOI: lets a waiting interrupt in", vid_write, KERNEL64,
	    SETS(ON, MAPPED, IF_ON, EOI, PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0x51u)), REQUESTED(0x51u),
		 PUT(ISR(0x52u), BIT(0x52u))),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0), STATUS_IS(0x51u, 0u), IS(ISR(0x51u), BIT(0x51u)))),
	ROW("virtual EOI: exit by the bitmap", vid_write, KERNEL64,
	    SETS(ON, MAPPED, EOI, EOI_EXITS(0x52u), PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0u)),
		 PUT(ISR(0x52u), BIT(0x52u))),
	    WANTS(EXITS(EXIT_VIRTUALIZED_EOI), IS(EXIT_QUALIFICATION, 0x52), IS(RIP_NEXT, 0),
		  STATUS_IS(0u, 0u), IS(ISR(0x52u), 0), NOT_IN_DELIVERY)),
	ROW("virtual EOI: exit of the highest vector", vid_write, KERNEL64,
	    SETS(ON, MAPPED, EOI, EOI_EXITS(0xffu), PUT(GUEST_INTERRUPT_STATUS, STATUS(0xffu, 0u)),
		 PUT(ISR(0xffu), BIT(0xffu))),
	    WANTS(EXITS(EXIT_VIRTUALIZED_EOI), IS(EXIT_QUALIFICATION, 0xff), IS(RIP_NEXT, 0))),
	ROW("virtual EOI: another vector's bit", vid_write, KERNEL64,
	    SETS(ON, MAPPED, EOI, EOI_EXITS(0x53u), PUT(GUEST_INTERRUPT_STATUS, STATUS(0x52u, 0u)),
		 PUT(ISR(0x52u), BIT(0x52u))),
	    WANTS(TO_THE_END)),

	ROW("self-IPI: taken at once", vid_write, KERNEL64, SETS(ON, MAPPED, IF_ON, ICR(SELF | 0x51u)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0), STATUS_IS(0x51u, 0u), IS(VICR, SELF | 0x51u))),
	ROW("self-IPI: waits", vid_write, KERNEL64, SETS(ON, MAPPED, ICR(SELF | 0x51u)),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0x51u), IS(IRR(0x51u), BIT(0x51u)))),
	ROW("self-IPI: lower than RVI", vid_write, KERNEL64,
	    SETS(ON, MAPPED, PENDING(0x71u), ICR(SELF | 0x51u)),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0x71u), IS(IRR(0x51u), BIT(0x51u)))),
	ROW("self-IPI: lower vector than 16 exits", vid_write, KERNEL64, SETS(ON, MAPPED, ICR(SELF | 0xfu)),
	    WANTS(APIC_WRITE(0x300), STATUS_IS(0u, 0u))),
	ROW("self-IPI: vector 16", vid_write, KERNEL64, SETS(ON, MAPPED, ICR(SELF | 0x10u)),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0x10u))),
	ROW("IPI: to a destination exits", vid_write, KERNEL64, SETS(ON, MAPPED, ICR(0x51u)),
	    WANTS(APIC_WRITE(0x300), IS(VICR, 0x51))),
	ROW("IPI: to all exits", vid_write, KERNEL64, SETS(ON, MAPPED, ICR(0x80051u)),
	    WANTS(APIC_WRITE(0x300))),
	ROW("IPI: an NMI to self exits", vid_write, KERNEL64, SETS(ON, MAPPED, ICR(SELF | 0x451u)),
	    WANTS(APIC_WRITE(0x300))),
	ROW("IPI: level-triggered to self exits", vid_write, KERNEL64, SETS(ON, MAPPED, ICR(SELF | 0x8051u)),
	    WANTS(APIC_WRITE(0x300))),
	ROW("IPI: another register is an APIC access", vid_write, KERNEL64,
	    SETS(ON, MAPPED, PUT(L2_REG(RBX), PAGE(WINDOW_ACCESS) + 0x310)),
	    WANTS(EXITS(EXIT_APIC_ACCESS), IS(EXIT_QUALIFICATION, 0x1310))),
};

/* L1 sees exits and goes on: what was pending stays so. */
static const struct shot over_exits[] = {
	ROW("virtual interrupt over an exit: it waits", vid_hlt, KERNEL64,
	    SETS(ON, PENDING(0x51u), PUT(OR(CPU_CTLS), CPU_HLT), PUT(VTPR, 0xf0)),
	    WANTS(EXITS(EXIT_HLT), STATUS_IS(0u, 0x51u))),
	ROW_THEN("virtual interrupt over an exit: it comes at the next entry",
		 SETS(PUT(SKIPPED, 0), PUT(VTPR, 0), PUT(GUEST_INTERRUPTIBILITY, 0)),
		 WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0), STATUS_IS(0x51u, 0u))),
};

void test_apic_delivery(void)
{
	SHOTS_RUN(rows);
	SHOTS_RUN(over_exits);
}
