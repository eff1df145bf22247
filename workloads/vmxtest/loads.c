// SPDX-License-Identifier: MIT
/*
 * Registers that entries load and exits save and load, by their controls: PAT, EFER, DEBUGCTL, DR7,
 * PERF_GLOBAL_CTRL, BNDCFGS, SYSENTER MSRs, segment bases. SDM "Loading Guest Control Registers, Debug
 * Registers, and MSRs", "Saving Control Registers, Debug Registers, and MSRs", "Loading Host Control
 * Registers, ...".
 */
#include "lab.h"

#define BITMAP             PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS)
#define READ(n)            BITMAP, PUT(L2_REG(RCX), n)
#define WRITE(n, v)        READ(n), PUT(L2_REG(RAX), (v)&0xffffffff), PUT(L2_REG(RDX), (v) >> 32)
#define ENTRY(bit)         PUT(OR(ENTRY_CTLS), bit)
#define NO_ENTRY(bit)      PUT(CLEAR(ENTRY_CTLS), bit)
#define EXIT(bit)          PUT(OR(EXIT_CTLS), bit)
#define NO_EXIT(bit)       PUT(CLEAR(EXIT_CTLS), bit)
#define L2_READ(v)         TO_THE_END, IS(L2_REG(RAX), (v)&0xffffffff), IS(L2_REG(RDX), (v) >> 32)
#define PAT_L2             0x0007040600070401ull
#define PAT_L1             0x0007040600070405ull
#define PAT_RESET          0x0007040600070406ull
#define PERF_GLOBAL        0x38fu
#define BNDCFGS            0xd90u
#define EFER               0xc0000080u
#define EFER_L2            0x501ull /* SCE, LME, LMA; no NXE */
#define NXE                0x800ull
#define L1_HAS(msr, value) IS(L1_MSR(msr), value)

L2_CODE(ld_read, "9: rdmsr; 8:");
L2_CODE(ld_write, "9: wrmsr; 8:");
L2_CODE(ld_dr7, "movq %dr7, %rax; movl $0x401, %ebx; movq %rbx, %dr7; 9:");

