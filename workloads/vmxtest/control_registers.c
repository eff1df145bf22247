// SPDX-License-Identifier: MIT
/*
 * Control registers behind masks and shadows. SDM "Guest/Host Masks and Read Shadows for CR0 and CR4",
 * "CR3-Target Controls", "Exit Qualification for Control-Register Accesses".
 */
#include "lab.h"

#define L2_CR0      0x80010033ull /* as rt leaves it */
#define MASK0(m, s) PUT(CR0_MASK, m), PUT(CR0_SHADOW, s)
#define MASK4(m, s) PUT(CR4_MASK, m), PUT(CR4_SHADOW, s)
#define RAX_IS(v)   PUT(L2_REG(RAX), v)
#define CR_EXIT(q)  EXITS(EXIT_CR_ACCESS), IS(EXIT_QUALIFICATION, q), IS(RIP_AT, 0)
#define TS          0x8ull
#define WP          0x10000ull
#define ALL         (~0ull)
#define CR4_TSD     0x4ull
#define CR4_PGE_BIT 0x80ull
#define CR4_VMX     0x2000ull

L2_CODE(get_cr0, "9: movq %cr0, %rax; 8:");
L2_CODE(set_cr0, "9: movq %rax, %cr0; 8:");
L2_CODE(set_cr0_r9, "9: movq %r9, %cr0; 8:");
L2_CODE(smsw, "xorl %eax, %eax; smsw %eax");
L2_CODE(lmsw, "9: lmsw %ax; 8:");
L2_CODE(lmsw_memory, "9: lmsw 0x10000010; 8:");
L2_CODE(clts, "9: clts; 8:");
L2_CODE(get_cr4, "9: movq %cr4, %rax; 8:");
L2_CODE(set_cr4, "9: movq %rax, %cr4; 8:");
L2_CODE(get_cr3, "9: movq %cr3, %rbx; 8:");
L2_CODE(set_cr3, "movq %cr3, %rax; 9: movq %rax, %cr3; 8:");
L2_CODE(set_cr3_rcx, "9: movq %rcx, %cr3; 8:");
L2_CODE(get_cr8, "9: movq %cr8, %rax; 8:");
L2_CODE(set_cr8, "movl $5, %eax; 9: movq %rax, %cr8; 8:");
L2_CODE(set_get_cr8, "movl $5, %eax; movq %rax, %cr8; movq %cr8, %rbx; xorl %eax, %eax; movq %rax, %cr8");

