// SPDX-License-Identifier: MIT
/* RDMSR and WRMSR of x2APIC registers, virtualized. SDM "Virtualizing MSR-Based APIC Accesses". */
#include "lab.h"

#define BITMAP    PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS | CPU_TPR_SHADOW)
#define X2        BITMAP, PUT(OR(CPU_CTLS2), CPU2_X2APIC)
#define REGISTERS BITMAP, PUT(OR(CPU_CTLS2), CPU2_X2APIC | CPU2_APIC_REGISTERS)
#define DELIVERY                                                                                             \
	BITMAP, PUT(OR(PIN_CTLS), PIN_EXTERNAL_INTERRUPT),                                                   \
		PUT(OR(CPU_CTLS2), CPU2_X2APIC | CPU2_INTERRUPT_DELIVERY)
#define MSR(n)          PUT(L2_REG(RCX), n)
#define LOW(v)          PUT(L2_REG(RAX), v)
#define HIGH(v)         PUT(L2_REG(RDX), v)
#define ANSWERS(v)      TO_THE_END, IS(L2_REG(RAX), (v)&0xffffffffull), IS(L2_REG(RDX), (v) >> 32)
#define STATUS_IS(s, r) IS(GUEST_INTERRUPT_STATUS, (s) << 8 | (r))
#define BIT_51          (1u << 17)
#define IRR_51          VAPIC(0x220)
#define ISR_51          VAPIC(0x120)
#define IN_SERVICE      PUT(GUEST_INTERRUPT_STATUS, 0x5100), PUT(ISR_51, BIT_51)

L2_CODE(x2_read, "9: rdmsr; 8:");
L2_CODE(x2_write, "9: wrmsr; 8: nop; nop");

