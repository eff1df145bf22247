// SPDX-License-Identifier: MIT
/*
 * Exceptions while exceptions are delivered in L2: what they become, and what L1 sees of it. SDM, table
 * "Conditions for Generating a Double Fault", "Information for VM Exits That Occur During Event Delivery".
 */
#include "lab.h"

#define NO_GATE(v) PUT(L2_GATE(v), 0x0e)
#define IDT_AWAY   PUT(GUEST_IDTR_BASE, PAGE(0)), PUT(GUEST_IDTR_LIMIT, 0xfff), PUT(L2_PTE(0), 0)
#define INJECT(v)  PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, v))
#define INJECT_CODE(v, e)                                                                                    \
	PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, v) | INTR_ERROR_CODE), PUT(ENTRY_ERROR_CODE, e)
#define NP_OF(v)       EXIT_INFO(INTR_HARDWARE, NP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * (v) + 3)
#define DURING(v)      IS(IDT_VECTORING_INFO, INTR_INFO(INTR_HARDWARE, v))
#define DURING_CODE(v) IS(IDT_VECTORING_INFO, INTR_INFO(INTR_HARDWARE, v) | INTR_ERROR_CODE)
#define DOUBLE_FAULT   TAKEN_BY_L2(DF), IS(FRAME(0), 0)
#define TRIPLE         EXITS(EXIT_TRIPLE_FAULT), NOT_IN_DELIVERY
#define DF_EXIT        EXIT_INFO(INTR_HARDWARE, DF, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 0), IS(RIP_AT, 0)

L2_CODE(df_nop, "9: nop; 8:");
L2_CODE(df_ud, "9: ud2");
L2_CODE(df_de, "xorl %edx, %edx; xorl %ecx, %ecx; 9: divl %ecx");
L2_CODE(df_pf, "9: movq 0x10001000, %rax");
L2_CODE(df_int, "9: int $0x40");
L2_CODE(df_int3, "9: int3");

static const struct shot rows[] = {
	ROW("double fault: #UD, then #NP: no double fault", df_ud, KERNEL64, SETS(NO_GATE(UD), INTERCEPT(NP)),
	    WANTS(NP_OF(UD), DURING(UD))),
	ROW("double fault: #UD, then #PF: no double fault", df_ud, KERNEL64, SETS(IDT_AWAY, INTERCEPT(PF)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), DURING(UD))),
	ROW("double fault: #DE, then #NP", df_de, KERNEL64, SETS(NO_GATE(DE)),
	    WANTS(DOUBLE_FAULT, IS(FRAME1_AT, 0))),
	ROW("double fault: #DE, then #NP which L1 takes", df_de, KERNEL64, SETS(NO_GATE(DE), INTERCEPT(NP)),
	    WANTS(NP_OF(DE), DURING(DE))),
	ROW("double fault: #DE, then #NP, #DF is L1's", df_de, KERNEL64, SETS(NO_GATE(DE), INTERCEPT(DF)),
	    WANTS(DF_EXIT)),
	ROW("double fault: #DE, then #PF: a #PF", df_de, KERNEL64, SETS(IDT_AWAY, INTERCEPT(PF)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), DURING(DE))),
	ROW("double fault: #PF, then #NP", df_pf, KERNEL64, SETS(PUT(L2_PTE(1), 0), NO_GATE(PF)),
	    WANTS(DOUBLE_FAULT)),
	ROW("double fault: #PF, then #NP, #DF is L1's", df_pf, KERNEL64,
	    SETS(PUT(L2_PTE(1), 0), NO_GATE(PF), INTERCEPT(DF)), WANTS(DF_EXIT)),
	ROW("double fault: #PF, then #NP which L1 takes", df_pf, KERNEL64,
	    SETS(PUT(L2_PTE(1), 0), NO_GATE(PF), INTERCEPT(NP)),
	    WANTS(NP_OF(PF), DURING_CODE(PF), IS(IDT_VECTORING_ERROR, 0))),
	ROW("double fault: #PF, then #PF, then #PF: triple", df_pf, KERNEL64,
	    SETS(PUT(L2_PTE(1), 0), IDT_AWAY), WANTS(TRIPLE)),
	ROW("double fault: its gate is absent: triple", df_de, KERNEL64, SETS(NO_GATE(DE), NO_GATE(DF)),
	    WANTS(TRIPLE)),
	ROW("double fault: INT n, then #NP: no double fault", df_int, KERNEL64, SETS(NO_GATE(0x40)),
	    WANTS(TAKEN_BY_L2(NP), IS(FRAME(0), 8 * 0x40 + 2))),
	ROW("double fault: INT3, then #NP: no double fault", df_int3, KERNEL64, SETS(NO_GATE(BP)),
	    WANTS(TAKEN_BY_L2(NP), IS(FRAME(0), 8 * BP + 2))),
	ROW("double fault: INT n, then #NP, then #NP", df_int, KERNEL64, SETS(NO_GATE(0x40), NO_GATE(NP)),
	    WANTS(DOUBLE_FAULT)),
	ROW("double fault: injected #DE, then #NP", df_nop, KERNEL64, SETS(INJECT(DE), NO_GATE(DE)),
	    WANTS(DOUBLE_FAULT)),
	ROW("double fault: injected #UD, then #NP: no double fault", df_nop, KERNEL64,
	    SETS(INJECT(UD), NO_GATE(UD)), WANTS(TAKEN_BY_L2(NP), IS(FRAME(0), 8 * UD + 3))),
	ROW("double fault: injected #GP, then #NP, #DF is L1's", df_nop, KERNEL64,
	    SETS(INJECT_CODE(GP, 0x10), NO_GATE(GP), INTERCEPT(DF)), WANTS(DF_EXIT)),
	ROW("double fault: injected #PF, then #NP", df_nop, KERNEL64, SETS(INJECT_CODE(PF, 2), NO_GATE(PF)),
	    WANTS(DOUBLE_FAULT)),
	ROW("double fault: injected #DF, then #NP: triple", df_nop, KERNEL64,
	    SETS(INJECT_CODE(DF, 0), NO_GATE(DF)), WANTS(TRIPLE)),
	ROW("double fault: injected interrupt, then #NP: no double fault", df_nop, KERNEL64,
	    SETS(PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_EXTERNAL, 0x40)), PUT(GUEST_RFLAGS, 0x202),
		 NO_GATE(0x40)),
	    WANTS(TAKEN_BY_L2(NP), IS(FRAME(0), 8 * 0x40 + 3))),
	ROW("double fault: injected NMI, then #NP: no double fault", df_nop, KERNEL64,
	    SETS(PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_NMI, NMI)), NO_GATE(NMI)),
	    WANTS(TAKEN_BY_L2(NP), IS(FRAME(0), 8 * NMI + 3))),
};

