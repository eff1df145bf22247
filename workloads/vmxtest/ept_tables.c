// SPDX-License-Identifier: MIT
/*
 * EPT's levels: pages of 4 KiB, 2 MiB and 1 GiB, permissions and misconfigurations at each level, flags.
 * SDM "EPT Translation Mechanism", "EPT Misconfigurations", "Accessed and Dirty Flags for EPT".
 */
#include "lab.h"

#define R        1u
#define W        2u
#define X        4u
#define RWX      7u
#define WB       0x30u
#define TYPE(t)  ((t) << 3)
#define LARGE    0x80u
#define PDPTE(v) PUT(FAR_ENTRY(3), v)
#define PDE(v)   PUT(FAR_ENTRY(2), v)
#define PTE(v)   PUT(FAR_ENTRY(1), v)
/* First FAR_MAP, which clears the tables. */
#define BY_1G(v)            PUT(FAR_MAP, 0), PUT(NEED(NEED_1G), 0), PDPTE((v) | LARGE)
#define BY_2M(v)            PUT(FAR_MAP, 0), PDPTE(RWX), PDE((v) | LARGE)
#define BY_4K(v)            PUT(FAR_MAP, 0), PDPTE(RWX), PDE(RWX), PTE(v)
#define VIOLATION(q)        EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, (q) | 0x180u, 0x1bf), IS(RIP_AT, 0)
#define ALLOWS(p)           ((p) << 3)
#define READ                1u
#define WRITE               2u
#define MISCONFIGURED       EXITS(EXIT_EPT_MISCONFIG), IS(RIP_AT, 0), NOT_IN_DELIVERY
#define SEEN                TO_THE_END, BITS(L2_REG(RAX), 0x42, 0xff)
#define SHOWN               PUT(L2_WORD(0), 0x42)
#define ACCESSED            0x100ull
#define DIRTY               0x200ull
#define FLAGS_ON            PUT(NEED(NEED_EPT_FLAGS), 0), PUT(OR(EPT_POINTER), 0x40)
#define FLAGS(level, value) BITS(FAR_ENTRY(level), value, ACCESSED | DIRTY)
#define FAR_BIT(n)          (1ull << (n))

L2_CODE(far_read, "9: movb (%rbx), %al; 8:");
L2_CODE(far_write, "9: movb %al, (%rbx); 8:");
L2_CODE(far_fetch, "movb $0xc3, (%rbx); 9: call *%rbx; 8:");
L2_CODE(far_walk, "movl $0x10200123, %ebx; 9: movb (%rbx), %al; 8:");

static const struct shot pages[] = {
	ROW("EPT page of 4 KiB", far_read, KERNEL64, SETS(BY_4K(RWX | WB), SHOWN), WANTS(SEEN)),
	ROW("EPT page of 2 MiB", far_read, KERNEL64, SETS(BY_2M(RWX | WB), SHOWN), WANTS(SEEN)),
	ROW("EPT page of 1 GiB", far_read, KERNEL64, SETS(BY_1G(RWX | WB), SHOWN), WANTS(SEEN)),
	ROW("EPT page of 2 MiB, written", far_write, KERNEL64, SETS(BY_2M(RWX | WB), PUT(L2_REG(RAX), 0x43)),
	    WANTS(TO_THE_END, IS(L2_WORD(0), 0x43))),
	ROW("EPT page of 1 GiB, written", far_write, KERNEL64, SETS(BY_1G(RWX | WB), PUT(L2_REG(RAX), 0x43)),
	    WANTS(TO_THE_END, IS(L2_WORD(0), 0x43))),
	ROW("EPT page of 1 GiB, executed", far_fetch, KERNEL64, SETS(BY_1G(RWX | WB)), WANTS(TO_THE_END)),
	ROW("EPT page of 2 MiB, read-only", far_write, KERNEL64, SETS(BY_2M(R | WB)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)))),
	ROW("EPT page of 1 GiB, read-only", far_write, KERNEL64, SETS(BY_1G(R | WB)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)))),
	ROW("EPT page of 1 GiB, execute-only", far_read, KERNEL64,
	    SETS(BY_1G(X | WB), PUT(NEED(NEED_EXECUTE_ONLY), 0)), WANTS(VIOLATION(READ | ALLOWS(X)))),

	ROW("EPT levels: no PDPTE", far_read, KERNEL64, SETS(PUT(FAR_MAP, 0), PDPTE(0)),
	    WANTS(VIOLATION(READ))),
	ROW("EPT levels: no PDE", far_read, KERNEL64, SETS(PUT(FAR_MAP, 0), PDPTE(RWX)),
	    WANTS(VIOLATION(READ))),
	ROW("EPT levels: no PTE", far_write, KERNEL64, SETS(PUT(FAR_MAP, 0), PDPTE(RWX), PDE(RWX)),
	    WANTS(VIOLATION(WRITE))),
	ROW("EPT levels: the PDPTE is read-only", far_write, KERNEL64, SETS(BY_4K(RWX | WB), PDPTE(R)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)))),
	ROW("EPT levels: the PDE is read-only", far_write, KERNEL64, SETS(BY_4K(RWX | WB), PDE(R)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)))),
	ROW("EPT levels: all must allow", far_write, KERNEL64, SETS(BY_4K(R | X | WB), PDE(R | W)),
	    WANTS(VIOLATION(WRITE | ALLOWS(R)))),
	ROW("EPT levels: the PDPTE is read-only, read", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB), PDPTE(R), SHOWN), WANTS(SEEN)),
	ROW("EPT levels: the PDE is execute-only", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB), PDE(X), PUT(NEED(NEED_EXECUTE_ONLY), 0)),
	    WANTS(VIOLATION(READ | ALLOWS(X)))),
};

