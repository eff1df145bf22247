// SPDX-License-Identifier: MIT
/*
 * Page faults by PFEC mask and match. SDM "Exception Bitmap": a page fault exits as bit 14 says if
 * (error code & mask) == match, and as its complement says otherwise.
 */
#include "lab.h"

#define BIT14 (1u << PF)

L2_CODE(pfec_read, "movl $0x10000123, %ebx; 9: movl (%rbx), %eax");
L2_CODE(pfec_write, "movl $0x10000123, %ebx; 9: movl %eax, (%rbx)");
L2_CODE(pfec_fetch, "movl $0x10000123, %ebx; 9: jmp *%rbx");

#define PFEC(mask, match, bitmap, pte)                                                                       \
	SETS(PUT(PFEC_MASK, mask), PUT(PFEC_MATCH, match), PUT(EXCEPTION_BITMAP, bitmap), PUT(L2_PTE(0), pte))
#define LEAVES(code)                                                                                         \
	WANTS(EXIT_INFO(INTR_HARDWARE, PF, INTR_ERROR_CODE), IS(EXIT_INTR_ERROR, code),                      \
	      IS(EXIT_QUALIFICATION, PAGE(0) + 0x123), IS(L1_CR2, CR2_SENTINEL))
#define STAYS(code) WANTS(TAKEN_BY_L2(PF), IS(FRAME(0), code), IS(L1_CR2, PAGE(0) + 0x123))

static const struct shot rows[] = {
	ROW("PFEC mask 0, match 0, bit 1, read", pfec_read, KERNEL64, PFEC(0, 0, BIT14, 0), LEAVES(0)),
	ROW("PFEC mask 0, match 0, bit 0, read", pfec_read, KERNEL64, PFEC(0, 0, 0, 0), STAYS(0)),
	ROW("PFEC mask 0, match 1, bit 1, read", pfec_read, KERNEL64, PFEC(0, 1, BIT14, 0), STAYS(0)),
	ROW("PFEC mask 0, match 1, bit 0, read", pfec_read, KERNEL64, PFEC(0, 1, 0, 0), LEAVES(0)),
	ROW("PFEC mask 0, match all ones, bit 0, write", pfec_write, USER64, PFEC(0, ~0u, 0, 0), LEAVES(6)),
	ROW("PFEC writes only: a write exits", pfec_write, KERNEL64, PFEC(2, 2, BIT14, 0), LEAVES(2)),
	ROW("PFEC writes only: a read stays", pfec_read, KERNEL64, PFEC(2, 2, BIT14, 0), STAYS(0)),
	ROW("PFEC all but writes: a write stays", pfec_write, KERNEL64, PFEC(2, 2, 0, 0), STAYS(2)),
	ROW("PFEC all but writes: a read exits", pfec_read, KERNEL64, PFEC(2, 2, 0, 0), LEAVES(0)),
	ROW("PFEC user only: at CPL 3", pfec_read, USER64, PFEC(4, 4, BIT14, 0), LEAVES(4)),
	ROW("PFEC user only: at CPL 0", pfec_read, KERNEL64, PFEC(4, 4, BIT14, 0), STAYS(0)),
	ROW("PFEC present only: protection", pfec_write, KERNEL64, PFEC(1, 1, BIT14, RT_PRESENT), LEAVES(3)),
	ROW("PFEC present only: not present", pfec_write, KERNEL64, PFEC(1, 1, BIT14, 0), STAYS(2)),
	ROW("PFEC not present only: protection", pfec_write, KERNEL64, PFEC(1, 0, BIT14, RT_PRESENT),
	    STAYS(3)),
	ROW("PFEC not present only: not present", pfec_write, KERNEL64, PFEC(1, 0, BIT14, 0), LEAVES(2)),
	ROW("PFEC reserved bits only: one set", pfec_read, KERNEL64,
	    PFEC(8, 8, BIT14, RT_PRESENT | 1ull << 51), LEAVES(9)),
	ROW("PFEC reserved bits only: not present", pfec_read, KERNEL64, PFEC(8, 8, BIT14, 0), STAYS(0)),
	ROW("PFEC fetches only: a fetch", pfec_fetch, KERNEL64,
	    PFEC(16, 16, BIT14, RT_PRESENT | RT_NOEXECUTE), LEAVES(0x11)),
	ROW("PFEC fetches only: a read", pfec_read, KERNEL64, PFEC(16, 16, BIT14, 0), STAYS(0)),
	ROW("PFEC user writes to present pages: yes", pfec_write, USER64,
	    PFEC(7, 7, BIT14, RT_PRESENT | RT_USER), LEAVES(7)),
	ROW("PFEC user writes to present pages: no", pfec_write, USER64, PFEC(7, 7, BIT14, 0), STAYS(6)),
	ROW("PFEC full mask, exact match", pfec_write, USER64, PFEC(~0u, 6, BIT14, 0), LEAVES(6)),
	ROW("PFEC match outside the mask never matches", pfec_write, KERNEL64, PFEC(1, 2, BIT14, 0),
	    STAYS(2)),
};

void test_pfec(void)
{
	SHOTS_RUN(rows);
}
