// SPDX-License-Identifier: MIT
/*
 * EPT violations and misconfigurations. SDM "EPT Violations", "EPT Misconfigurations",
 * "Exit Qualification for EPT Violations".
 */
#include "lab.h"

/* Exit qualification */
#define READ      0x1u
#define WRITE     0x2u
#define FETCH     0x4u
#define ALLOWS(p) ((p) << 3)
#define LINEAR    0x80u
#define OPERAND   0x100u /* not a page-table entry */
#define KNOWN     0x1bfu

#define EPTE(v)      PUT(L2_EPTE(0), v)
#define VIOLATION(q) EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, (q) | LINEAR | OPERAND, KNOWN)
#define WHERE        IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(0) + 0x123), IS(GUEST_LINEAR_ADDRESS, PAGE(0) + 0x123)
#define MISCONFIGURED                                                                                        \
	EXITS(EXIT_EPT_MISCONFIG), IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(0) + 0x123), IS(RIP_AT, 0),            \
		NOT_IN_DELIVERY
#define R  1u
#define W  2u
#define X  4u
#define UC 0u
#define WB 0x30u

L2_CODE(ept_read, "movl $0x10000123, %ebx; 9: movb (%rbx), %al");
L2_CODE(ept_write, "movl $0x10000123, %ebx; 9: movb %al, (%rbx)");
L2_CODE(ept_add, "movl $0x10000123, %ebx; 9: addb $1, (%rbx)");
L2_CODE(ept_fetch, "movl $0x10000123, %ebx; 9: jmp *%rbx");
L2_CODE(ept_push, "movl $0x10000128, %esp; 9: pushq %rax");
L2_CODE(ept_cross, "movl $0x10000ffe, %ebx; 9: movl (%rbx), %eax");
L2_CODE(ept_movs, "movl $0x10000000, %esi; movl $0x10001000, %edi; movl $2, %ecx; 9: rep movsb; 8:");
L2_CODE(walk_read, "movl $0x10200123, %ebx; 9: movb (%rbx), %al");