static const struct shot misconfigurations[] = {
	ROW("EPT misconfiguration: PDPTE write-only", far_read, KERNEL64, SETS(BY_4K(RWX | WB), PDPTE(W)),
	    WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: PDE write-execute", far_read, KERNEL64, SETS(BY_4K(RWX | WB), PDE(W | X)),
	    WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: PDPTE of a table with a memory type", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB), PDPTE(RWX | WB)), WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: PDE of a table with bit 6", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB), PDE(RWX | 0x40)), WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: PDPTE, far bit", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB), PDPTE(RWX | FAR_BIT(51))), WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: PDE, far bit", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB), PDE(RWX | FAR_BIT(51))), WANTS(MISCONFIGURED)),
	ROW_NOT_BOCHS("EPT misconfiguration: 2 MiB page, bit 12", far_read, KERNEL64,
		      SETS(BY_2M(RWX | WB | 0x1000)), WANTS(MISCONFIGURED), "Bochs does not look at bit 12"),
	ROW("EPT misconfiguration: 2 MiB page, bit 20", far_read, KERNEL64, SETS(BY_2M(RWX | WB | 0x100000)),
	    WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: 2 MiB page, memory type 3", far_read, KERNEL64,
	    SETS(BY_2M(RWX | TYPE(3u))), WANTS(MISCONFIGURED)),
	ROW_NOT_BOCHS("EPT misconfiguration: 1 GiB page, bit 12", far_read, KERNEL64,
		      SETS(BY_1G(RWX | WB | 0x1000)), WANTS(MISCONFIGURED), "Bochs does not look at bit 12"),
	ROW("EPT misconfiguration: 1 GiB page, bit 29", far_read, KERNEL64,
	    SETS(BY_1G(RWX | WB | 0x20000000)), WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: 1 GiB page, memory type 7", far_read, KERNEL64,
	    SETS(BY_1G(RWX | TYPE(7u))), WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: 1 GiB page without such pages", far_read, KERNEL64,
	    SETS(PUT(FAR_MAP, 0), PUT(NEED(NEED_NO_1G), 0), PDPTE(RWX | WB | LARGE)), WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: behind an entry that forbids the access", far_write, KERNEL64,
	    SETS(BY_4K(W | WB), PDE(R)), WANTS(MISCONFIGURED)),
	ROW("EPT misconfiguration: not seen behind an absent entry", far_read, KERNEL64,
	    SETS(BY_4K(W | WB), PDE(0)), WANTS(VIOLATION(READ))),
	ROW("EPT misconfiguration: of a page-table page of L2", far_walk, KERNEL64,
	    SETS(PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_EPTE(1), W | WB)),
	    WANTS(MISCONFIGURED, IS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(1)))),
	ROW("EPT ignored bits of a page", far_read, KERNEL64, SETS(BY_4K(RWX | WB | 0xf00), SHOWN),
	    WANTS(SEEN)),
	ROW("EPT ignored bits of tables", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB), PDPTE(RWX | 0xf00 | FAR_BIT(52) | FAR_BIT(62)),
		 PDE(RWX | 0xf00 | FAR_BIT(55)), SHOWN),
	    WANTS(SEEN)),
	ROW("EPT ignored high bits of a page", far_read, KERNEL64,
	    SETS(BY_4K(RWX | WB | FAR_BIT(52) | FAR_BIT(56)), SHOWN), WANTS(SEEN)),
	ROW("EPT ignore-PAT bit", far_read, KERNEL64, SETS(BY_4K(RWX | WB | 0x40), SHOWN), WANTS(SEEN)),
	ROW("EPT memory type 1", far_read, KERNEL64, SETS(BY_4K(RWX | TYPE(1u)), SHOWN), WANTS(SEEN)),
	ROW("EPT memory type 4", far_read, KERNEL64, SETS(BY_4K(RWX | TYPE(4u)), SHOWN), WANTS(SEEN)),
	ROW("EPT memory type 5", far_read, KERNEL64, SETS(BY_4K(RWX | TYPE(5u)), SHOWN), WANTS(SEEN)),
};

