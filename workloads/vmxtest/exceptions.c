// SPDX-License-Identifier: MIT
/*
 * Exceptions in L2 that the exception bitmap asks for. SDM "Information for VM Exits Due to Vectored Events",
 * "Basic VM-Exit Information", "Saving RIP, RSP, RFLAGS, and SSP".
 */
#include "lab.h"

#define TF      0x100ull
#define AC_FLAG 0x40000ull
#define CR0_AM  0x40000ull
#define CR0_EM  0x4ull

L2_CODE(de, "xorl %edx, %edx; movl $1, %eax; xorl %ecx, %ecx; 9: divl %ecx");
L2_CODE(int3, "int3");
L2_CODE(int_3, ".byte 0xcd, 3");
L2_CODE(icebp, ".byte 0xf1");
L2_CODE32(into, "movb $0x7f, %al; addb $1, %al; 9: into; 8:");
L2_CODE32(bound, "bound %eax, 0x10000000");
L2_CODE(ud2, "nop; 9: ud2");
L2_CODE(ud_lock, "9: .byte 0xf0, 0x90");
L2_CODE(fpu, "nop; 9: fld1");
L2_CODE(sse, "9: xorps %xmm0, %xmm0");
L2_CODE(load_ds, "movl $0x20, %eax; 9: movl %eax, %ds");
L2_CODE(load_ds_behind, "movl $0x80, %eax; 9: movl %eax, %ds");
L2_CODE(load_ss, "movl $0x20, %eax; 9: movl %eax, %ss");
L2_CODE(stack_wild, "movabs $0x8000000000000000, %rbp; 9: movq (%rbp), %rax");
L2_CODE(wild, "movabs $0x8000000000000000, %rbx; 9: movq (%rbx), %rax");
L2_CODE(wild_rip, "movabs $0x8000000000000000, %rbx; 9: jmp *%rbx");
L2_CODE(cr4_reserved, "movq $-1, %rax; 9: movq %rax, %cr4");
L2_CODE(msr_absent, "movl $0x7fffffff, %ecx; 9: rdmsr");
L2_CODE(read_page, "movl $0x10000123, %ebx; 9: movl (%rbx), %eax");
L2_CODE(write_page, "movl $0x10000123, %ebx; 9: movl %eax, (%rbx)");
L2_CODE(add_page, "movl $0x10000123, %ebx; 9: addl $1, (%rbx)");
L2_CODE(call_page, "movl $0x10000123, %ebx; 9: jmp *%rbx");
L2_CODE(cross_page, "movl $0x10000ffe, %ebx; 9: movl (%rbx), %eax");
L2_CODE(x87, "fninit; movl $0x1b, 0x10000000; fldcw 0x10000000; fldz; fld1; fdivp; 9: fwait");
L2_CODE(unaligned, "movl $0x10000001, %ebx; 9: movl (%rbx), %eax");
L2_CODE(xm, "movl $0x1d80, 0x10000000; ldmxcsr 0x10000000; movl $1, %eax; cvtsi2ss %eax, %xmm0; "
	    "xorps %xmm1, %xmm1; 9: divss %xmm1, %xmm0");
L2_CODE(single_step, "pushfq; orl $0x100, (%rsp); popfq; 9: nop; 8: nop");
L2_CODE(write_watched, "movl $0x10000010, %ebx; 9: movl %eax, (%rbx); 8:");
L2_CODE(in_watched, "9: inb $0x80, %al; 8:");
L2_CODE(run_watched, "nop; 9: nop");
L2_CODE(mov_dr, "9: movq %dr0, %rax");
L2_CODE(hlt, "9: hlt");
L2_CODE(cli_user, "9: cli");