static const struct shot rows[] = {
	ROW("load: PAT at entry", ld_read, KERNEL64,
	    SETS(ENTRY(ENTRY_LOAD_PAT), EXIT(EXIT_LOAD_PAT), PUT(HOST_PAT, PAT_RESET), PUT(GUEST_PAT, PAT_L2),
		 READ(IA32_PAT)),
	    WANTS(L2_READ(PAT_L2), L1_HAS(LAB_PAT, PAT_RESET))),
	ROW("load: PAT not at entry", ld_read, KERNEL64,
	    SETS(NO_ENTRY(ENTRY_LOAD_PAT), PUT(GUEST_PAT, PAT_L2), PUT(L1_MSR(LAB_PAT), PAT_L1),
		 READ(IA32_PAT)),
	    WANTS(L2_READ(PAT_L1))),
	ROW("save: PAT at exit", ld_write, KERNEL64,
	    SETS(EXIT(EXIT_SAVE_PAT | EXIT_LOAD_PAT), PUT(HOST_PAT, PAT_RESET), WRITE(IA32_PAT, PAT_L2)),
	    WANTS(TO_THE_END, IS(GUEST_PAT, PAT_L2), L1_HAS(LAB_PAT, PAT_RESET))),
	ROW("save: PAT not at exit", ld_write, KERNEL64,
	    SETS(NO_EXIT(EXIT_SAVE_PAT), PUT(GUEST_PAT, PAT_L1), WRITE(IA32_PAT, PAT_L2)),
	    WANTS(TO_THE_END, IS(GUEST_PAT, PAT_L1))),
	ROW("load: PAT at exit", ld_write, KERNEL64,
	    SETS(EXIT(EXIT_LOAD_PAT), PUT(HOST_PAT, PAT_L1), WRITE(IA32_PAT, PAT_L2)),
	    WANTS(TO_THE_END, L1_HAS(LAB_PAT, PAT_L1))),
	ROW("load: PAT not at exit: L2's stays", ld_write, KERNEL64,
	    SETS(NO_EXIT(EXIT_LOAD_PAT), WRITE(IA32_PAT, PAT_L2)),
	    WANTS(TO_THE_END, L1_HAS(LAB_PAT, PAT_L2))),
	ROW("load: EFER at entry", ld_read, KERNEL64,
	    SETS(ENTRY(ENTRY_LOAD_EFER), PUT(GUEST_EFER, EFER_L2), READ(EFER)),
	    WANTS(L2_READ(EFER_L2), BITS(L1_MSR(LAB_EFER), NXE, NXE))),
	ROW("load: EFER not at entry: L1's", ld_read, KERNEL64,
	    SETS(NO_ENTRY(ENTRY_LOAD_EFER), PUT(GUEST_EFER, EFER_L2), READ(EFER)),
	    WANTS(TO_THE_END, BITS(L2_REG(RAX), NXE | 0x500, NXE | 0x500))),
	ROW("save: EFER at exit", ld_write, KERNEL64,
	    SETS(EXIT(EXIT_SAVE_EFER | EXIT_LOAD_EFER), WRITE(EFER, 0xd01ull)),
	    WANTS(TO_THE_END, IS(GUEST_EFER, 0xd01), BITS(L1_MSR(LAB_EFER), 0, 1))),
	ROW("save: EFER not at exit", ld_write, KERNEL64,
	    SETS(NO_EXIT(EXIT_SAVE_EFER), EXIT(EXIT_LOAD_EFER), PUT(GUEST_EFER, 0xd00),
		 WRITE(EFER, 0xd01ull)),
	    WANTS(TO_THE_END, IS(GUEST_EFER, 0xd00))),
	ROW("load: EFER not at exit: L2's stays", ld_write, KERNEL64,
	    SETS(NO_EXIT(EXIT_LOAD_EFER), WRITE(EFER, 0xd01ull)),
	    WANTS(TO_THE_END, BITS(L1_MSR(LAB_EFER), 0xd01, 0xfff))),
	ROW_NOT_ON_BOCHS("load: DEBUGCTL at entry", ld_read, KERNEL64,
			 SETS(PUT(GUEST_DEBUGCTL, 1), READ(IA32_DEBUGCTL)),
			 WANTS(L2_READ(1ull), L1_HAS(LAB_DEBUGCTL, 0)), "Bochs has no bit of IA32_DEBUGCTL"),
	ROW("load: DEBUGCTL not at entry", ld_read, KERNEL64,
	    SETS(NO_ENTRY(ENTRY_LOAD_DEBUG), PUT(GUEST_DEBUGCTL, 1), READ(IA32_DEBUGCTL)),
	    WANTS(L2_READ(0ull))),
	ROW_NOT_ON_BOCHS("save: DEBUGCTL at exit", ld_write, KERNEL64, SETS(WRITE(IA32_DEBUGCTL, 1ull)),
			 WANTS(TO_THE_END, IS(GUEST_DEBUGCTL, 1), L1_HAS(LAB_DEBUGCTL, 0)),
			 "Bochs has no bit of IA32_DEBUGCTL"),
	ROW_NOT_ON_BOCHS("save: DEBUGCTL not at exit", ld_write, KERNEL64,
			 SETS(NO_EXIT(EXIT_SAVE_DEBUG), WRITE(IA32_DEBUGCTL, 1ull)),
			 WANTS(TO_THE_END, IS(GUEST_DEBUGCTL, 0), L1_HAS(LAB_DEBUGCTL, 0)),
			 "Bochs has no bit of IA32_DEBUGCTL"),
	ROW("load: DR7 at entry, saved at exit", ld_dr7, KERNEL64, SETS(PUT(GUEST_DR7, 0x404)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x404), IS(GUEST_DR7, 0x401), IS(L1_DR(7), 0x400))),
	ROW("load: DR7 not at entry", ld_dr7, KERNEL64,
	    SETS(NO_ENTRY(ENTRY_LOAD_DEBUG), PUT(GUEST_DR7, 0x404)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x400))),
	ROW("save: DR7 not at exit", ld_dr7, KERNEL64, SETS(NO_EXIT(EXIT_SAVE_DEBUG), PUT(GUEST_DR7, 0x404)),
	    WANTS(TO_THE_END, IS(GUEST_DR7, 0x404), IS(L1_DR(7), 0x400))),
	ROW_NOT_BOCHS("load: PERF_GLOBAL_CTRL at entry", ld_read, KERNEL64,
		      SETS(ENTRY(ENTRY_LOAD_PERF_GLOBAL), PUT(GUEST_PERF_GLOBAL, 1), READ(PERF_GLOBAL)),
		      WANTS(L2_READ(1ull)), "Bochs has no IA32_PERF_GLOBAL_CTRL"),
	ROW_NOT_BOCHS("load: PERF_GLOBAL_CTRL at exit", ld_read, KERNEL64,
		      SETS(EXIT(EXIT_LOAD_PERF_GLOBAL), PUT(HOST_PERF_GLOBAL, 2), READ(PERF_GLOBAL)),
		      WANTS(TO_THE_END, L1_HAS(LAB_PERF_GLOBAL, 2)), "Bochs has no IA32_PERF_GLOBAL_CTRL"),
	ROW("load: BNDCFGS at entry", ld_read, KERNEL64,
	    SETS(ENTRY(ENTRY_LOAD_BNDCFGS), PUT(GUEST_BNDCFGS, 0x1001), READ(BNDCFGS)),
	    WANTS(L2_READ(0x1001ull))),
	ROW("load: BNDCFGS cleared at exit", ld_read, KERNEL64,
	    SETS(ENTRY(ENTRY_LOAD_BNDCFGS), EXIT(EXIT_CLEAR_BNDCFGS), PUT(GUEST_BNDCFGS, 0x1001),
		 READ(BNDCFGS)),
	    WANTS(TO_THE_END, L1_HAS(LAB_BNDCFGS, 0))),
	ROW("load: SYSENTER_EIP", ld_read, KERNEL64,
	    SETS(PUT(GUEST_SYSENTER_EIP, 0x123456789000), READ(IA32_SYSENTER_EIP)),
	    WANTS(L2_READ(0x123456789000ull), L1_HAS(LAB_SYSENTER_EIP, 0))),
	ROW("save: SYSENTER_ESP", ld_write, KERNEL64, SETS(WRITE(IA32_SYSENTER_ESP, 0x123456789000ull)),
	    WANTS(TO_THE_END, IS(GUEST_SYSENTER_ESP, 0x123456789000))),
	ROW("load: GS base", ld_read, KERNEL64, SETS(PUT(GUEST_DS_BASE + 4, 0x777000), READ(IA32_GS_BASE)),
	    WANTS(L2_READ(0x777000ull), L1_HAS(LAB_GS_BASE, 0))),
	ROW("save: GS base", ld_write, KERNEL64, SETS(WRITE(IA32_GS_BASE, 0x888000ull)),
	    WANTS(TO_THE_END, IS(GUEST_DS_BASE + 4, 0x888000), L1_HAS(LAB_GS_BASE, 0))),
};

void test_loads(void)
{
	const uint64_t pat = rdmsr(IA32_PAT), efer = rdmsr(IA32_EFER);

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		shots_run(&rows[i], 1);
		wrmsr(IA32_PAT, pat);
		wrmsr(IA32_EFER, efer);
	}
}
