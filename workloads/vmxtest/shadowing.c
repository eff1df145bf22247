// SPDX-License-Identifier: MIT
/* VMREAD and VMWRITE of L2 with VMCS shadowing. SDM "VMREAD", "VMWRITE", "VMCS Shadowing Bitmap Addresses".
 */
#include "lab.h"

#define SHADOWING    PUT(OR(CPU_CTLS2), CPU2_VMCS_SHADOWING)
#define LINKED       SHADOWING, PUT(SHADOW_LINK, 0)
#define FIELD(f)     PUT(L2_REG(RAX), f)
#define VALUE(v)     PUT(L2_REG(RBX), v)
#define READ_BIT(f)  PUT(L2_VMCS_BIT, f)
#define WRITE_BIT(f) PUT(L2_VMCS_BIT, MSR_WRITE | (f))
/* CF, ZF and the other flags that a VMX instruction sets */
#define FLAGS(f)      BITS(GUEST_RFLAGS, f, 0x8d5)
#define SUCCEEDS      TO_THE_END, FLAGS(0)
#define FAILS_INVALID TO_THE_END, FLAGS(1)
#define FAILS_VALID   TO_THE_END, FLAGS(0x40)
#define READ_EXIT     EXITS(EXIT_VMREAD), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 3)
#define WRITE_EXIT    EXITS(EXIT_VMWRITE), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, 3)
#define UNSUPPORTED   0x6ffeull

L2_CODE(shadow_read, "9: vmread %rax, %rbx; 8:");
L2_CODE(shadow_write, "9: vmwrite %rbx, %rax; 8:");
L2_CODE(shadow_read_memory, "9: vmread %rax, 0x10000010; 8:");
L2_CODE(shadow_write_memory, "9: vmwrite 0x10000010, %rax; 8:");
L2_CODE(shadow_clear, "9: vmclear 0x10000000");

