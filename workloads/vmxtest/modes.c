// SPDX-License-Identifier: MIT
/*
 * L2 outside IA-32e mode: real mode and unpaged protected mode ("unrestricted guest"), PAE paging with its
 * PDPTE fields, paging of two levels. SDM "Unrestricted Guests", "Loading Guest Page-Directory-Pointer-Table
 * Entries", "Exit Qualification for EPT Violations".
 */
#include "lab.h"

#define R_WB            0x31
#define VIOLATION(q)    EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, q, 0x1bf)
#define IN_WINDOW       PUT(L2_REG(RBX), 0x123) /* of DS in real mode; the others: */
#define AT_PAGE(n)      PUT(L2_REG(RBX), PAGE(n) + 0x123)
#define UNPAGED_PAGE(n) PUT(L2_REG(RBX), PAGE_L2(n) - L2_BASE + 0x123)
#define CR0_PE          1u
#define NO_CODE(v)      EXIT_INFO(INTR_HARDWARE, v, 0), IS(RIP_AT, 0)
#define IO_PORT         PUT(L2_REG(RDX), 0xe4), PUT(OR(CPU_CTLS), CPU_UNCONDITIONAL_IO)

L2_CODE16(real_cpuid, "nop; 9: cpuid");
L2_CODE16(real_write, "movb $0x42, (%bx); 9: movb (%bx), %al; 8:");
L2_CODE16(real_limit, "movw $0xffff, %bx; 9: movw (%bx), %ax");
L2_CODE16(real_ud, "9: ud2");
L2_CODE16(real_int, "9: int $0x40; 8:");
L2_CODE16(real_insb, "movw $0x20, %di; 9: insb; 8:");
L2_CODE16(real_protect, "movl %cr0, %eax; orb $1, %al; 9: movl %eax, %cr0; 8: nop");
L2_CODE16(real_data32, "movl $0x12345678, %eax; movl %eax, (%ebx); 9: cpuid");
L2_CODE32(flat_write, "movb $0x42, (%ebx); 9: movb (%ebx), %al; 8:");
L2_CODE32(flat_read, "9: movb (%ebx), %al; 8:");
L2_CODE32(flat_limit, "movl $0x80, %eax; 9: movw %ax, %ds");
L2_CODE32(flat_vmcall, "9: vmcall");
L2_CODE32(set_cr3, "movl %cr3, %eax; 9: movl %eax, %cr3; 8: nop");
L2_CODE32(set_cr3_rax, "9: movl %eax, %cr3; 8: nop");
L2_CODE32(set_pge, "movl %cr4, %eax; xorb $0x80, %al; 9: movl %eax, %cr4; 8: nop");
L2_CODE32(wide_read, "9: movl (%ebx), %eax; 8:");