static const struct shot rows[] = {
	ROW("CR0 read, no mask", get_cr0, KERNEL64, SETS(MASK0(0, 0)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), L2_CR0))),
	ROW("CR0 read, all masked", get_cr0, KERNEL64, SETS(MASK0(ALL, 0x12345678)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x12345678))),
	ROW("CR0 read, TS masked and shown", get_cr0, KERNEL64, SETS(MASK0(TS, TS)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), L2_CR0 | TS))),
	ROW("CR0 read, shadow outside the mask", get_cr0, KERNEL64, SETS(MASK0(TS, ALL & ~TS)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), L2_CR0))),
	ROW("SMSW shows the shadow", smsw, KERNEL64, SETS(MASK0(TS, TS)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), (L2_CR0 | TS) & 0xffff, 0xffff))),
	ROW("CR0 written, no mask", set_cr0, KERNEL64, SETS(MASK0(0, 0), RAX_IS(L2_CR0 | TS)),
	    WANTS(TO_THE_END, IS(GUEST_CR0, L2_CR0 | TS))),
	ROW("CR0 written, masked bit as its shadow", set_cr0, KERNEL64,
	    SETS(MASK0(TS, TS), RAX_IS(L2_CR0 | TS)), WANTS(TO_THE_END, IS(GUEST_CR0, L2_CR0))),
	ROW("CR0 written, masked bit unlike its shadow", set_cr0, KERNEL64,
	    SETS(MASK0(TS, 0), RAX_IS(L2_CR0 | TS)),
	    WANTS(CR_EXIT(0), IS(GUEST_CR0, L2_CR0), IS(EXIT_INSTR_LEN, 3))),
	ROW("CR0 written, another bit than the masked", set_cr0, KERNEL64,
	    SETS(MASK0(TS, 0), RAX_IS(L2_CR0 & ~WP)), WANTS(TO_THE_END, IS(GUEST_CR0, L2_CR0 & ~WP))),
	ROW("CR0 written from R9", set_cr0_r9, KERNEL64, SETS(MASK0(TS, 0), PUT(L2_REG(9), L2_CR0 | TS)),
	    WANTS(CR_EXIT(9 << 8))),
	ROW("CR0.NE cleared, no mask: #GP", set_cr0, KERNEL64, SETS(INTERCEPT(GP), RAX_IS(L2_CR0 & ~0x20ull)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("CR0.NE cleared, masked: exit", set_cr0, KERNEL64,
	    SETS(INTERCEPT(GP), MASK0(0x20, 0x20), RAX_IS(L2_CR0 & ~0x20ull)), WANTS(CR_EXIT(0))),
	ROW("CR0 high half: #GP", set_cr0, KERNEL64, SETS(INTERCEPT(GP), RAX_IS(1ull << 32 | L2_CR0)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("CR0 at CPL 3: #GP, no exit", set_cr0, USER64, SETS(INTERCEPT(GP), MASK0(ALL, 0)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("CLTS, no mask", clts, KERNEL64, SETS(PUT(OR(GUEST_CR0), TS)),
	    WANTS(TO_THE_END, IS(GUEST_CR0, L2_CR0))),
	ROW("CLTS, TS masked and shown", clts, KERNEL64, SETS(MASK0(TS, TS), PUT(OR(GUEST_CR0), TS)),
	    WANTS(CR_EXIT(0x20), IS(GUEST_CR0, L2_CR0 | TS), IS(EXIT_INSTR_LEN, 2))),
	ROW("CLTS, TS masked and not shown", clts, KERNEL64, SETS(MASK0(TS, 0), PUT(OR(GUEST_CR0), TS)),
	    WANTS(TO_THE_END, IS(GUEST_CR0, L2_CR0 | TS))),
	ROW("LMSW, no mask", lmsw, KERNEL64, SETS(RAX_IS(0xb)),
	    WANTS(TO_THE_END, IS(GUEST_CR0, L2_CR0 | TS))),
	ROW("LMSW unlike the shadow", lmsw, KERNEL64, SETS(MASK0(TS, 0), RAX_IS(0xb)),
	    WANTS(CR_EXIT(0xb0030))),
	ROW("LMSW from memory", lmsw_memory, KERNEL64, SETS(MASK0(TS, TS)),
	    WANTS(CR_EXIT(0x70), IS(GUEST_LINEAR_ADDRESS, PAGE(0) + 0x10))),
	ROW("LMSW as the shadow", lmsw, KERNEL64, SETS(MASK0(TS, TS), RAX_IS(0xb)),
	    WANTS(TO_THE_END, IS(GUEST_CR0, L2_CR0))),
	ROW("CR4 read, VMXE hidden", get_cr4, KERNEL64, SETS(MASK4(CR4_VMX, 0)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), 0, CR4_VMX))),
	ROW("CR4 read, VMXE shown", get_cr4, KERNEL64, SETS(MASK4(0, 0)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), CR4_VMX, CR4_VMX))),
	ROW("CR4 written unlike the shadow", set_cr4, KERNEL64, SETS(MASK4(ALL, 0), RAX_IS(0x20)),
	    WANTS(CR_EXIT(4))),
	ROW("CR4 written as the shadow", set_cr4, KERNEL64, SETS(MASK4(ALL, 0x20), RAX_IS(0x20)),
	    WANTS(TO_THE_END)),
	ROW("CR4.VMXE cleared, no mask: #GP", set_cr4, KERNEL64, SETS(INTERCEPT(GP), RAX_IS(0x6a0)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("CR4.TSD set behind a mask of VMXE", set_cr4, KERNEL64, SETS(MASK4(CR4_VMX, 0), RAX_IS(0x6a4)),
	    WANTS(TO_THE_END, BITS(GUEST_CR4, CR4_VMX | CR4_TSD, CR4_VMX | CR4_TSD))),
	ROW("CR3 read, no exit", get_cr3, KERNEL64, SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_STORE)),
	    WANTS(TO_THE_END)),
	ROW("CR3 read, exit", get_cr3, KERNEL64, SETS(PUT(OR(CPU_CTLS), CPU_CR3_STORE)),
	    WANTS(CR_EXIT(0x313))),
	ROW("CR3 written, no exit", set_cr3, KERNEL64,
	    SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD | CPU_CR3_STORE)), WANTS(TO_THE_END)),
	ROW("CR3 written, exit", set_cr3, KERNEL64,
	    SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_STORE), PUT(OR(CPU_CTLS), CPU_CR3_LOAD)), WANTS(CR_EXIT(3))),
	ROW("CR3 written, no target matches", set_cr3_rcx, KERNEL64,
	    SETS(PUT(OR(CPU_CTLS), CPU_CR3_LOAD), PUT(CR3_TARGET_COUNT, 2), PUT(CR3_TARGET0, 0x1000),
		 PUT(CR3_TARGET1, 0x2000), PUT(L2_REG(RCX), 0x3000)),
	    WANTS(CR_EXIT(0x103))),
	ROW("CR3 written, the target behind the count", set_cr3_rcx, KERNEL64,
	    SETS(PUT(OR(CPU_CTLS), CPU_CR3_LOAD), PUT(CR3_TARGET_COUNT, 1), PUT(CR3_TARGET0, 0x1000),
		 PUT(CR3_TARGET1, 0x2000), PUT(L2_REG(RCX), 0x2000)),
	    WANTS(CR_EXIT(0x103))),
	ROW("CR8 read, exit", get_cr8, KERNEL64, SETS(PUT(OR(CPU_CTLS), CPU_CR8_STORE)),
	    WANTS(CR_EXIT(0x18))),
	ROW("CR8 written, exit", set_cr8, KERNEL64, SETS(PUT(OR(CPU_CTLS), CPU_CR8_LOAD)), WANTS(CR_EXIT(8))),
	ROW("CR8, no exit", set_get_cr8, KERNEL64, SETS(PUT(CLEAR(CPU_CTLS), CPU_CR8_LOAD | CPU_CR8_STORE)),
	    WANTS(TO_THE_END, IS(L2_REG(RBX), 5))),
	ROW("CR8 below the TPR threshold", set_get_cr8, KERNEL64,
	    SETS(PUT(OR(CPU_CTLS), CPU_TPR_SHADOW), PUT(VIRTUAL_APIC_PAGE, (uint64_t)(uintptr_t)lab_page[6]),
		 PUT(TPR_THRESHOLD, 0)),
	    WANTS(TO_THE_END, IS(L2_REG(RBX), 5))),
};

