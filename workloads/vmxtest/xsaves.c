// SPDX-License-Identifier: MIT
/* XSAVES and XRSTORS. SDM "Enable XSAVES/XRSTORS", "XSS-Exiting Bitmap". */
#include "lab.h"

#define ENABLED       PUT(NEED(NEED_XSAVE), 0), PUT(OR(CPU_CTLS2), CPU2_XSAVES)
#define ALL_EXIT      PUT(XSS_EXITING_BITMAP, ~0ull)
#define COMPONENTS(v) PUT(L2_REG(RAX), v)
#define XSS           PUT(NEED(NEED_XSS), 0), PUT(L1_MSR(LAB_XSS), 0x800)
#define CET_USER      0x800u

L2_CODE(xs_save, "9: xsaves64 0x10000000; 8:");
L2_CODE(xs_restore, "movl $1, %eax; xsaves64 0x10000000; movl %ebx, %eax; 9: xrstors64 0x10000000; 8:");

static const struct shot rows[] = {
	ROW("XSAVES: not enabled: #UD", xs_save, KERNEL64, SETS(PUT(NEED(NEED_XSAVE), 0), INTERCEPT(UD)),
	    WANTS(FAULT_AT(UD))),
	ROW("XSAVES: enabled", xs_save, KERNEL64, SETS(ENABLED, COMPONENTS(1)), WANTS(TO_THE_END)),
	ROW("XSAVES: at CPL 3: #GP", xs_save, USER64, SETS(ENABLED, INTERCEPT(GP), COMPONENTS(1)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("XSAVES: XSS is 0: no exit", xs_save, KERNEL64, SETS(ENABLED, ALL_EXIT, COMPONENTS(7)),
	    WANTS(TO_THE_END)),
	ROW("XRSTORS: enabled", xs_restore, KERNEL64, SETS(ENABLED, PUT(L2_REG(RBX), 1)), WANTS(TO_THE_END)),
	ROW("XSAVES: exit by the bitmap", xs_save, KERNEL64,
	    SETS(ENABLED, XSS, ALL_EXIT, COMPONENTS(CET_USER)), WANTS(EXITS(EXIT_XSAVES), IS(RIP_AT, 0))),
	ROW("XSAVES: no exit by another bit", xs_save, KERNEL64,
	    SETS(ENABLED, XSS, PUT(XSS_EXITING_BITMAP, 0x1000), COMPONENTS(CET_USER)), WANTS(TO_THE_END)),
	ROW("XSAVES: no exit for what is not saved", xs_save, KERNEL64,
	    SETS(ENABLED, XSS, ALL_EXIT, COMPONENTS(1)), WANTS(TO_THE_END)),
	ROW("XRSTORS: exit by the bitmap", xs_restore, KERNEL64,
	    SETS(ENABLED, XSS, ALL_EXIT, PUT(L2_REG(RBX), CET_USER)),
	    WANTS(EXITS(EXIT_XRSTORS), IS(RIP_AT, 0))),
};

void test_xsaves(void)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		shots_run(&rows[i], 1);
		if (!lab_lacks(NEED_XSS))
			wrmsr(IA32_XSS, 0);
	}
}