static const struct shot rows[] = {
	ROW("EPT not present, read", ept_read, KERNEL64, SETS(EPTE(0)),
	    WANTS(VIOLATION(READ), WHERE, IS(RIP_AT, 0), NOT_IN_DELIVERY)),
	ROW("EPT not present, write", ept_write, KERNEL64, SETS(EPTE(0)), WANTS(VIOLATION(WRITE), WHERE)),
	ROW("EPT not present, fetch", ept_fetch, KERNEL64, SETS(EPTE(0)),
	    WANTS(VIOLATION(FETCH), WHERE, IS(GUEST_RIP, PAGE(0) + 0x123))),
	ROW("EPT not present, stack", ept_push, KERNEL64, SETS(EPTE(0)),
	    WANTS(VIOLATION(WRITE), IS(GUEST_RSP, PAGE(0) + 0x128))),
	ROW("EPT not present, second page", ept_cross, KERNEL64, SETS(PUT(L2_EPTE(1), 0)),
	    WANTS(VIOLATION(READ), BITS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(1), ~0xfffull))),
	ROW("EPT read-only, read", ept_read, KERNEL64, SETS(EPTE(R | WB)), WANTS(TO_THE_END)),
	ROW("EPT read-only, write", ept_write, KERNEL64, SETS(EPTE(R | WB)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)), WHERE)),
	ROW("EPT read-only, fetch", ept_fetch, KERNEL64, SETS(EPTE(R | WB)),
	    WANTS(VIOLATION(FETCH | ALLOWS(R)), WHERE)),
	ROW("EPT read-only, read-modify-write", ept_add, KERNEL64, SETS(EPTE(R | WB)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION),
		  BITS(EXIT_QUALIFICATION, WRITE | ALLOWS(R) | LINEAR | OPERAND, KNOWN & ~READ), WHERE)),
	ROW("EPT read-write, write", ept_write, KERNEL64, SETS(EPTE(R | W | WB)), WANTS(TO_THE_END)),
	ROW("EPT read-write, fetch", ept_fetch, KERNEL64, SETS(EPTE(R | W | WB)),
	    WANTS(VIOLATION(FETCH | ALLOWS(R | W)))),
	ROW("EPT read-execute, write", ept_write, KERNEL64, SETS(EPTE(R | X | WB)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R | X)))),
	ROW("EPT violation at CPL 3", ept_write, USER64, SETS(EPTE(R | WB)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)), WHERE)),
	ROW("EPT violation in REP MOVS", ept_movs, KERNEL64, SETS(PUT(L2_EPTE(1), R | WB)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)), IS(RIP_AT, 0), IS(L2_REG(RCX), 2))),
	ROW("a #PF comes before the EPT violation", ept_write, KERNEL64,
	    SETS(INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT), EPTE(0)), WANTS(FAULT_AT_WITH(PF, 3))),
	ROW("EPT write-only is a misconfiguration", ept_read, KERNEL64, SETS(EPTE(W | WB)),
	    WANTS(MISCONFIGURED)),
	ROW("EPT write-execute is a misconfiguration", ept_read, KERNEL64, SETS(EPTE(W | X | WB)),
	    WANTS(MISCONFIGURED)),
	ROW("EPT memory type 2 is a misconfiguration", ept_read, KERNEL64, SETS(EPTE(R | W | 2 << 3)),
	    WANTS(MISCONFIGURED)),
	ROW("EPT memory type 7 is a misconfiguration", ept_read, KERNEL64, SETS(EPTE(R | W | 7 << 3)),
	    WANTS(MISCONFIGURED)),
	ROW("EPT reserved address bit is a misconfiguration", ept_read, KERNEL64,
	    SETS(PUT(L2_EPT_WORD(0), 1ull << 51 | R | WB)), WANTS(MISCONFIGURED)),
	ROW("EPT entry not present: its other bits don't matter", ept_read, KERNEL64,
	    SETS(PUT(L2_EPT_WORD(0), 1ull << 51 | 2 << 3)), WANTS(VIOLATION(READ), WHERE)),
	ROW("EPT uncached page", ept_write, KERNEL64, SETS(EPTE(R | W | UC)), WANTS(TO_THE_END)),
	ROW("L2's page table not in the EPT", walk_read, KERNEL64,
	    SETS(PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_EPTE(1), 0)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, READ | LINEAR, (KNOWN & ~WRITE)),
		  IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(1)), IS(GUEST_LINEAR_ADDRESS, 0x10200123))),
	ROW_NOT_ON_BOCHS("L2's page table read-only in the EPT, A bit to set", walk_read, KERNEL64,
			 SETS(PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_WORD(1), PAGE_L2(2) | 3),
			      PUT(L2_EPTE(1), R | WB)),
			 WANTS(EXITS(EXIT_EPT_VIOLATION),
			       BITS(EXIT_QUALIFICATION, WRITE | ALLOWS(R) | LINEAR, KNOWN & ~READ),
			       IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(1))),
			 "Bochs sets A and D bits without asking the EPT"),
	ROW("L2's page table read-only in the EPT, A bit set", walk_read, KERNEL64,
	    SETS(PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_WORD(1), PAGE_L2(2) | 0x23), PUT(L2_EPTE(1), R | WB)),
	    WANTS(TO_THE_END)),
	ROW("L2's page behind its own memory", walk_read, KERNEL64,
	    SETS(PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_WORD(1), 0x7fff0023)),
	    WANTS(VIOLATION(READ), IS(GUEST_PHYSICAL_ADDRESS, 0x7fff0123),
		  IS(GUEST_LINEAR_ADDRESS, 0x10200123))),
};