static const struct shot rows[] = {
	ROW_NOT_ON_BOCHS("RFLAGS.RF is set in what a fault saves", ud2, KERNEL64, SETS(INTERCEPT(UD)),
			 WANTS(FAULT_AT(UD), BITS(GUEST_RFLAGS, RF, RF)), "Bochs saves RF clear"),
	ROW("#DE by DIV", de, KERNEL64, SETS(INTERCEPT(DE)), WANTS(FAULT_AT(DE), NO_QUALIFICATION)),
	ROW("#DE at CPL 3", de, USER64, SETS(INTERCEPT(DE)), WANTS(FAULT_AT(DE))),
	ROW("#DB single step", single_step, KERNEL64, SETS(INTERCEPT(DB)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(RIP_NEXT, 0), IS(EXIT_QUALIFICATION, DEBUG_BS),
		  BITS(GUEST_RFLAGS, TF, TF | RF), IS(L1_DR(6), 0xffff0ff0), NOT_IN_DELIVERY)),
	ROW("#DB data breakpoint 0, written", write_watched, KERNEL64,
	    SETS(INTERCEPT(DB), PUT(L1_DR(0), 0x10000010), PUT(GUEST_DR7, 0x000d0402)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(RIP_NEXT, 0), IS(EXIT_QUALIFICATION, 1),
		  IS(L1_DR(6), 0xffff0ff0), IS(GUEST_DR7, 0x000d0402), IS(L1_DR(7), 0x400))),
	ROW("#DB data breakpoint 3, written", write_watched, KERNEL64,
	    SETS(INTERCEPT(DB), PUT(L1_DR(3), 0x10000010), PUT(GUEST_DR7, 0xd0000480)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(RIP_NEXT, 0), IS(EXIT_QUALIFICATION, 8))),
	ROW("#DB instruction breakpoint", run_watched, KERNEL64,
	    SETS(INTERCEPT(DB), PUT(L1_DR(1), (uint64_t)(uintptr_t)run_watched_at), PUT(GUEST_DR7, 0x408)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(RIP_AT, 0), IS(EXIT_QUALIFICATION, 2))),
	ROW("#DB by DR7.GD", mov_dr, KERNEL64, SETS(INTERCEPT(DB), PUT(GUEST_DR7, 0x2400)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, DB, 0), IS(RIP_AT, 0), IS(EXIT_QUALIFICATION, DEBUG_BD))),
	ROW("#DB by INT1", icebp, KERNEL64, SETS(INTERCEPT(DB)),
	    WANTS(EXIT_INFO(INTR_PRIVILEGED, DB, 0), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 1), NO_QUALIFICATION,
		  NOT_IN_DELIVERY)),
	ROW("#BP by INT3", int3, KERNEL64, SETS(INTERCEPT(BP)),
	    WANTS(EXIT_INFO(INTR_SOFTWARE_EXCEPTION, BP, 0), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 1),
		  BITS(GUEST_RFLAGS, 0, RF), NO_QUALIFICATION, NOT_IN_DELIVERY)),
	ROW("INT 3 of two bytes is no exception", int_3, KERNEL64, SETS(INTERCEPT(BP)),
	    WANTS(TAKEN_BY_L2(BP), IS(FRAME_START, 2))),
	ROW("#OF by INTO", into, KERNEL32, SETS(INTERCEPT(OF)),
	    WANTS(EXIT_INFO(INTR_SOFTWARE_EXCEPTION, OF, 0), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 1),
		  BITS(GUEST_RFLAGS, 0, RF), NOT_IN_DELIVERY)),
	ROW("#BR by BOUND", bound, KERNEL32, SETS(INTERCEPT(BR), PUT(L2_REG(RAX), 5)), WANTS(FAULT_AT(BR))),
	ROW("#UD by UD2", ud2, KERNEL64, SETS(INTERCEPT(UD)), WANTS(FAULT_AT(UD), NO_QUALIFICATION)),
	ROW("#UD by LOCK NOP", ud_lock, KERNEL64, SETS(INTERCEPT(UD)), WANTS(FAULT_AT(UD))),
	ROW("#UD by SSE with CR0.EM", sse, KERNEL64, SETS(INTERCEPT(UD), PUT(OR(GUEST_CR0), CR0_EM)),
	    WANTS(FAULT_AT(UD))),
	ROW("#NM by CR0.TS", fpu, KERNEL64, SETS(INTERCEPT(NM), PUT(OR(GUEST_CR0), CR0_TS)),
	    WANTS(FAULT_AT(NM))),
	ROW("#NM by CR0.EM", fpu, KERNEL64, SETS(INTERCEPT(NM), PUT(OR(GUEST_CR0), CR0_EM)),
	    WANTS(FAULT_AT(NM))),
	ROW("#NP, selector", load_ds, KERNEL64, SETS(INTERCEPT(NP)), WANTS(FAULT_AT_WITH(NP, SEL_ABSENT))),
	ROW("#SS, selector", load_ss, KERNEL64, SETS(INTERCEPT(SS)), WANTS(FAULT_AT_WITH(SS, SEL_ABSENT))),
	ROW("#SS, non-canonical", stack_wild, KERNEL64, SETS(INTERCEPT(SS)), WANTS(FAULT_AT_WITH(SS, 0))),
	ROW("#GP, non-canonical", wild, KERNEL64, SETS(INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, 0), NO_QUALIFICATION)),
	ROW("#GP, jump to non-canonical", wild_rip, KERNEL64, SETS(INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("#GP, selector", load_ds_behind, KERNEL64, SETS(INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, SEL_BEHIND))),
	ROW("#GP by CR4", cr4_reserved, KERNEL64, SETS(INTERCEPT(GP)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("#GP by RDMSR at CPL 3, before its exit", msr_absent, USER64, SETS(INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("#GP by HLT at CPL 3, before its exit", hlt, USER64,
	    SETS(INTERCEPT(GP), PUT(OR(CPU_CTLS), CPU_HLT)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("#GP by CLI at CPL 3", cli_user, USER64, SETS(INTERCEPT(GP)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("#GP by IN at CPL 3, before its exit", in_watched, USER64,
	    SETS(INTERCEPT(GP), PUT(OR(CPU_CTLS), CPU_UNCONDITIONAL_IO)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("#PF, read, not present", read_page, KERNEL64, SETS(INTERCEPT(PF), PUT(L2_PTE(0), 0)),
	    WANTS(FAULT_AT_WITH(PF, 0), IS(EXIT_QUALIFICATION, PAGE(0) + 0x123), IS(L1_CR2, CR2_SENTINEL))),
	ROW("#PF, write, not present", write_page, KERNEL64, SETS(INTERCEPT(PF), PUT(L2_PTE(0), 0)),
	    WANTS(FAULT_AT_WITH(PF, 2), IS(EXIT_QUALIFICATION, PAGE(0) + 0x123))),
	ROW("#PF, write, read-only", write_page, KERNEL64, SETS(INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT)),
	    WANTS(FAULT_AT_WITH(PF, 3), IS(EXIT_QUALIFICATION, PAGE(0) + 0x123))),
	ROW("#PF, read-modify-write, read-only", add_page, KERNEL64,
	    SETS(INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT)), WANTS(FAULT_AT_WITH(PF, 3))),
	ROW("#PF, user read of a supervisor page", read_page, USER64,
	    SETS(INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT | RT_WRITABLE)),
	    WANTS(FAULT_AT_WITH(PF, 5), IS(L1_CR2, CR2_SENTINEL))),
	ROW("#PF, user write, not present", write_page, USER64, SETS(INTERCEPT(PF), PUT(L2_PTE(0), 0)),
	    WANTS(FAULT_AT_WITH(PF, 6))),
	ROW("#PF, reserved bit", read_page, KERNEL64,
	    SETS(INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT | 1ull << 51)), WANTS(FAULT_AT_WITH(PF, 9))),
	ROW("#PF, fetch of a no-execute page", call_page, KERNEL64,
	    SETS(INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT | RT_NOEXECUTE)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, 0x11),
		  IS(GUEST_RIP, PAGE(0) + 0x123), IS(EXIT_QUALIFICATION, PAGE(0) + 0x123))),
	ROW("#PF, second page of two", cross_page, KERNEL64, SETS(INTERCEPT(PF), PUT(L2_PTE(1), 0)),
	    WANTS(FAULT_AT_WITH(PF, 0), IS(EXIT_QUALIFICATION, PAGE(1)))),
	ROW("#MF by FWAIT", x87, KERNEL64, SETS(INTERCEPT(MF)), WANTS(FAULT_AT(MF))),
	ROW("#AC at CPL 3", unaligned, USER64,
	    SETS(INTERCEPT(AC), PUT(OR(GUEST_CR0), CR0_AM), PUT(OR(GUEST_RFLAGS), AC_FLAG)),
	    WANTS(FAULT_AT_WITH(AC, 0))),
	ROW("no #AC at CPL 0", unaligned, KERNEL64,
	    SETS(INTERCEPT(AC), PUT(OR(GUEST_CR0), CR0_AM), PUT(OR(GUEST_RFLAGS), AC_FLAG)),
	    WANTS(TO_THE_END)),
	ROW("#XM by DIVSS", xm, KERNEL64, SETS(INTERCEPT(XM)), WANTS(FAULT_AT(XM))),
	ROW("all others in the bitmap: #UD goes to L2", ud2, KERNEL64,
	    SETS(PUT(EXCEPTION_BITMAP, ~(1u << UD))),
	    WANTS(TAKEN_BY_L2(UD), IS(FRAME_AT, 0), BITS(FRAME(2), RF, RF))),
	ROW("not intercepted: #DE goes to L2", de, KERNEL64, SETS(), WANTS(TAKEN_BY_L2(DE), IS(FRAME_AT, 0))),
	ROW("not intercepted: #GP goes to L2", load_ds_behind, KERNEL64, SETS(),
	    WANTS(TAKEN_BY_L2(GP), IS(FRAME(0), SEL_BEHIND), IS(FRAME1_AT, 0))),
	ROW("not intercepted: #PF goes to L2 with its CR2", write_page, KERNEL64, SETS(PUT(L2_PTE(0), 0)),
	    WANTS(TAKEN_BY_L2(PF), IS(FRAME(0), 2), IS(FRAME1_AT, 0), IS(L1_CR2, PAGE(0) + 0x123))),
	ROW("not intercepted: #DB sets L2's DR6", single_step, KERNEL64, SETS(),
	    WANTS(TAKEN_BY_L2(DB), IS(FRAME_NEXT, 0), IS(L1_DR(6), 0xffff4ff0))),
	ROW("not intercepted: #BP at CPL 3 on the stack of CPL 0", int3, USER64, SETS(PUT(L2_GATE(BP), 0xee)),
	    WANTS(TAKEN_BY_L2(BP), IS(FRAME_START, 1), IS(FRAME(1), SEL_UCODE), IS(FRAME(4), SEL_UDATA))),
	ROW("not intercepted: #MF goes to L2", x87, KERNEL64, SETS(),
	    WANTS(TAKEN_BY_L2(MF), IS(FRAME_AT, 0))),
	ROW("not intercepted: #NM goes to L2", fpu, KERNEL64, SETS(PUT(OR(GUEST_CR0), CR0_TS)),
	    WANTS(TAKEN_BY_L2(NM), IS(FRAME_AT, 0))),
};

void test_exceptions(void)
{
	SHOTS_RUN(rows);
}
