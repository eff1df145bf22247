// SPDX-License-Identifier: MIT
/* Page-modification logging. SDM "Page-Modification Logging", "Page-Modification Log-Full VM Exits". */
#include "lab.h"

#define FLAGS_ON   PUT(OR(EPT_POINTER), 0x40), PUT(EPT_DIRTY, 0)
#define LOGGING    PUT(OR(CPU_CTLS2), CPU2_PML), FLAGS_ON
#define AT(i)      PUT(PML_INDEX, i)
#define LEFT(i)    IS(PML_INDEX, i)
#define DIRTY      0x200ull
#define RWX_WB     0x37ull
#define FULL       EXITS(EXIT_PML_FULL), BITS(EXIT_QUALIFICATION, 0, 0x1000)
#define TO_PAGE(n) PUT(L2_REG(RBX), PAGE(n) + 0x123)

L2_CODE(pml_write, "9: movb %al, (%rbx); 8:");
L2_CODE(pml_read, "9: movb (%rbx), %al; 8:");
L2_CODE(pml_add, "9: addb $1, (%rbx); 8:");
L2_CODE(pml_three, "9: movb %al, (%rbx); movb %al, 4096(%rbx); movb %al, (%rbx); movb %al, 8192(%rbx); 8:");
L2_CODE(pml_push, "movl $0x10000800, %esp; 9: ud2");

