// SPDX-License-Identifier: MIT
/* EPT violations that L2 gets as #VE. SDM "Virtualization Exceptions". */
#include "lab.h"

#define VE         20u
#define VE_ON      PUT(OR(CPU_CTLS2), CPU2_VE)
#define SUPPRESSED (1ull << 63)
#define NO_PAGE    PUT(L2_EPTE(0), 0)
#define VIOLATION  EXITS(EXIT_EPT_VIOLATION)
#define BUSY       1u /* word of the information area */
#define IDT_THERE  PUT(GUEST_IDTR_BASE, PAGE(0))
/* Words: reason, busy, qualification, linear and guest-physical address, EPTP index */
#define TOLD(qualification)                                                                                  \
	IS(VE_WORD(0), EXIT_EPT_VIOLATION), IS(VE_WORD(BUSY), 0xffffffff),                                   \
		BITS(VE_WORD(2), qualification, 0x187), IS(VE_WORD(4), PAGE(0) + 0x123),                     \
		IS(VE_WORD(6), PAGE_L2(0) + 0x123)

L2_CODE(ve_read, "movl $0x10000123, %ebx; 9: movb (%rbx), %al; 8:");
L2_CODE(ve_write, "movl $0x10000123, %ebx; 9: movb %al, (%rbx); 8:");
L2_CODE(ve_fetch, "movl $0x10000123, %ebx; 9: jmp *%rbx");
L2_CODE(ve_ud, "9: ud2");

static const struct shot rows[] = {
	ROW("#VE: of a read", ve_read, KERNEL64, SETS(VE_ON, NO_PAGE),
	    WANTS(TAKEN_BY_L2(VE), IS(FRAME_AT, 0), TOLD(0x181), BITS(VE_WORD(8), 0, 0xffff))),
	ROW("#VE: of a write", ve_write, KERNEL64, SETS(VE_ON, PUT(L2_EPTE(0), 0x31)),
	    WANTS(TAKEN_BY_L2(VE), IS(FRAME_AT, 0), TOLD(0x182))),
	ROW("#VE: of a fetch", ve_fetch, KERNEL64, SETS(VE_ON, NO_PAGE),
	    WANTS(TAKEN_BY_L2(VE), IS(FRAME(0), PAGE(0) + 0x123), TOLD(0x184))),
	ROW("#VE: at CPL 3", ve_read, USER64, SETS(VE_ON, NO_PAGE), WANTS(TAKEN_BY_L2(VE), TOLD(0x181))),
	ROW_NOT_BOCHS("#VE: the index is told", ve_read, KERNEL64,
		      SETS(VE_ON, NO_PAGE, PUT(EPTP_INDEX, 0x1234)),
		      WANTS(TAKEN_BY_L2(VE), BITS(VE_WORD(8), 0x1234, 0xffff)), "Bochs tells index 0"),
	ROW("#VE: off", ve_read, KERNEL64, SETS(NO_PAGE), WANTS(VIOLATION, IS(VE_WORD(BUSY), 0))),
	ROW("#VE: suppressed, not present", ve_read, KERNEL64, SETS(VE_ON, PUT(L2_EPT_WORD(0), SUPPRESSED)),
	    WANTS(VIOLATION, IS(RIP_AT, 0), IS(VE_WORD(BUSY), 0))),
	ROW("#VE: suppressed, read-only", ve_write, KERNEL64,
	    SETS(VE_ON, PUT(L2_EPT_WORD(0), SUPPRESSED | 0x31)), WANTS(VIOLATION, IS(VE_WORD(BUSY), 0))),
	ROW("#VE: another page's suppression", ve_read, KERNEL64,
	    SETS(VE_ON, NO_PAGE, PUT(L2_EPT_WORD(1), SUPPRESSED)), WANTS(TAKEN_BY_L2(VE))),
	ROW("#VE: busy", ve_read, KERNEL64, SETS(VE_ON, NO_PAGE, PUT(VE_WORD(BUSY), 1)),
	    WANTS(VIOLATION, IS(RIP_AT, 0), IS(VE_WORD(0), 0))),
	ROW("#VE: a misconfiguration is none", ve_read, KERNEL64, SETS(VE_ON, PUT(L2_EPTE(0), 2)),
	    WANTS(EXITS(EXIT_EPT_MISCONFIG), IS(VE_WORD(BUSY), 0))),
	ROW("#VE: while delivering an event it is none", ve_ud, KERNEL64, SETS(VE_ON, NO_PAGE, IDT_THERE),
	    WANTS(VIOLATION, IS(IDT_VECTORING_INFO, INTR_INFO(INTR_HARDWARE, UD)), IS(VE_WORD(BUSY), 0))),
	ROW("#VE: L1 intercepts it", ve_read, KERNEL64, SETS(VE_ON, NO_PAGE, INTERCEPT(VE)),
	    WANTS(FAULT_AT(VE), TOLD(0x181))),
	ROW("#VE: its delivery faults", ve_read, KERNEL64,
	    SETS(VE_ON, NO_PAGE, INTERCEPT(NP), PUT(L2_GATE(VE), 0x0e)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, NP, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 8 * VE + 3),
		  IS(IDT_VECTORING_INFO, INTR_INFO(INTR_HARDWARE, VE)), IS(VE_WORD(BUSY), 0xffffffff))),
	ROW("#VE: a #PF comes first", ve_write, KERNEL64,
	    SETS(VE_ON, NO_PAGE, INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT)), WANTS(FAULT_AT_WITH(PF, 3))),
};

void test_virtualization_exceptions(void)
{
	SHOTS_RUN(rows);
}