/* The target's value is known at run time only. */
static void cr3_target(void)
{
	static const struct want wants[] = {TO_THE_END};
	const char *name = "CR3 written, a target matches";

	if (!lab_selected(name))
		return;
	if (!(lab_caps.misc >> 16 & 0x1ff) || !caps_allow(CPU_CTLS, 0, CPU_CR3_STORE)) {
		rt_skip(name, "no CR3 targets");
		return;
	}
	lab_reset(&code_set_cr3, KERNEL64);
	put(CPU_CTLS, (get(CPU_CTLS) | CPU_CR3_LOAD) & ~(uint64_t)CPU_CR3_STORE);
	put(CR3_TARGET_COUNT, 2);
	put(CR3_TARGET1, get(GUEST_CR3));
	lab_run();
	lab_compare(name, &code_set_cr3, wants, sizeof(wants) / sizeof(wants[0]));
}

/* SDM "TPR Virtualization": VTPR is 0xF0 before, L2 moves 5 to CR8, reads it, and moves 0. */
static void tpr_threshold(const char *name, uint64_t threshold, const struct want *wants, unsigned int count)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));

	if (!lab_selected(name))
		return;
	if (!caps_allow(CPU_CTLS, CPU_TPR_SHADOW, CPU_CR8_LOAD | CPU_CR8_STORE)) {
		rt_skip(name, "the processor does not offer the control");
		return;
	}
	lab_reset(&code_set_get_cr8, KERNEL64);
	page[0x80] = 0xf0;
	put(CPU_CTLS, (get(CPU_CTLS) | CPU_TPR_SHADOW) & ~(uint64_t)(CPU_CR8_LOAD | CPU_CR8_STORE));
	put(VIRTUAL_APIC_PAGE, (uint64_t)(uintptr_t)page);
	put(TPR_THRESHOLD, threshold);
	if (threshold > 0xf) { /* VTPR is lower than the threshold already */
		page[0x80] = 0x10;
		put(TPR_THRESHOLD, threshold & 0xf);
		rt_check(name, lab_run() == FAIL_VALID);
		return;
	}
	lab_run();
	lab_compare(name, &code_set_get_cr8, wants, count);
}