static const struct shot rows[] = {
	ROW_NOT_BOCHS(
		"PML: a write is logged", pml_write, KERNEL64, SETS(LOGGING, TO_PAGE(0)),
		WANTS(TO_THE_END, LEFT(510), IS(PML_ENTRY(511), PAGE_L2(0)), BITS(L2_EPTE(0), DIRTY, DIRTY)),
		"Bochs logs the low 12 bits as well"),
	ROW("PML: a read is not", pml_read, KERNEL64, SETS(LOGGING, TO_PAGE(0)),
	    WANTS(TO_THE_END, LEFT(511), IS(PML_ENTRY(511), 0), BITS(L2_EPTE(0), 0, DIRTY))),
	ROW_NOT_BOCHS("PML: a read-modify-write once", pml_add, KERNEL64, SETS(LOGGING, TO_PAGE(2)),
		      WANTS(TO_THE_END, LEFT(510), IS(PML_ENTRY(511), PAGE_L2(2))),
		      "Bochs logs the low 12 bits as well"),
	ROW("PML: a dirty page is not", pml_write, KERNEL64,
	    SETS(LOGGING, TO_PAGE(0), PUT(L2_EPTE(0), RWX_WB | 0x300)), WANTS(TO_THE_END, LEFT(511))),
	ROW_NOT_BOCHS("PML: each page once, in their order", pml_three, KERNEL64, SETS(LOGGING, TO_PAGE(0)),
		      WANTS(TO_THE_END, LEFT(508), IS(PML_ENTRY(511), PAGE_L2(0)),
			    IS(PML_ENTRY(510), PAGE_L2(1)), IS(PML_ENTRY(509), PAGE_L2(2)),
			    IS(PML_ENTRY(508), 0)),
		      "Bochs logs the low 12 bits as well"),
	ROW_NOT_BOCHS("PML: from the index of L1", pml_write, KERNEL64, SETS(LOGGING, TO_PAGE(1), AT(7)),
		      WANTS(TO_THE_END, LEFT(6), IS(PML_ENTRY(7), PAGE_L2(1)), IS(PML_ENTRY(511), 0)),
		      "Bochs logs the low 12 bits as well"),
	ROW_NOT_BOCHS("PML: the last entry, no exit yet", pml_write, KERNEL64,
		      SETS(LOGGING, TO_PAGE(1), AT(0)),
		      WANTS(TO_THE_END, LEFT(0xffff), IS(PML_ENTRY(0), PAGE_L2(1))),
		      "Bochs logs the low 12 bits as well"),
	ROW("PML: full", pml_write, KERNEL64, SETS(LOGGING, TO_PAGE(0), AT(0xffff)),
	    WANTS(FULL, IS(RIP_AT, 0), LEFT(0xffff), BITS(L2_EPTE(0), 0, DIRTY), IS(L2_WORD(0), 0),
		  NOT_IN_DELIVERY)),
	ROW("PML: full at 512", pml_write, KERNEL64, SETS(LOGGING, TO_PAGE(0), AT(512)),
	    WANTS(FULL, LEFT(512))),
	ROW_NOT_BOCHS("PML: full, a dirty page is written", pml_write, KERNEL64,
		      SETS(LOGGING, TO_PAGE(0), AT(0xffff), PUT(L2_EPTE(0), RWX_WB | 0x300)),
		      WANTS(TO_THE_END, LEFT(0xffff)), "Bochs exits though no flag is to be set"),
	ROW("PML: full, an accessed flag is to be set", pml_read, KERNEL64,
	    SETS(LOGGING, TO_PAGE(0), AT(0xffff)), WANTS(FULL, IS(RIP_AT, 0), BITS(L2_EPTE(0), 0, 0x100))),
	ROW_NOT_BOCHS("PML: full, a read", pml_read, KERNEL64,
		      SETS(LOGGING, TO_PAGE(0), AT(0xffff), PUT(L2_EPTE(0), RWX_WB | 0x100)),
		      WANTS(TO_THE_END), "Bochs exits though no flag is to be set"),
	ROW_NOT_BOCHS("PML: full in the middle of a snippet", pml_three, KERNEL64,
		      SETS(LOGGING, TO_PAGE(0), AT(1)),
		      WANTS(FULL, LEFT(0xffff), IS(PML_ENTRY(1), PAGE_L2(0)), IS(PML_ENTRY(0), PAGE_L2(1)),
			    BITS(L2_EPTE(2), 0, DIRTY)),
		      "Bochs logs the low 12 bits as well"),
	ROW_NOT_BOCHS("PML: full while delivering an event", pml_push, KERNEL64, SETS(LOGGING, AT(0xffff)),
		      WANTS(FULL, IS(IDT_VECTORING_INFO, INTR_INFO(INTR_HARDWARE, UD)), IS(RIP_AT, 0)),
		      "Bochs exits though no flag is to be set"),
	ROW("PML: full while delivering an injected event", pml_read, KERNEL64,
	    SETS(LOGGING, AT(0xffff), PUT(GUEST_RSP, PAGE(0) + 0x800),
		 PUT(ENTRY_INTR_INFO, INTR_INFO(INTR_EXTERNAL, 0x40)), PUT(GUEST_RFLAGS, 0x202)),
	    WANTS(FULL, IS(IDT_VECTORING_INFO, INTR_INFO(INTR_EXTERNAL, 0x40)), IS(RIP_START, 0))),
	ROW("PML: an EPT violation logs nothing", pml_write, KERNEL64,
	    SETS(LOGGING, TO_PAGE(0), PUT(L2_EPTE(0), 0x31)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), LEFT(511), IS(PML_ENTRY(511), 0))),
	ROW("PML: the walk of L2's page tables counts as a write", pml_read, KERNEL64,
	    SETS(LOGGING, PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_WORD(1), PAGE_L2(2) | 0x63),
		 PUT(L2_REG(RBX), WINDOW + 0x200000)),
	    WANTS(TO_THE_END, LEFT(510), IS(PML_ENTRY(511), PAGE_L2(1)))),
	ROW("PML: off", pml_write, KERNEL64, SETS(FLAGS_ON, PUT(NEED(NEED_EPT_FLAGS), 0), TO_PAGE(0)),
	    WANTS(TO_THE_END, IS(PML_ENTRY(511), 0), BITS(L2_EPTE(0), DIRTY, DIRTY))),
};

/* L1 empties the log. */
static const struct shot over_exits[] = {
	ROW("PML over exits: full", pml_write, KERNEL64, SETS(LOGGING, TO_PAGE(0), AT(0xffff)),
	    WANTS(FULL, LEFT(0xffff))),
	ROW_THEN("PML over exits: emptied by L1, the write goes on", SETS(AT(511)),
		 WANTS(TO_THE_END, LEFT(510), BITS(PML_ENTRY(511), PAGE_L2(0), ~0xfffull))),
	ROW_THEN("PML over exits: written again, still dirty", SETS(PUT(RIP_START, 0)),
		 WANTS(TO_THE_END, LEFT(510))),
	ROW_THEN("PML over exits: cleaned by L1, logged again",
		 SETS(PUT(RIP_START, 0), PUT(L2_EPTE(0), RWX_WB)),
		 WANTS(TO_THE_END, LEFT(509), BITS(PML_ENTRY(510), PAGE_L2(0), ~0xfffull))),
};

void test_pml(void)
{
	SHOTS_RUN(rows);
	SHOTS_RUN(over_exits);
}