static const struct shot flags[] = {
	ROW("EPT flags of 4 KiB: read", far_read, KERNEL64, SETS(BY_4K(RWX | WB), FLAGS_ON),
	    WANTS(TO_THE_END, FLAGS(3, ACCESSED), FLAGS(2, ACCESSED), FLAGS(1, ACCESSED))),
	ROW("EPT flags of 4 KiB: written", far_write, KERNEL64, SETS(BY_4K(RWX | WB), FLAGS_ON),
	    WANTS(TO_THE_END, FLAGS(3, ACCESSED), FLAGS(2, ACCESSED), FLAGS(1, ACCESSED | DIRTY))),
	ROW("EPT flags of 2 MiB: written", far_write, KERNEL64, SETS(BY_2M(RWX | WB), FLAGS_ON),
	    WANTS(TO_THE_END, FLAGS(3, ACCESSED), FLAGS(2, ACCESSED | DIRTY))),
	ROW("EPT flags of 1 GiB: read", far_read, KERNEL64, SETS(BY_1G(RWX | WB), FLAGS_ON),
	    WANTS(TO_THE_END, FLAGS(3, ACCESSED))),
	ROW("EPT flags of 1 GiB: written", far_write, KERNEL64, SETS(BY_1G(RWX | WB), FLAGS_ON),
	    WANTS(TO_THE_END, FLAGS(3, ACCESSED | DIRTY))),
	ROW("EPT flags: a violation leaves the leaf", far_write, KERNEL64, SETS(BY_4K(R | WB), FLAGS_ON),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), BITS(FAR_ENTRY(1), 0, DIRTY))),
	ROW("EPT flags: a walk of L2's page tables writes", far_walk, KERNEL64,
	    SETS(FLAGS_ON, PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_WORD(1), PAGE_L2(2) | 0x23)),
	    WANTS(TO_THE_END, BITS(L2_EPTE(1), ACCESSED | DIRTY, ACCESSED | DIRTY),
		  BITS(L2_EPTE(2), ACCESSED, ACCESSED | DIRTY))),
	ROW("EPT flags: a walk of read-only page tables is a violation, written", far_walk, KERNEL64,
	    SETS(FLAGS_ON, PUT(L2_PDE, PAGE_L2(1) | 0x27), PUT(L2_WORD(1), PAGE_L2(2) | 0x23),
		 PUT(L2_EPTE(1), R | WB)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, WRITE | ALLOWS(R) | 0x80u, 0x1be),
		  BITS(GUEST_PHYSICAL_ADDRESS, PAGE_L2(1), ~0xfffull))),
	ROW("EPT flags off: none at any level", far_write, KERNEL64, SETS(BY_4K(RWX | WB)),
	    WANTS(TO_THE_END, FLAGS(3, 0), FLAGS(2, 0), FLAGS(1, 0))),
};

/* L1 changes tables that are in use, and says so by INVEPT (each row's run does). */
static const struct shot over_exits[] = {
	ROW("EPT over exits: a page", far_read, KERNEL64,
	    SETS(PUT(L2_WORD(0), 0x40), PUT(L2_WORD(1), 0x41), PUT(L2_REG(RBX), PAGE(0))),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x40, 0xff))),
	ROW_THEN("EPT over exits: another EPT pointer", SETS(PUT(EPT_SWITCH, EPTP_OTHER), PUT(RIP_START, 0)),
		 WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x41, 0xff))),
	ROW_THEN("EPT over exits: the first again", SETS(PUT(EPT_SWITCH, EPTP_OWN), PUT(RIP_START, 0)),
		 WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x40, 0xff))),
	ROW_THEN("EPT over exits: taken away", SETS(PUT(L2_EPTE(0), 0), PUT(RIP_START, 0)),
		 WANTS(VIOLATION(READ))),
	ROW_THEN("EPT over exits: the other pointer has it still", SETS(PUT(EPT_SWITCH, EPTP_OTHER)),
		 WANTS(TO_THE_END, BITS(L2_REG(RAX), 0x41, 0xff))),
	ROW("EPT over exits: 2 MiB", far_read, KERNEL64, SETS(BY_2M(RWX | WB), SHOWN), WANTS(SEEN)),
	ROW_THEN("EPT over exits: broken up", SETS(PDE(RWX), PTE(R | WB), PUT(RIP_START, 0)), WANTS(SEEN)),
	ROW_THEN("EPT over exits: the piece is gone", SETS(PTE(0), PUT(RIP_START, 0)),
		 WANTS(VIOLATION(READ))),
	ROW_THEN("EPT over exits: 2 MiB again", SETS(PDE(RWX | WB | LARGE)), WANTS(SEEN)),
};

void test_ept_tables(void)
{
	SHOTS_RUN(pages);
	SHOTS_RUN(misconfigurations);
	SHOTS_RUN(flags);
	SHOTS_RUN(over_exits);
}
