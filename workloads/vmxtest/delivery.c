// SPDX-License-Identifier: MIT
/*
 * Exits while an event is being delivered in L2, faults on faults, and triple faults.
 * SDM "Information for VM Exits That Occur During Event Delivery".
 */
#include "lab.h"

#define IRQ 0x40ull
/* L2's IDT in window page 0: without the page no event can be delivered. */
#define IDT_IN_PAGE     PUT(GUEST_IDTR_BASE, PAGE(0)), PUT(GUEST_IDTR_LIMIT, 0xfff)
#define INJECT(type, v) PUT(ENTRY_INTR_INFO, INTR_INFO(type, v))
#define INJECT_CODE(v, e)                                                                                    \
	PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, v) | INTR_ERROR_CODE), PUT(ENTRY_ERROR_CODE, e)
#define INJECT_LENGTH(type, v, n) INJECT(type, v), PUT(ENTRY_INSTR_LEN, n)
#define NO_PTE                    PUT(L2_PTE(0), 0)
#define PF_EXIT(code, v)                                                                                     \
	EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, code),                            \
		IS(EXIT_QUALIFICATION, PAGE(0) + 16ull * (v))
#define DELIVERING(type, v) BITS(IDT_VECTORING_INFO, INTR_INFO(type, v), ~0x1000ull)
#define DELIVERING_CODE(v, e)                                                                                \
	BITS(IDT_VECTORING_INFO, INTR_INFO(INTR_HARDWARE, v) | INTR_ERROR_CODE, ~0x1000ull),                 \
		IS(IDT_VECTORING_ERROR, e)
#define EPT_EXIT(qualification) EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, qualification, 0x187)
#define NO_EPTE                 PUT(L2_EPTE(0), 0)

L2_CODE(rest, "nop");
L2_CODE(soft, "9: int $0x40; 8:");
L2_CODE(soft_user, "9: int $0x90; 8:");
L2_CODE(int3_fault, "9: int3");
L2_CODE(icebp_fault, "9: .byte 0xf1");
L2_CODE(ud_fault, "9: ud2");
L2_CODE(gp_fault, "movl $0x80, %eax; 9: movl %eax, %ds");
L2_CODE32(into_fault, "movb $0x7f, %al; addb $1, %al; 9: into");
L2_CODE(no_stack, "movl $0x10000800, %esp; 9: ud2");

