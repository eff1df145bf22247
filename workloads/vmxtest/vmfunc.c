// SPDX-License-Identifier: MIT
/* VM functions. SDM "VM Functions", "EPTP Switching". */
#include "lab.h"

#define FUNCTIONS   PUT(OR(CPU_CTLS2), CPU2_VMFUNC)
#define SWITCHING   FUNCTIONS, PUT(OR(VM_FUNCTION_CTLS), 1)
#define LEAF(n)     PUT(L2_REG(RAX), n)
#define INDEX(n)    PUT(L2_REG(RCX), n)
#define PAGES       PUT(L2_WORD(0), 0x10), PUT(L2_WORD(1), 0x11)
#define VMFUNC_EXIT EXITS(EXIT_VMFUNC), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 3), IS(EPTP_NOW, EPTP_OWN)
#define VMFUNC      ".byte 0x0f, 0x01, 0xd4"

L2_CODE(func, "9: " VMFUNC "; 8: movq 0x10000000, %rbx");
L2_CODE(func_used, "movq 0x10000000, %rdx; 9: " VMFUNC "; 8: movq 0x10000000, %rbx");
L2_CODE(func_twice, VMFUNC "; movq 0x10000000, %rbx; decl %ecx; 9: " VMFUNC "; 8: movq 0x10000000, %rdx");
L2_CODE32(func32, "9: " VMFUNC "; 8: movl 0x10000000, %ebx");

static const struct shot rows[] = {
	ROW("VM function: off: #UD", func, KERNEL64, SETS(INTERCEPT(UD)), WANTS(FAULT_AT(UD))),
	ROW("VM function: EAX is 64: #UD", func, KERNEL64, SETS(FUNCTIONS, INTERCEPT(UD), LEAF(64)),
	    WANTS(FAULT_AT(UD))),
	ROW("VM function: 0 is not enabled", func, KERNEL64, SETS(FUNCTIONS, LEAF(0)), WANTS(VMFUNC_EXIT)),
	ROW("VM function: 1 is not enabled", func, KERNEL64, SETS(SWITCHING, LEAF(1)), WANTS(VMFUNC_EXIT)),
	ROW("VM function: 63 is not enabled, at CPL 3", func, USER64, SETS(SWITCHING, LEAF(63)),
	    WANTS(VMFUNC_EXIT)),
	ROW("EPTP switch: to another", func, KERNEL64, SETS(SWITCHING, PAGES, PUT(EPTP_ENTRY(0), EPTP_OTHER)),
	    WANTS(TO_THE_END, IS(L2_REG(RBX), 0x11), IS(EPTP_NOW, EPTP_OTHER))),
	ROW("EPTP switch: to the same", func, KERNEL64, SETS(SWITCHING, PAGES, PUT(EPTP_ENTRY(0), EPTP_OWN)),
	    WANTS(TO_THE_END, IS(L2_REG(RBX), 0x10), IS(EPTP_NOW, EPTP_OWN))),
	ROW("EPTP switch: a page in use changes", func_used, KERNEL64,
	    SETS(SWITCHING, PAGES, PUT(EPTP_ENTRY(0), EPTP_OTHER)),
	    WANTS(TO_THE_END, IS(L2_REG(RDX), 0x10), IS(L2_REG(RBX), 0x11))),
	ROW("EPTP switch: there and back", func_twice, KERNEL64,
	    SETS(SWITCHING, PAGES, INDEX(1), PUT(EPTP_ENTRY(1), EPTP_OTHER), PUT(EPTP_ENTRY(0), EPTP_OWN)),
	    WANTS(TO_THE_END, IS(L2_REG(RBX), 0x11), IS(L2_REG(RDX), 0x10), IS(EPTP_NOW, EPTP_OWN))),
	ROW("EPTP switch: at CPL 3", func, USER64, SETS(SWITCHING, PAGES, PUT(EPTP_ENTRY(0), EPTP_OTHER)),
	    WANTS(TO_THE_END, IS(L2_REG(RBX), 0x11))),
	ROW("EPTP switch: in compatibility mode", func32, KERNEL32,
	    SETS(SWITCHING, PAGES, PUT(EPTP_ENTRY(0), EPTP_OTHER)),
	    WANTS(TO_THE_END, BITS(L2_REG(RBX), 0x11, 0xffffffff))),
	ROW("EPTP switch: the last entry", func, KERNEL64,
	    SETS(SWITCHING, PAGES, INDEX(511), PUT(EPTP_ENTRY(511), EPTP_OTHER)),
	    WANTS(TO_THE_END, IS(L2_REG(RBX), 0x11))),
	ROW("EPTP switch: behind the last entry", func, KERNEL64, SETS(SWITCHING, INDEX(512)),
	    WANTS(VMFUNC_EXIT)),
	ROW("EPTP switch: the index is 32 bits", func, KERNEL64,
	    SETS(SWITCHING, INDEX(0xffffffff00000001), PUT(EPTP_ENTRY(1), EPTP_OTHER)),
	    WANTS(TO_THE_END, IS(EPTP_NOW, EPTP_OTHER))),
	ROW("EPTP switch: an entry of 0", func, KERNEL64, SETS(SWITCHING), WANTS(VMFUNC_EXIT)),
	ROW("EPTP switch: reserved memory type", func, KERNEL64, SETS(SWITCHING, PUT(EPTP_ENTRY(0), 0x101f)),
	    WANTS(VMFUNC_EXIT)),
	ROW("EPTP switch: a walk of 3 levels", func, KERNEL64, SETS(SWITCHING, PUT(EPTP_ENTRY(0), 0x1016)),
	    WANTS(VMFUNC_EXIT)),
	ROW("EPTP switch: a reserved bit", func, KERNEL64, SETS(SWITCHING, PUT(EPTP_ENTRY(0), 0x1f1e)),
	    WANTS(VMFUNC_EXIT)),
	ROW("EPTP switch: far", func, KERNEL64, SETS(SWITCHING, PUT(EPTP_ENTRY(0), 1ull << 52 | 0x1e)),
	    WANTS(VMFUNC_EXIT)),
	ROW("EPTP switch: index of the information area", func, KERNEL64,
	    SETS(SWITCHING, PUT(OR(CPU_CTLS2), CPU2_VE), INDEX(3), PUT(EPTP_ENTRY(3), EPTP_OTHER)),
	    WANTS(TO_THE_END, IS(EPTP_INDEX, 3))),
};

/* L1 lets L2 go on behind the switch: with the pointer that is in the VMCS now. */
static const struct shot over_exits[] = {
	ROW("EPTP switch over exits: first", func, KERNEL64,
	    SETS(SWITCHING, PAGES, PUT(EPTP_ENTRY(0), EPTP_OTHER)),
	    WANTS(TO_THE_END, IS(EPTP_NOW, EPTP_OTHER))),
	ROW_THEN("EPTP switch over exits: the other pointer stays",
		 SETS(PUT(RIP_START, 3), PUT(L2_REG(RBX), 0)),
		 WANTS(TO_THE_END, IS(L2_REG(RBX), 0x11), IS(EPTP_NOW, EPTP_OTHER))),
	ROW_THEN("EPTP switch over exits: back", SETS(PUT(RIP_START, 0), PUT(EPTP_ENTRY(0), EPTP_OWN)),
		 WANTS(TO_THE_END, IS(L2_REG(RBX), 0x10), IS(EPTP_NOW, EPTP_OWN))),
};

void test_vmfunc(void)
{
	SHOTS_RUN(rows);
	SHOTS_RUN(over_exits);
}