static const struct shot rows[] = {
	ROW("x2APIC: TPR read", x2_read, KERNEL64, SETS(X2, MSR(0x808), PUT(VAPIC(0x80), 0x70)),
	    WANTS(ANSWERS(0x70ull))),
	ROW("x2APIC: TPR written", x2_write, KERNEL64, SETS(X2, MSR(0x808), LOW(0x60)),
	    WANTS(TO_THE_END, IS(VAPIC(0x80), 0x60))),
	ROW("x2APIC: TPR written below the threshold", x2_write, KERNEL64,
	    SETS(X2, MSR(0x808), LOW(0x40), PUT(VAPIC(0x80), 0x80), PUT(TPR_THRESHOLD, 5)),
	    WANTS(EXITS(EXIT_TPR_BELOW), IS(RIP_NEXT, 0), IS(VAPIC(0x80), 0x40))),
	ROW("x2APIC: TPR of more than 8 bits: #GP", x2_write, KERNEL64,
	    SETS(X2, INTERCEPT(GP), MSR(0x808), LOW(0x160)), WANTS(FAULT_AT_WITH(GP, 0), IS(VAPIC(0x80), 0))),
	ROW("x2APIC: TPR's high half: #GP", x2_write, KERNEL64, SETS(X2, INTERCEPT(GP), MSR(0x808), HIGH(1)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("x2APIC: the MSR bitmap comes first, read", x2_read, KERNEL64,
	    SETS(X2, MSR(0x808), PUT(L2_MSR_BIT, 0x808)), WANTS(EXITS(EXIT_RDMSR), IS(RIP_AT, 0))),
	ROW("x2APIC: the MSR bitmap comes first, written", x2_write, KERNEL64,
	    SETS(X2, MSR(0x808), PUT(L2_MSR_BIT, MSR_WRITE | 0x808)),
	    WANTS(EXITS(EXIT_WRMSR), IS(RIP_AT, 0))),
	ROW("x2APIC: #GP at CPL 3", x2_read, USER64, SETS(X2, INTERCEPT(GP), MSR(0x808)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("x2APIC: another register without virtualization, APIC not in x2APIC mode: #GP", x2_read,
	    KERNEL64,
	    SETS(X2, PUT(NEED(NEED_XAPIC), 0), PUT(NEED(NEED_X2APIC), 0), INTERCEPT(GP), MSR(0x803)),
	    WANTS(FAULT_AT_WITH(GP, 0))),

	ROW("x2APIC registers: ID", x2_read, KERNEL64,
	    SETS(REGISTERS, MSR(0x802), PUT(VAPIC(0x20), 0x12345678)), WANTS(ANSWERS(0x12345678ull))),
	ROW("x2APIC registers: 8 bytes", x2_read, KERNEL64,
	    SETS(REGISTERS, MSR(0x830), PUT(VAPIC(0x300), 0x11223344), PUT(VAPIC(0x304), 0x55667788)),
	    WANTS(ANSWERS(0x5566778811223344ull))),
	ROW("x2APIC registers: PPR", x2_read, KERNEL64, SETS(REGISTERS, MSR(0x80a), PUT(VAPIC(0xa0), 0x70)),
	    WANTS(ANSWERS(0x70ull))),
	ROW("x2APIC registers: one that is none", x2_read, KERNEL64,
	    SETS(REGISTERS, MSR(0x8ff), PUT(VAPIC(0xff0), 0x9a)), WANTS(ANSWERS(0x9aull))),
	ROW("x2APIC registers: TPR written", x2_write, KERNEL64, SETS(REGISTERS, MSR(0x808), LOW(0x60)),
	    WANTS(TO_THE_END, IS(VAPIC(0x80), 0x60))),
	ROW("x2APIC registers: EOI written without delivery, APIC not in x2APIC mode: #GP", x2_write,
	    KERNEL64,
	    SETS(REGISTERS, PUT(NEED(NEED_XAPIC), 0), PUT(NEED(NEED_X2APIC), 0), INTERCEPT(GP), MSR(0x80b)),
	    WANTS(FAULT_AT_WITH(GP, 0))),

	ROW("x2APIC delivery: EOI", x2_write, KERNEL64, SETS(DELIVERY, MSR(0x80b), IN_SERVICE),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0u), IS(ISR_51, 0))),
	ROW("x2APIC delivery: EOI exits", x2_write, KERNEL64,
	    SETS(DELIVERY, MSR(0x80b), IN_SERVICE, PUT(EOI_EXIT_BITMAP0 + 2, 1ull << 17)),
	    WANTS(EXITS(EXIT_VIRTUALIZED_EOI), IS(EXIT_QUALIFICATION, 0x51), IS(RIP_NEXT, 0))),
	ROW("x2APIC delivery: EOI of a value: #GP", x2_write, KERNEL64,
	    SETS(DELIVERY, INTERCEPT(GP), MSR(0x80b), LOW(1), IN_SERVICE),
	    WANTS(FAULT_AT_WITH(GP, 0), STATUS_IS(0x51u, 0u))),
	ROW("x2APIC delivery: self-IPI", x2_write, KERNEL64,
	    SETS(DELIVERY, PUT(GUEST_RFLAGS, 0x202), MSR(0x83f), LOW(0x51)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0), STATUS_IS(0x51u, 0u))),
	ROW("x2APIC delivery: self-IPI waits", x2_write, KERNEL64, SETS(DELIVERY, MSR(0x83f), LOW(0x51)),
	    WANTS(TO_THE_END, STATUS_IS(0u, 0x51u), IS(IRR_51, BIT_51))),
	ROW("x2APIC delivery: self-IPI of a low vector exits", x2_write, KERNEL64,
	    SETS(DELIVERY, MSR(0x83f), LOW(0xf)),
	    WANTS(EXITS(EXIT_APIC_WRITE), IS(EXIT_QUALIFICATION, 0x3f0), IS(RIP_NEXT, 0))),
	ROW("x2APIC delivery: self-IPI of more than 8 bits: #GP", x2_write, KERNEL64,
	    SETS(DELIVERY, INTERCEPT(GP), MSR(0x83f), LOW(0x151)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("x2APIC delivery: TPR lets an interrupt in", x2_write, KERNEL64,
	    SETS(DELIVERY, PUT(GUEST_RFLAGS, 0x202), MSR(0x808), LOW(0x40), PUT(VAPIC(0x80), 0x50),
		 PUT(GUEST_INTERRUPT_STATUS, 0x51), PUT(IRR_51, BIT_51)),
	    WANTS(TAKEN_BY_L2(0x51), IS(FRAME_NEXT, 0))),
};

void test_x2apic(void)
{
	SHOTS_RUN(rows);
}
