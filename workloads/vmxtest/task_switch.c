// SPDX-License-Identifier: MIT
/* Task switches, which always exit, of L2 in 32-bit protected mode. SDM "Exit Qualification for Task
 * Switches". */
#include "lab.h"

#define TASK         0x48u /* selector of the task to switch to */
#define TSS_OF(type) PUT(L2_TASK, type)
#define AVAILABLE    0x89u
#define BUSY         0x8bu
#define SOURCE(n)    ((uint64_t)(n) << 30)
enum { BY_CALL, BY_IRET, BY_JMP, BY_GATE };
#define SWITCH(by) EXITS(EXIT_TASK_SWITCH), IS(EXIT_QUALIFICATION, SOURCE(by) | TASK)
/* Vector 0 is a task gate in an IDT of 32-bit gates; the only one. */
#define GATE_AT_0                                                                                            \
	PUT(GUEST_IDTR_BASE, PAGE(0)), PUT(GUEST_IDTR_LIMIT, 7), PUT(L2_WORD(0), 0xe50000000000 | TASK << 16)
#define DELIVERS(type) IS(IDT_VECTORING_INFO, INTR_INFO(type, 0))

L2_CODE32(ts_jmp, "9: ljmp $0x48, $0; 8:");
L2_CODE32(ts_call, "9: lcall $0x48, $0; 8:");
L2_CODE32(ts_iret, "pushfl; orl $0x4000, (%esp); popfl; 9: iret; 8:");
L2_CODE32(ts_int, "9: int $0; 8:");
L2_CODE32(ts_div, "xorl %edx, %edx; xorl %ecx, %ecx; 9: divl %ecx; 8:");
L2_CODE32(ts_nop, "9: nop; 8:");
L2_CODE(ts_jmp64, "movl $0x48, 4(%rsp); 9: ljmp *(%rsp); 8:");

static const struct shot rows[] = {
	ROW("task switch: JMP", ts_jmp, LEGACY, SETS(TSS_OF(AVAILABLE)),
	    WANTS(SWITCH(BY_JMP), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 7), NOT_IN_DELIVERY)),
	ROW("task switch: CALL", ts_call, LEGACY, SETS(TSS_OF(AVAILABLE)),
	    WANTS(SWITCH(BY_CALL), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 7))),
	ROW("task switch: IRET with NT", ts_iret, LEGACY, SETS(TSS_OF(BUSY), PUT(L2_BACK_LINK, TASK)),
	    WANTS(SWITCH(BY_IRET), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 1))),
	ROW("task switch: INT n by a task gate", ts_int, LEGACY, SETS(TSS_OF(AVAILABLE), GATE_AT_0),
	    WANTS(SWITCH(BY_GATE), IS(RIP_AT, 0), DELIVERS(INTR_SOFTWARE), IS(EXIT_INSTR_LEN, 2))),
	ROW("task switch: an exception by a task gate", ts_div, LEGACY, SETS(TSS_OF(AVAILABLE), GATE_AT_0),
	    WANTS(SWITCH(BY_GATE), IS(RIP_AT, 0), DELIVERS(INTR_HARDWARE))),
	ROW("task switch: an injected exception by a task gate", ts_nop, LEGACY,
	    SETS(TSS_OF(AVAILABLE), GATE_AT_0, PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_HARDWARE, DE))),
	    WANTS(SWITCH(BY_GATE), IS(RIP_START, 0), DELIVERS(INTR_HARDWARE))),
	ROW("task switch: with PAE paging", ts_jmp, PAE, SETS(TSS_OF(AVAILABLE)),
	    WANTS(SWITCH(BY_JMP), IS(RIP_AT, 0))),
	ROW("task switch: a busy task: #GP", ts_jmp, LEGACY, SETS(TSS_OF(BUSY), INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, TASK))),
	ROW("task switch: an absent task: #NP", ts_jmp, LEGACY, SETS(TSS_OF(0x09), INTERCEPT(NP)),
	    WANTS(FAULT_AT_WITH(NP, TASK))),
	ROW("task switch: none in IA-32e mode: #GP", ts_jmp64, KERNEL64,
	    SETS(TSS_OF(AVAILABLE), INTERCEPT(GP)), WANTS(FAULT_AT_WITH(GP, TASK))),
};

void test_task_switch(void)
{
	SHOTS_RUN(rows);
}
