// SPDX-License-Identifier: MIT
/*
 * What VPIDs and INVVPID must make visible. L1 changes L2's page tables behind its back. SDM "Caching
 * Translation Information", "Operations that Invalidate Cached Mappings".
 */
#include "lab.h"

#define TAGGED   PUT(OR(CPU_CTLS2), CPU2_VPID), PUT(L2_VPID, 1)
#define TYPE(t)  PUT(NEED(NEED_INVVPID_ADDRESS + (t)), 0)
#define SHOWN    PUT(L2_WORD(0), 0x40), PUT(L2_WORD(1), 0x41)
#define SEES(n)  TO_THE_END, IS(L2_REG(RAX), 0x40 + (n))
#define MOVED(t) PUT(L2_PTE_TO(0), 1), PUT(FORGET_VPID, t), PUT(RIP_START, 0)

L2_CODE(vpid_read, "9: movq 0x10000000, %rax; 8:");
L2_CODE(vpid_invlpg,
	"movq 0x10000000, %rax; movq %rbx, (%rdx); invlpg 0x10000000; 9: movq 0x10000000, %rax; 8:");
L2_CODE(vpid_set_cr3,
	"movq 0x10000000, %rcx; movq %cr3, %rbx; 9: movq %rbx, %cr3; movq 0x10000000, %rax; 8:");

static const struct shot rows[] = {
	ROW("VPID: none, a page", vpid_read, KERNEL64, SETS(SHOWN), WANTS(SEES(0))),
	ROW_THEN("VPID: none, an entry forgets it", SETS(PUT(L2_PTE_TO(0), 1), PUT(RIP_START, 0)),
		 WANTS(SEES(1))),
	ROW("VPID: a page for INVVPID of an address", vpid_read, KERNEL64, SETS(TAGGED, TYPE(0), SHOWN),
	    WANTS(SEES(0))),
	ROW_THEN("VPID: INVVPID of an address", SETS(MOVED(0)), WANTS(SEES(1))),
	ROW("VPID: a page for INVVPID of a VPID", vpid_read, KERNEL64, SETS(TAGGED, TYPE(1), SHOWN),
	    WANTS(SEES(0))),
	ROW_THEN("VPID: INVVPID of a VPID", SETS(MOVED(1)), WANTS(SEES(1))),
	ROW("VPID: a page for INVVPID of all", vpid_read, KERNEL64, SETS(TAGGED, TYPE(2), SHOWN),
	    WANTS(SEES(0))),
	ROW_THEN("VPID: INVVPID of all", SETS(MOVED(2)), WANTS(SEES(1))),
	ROW("VPID: a page for INVVPID of all but globals", vpid_read, KERNEL64, SETS(TAGGED, TYPE(3), SHOWN),
	    WANTS(SEES(0))),
	ROW_THEN("VPID: INVVPID of all but globals", SETS(MOVED(3)), WANTS(SEES(1))),
	ROW("VPID: a page for another VPID", vpid_read, KERNEL64, SETS(TAGGED, SHOWN), WANTS(SEES(0))),
	ROW_THEN("VPID: another VPID knows nothing of it",
		 SETS(PUT(L2_VPID, 2), PUT(L2_PTE_TO(0), 1), PUT(RIP_START, 0)), WANTS(SEES(1))),
	ROW("VPID: INVLPG of L2", vpid_invlpg, KERNEL64,
	    SETS(TAGGED, SHOWN, PUT(CLEAR(CPU_CTLS), CPU_INVLPG), PUT(L2_REG(RBX), PAGE_L2(1) | 0x67),
		 PUT(L2_PT_IN, RDX)),
	    WANTS(SEES(1))),
	ROW("VPID: L2 exits at its CR3 load", vpid_set_cr3, KERNEL64,
	    SETS(TAGGED, SHOWN, PUT(OR(CPU_CTLS), CPU_CR3_LOAD), PUT(CLEAR(CPU_CTLS), CPU_CR3_STORE)),
	    WANTS(EXITS(EXIT_CR_ACCESS), IS(L2_REG(RCX), 0x40))),
	ROW_THEN("VPID: then loads CR3 itself",
		 SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD), PUT(L2_PTE_TO(0), 1)), WANTS(SEES(1))),
};

void test_vpid(void)
{
	SHOTS_RUN(rows);
}