static const struct shot execute_only[] = {
	ROW("EPT execute-only, read", ept_read, KERNEL64, SETS(EPTE(X | WB)),
	    WANTS(VIOLATION(READ | ALLOWS(X)))),
};
static const struct shot execute_only_bad[] = {
	ROW("EPT execute-only is a misconfiguration", ept_read, KERNEL64, SETS(EPTE(X | WB)),
	    WANTS(MISCONFIGURED)),
};

/* SDM "Accessed and Dirty Flags for EPT" */
#define ACCESSED 0x100ull
#define DIRTY    0x200ull
#define FLAGS_ON PUT(OR(EPT_POINTER), 0x40)
static const struct shot accessed_dirty[] = {
	ROW("EPT flags, read: accessed", ept_read, KERNEL64, SETS(FLAGS_ON, EPTE(R | W | WB)),
	    WANTS(TO_THE_END, BITS(L2_EPTE(0), ACCESSED, ACCESSED | DIRTY))),
	ROW("EPT flags, write: accessed and dirty", ept_write, KERNEL64, SETS(FLAGS_ON, EPTE(R | W | WB)),
	    WANTS(TO_THE_END, BITS(L2_EPTE(0), ACCESSED | DIRTY, ACCESSED | DIRTY))),
	ROW("EPT flags, read then write: dirty", ept_add, KERNEL64,
	    SETS(FLAGS_ON, EPTE(R | W | WB | ACCESSED)),
	    WANTS(TO_THE_END, BITS(L2_EPTE(0), ACCESSED | DIRTY, ACCESSED | DIRTY))),
	ROW("EPT flags, other page: none", ept_write, KERNEL64,
	    SETS(FLAGS_ON, EPTE(R | W | WB), PUT(L2_EPTE(1), R | W | WB)),
	    WANTS(TO_THE_END, BITS(L2_EPTE(1), 0, ACCESSED | DIRTY))),
	ROW("EPT flags, read-only page written: no dirty flag", ept_write, KERNEL64,
	    SETS(FLAGS_ON, EPTE(R | WB)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)), WHERE, BITS(L2_EPTE(0), 0, DIRTY))),
	ROW("EPT flags off: none", ept_write, KERNEL64, SETS(EPTE(R | W | WB)),
	    WANTS(TO_THE_END, BITS(L2_EPTE(0), 0, ACCESSED | DIRTY))),
};

/* L1 mends the entry: L2 goes on; then takes the page away again. */
static void mended(void)
{
	static const struct want gone[] = {EXITS(EXIT_EPT_VIOLATION), WHERE};
	static const struct want done[] = {TO_THE_END, BITS(L2_REG(RAX), 0x42, 0xff)};
	const struct set absent = EPTE(0), present = EPTE(R | W | X | WB);

	if (!lab_group("EPT entry"))
		return;
	lab_reset(&code_ept_read, KERNEL64);
	((uint8_t *)lab_page[0])[0x123] = 0x42;
	lab_set(&absent);
	lab_flush();
	lab_run();
	lab_compare("EPT entry taken away", &code_ept_read, gone, sizeof(gone) / sizeof(gone[0]));
	lab_set(&present);
	lab_run();
	lab_compare("EPT entry given back, no INVEPT needed", &code_ept_read, done,
		    sizeof(done) / sizeof(done[0]));
	lab_set(&absent);
	lab_flush();
	put(GUEST_RIP, (uint64_t)(uintptr_t)ept_read);
	lab_run();
	lab_compare("EPT entry taken away after use, INVEPT", &code_ept_read, gone,
		    sizeof(gone) / sizeof(gone[0]));
}

void test_ept(void)
{
	SHOTS_RUN(rows);
	if (lab_caps.ept_vpid & 1)
		SHOTS_RUN(execute_only);
	else
		SHOTS_RUN(execute_only_bad);
	if (lab_caps.ept_vpid >> 21 & 1)
		SHOTS_RUN(accessed_dirty);
	else
		rt_skip("EPT flags", "the processor has no accessed and dirty flags for EPT");
	mended();
}