static const struct shot rows[] = {
	ROW("#PF while delivering an external interrupt", rest, KERNEL64,
	    SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE, INJECT(INTR_EXTERNAL, IRQ), PUT(GUEST_RFLAGS, 0x202)),
	    WANTS(PF_EXIT(0, IRQ), DELIVERING(INTR_EXTERNAL, IRQ), IS(RIP_START, 0),
		  IS(L1_CR2, CR2_SENTINEL))),
	ROW("#PF while delivering an NMI", rest, KERNEL64,
	    SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE, INJECT(INTR_NMI, NMI)),
	    WANTS(PF_EXIT(0, NMI), DELIVERING(INTR_NMI, NMI), IS(RIP_START, 0))),
	ROW("#PF while delivering an injected #UD", rest, KERNEL64,
	    SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE, INJECT(INTR_HARDWARE, UD)),
	    WANTS(PF_EXIT(0, UD), DELIVERING(INTR_HARDWARE, UD))),
	ROW("#PF while delivering an injected #GP", rest, KERNEL64,
	    SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE, INJECT_CODE(GP, 0x1230)),
	    WANTS(PF_EXIT(0, GP), DELIVERING_CODE(GP, 0x1230))),
	ROW("#PF while delivering an injected #PF", rest, KERNEL64,
	    SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE, INJECT_CODE(PF, 2)),
	    WANTS(PF_EXIT(0, PF), DELIVERING_CODE(PF, 2))),
	ROW("#PF while delivering an injected INT n", rest, KERNEL64,
	    SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE, INJECT_LENGTH(INTR_SOFTWARE, IRQ, 2)),
	    WANTS(PF_EXIT(0, IRQ), DELIVERING(INTR_SOFTWARE, IRQ), IS(EXIT_INSTR_LEN, 2), IS(RIP_START, 0))),
	ROW("#PF while delivering INT n", soft, KERNEL64, SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE),
	    WANTS(PF_EXIT(0, IRQ), DELIVERING(INTR_SOFTWARE, IRQ), IS(EXIT_INSTR_LEN, 2), IS(RIP_AT, 0))),
	ROW("#PF while delivering INT3", int3_fault, KERNEL64, SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE),
	    WANTS(PF_EXIT(0, BP), DELIVERING(INTR_SOFTWARE_EXCEPTION, BP), IS(EXIT_INSTR_LEN, 1),
		  IS(RIP_AT, 0))),
	ROW("#PF while delivering INTO", into_fault, KERNEL32, SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE),
	    WANTS(PF_EXIT(0, OF), DELIVERING(INTR_SOFTWARE_EXCEPTION, OF), IS(EXIT_INSTR_LEN, 1),
		  IS(RIP_AT, 0))),
	ROW("#PF while delivering INT1", icebp_fault, KERNEL64, SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE),
	    WANTS(PF_EXIT(0, DB), DELIVERING(INTR_PRIVILEGED, DB), IS(EXIT_INSTR_LEN, 1), IS(RIP_AT, 0))),
	ROW("#PF while delivering a #UD of L2", ud_fault, KERNEL64, SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE),
	    WANTS(PF_EXIT(0, UD), DELIVERING(INTR_HARDWARE, UD), IS(RIP_AT, 0))),
	ROW("#PF while delivering a #GP of L2", gp_fault, KERNEL64, SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE),
	    WANTS(PF_EXIT(0, GP), DELIVERING_CODE(GP, SEL_BEHIND), IS(RIP_AT, 0))),
	ROW("#PF on the stack of a handler", no_stack, KERNEL64, SETS(INTERCEPT(PF), NO_PTE),
	    WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 2),
		  BITS(EXIT_QUALIFICATION, PAGE(0), ~0xfffull), DELIVERING(INTR_HARDWARE, UD), IS(RIP_AT, 0),
		  IS(GUEST_RSP, PAGE(0) + 0x800))),
	ROW("#NP of a gate, external interrupt", rest, KERNEL64,
	    SETS(INTERCEPT(NP), PUT(L2_GATE(IRQ), 0x0e), INJECT(INTR_EXTERNAL, IRQ),
		 PUT(GUEST_RFLAGS, 0x202)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, NP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * IRQ + 3),
		  DELIVERING(INTR_EXTERNAL, IRQ))),
	ROW("#NP of a gate, INT n", soft, KERNEL64, SETS(INTERCEPT(NP), PUT(L2_GATE(IRQ), 0x0e)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, NP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * IRQ + 2),
		  DELIVERING(INTR_SOFTWARE, IRQ), IS(EXIT_INSTR_LEN, 2))),
	ROW("#GP of a gate of no such type", soft, KERNEL64, SETS(INTERCEPT(GP), PUT(L2_GATE(IRQ), 0x80)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, GP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * IRQ + 2),
		  DELIVERING(INTR_SOFTWARE, IRQ))),
	ROW("#GP behind the IDT's limit", soft, KERNEL64,
	    SETS(INTERCEPT(GP), PUT(GUEST_IDTR_LIMIT, 16 * IRQ - 1)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, GP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * IRQ + 2),
		  DELIVERING(INTR_SOFTWARE, IRQ))),
	ROW("#GP of a gate's DPL", soft, USER64, SETS(INTERCEPT(GP)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, GP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * IRQ + 2),
		  DELIVERING(INTR_SOFTWARE, IRQ))),
	ROW("#TS of a short TSS", soft_user, USER64, SETS(INTERCEPT(TS), PUT(GUEST_TR_LIMIT, 3)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, TS, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, SEL_TSS),
		  DELIVERING(INTR_SOFTWARE, 0x90), IS(EXIT_INSTR_LEN, 2))),
	ROW("EPT violation while delivering an external interrupt", rest, KERNEL64,
	    SETS(IDT_IN_PAGE, NO_EPTE, INJECT(INTR_EXTERNAL, IRQ), PUT(GUEST_RFLAGS, 0x202)),
	    WANTS(EPT_EXIT(0x181), IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(0) + 16 * IRQ),
		  IS(GUEST_LINEAR_ADDRESS, PAGE(0) + 16 * IRQ), DELIVERING(INTR_EXTERNAL, IRQ))),
	ROW("EPT violation while delivering an NMI", rest, KERNEL64,
	    SETS(IDT_IN_PAGE, NO_EPTE, INJECT(INTR_NMI, NMI)),
	    WANTS(EPT_EXIT(0x181), DELIVERING(INTR_NMI, NMI))),
	ROW("EPT violation while delivering a #GP of L2", gp_fault, KERNEL64, SETS(IDT_IN_PAGE, NO_EPTE),
	    WANTS(EPT_EXIT(0x181), DELIVERING_CODE(GP, SEL_BEHIND), IS(RIP_AT, 0))),
	ROW("EPT violation while delivering INT3", int3_fault, KERNEL64, SETS(IDT_IN_PAGE, NO_EPTE),
	    WANTS(EPT_EXIT(0x181), DELIVERING(INTR_SOFTWARE_EXCEPTION, BP), IS(EXIT_INSTR_LEN, 1))),
	ROW("EPT violation on the stack of a handler", no_stack, KERNEL64, SETS(NO_EPTE),
	    WANTS(EPT_EXIT(0x182), DELIVERING(INTR_HARDWARE, UD), IS(RIP_AT, 0))),
	ROW("#DF intercepted: no delivery is told", gp_fault, KERNEL64,
	    SETS(INTERCEPT(DF), PUT(L2_GATE(GP), 0x0e)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DF, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 0), NOT_IN_DELIVERY)),
	ROW("#DF not intercepted goes to L2", gp_fault, KERNEL64, SETS(PUT(L2_GATE(GP), 0x0e)),
	    WANTS(TAKEN_BY_L2(DF), IS(FRAME(0), 0), IS(FRAME1_AT, 0))),
	ROW("#NP then #NP: the second intercepted", gp_fault, KERNEL64,
	    SETS(INTERCEPT(NP), PUT(L2_GATE(GP), 0x0e)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, NP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * GP + 3),
		  DELIVERING_CODE(GP, SEL_BEHIND))),
	ROW("#PF in delivery, while delivering #DF", rest, KERNEL64,
	    SETS(INTERCEPT(PF), IDT_IN_PAGE, NO_PTE, INJECT_CODE(DF, 0)),
	    WANTS(PF_EXIT(0, DF), DELIVERING_CODE(DF, 0))),
	ROW("triple fault, no IDT", ud_fault, KERNEL64, SETS(PUT(GUEST_IDTR_LIMIT, 0)),
	    WANTS(EXITS(EXIT_TRIPLE_FAULT), IS(EXIT_QUALIFICATION, 0), NOT_IN_DELIVERY)),
	ROW("triple fault, IDT without pages", ud_fault, KERNEL64, SETS(IDT_IN_PAGE, NO_PTE),
	    WANTS(EXITS(EXIT_TRIPLE_FAULT), NOT_IN_DELIVERY, IS(RIP_AT, 0))),
	ROW("triple fault of an injected #DF", rest, KERNEL64, SETS(IDT_IN_PAGE, NO_PTE, INJECT_CODE(DF, 0)),
	    WANTS(EXITS(EXIT_TRIPLE_FAULT), NOT_IN_DELIVERY)),
};

void test_delivery(void)
{
	SHOTS_RUN(rows);
}