/* L2 writes 0 to VTPR in memory, which is no event, and touches a page that whoever is below L1 may have to
 * map. */
L2_CODE(write_vtpr,
	"movl $0x10000080, %ebx; movb $0, (%rbx); movl $0x10001000, %ebx; 9: movb (%rbx), %al; 8:");
static void vtpr_in_memory(void)
{
	static const struct want wants[] = {TO_THE_END};
	const char *name = "VTPR written in memory below the threshold: no exit";

	if (!lab_selected(name))
		return;
	if (!caps_allow(CPU_CTLS, CPU_TPR_SHADOW, 0)) {
		rt_skip(name, "the processor does not offer the control");
		return;
	}
	lab_reset(&code_write_vtpr, KERNEL64);
	((uint8_t *)lab_page[0])[0x80] = 0xf0;
	put(CPU_CTLS, get(CPU_CTLS) | CPU_TPR_SHADOW);
	put(VIRTUAL_APIC_PAGE, (uint64_t)(uintptr_t)lab_page[0]);
	put(TPR_THRESHOLD, 5);
	lab_flush();
	lab_run();
	lab_compare(name, &code_write_vtpr, wants, sizeof(wants) / sizeof(wants[0]));
}

static void tpr_thresholds(void)
{
	static const struct want stays[] = {TO_THE_END, IS(L2_REG(RBX), 5)};
	static const struct want falls[] = {EXITS(EXIT_TPR_BELOW), IS(L2_REG(RBX), 5), NOT_IN_DELIVERY};
	static const struct want at_once[] = {EXITS(EXIT_TPR_BELOW), NOT_IN_DELIVERY};

	tpr_threshold("TPR threshold 0: no exit", 0, stays, sizeof(stays) / sizeof(stays[0]));
	tpr_threshold("TPR threshold 5: exit behind the move of 0", 5, falls,
		      sizeof(falls) / sizeof(falls[0]));
	tpr_threshold("TPR threshold 6: exit behind the move of 5", 6, at_once,
		      sizeof(at_once) / sizeof(at_once[0]));
	tpr_threshold("TPR threshold above VTPR: VM entry fails", 0x12, NULL, 0);
}

void test_control_registers(void)
{
	SHOTS_RUN(rows);
	cr3_target();
	tpr_thresholds();
	vtpr_in_memory();
}