/* L1 mends what a delivery met and injects the event again, as IDT-vectoring information tells it. */
static const struct shot over_exits[] = {
	ROW("delivery over exits: a #GP's meets an EPT violation", df_int, USER64,
	    SETS(PUT(GUEST_IDTR_BASE, PAGE(0)), PUT(L2_EPTE(0), 0)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), IS(IDT_VECTORING_INFO, INTR_INFO(INTR_SOFTWARE, 0x40)),
		  IS(EXIT_INSTR_LEN, 2))),
	ROW_THEN("delivery over exits: the event, injected again, is L2's",
		 SETS(PUT(L2_OWN_IDT, 0), PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_SOFTWARE, 0x40)),
		      PUT(ENTRY_INSTR_LEN, 2)),
		 WANTS(TAKEN_BY_L2(GP), IS(FRAME(0), 8 * 0x40 + 2), IS(FRAME1_AT, 0))),
	ROW("delivery over exits: an interrupt's meets an EPT violation", df_nop, KERNEL64,
	    SETS(PUT(GUEST_IDTR_BASE, PAGE(0)), PUT(L2_EPTE(0), 0),
		 PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_EXTERNAL, 0x41)), PUT(GUEST_RFLAGS, 0x202)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), IS(IDT_VECTORING_INFO, INTR_INFO(INTR_EXTERNAL, 0x41)),
		  BITS(ENTRY_INTR_INFO, 0, INTR_VALID))),
	ROW_THEN("delivery over exits: the interrupt, injected again, is L2's",
		 SETS(PUT(L2_OWN_IDT, 0), PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_EXTERNAL, 0x41))),
		 WANTS(TAKEN_BY_L2(0x41), IS(FRAME_START, 0))),
	ROW("delivery over exits: an event that L1 forgets", df_nop, KERNEL64,
	    SETS(PUT(GUEST_IDTR_BASE, PAGE(0)), PUT(L2_EPTE(0), 0),
		 PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_EXTERNAL, 0x41)), PUT(GUEST_RFLAGS, 0x202)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION))),
	ROW_THEN("delivery over exits: it is gone", SETS(PUT(L2_OWN_IDT, 0)), WANTS(TO_THE_END)),
};

void test_double_faults(void)
{
	SHOTS_RUN(rows);
	SHOTS_RUN(over_exits);
}