static const struct shot rows[] = {
	ROW("real mode: CPUID", real_cpuid, REAL, SETS({0}),
	    WANTS(EXITS(EXIT_CPUID), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 2), BITS(GUEST_CR0, 0, 0x80000001))),
	ROW("real mode: memory", real_write, REAL, SETS(PUT(L2_REG(RBX), 0)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x42, 0xff), BITS(L2_WORD(0), 0x42, 0xff))),
	ROW("real mode: 32-bit operands and addresses", real_data32, REAL, SETS(PUT(L2_REG(RBX), 0x1000)),
	    WANTS(EXITS(EXIT_CPUID), IS(RIP_AT, 0), BITS(L2_WORD(1), 0x12345678, 0xffffffff))),
	ROW_NOT_ON_BOCHS("real mode: a #GP has no error code", real_limit, REAL, SETS(INTERCEPT(GP)),
			 WANTS(NO_CODE(GP)), "Bochs tells an error code"),
	ROW("real mode: #UD", real_ud, REAL, SETS(INTERCEPT(UD)), WANTS(NO_CODE(UD))),
	ROW("real mode: an EPT violation", real_write, REAL, SETS(PUT(L2_EPTE(0), 0), IN_WINDOW),
	    WANTS(VIOLATION(0x182), IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(0) + 0x123),
		  IS(GUEST_LINEAR_ADDRESS, PAGE_L2(0) + 0x123))),
	ROW("real mode: INT n by an IVT that the EPT lacks", real_int, REAL,
	    SETS(PUT(L2_EPTE(1), 0), PUT(GUEST_IDTR_BASE, PAGE_L2(1)), PUT(GUEST_IDTR_LIMIT, 0x3ff)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), IS(GUEST_LINEAR_ADDRESS, PAGE_L2(1) + 0x100),
		  IS(IDT_VECTORING_INFO, INTR_INFO(INTR_SOFTWARE, 0x40)), IS(EXIT_INSTR_LEN, 2),
		  IS(RIP_AT, 0))),
	ROW_NOT_ON_BOCHS("real mode: INT n behind the IVT's limit", real_int, REAL,
			 SETS(INTERCEPT(GP), PUT(GUEST_IDTR_LIMIT, 0xff)),
			 WANTS(EXIT_INFO(INTR_HARDWARE, GP, 0),
			       IS(IDT_VECTORING_INFO, INTR_INFO(INTR_SOFTWARE, 0x40))),
			 "Bochs tells an error code"),
	ROW("real mode: INS has 16-bit addresses", real_insb, REAL, SETS(IO_PORT),
	    WANTS(EXITS(EXIT_IO), IS(EXIT_QUALIFICATION, 0xe40018), BITS(EXIT_INSTR_INFO, 0, 0x380),
		  IS(GUEST_LINEAR_ADDRESS, PAGE_L2(0) + 0x20))),
	ROW("real mode: into protected mode without an exit", real_protect, REAL, SETS({0}),
	    WANTS(TO_THE_END, BITS(GUEST_CR0, CR0_PE, 0x80000001))),
	ROW("real mode: into protected mode, L1 asked for the exit", real_protect, REAL,
	    SETS(PUT(CR0_MASK, CR0_PE), PUT(CR0_SHADOW, 0)),
	    WANTS(EXITS(EXIT_CR_ACCESS), IS(EXIT_QUALIFICATION, 0), IS(RIP_AT, 0), BITS(GUEST_CR0, 0, 1))),

	ROW("unpaged: memory", flat_write, UNPAGED, SETS(UNPAGED_PAGE(0)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x42, 0xff), BITS(GUEST_CR0, 1, 0x80000001))),
	ROW("unpaged: an EPT violation", flat_read, UNPAGED, SETS(PUT(L2_EPTE(0), 0), UNPAGED_PAGE(0)),
	    WANTS(VIOLATION(0x181), IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(0) + 0x123),
		  IS(GUEST_LINEAR_ADDRESS, PAGE_L2(0) + 0x123), IS(RIP_AT, 0))),
	ROW("unpaged: a #GP has its error code", flat_limit, UNPAGED, SETS(INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, SEL_BEHIND))),
	ROW("unpaged: CR3 may be anything", set_cr3_rax, UNPAGED,
	    SETS(PUT(L2_REG(RAX), 0x12345000), PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD)),
	    WANTS(TO_THE_END, IS(GUEST_CR3, 0x12345000))),

	ROW("PAE: memory", flat_write, PAE, SETS(AT_PAGE(0)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x42, 0xff))),
	ROW("PAE: VMCALL is told", flat_vmcall, PAE, SETS({0}), WANTS(EXITS(EXIT_VMCALL), IS(RIP_AT, 0))),
	ROW("PAE: no page", flat_read, PAE, SETS(AT_PAGE(0), INTERCEPT(PF), PUT(L2_PTE(0), 0)),
	    WANTS(FAULT_AT_WITH(PF, 0), IS(EXIT_QUALIFICATION, PAGE(0) + 0x123))),
	ROW("PAE: no PDPTE", flat_read, PAE, SETS(PUT(L2_REG(RBX), 0xc0000000), INTERCEPT(PF)),
	    WANTS(FAULT_AT_WITH(PF, 0), IS(EXIT_QUALIFICATION, 0xc0000000))),
	ROW("PAE: an EPT violation", flat_read, PAE, SETS(PUT(L2_EPTE(0), 0), AT_PAGE(0)),
	    WANTS(VIOLATION(0x181), IS(GUEST_LINEAR_ADDRESS, PAGE(0) + 0x123))),
	ROW("PAE: CR3 written, PDPTEs from memory", set_cr3, PAE,
	    SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD | CPU_CR3_STORE)), WANTS(TO_THE_END)),
	ROW("PAE: CR3 written, a PDPTE is in use that the VMCS lacks", set_cr3_rax, PAE,
	    SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD), PUT(L2_WORD(0), 0), PUT(L2_REG(RAX), PAGE_L2(0)),
		 INTERCEPT(PF)),
	    WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), IS(RIP_NEXT, 0), IS(GUEST_CR3, PAGE_L2(0)),
		  BITS(GUEST_PDPTE0, 0, 1))),
	ROW("PAE: CR3 written, a bad PDPTE: #GP", set_cr3_rax, PAE,
	    SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD), PUT(L2_WORD(0), 0x7), PUT(L2_REG(RAX), PAGE_L2(0)),
		 INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, 0), BITS(GUEST_PDPTE0, 1, 1))),
	ROW("PAE: CR3 written, PDPTEs that the EPT lacks", set_cr3_rax, PAE,
	    SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD), PUT(L2_EPTE(0), 0), PUT(L2_REG(RAX), PAGE_L2(0) + 0x20)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, 1, 0x87), IS(RIP_AT, 0),
		  BITS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(0), ~0xfffull))),
	ROW("PAE: CR4.PGE flipped, PDPTEs from memory", set_pge, PAE, SETS({0}),
	    WANTS(TO_THE_END, BITS(GUEST_PDPTE0, 1, 1))),
	ROW("PAE: 64-bit page-table entries", flat_read, PAE,
	    SETS(AT_PAGE(0), INTERCEPT(PF), PUT(L2_PTE(0), RT_PRESENT | 1ull << 51)),
	    WANTS(FAULT_AT_WITH(PF, 9))),

	ROW("two levels: memory", flat_write, LEGACY, SETS(AT_PAGE(3)),
	    WANTS(TO_THE_END, BITS(L2_WORD(3), 0, 0))),
	ROW("two levels: 4 MiB pages", wide_read, LEGACY, SETS(PUT(L2_REG(RBX), 0x100000)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x1badb002, 0))),
	ROW("two levels: no page", flat_read, LEGACY, SETS(PUT(L2_REG(RBX), 0xc0000000), INTERCEPT(PF)),
	    WANTS(FAULT_AT_WITH(PF, 0), IS(EXIT_QUALIFICATION, 0xc0000000))),
	ROW("two levels: an EPT violation", flat_write, LEGACY, SETS(PUT(L2_EPTE(2), R_WB), AT_PAGE(2)),
	    WANTS(VIOLATION(0x18a), IS(GUEST_LINEAR_ADDRESS, PAGE(2) + 0x123))),
	ROW("two levels: CR3 written", set_cr3, LEGACY,
	    SETS(PUT(CLEAR(CPU_CTLS), CPU_CR3_LOAD | CPU_CR3_STORE)), WANTS(TO_THE_END)),
	ROW("two levels: CR3 read shows 32 bits", set_cr3, LEGACY, SETS(PUT(OR(CPU_CTLS), CPU_CR3_STORE)),
	    WANTS(EXITS(EXIT_CR_ACCESS), IS(EXIT_QUALIFICATION, 0x13))),
};

/* Memory's PDPTE is spoiled while L2 is out: the processor goes on by the VMCS. */
static const struct shot pdptes[] = {
	ROW("PDPTEs over exits: saved", flat_write, PAE, SETS(AT_PAGE(0)),
	    WANTS(TO_THE_END, BITS(GUEST_PDPTE0, 1, 1))),
	ROW_THEN("PDPTEs over exits: those of the VMCS count", SETS(PUT(L2_PDPTE, 0), PUT(RIP_START, 0)),
		 WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x42, 0xff), BITS(GUEST_PDPTE0, 1, 1))),
	ROW_THEN("PDPTEs over exits: L1 takes one away",
		 SETS(PUT(GUEST_PDPTE0, 0), PUT(RIP_START, 0), INTERCEPT(PF)),
		 WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), IS(RIP_START, 0))),
};

void test_modes(void)
{
	SHOTS_RUN(rows);
	SHOTS_RUN(pdptes);
}
