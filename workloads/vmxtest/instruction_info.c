// SPDX-License-Identifier: MIT
/*
 * Instruction information, length and exit qualification of instructions with operands. SDM "Information for
 * VM Exits Due to Instruction Execution", "Basic VM-Exit Information" (displacements).
 */
#include "lab.h"

/* Fields of the instruction information */
#define SCALE(n)   (n) /* power of 2 */
#define REG1(r)    ((r) << 3)
#define ADDRESS32  (1u << 7)
#define ADDRESS64  (2u << 7)
#define BY_REG     (1u << 10)
#define SIZE(n)    ((n) << 11)
#define SEGMENT(s) ((s) << 15)
#define DS_BASED   SEGMENT(3u)
#define FS_BASED   SEGMENT(4u)
#define SS_BASED   SEGMENT(2u)
#define INDEX(r)   ((r) << 18)
#define NO_INDEX   (1u << 22)
#define BASE(r)    ((r) << 23)
#define NO_BASE    (1u << 27)
#define WHICH(n)   ((n) << 28)
#define REG2(r)    ((uint32_t)(r) << 28)
/* What is defined: of an operand in memory with and without index, with neither, of a register */
#define INDEXED            0x0ffb8383u
#define BASED              0x0fc38380u
#define NEITHER            0x08438380u
#define REGISTER           0x00000478u
#define IDENTITY           0x30000000u
#define SECOND             0xf0000000u
#define INFO(value, mask)  BITS(EXIT_INSTR_INFO, value, mask)
#define MOVED_BY(d)        IS(EXIT_QUALIFICATION, (uint64_t)(d))
#define BY(reason, length) EXITS(reason), IS(RIP_AT, 0), IS(EXIT_INSTR_LEN, length)
#define TABLES             PUT(OR(CPU_CTLS2), CPU2_DESCRIPTOR_TABLES)
#define RANDOM             PUT(OR(CPU_CTLS2), CPU2_RDRAND)
#define SEED               PUT(OR(CPU_CTLS2), CPU2_RDSEED)
enum { R_9 = 9, R_10 = 10 };

L2_CODE(ii_lgdt, "9: lgdt 8(%rbx,%rcx,4)");
L2_CODE(ii_sgdt, "9: sgdt (%r9,%r10,8)");
L2_CODE(ii_sidt_fs, "9: sidt %fs:-16(%rsi)");
L2_CODE(ii_lidt, "9: lidt 0x10000010");
L2_CODE(ii_sgdt32, "9: addr32 sgdt 4(%ebx)");
L2_CODE(ii_lgdt_rip, "9: lgdt lab_page(%rip)");
L2_CODE(ii_sgdt_stack, "9: sgdt 0x40(%rsp)");
L2_CODE(ii_sgdt_index, "9: sgdt 0x10000000(,%rcx,2)");
L2_CODE(ii_sldt, "9: sldt %ebx");
L2_CODE(ii_str, "9: str 6(%rax,%rdi,2)");
L2_CODE(ii_lldt, "9: lldt %cx");
L2_CODE(ii_ltr, "9: ltr 0x10000010");
L2_CODE(ii_sgdt_user, "9: sgdt 8(%rbx)");
L2_CODE(ii_rdrand16, "9: rdrand %ax");
L2_CODE(ii_rdrand32, "9: rdrand %ecx");
L2_CODE(ii_rdrand64, "9: rdrand %r9");
L2_CODE(ii_rdseed16, "9: rdseed %dx");
L2_CODE(ii_rdseed64, "9: rdseed %rsi");
L2_CODE(ii_invept, "9: invept 16(%rbx,%rcx,2), %rdx");
L2_CODE(ii_invvpid, "9: invvpid -8(%rbp), %r9");
L2_CODE(ii_invpcid, "9: invpcid (%rsi), %rdi");
L2_CODE(ii_vmread_memory, "9: vmread %rdx, 24(%rbx)");
L2_CODE(ii_vmread, "9: vmread %r10, %r9");
L2_CODE(ii_vmwrite, "9: vmwrite %rbx, %rsi");
L2_CODE(ii_vmwrite_memory, "9: vmwrite 8(%rcx,%rax,8), %rdi");
L2_CODE(ii_vmclear, "9: vmclear -8(%rbx)");
L2_CODE(ii_vmptrld, "9: vmptrld (%r9,%rcx,4)");
L2_CODE(ii_vmptrst, "9: vmptrst 0x10000000");
L2_CODE(ii_vmxon, "9: vmxon %fs:8(%rdi)");
L2_CODE(ii_invlpg_fs, "9: invlpg %fs:0x10");
L2_CODE(ii_mwait, "xorl %ecx, %ecx; xorl %edx, %edx; xorl %eax, %eax; 9: mwait");
L2_CODE(ii_monitor_mwait,
	"xorl %ecx, %ecx; xorl %edx, %edx; movl $0x10000000, %eax; monitor; xorl %eax, %eax; 9: mwait");
L2_CODE(ii_long, "9: .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x0f, 0xa2");