static const struct shot rows[] = {
	ROW("VMCS shadowing: off, VMREAD exits", shadow_read, KERNEL64, SETS(FIELD(GUEST_RIP)),
	    WANTS(READ_EXIT)),
	ROW("VMCS shadowing: off, VMWRITE exits", shadow_write, KERNEL64, SETS(FIELD(GUEST_RIP)),
	    WANTS(WRITE_EXIT)),
	ROW("VMCS shadowing: VMREAD of natural width", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RIP), PUT(SHADOW(GUEST_RIP), 0x123456789abcdef0)),
	    WANTS(SUCCEEDS, IS(L2_REG(RBX), 0x123456789abcdef0))),
	ROW("VMCS shadowing: VMREAD of 16 bits", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_CS_SEL), PUT(SHADOW(GUEST_CS_SEL), 0x1234), VALUE(~0ull)),
	    WANTS(SUCCEEDS, IS(L2_REG(RBX), 0x1234))),
	ROW("VMCS shadowing: VMREAD of 32 bits", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_CS_LIMIT), PUT(SHADOW(GUEST_CS_LIMIT), 0x87654321), VALUE(~0ull)),
	    WANTS(SUCCEEDS, IS(L2_REG(RBX), 0x87654321))),
	ROW("VMCS shadowing: VMREAD of a high half", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(TSC_OFFSET | 1), PUT(SHADOW(TSC_OFFSET), 0x1122334455667788)),
	    WANTS(SUCCEEDS, IS(L2_REG(RBX), 0x11223344))),
	ROW("VMCS shadowing: VMREAD to memory", shadow_read_memory, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RSP), PUT(SHADOW(GUEST_RSP), 0x5555)), WANTS(SUCCEEDS)),
	ROW("VMCS shadowing: VMREAD to memory that is not there: #PF", shadow_read_memory, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RSP), INTERCEPT(PF), PUT(L2_PTE(0), 0)), WANTS(FAULT_AT_WITH(PF, 2))),
	ROW("VMCS shadowing: VMREAD to memory that EPT lacks", shadow_read_memory, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RSP), PUT(L2_EPTE(0), 0)),
	    WANTS(EXITS(EXIT_EPT_VIOLATION), BITS(EXIT_QUALIFICATION, 0x182, 0x187), IS(RIP_AT, 0))),
	ROW("VMCS shadowing: VMWRITE", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RSP), VALUE(0x9988776655)),
	    WANTS(SUCCEEDS, IS(SHADOW(GUEST_RSP), 0x9988776655))),
	ROW("VMCS shadowing: VMWRITE of 16 bits", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_DS_SEL), VALUE(0x9988776655)),
	    WANTS(SUCCEEDS, IS(SHADOW(GUEST_DS_SEL), 0x6655))),
	ROW("VMCS shadowing: VMWRITE of a high half", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(TSC_OFFSET | 1), PUT(SHADOW(TSC_OFFSET), 0x1122334455667788),
		 VALUE(0xaabbccdd)),
	    WANTS(SUCCEEDS, IS(SHADOW(TSC_OFFSET), 0xaabbccdd55667788))),
	ROW("VMCS shadowing: VMWRITE from memory", shadow_write_memory, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RSP)), WANTS(SUCCEEDS, IS(SHADOW(GUEST_RSP), 0))),
	ROW("VMCS shadowing: VMWRITE leaves L1's own VMCS", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_GDTR_LIMIT), VALUE(0x33)),
	    WANTS(SUCCEEDS, IS(SHADOW(GUEST_GDTR_LIMIT), 0x33), IS(GUEST_GDTR_LIMIT, 79))),
	ROW("VMCS shadowing: control fields", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(CPU_CTLS), VALUE(0x12345678)),
	    WANTS(SUCCEEDS, IS(SHADOW(CPU_CTLS), 0x12345678))),
	ROW("VMCS shadowing: host fields", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(HOST_RIP), VALUE(0x123)), WANTS(SUCCEEDS, IS(SHADOW(HOST_RIP), 0x123))),
	ROW("VMCS shadowing: VMREAD of exit information", shadow_read, KERNEL64,
	    SETS(LINKED, PUT(NEED(NEED_VMWRITE_ANY), 0), FIELD(EXIT_REASON), PUT(SHADOW(EXIT_REASON), 0x30)),
	    WANTS(SUCCEEDS, IS(L2_REG(RBX), 0x30))),
	ROW("VMCS shadowing: VMWRITE of exit information", shadow_write, KERNEL64,
	    SETS(LINKED, PUT(NEED(NEED_VMWRITE_ANY), 0), FIELD(EXIT_QUALIFICATION), VALUE(0x31)),
	    WANTS(SUCCEEDS, IS(SHADOW(EXIT_QUALIFICATION), 0x31))),
	ROW("VMCS shadowing: VMWRITE of exit information fails", shadow_write, KERNEL64,
	    SETS(LINKED, PUT(NEED(NEED_NO_VMWRITE_ANY), 0), FIELD(EXIT_QUALIFICATION), VALUE(0x31)),
	    WANTS(FAILS_VALID, IS(SHADOW(EXIT_QUALIFICATION), 0))),
	ROW("VMCS shadowing: VMREAD exits by its bitmap", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RIP), READ_BIT(GUEST_RIP)),
	    WANTS(READ_EXIT, BITS(EXIT_INSTR_INFO, 0x418, 0xf0000478))),
	ROW("VMCS shadowing: VMREAD does not look at the VMWRITE bitmap", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RIP), WRITE_BIT(GUEST_RIP)), WANTS(SUCCEEDS)),
	ROW("VMCS shadowing: VMWRITE exits by its bitmap", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RIP), WRITE_BIT(GUEST_RIP)), WANTS(WRITE_EXIT)),
	ROW("VMCS shadowing: VMWRITE does not look at the VMREAD bitmap", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RIP), READ_BIT(GUEST_RIP)), WANTS(SUCCEEDS)),
	ROW("VMCS shadowing: the bitmaps' last bit", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(0x7fff), READ_BIT(0x7fff)), WANTS(READ_EXIT)),
	ROW("VMCS shadowing: a high half has its own bit", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(TSC_OFFSET | 1), READ_BIT(TSC_OFFSET)), WANTS(SUCCEEDS)),
	ROW("VMCS shadowing: VMREAD of bit 15 exits", shadow_read, KERNEL64, SETS(LINKED, FIELD(0x8000)),
	    WANTS(READ_EXIT)),
	ROW("VMCS shadowing: VMREAD of bit 63 exits", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(1ull << 63 | GUEST_RIP)), WANTS(READ_EXIT)),
	ROW("VMCS shadowing: VMWRITE of bit 15 exits", shadow_write, KERNEL64, SETS(LINKED, FIELD(0x8000)),
	    WANTS(WRITE_EXIT)),
	ROW("VMCS shadowing: no such field, VMREAD", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(UNSUPPORTED), VALUE(0x77)), WANTS(FAILS_VALID, IS(L2_REG(RBX), 0x77))),
	ROW("VMCS shadowing: no such field, VMWRITE", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(UNSUPPORTED)), WANTS(FAILS_VALID)),
	ROW("VMCS shadowing: without a link VMREAD fails", shadow_read, KERNEL64,
	    SETS(SHADOWING, FIELD(GUEST_RIP)), WANTS(FAILS_INVALID)),
	ROW("VMCS shadowing: without a link VMWRITE fails", shadow_write, KERNEL64,
	    SETS(SHADOWING, FIELD(GUEST_RIP)), WANTS(FAILS_INVALID)),
	ROW("VMCS shadowing: without a link the bitmap comes first", shadow_read, KERNEL64,
	    SETS(SHADOWING, FIELD(GUEST_RIP), READ_BIT(GUEST_RIP)), WANTS(READ_EXIT)),
	ROW("VMCS shadowing: at CPL 3: #GP", shadow_read, USER64,
	    SETS(LINKED, INTERCEPT(GP), FIELD(GUEST_RIP)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("VMCS shadowing: other VMX instructions exit", shadow_clear, KERNEL64, SETS(LINKED),
	    WANTS(EXITS(EXIT_VMCLEAR), IS(RIP_AT, 0))),
};

/* L1 reads what L2 wrote, writes, and L2 reads that; the bitmap changes between entries. */
static const struct shot over_exits[] = {
	ROW("VMCS shadowing over exits: L2 writes", shadow_write, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RSP), VALUE(0x1234)), WANTS(SUCCEEDS, IS(SHADOW(GUEST_RSP), 0x1234))),
	ROW_THEN("VMCS shadowing over exits: L2 writes again", SETS(PUT(RIP_START, 0), VALUE(0x5678)),
		 WANTS(SUCCEEDS, IS(SHADOW(GUEST_RSP), 0x5678))),
	ROW_THEN("VMCS shadowing over exits: its bitmap changed",
		 SETS(PUT(RIP_START, 0), WRITE_BIT(GUEST_RSP)), WANTS(WRITE_EXIT)),
	ROW("VMCS shadowing over exits: L2 reads", shadow_read, KERNEL64,
	    SETS(LINKED, FIELD(GUEST_RSP), PUT(SHADOW(GUEST_RSP), 0x12)),
	    WANTS(SUCCEEDS, IS(L2_REG(RBX), 0x12))),
	ROW_THEN("VMCS shadowing over exits: L1 wrote meanwhile",
		 SETS(PUT(RIP_START, 0), PUT(SHADOW(GUEST_RSP), 0x13)),
		 WANTS(SUCCEEDS, IS(L2_REG(RBX), 0x13))),
	ROW_THEN("VMCS shadowing over exits: the link is gone",
		 SETS(PUT(RIP_START, 0), PUT(VMCS_LINK_POINTER, ~0ull)), WANTS(FAILS_INVALID)),
};

void test_shadowing(void)
{
	SHOTS_RUN(rows);
	SHOTS_RUN(over_exits);
}