static const struct shot rows[] = {
	ROW("information: LGDT, base and index", ii_lgdt, KERNEL64, SETS(TABLES),
	    WANTS(BY(EXIT_GDTR_IDTR, 5), MOVED_BY(8),
		  INFO(SCALE(2u) | ADDRESS64 | DS_BASED | INDEX(RCX) | BASE(RBX) | WHICH(2u),
		       INDEXED | IDENTITY))),
	ROW("information: SGDT, R9 and R10", ii_sgdt, KERNEL64, SETS(TABLES),
	    WANTS(BY(EXIT_GDTR_IDTR, 5), MOVED_BY(0),
		  INFO(SCALE(3u) | ADDRESS64 | DS_BASED | INDEX(R_10) | BASE(R_9), INDEXED | IDENTITY))),
	ROW("information: SIDT of FS, negative displacement", ii_sidt_fs, KERNEL64, SETS(TABLES),
	    WANTS(EXITS(EXIT_GDTR_IDTR), MOVED_BY(-16),
		  INFO(ADDRESS64 | FS_BASED | NO_INDEX | BASE(RSI) | WHICH(1u), BASED | IDENTITY))),
	ROW("information: LIDT of an absolute address", ii_lidt, KERNEL64, SETS(TABLES),
	    WANTS(EXITS(EXIT_GDTR_IDTR), MOVED_BY(0x10000010),
		  INFO(ADDRESS64 | DS_BASED | NO_INDEX | NO_BASE | WHICH(3u), NEITHER | IDENTITY))),
	ROW("information: SGDT, 32-bit address", ii_sgdt32, KERNEL64, SETS(TABLES),
	    WANTS(BY(EXIT_GDTR_IDTR, 5), MOVED_BY(4),
		  INFO(ADDRESS32 | DS_BASED | NO_INDEX | BASE(RBX), BASED | IDENTITY))),
	ROW("information: LGDT, RIP-relative", ii_lgdt_rip, KERNEL64, SETS(TABLES),
	    WANTS(BY(EXIT_GDTR_IDTR, 7), MOVED_BY((uintptr_t)lab_page),
		  INFO(NO_INDEX | NO_BASE, NO_INDEX | NO_BASE))),
	ROW("information: SGDT of the stack", ii_sgdt_stack, KERNEL64, SETS(TABLES),
	    WANTS(EXITS(EXIT_GDTR_IDTR), MOVED_BY(0x40),
		  INFO(ADDRESS64 | SS_BASED | NO_INDEX | BASE(RSP), BASED | IDENTITY))),
	ROW("information: SGDT, an index alone", ii_sgdt_index, KERNEL64, SETS(TABLES),
	    WANTS(EXITS(EXIT_GDTR_IDTR), MOVED_BY(0x10000000),
		  INFO(SCALE(1u) | ADDRESS64 | DS_BASED | INDEX(RCX) | NO_BASE,
		       (INDEXED & ~BASE(15u)) | IDENTITY))),
	ROW("information: SGDT at CPL 3", ii_sgdt_user, USER64, SETS(TABLES),
	    WANTS(BY(EXIT_GDTR_IDTR, 4), MOVED_BY(8))),
	ROW("information: LGDT at CPL 3: #GP", ii_lgdt, USER64, SETS(TABLES, INTERCEPT(GP)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("information: SLDT to a register", ii_sldt, KERNEL64, SETS(TABLES),
	    WANTS(BY(EXIT_LDTR_TR, 3), INFO(REG1(RBX) | BY_REG, REGISTER | IDENTITY))),
	ROW("information: STR to memory", ii_str, KERNEL64, SETS(TABLES),
	    WANTS(BY(EXIT_LDTR_TR, 5), MOVED_BY(6),
		  INFO(SCALE(1u) | ADDRESS64 | DS_BASED | INDEX(RDI) | BASE(RAX) | WHICH(1u),
		       INDEXED | BY_REG | IDENTITY))),
	ROW("information: LLDT of a register", ii_lldt, KERNEL64, SETS(TABLES),
	    WANTS(BY(EXIT_LDTR_TR, 3), INFO(REG1(RCX) | BY_REG | WHICH(2u), REGISTER | IDENTITY))),
	ROW("information: LTR of memory", ii_ltr, KERNEL64, SETS(TABLES),
	    WANTS(EXITS(EXIT_LDTR_TR), MOVED_BY(0x10000010),
		  INFO(ADDRESS64 | DS_BASED | NO_INDEX | NO_BASE | WHICH(3u), NEITHER | BY_REG | IDENTITY))),
	ROW_NOT_ON_BOCHS("information: RDRAND of 16 bits", ii_rdrand16, KERNEL64, SETS(RANDOM),
			 WANTS(BY(EXIT_RDRAND, 4), INFO(REG1(RAX) | SIZE(0u), 0x1878)),
			 "Bochs tells 32 bits"),
	ROW("information: RDRAND of 32 bits", ii_rdrand32, KERNEL64, SETS(RANDOM),
	    WANTS(BY(EXIT_RDRAND, 3), INFO(REG1(RCX) | SIZE(1u), 0x1878))),
	ROW("information: RDRAND of 64 bits", ii_rdrand64, KERNEL64, SETS(RANDOM),
	    WANTS(BY(EXIT_RDRAND, 4), INFO(REG1(R_9) | SIZE(2u), 0x1878))),
	ROW_NOT_ON_BOCHS("information: RDSEED of 16 bits", ii_rdseed16, KERNEL64, SETS(SEED),
			 WANTS(BY(EXIT_RDSEED, 4), INFO(REG1(RDX) | SIZE(0u), 0x1878)),
			 "Bochs tells 32 bits"),
	ROW("information: RDSEED of 64 bits", ii_rdseed64, KERNEL64, SETS(SEED),
	    WANTS(BY(EXIT_RDSEED, 4), INFO(REG1(RSI) | SIZE(2u), 0x1878))),
	ROW("information: INVEPT", ii_invept, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_INVEPT, 7), MOVED_BY(16),
		  INFO(SCALE(1u) | ADDRESS64 | DS_BASED | INDEX(RCX) | BASE(RBX) | REG2(RDX),
		       INDEXED | SECOND))),
	ROW("information: INVVPID", ii_invvpid, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_INVVPID, 7), MOVED_BY(-8),
		  INFO(ADDRESS64 | SS_BASED | NO_INDEX | BASE(RBP) | REG2(R_9), BASED | SECOND))),
	ROW("information: INVPCID", ii_invpcid, KERNEL64,
	    SETS(PUT(OR(CPU_CTLS2), CPU2_INVPCID), PUT(OR(CPU_CTLS), CPU_INVLPG)),
	    WANTS(BY(EXIT_INVPCID, 5), MOVED_BY(0),
		  INFO(ADDRESS64 | DS_BASED | NO_INDEX | BASE(RSI) | REG2(RDI), BASED | SECOND))),
	ROW("information: VMREAD to memory", ii_vmread_memory, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_VMREAD, 4), MOVED_BY(24),
		  INFO(ADDRESS64 | DS_BASED | NO_INDEX | BASE(RBX) | REG2(RDX), BASED | BY_REG | SECOND))),
	ROW("information: VMREAD to a register", ii_vmread, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_VMREAD, 4), INFO(REG1(R_9) | BY_REG | REG2(R_10), REGISTER | SECOND))),
	ROW("information: VMWRITE of a register", ii_vmwrite, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_VMWRITE, 3), INFO(REG1(RBX) | BY_REG | REG2(RSI), REGISTER | SECOND))),
	ROW("information: VMWRITE of memory", ii_vmwrite_memory, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_VMWRITE, 5), MOVED_BY(8),
		  INFO(SCALE(3u) | ADDRESS64 | DS_BASED | INDEX(RAX) | BASE(RCX) | REG2(RDI),
		       INDEXED | BY_REG | SECOND))),
	ROW("information: VMCLEAR", ii_vmclear, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_VMCLEAR, 5), MOVED_BY(-8),
		  INFO(ADDRESS64 | DS_BASED | NO_INDEX | BASE(RBX), BASED))),
	ROW("information: VMPTRLD", ii_vmptrld, KERNEL64, SETS({0}),
	    WANTS(BY(EXIT_VMPTRLD, 5), MOVED_BY(0),
		  INFO(SCALE(2u) | ADDRESS64 | DS_BASED | INDEX(RCX) | BASE(R_9), INDEXED))),
	ROW("information: VMPTRST", ii_vmptrst, KERNEL64, SETS({0}),
	    WANTS(EXITS(EXIT_VMPTRST), MOVED_BY(0x10000000),
		  INFO(ADDRESS64 | DS_BASED | NO_INDEX | NO_BASE, NEITHER))),
	ROW("information: VMXON of FS", ii_vmxon, KERNEL64, SETS({0}),
	    WANTS(EXITS(EXIT_VMXON), MOVED_BY(8), INFO(ADDRESS64 | FS_BASED | NO_INDEX | BASE(RDI), BASED))),
	ROW("information: INVLPG tells the linear address", ii_invlpg_fs, KERNEL64,
	    SETS(PUT(OR(CPU_CTLS), CPU_INVLPG), PUT(GUEST_FS_BASE, 0x7000)),
	    WANTS(EXITS(EXIT_INVLPG), MOVED_BY(0x7010))),
	ROW("information: MWAIT, nothing monitored", ii_mwait, KERNEL64, SETS(PUT(OR(CPU_CTLS), CPU_MWAIT)),
	    WANTS(BY(EXIT_MWAIT, 3), MOVED_BY(0))),
	ROW_NOT_BOCHS("information: MWAIT behind MONITOR", ii_monitor_mwait, KERNEL64,
		      SETS(PUT(NEED(NEED_MONITOR), 0), PUT(OR(CPU_CTLS), CPU_MWAIT),
			   PUT(CLEAR(CPU_CTLS), CPU_MONITOR)),
		      WANTS(BY(EXIT_MWAIT, 3), MOVED_BY(1)), "Bochs tells that nothing is monitored"),
	ROW("information: prefixes count", ii_long, KERNEL64, SETS({0}), WANTS(BY(EXIT_CPUID, 6))),
};

void test_instruction_info(void)
{
	SHOTS_RUN(rows);
}
