// SPDX-License-Identifier: MIT
/* Instructions that exit always, or by a control that is on or off. SDM "Instructions That Cause VM Exits".
 */
#include "lab.h"

#define ON(bit)              PUT(OR(CPU_CTLS), bit)
#define OFF(bit)             PUT(CLEAR(CPU_CTLS), bit)
#define ON2(bit)             PUT(OR(CPU_CTLS2), bit)
#define BY(reason)           EXITS(reason), IS(RIP_AT, 0)
#define BY_LENGTH(reason, n) BY(reason), IS(EXIT_INSTR_LEN, n)

L2_CODE(i_cpuid, "9: cpuid");
L2_CODE(i_hlt, "9: hlt");
L2_CODE(i_invlpg, "9: invlpg 0x10000123");
L2_CODE(i_rdtsc, "9: rdtsc");
L2_CODE(i_rdtscp, "9: rdtscp");
L2_CODE(i_rdpmc, "xorl %ecx, %ecx; 9: rdpmc");
L2_CODE(i_pause, "9: pause");
L2_CODE(i_mov_to_dr, "9: movq %rbx, %dr1");
L2_CODE(i_mov_from_dr, "9: movq %dr7, %r8");
L2_CODE(i_wbinvd, "9: wbinvd");
L2_CODE(i_invd, "9: invd");
L2_CODE(i_sgdt, "9: sgdt 0x10000010");
L2_CODE(i_sidt, "9: sidt 0x10000010");
L2_CODE(i_lgdt, "sgdt 0x10000010; 9: lgdt 0x10000010");
L2_CODE(i_lidt, "sidt 0x10000010; 9: lidt 0x10000010");
L2_CODE(i_sldt, "9: sldt %eax");
L2_CODE(i_lldt, "xorl %eax, %eax; 9: lldt %ax");
L2_CODE(i_str, "9: str %eax");
L2_CODE(i_ltr, "xorl %eax, %eax; 9: ltr %ax");
L2_CODE(i_monitor, "xorl %ecx, %ecx; xorl %edx, %edx; movl $0x10000000, %eax; 9: monitor");
L2_CODE(i_mwait, "xorl %ecx, %ecx; xorl %eax, %eax; 9: mwait");
L2_CODE(i_xsetbv, "xorl %ecx, %ecx; xgetbv; 9: xsetbv");
L2_CODE(i_vmcall, "9: vmcall");
L2_CODE(i_vmclear, "9: vmclear 0x10000000");
L2_CODE(i_vmlaunch, "9: vmlaunch");
L2_CODE(i_vmptrld, "9: vmptrld 0x10000008");
L2_CODE(i_vmptrst, "9: vmptrst 0x10000000");
L2_CODE(i_vmread, "9: vmread %rax, %rbx");
L2_CODE(i_vmresume, "9: vmresume");
L2_CODE(i_vmwrite, "9: vmwrite %rbx, %rax");
L2_CODE(i_vmxoff, "9: vmxoff");
L2_CODE(i_vmxon, "9: vmxon 0x10000000");
L2_CODE(i_invept, "9: invept 0x10000010, %rax");
L2_CODE(i_invvpid, "9: invvpid 0x10000010, %rax");
L2_CODE(i_invpcid, "9: invpcid 0x10000010, %rax");
L2_CODE(i_rdrand, "9: rdrand %eax");
L2_CODE(i_rdseed, "9: rdseed %eax");
L2_CODE(i_getsec, "9: .byte 0x0f, 0x37");

static const struct shot rows[] = {
	ROW("CPUID", i_cpuid, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_CPUID, 2), NO_QUALIFICATION)),
	ROW("CPUID at CPL 3", i_cpuid, USER64, SETS({0}), WANTS(BY(EXIT_CPUID))),
	ROW("INVD", i_invd, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_INVD, 2))),
	ROW("INVD at CPL 3: #GP", i_invd, USER64, SETS(INTERCEPT(GP)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("HLT, on", i_hlt, KERNEL64, SETS(ON(CPU_HLT)),
	    WANTS(BY_LENGTH(EXIT_HLT, 1), IS(GUEST_ACTIVITY, 0))),
	ROW("HLT, off: the preemption timer finds it", i_hlt, KERNEL64,
	    SETS(OFF(CPU_HLT), PUT(OR(PIN_CTLS), PIN_PREEMPTION_TIMER), PUT(PREEMPTION_TIMER, LONG_TIME)),
	    WANTS(EXITS(EXIT_TIMER), IS(RIP_START, 1), IS(GUEST_ACTIVITY, ACTIVITY_HLT))),
	ROW("entry into HLT", i_cpuid, KERNEL64,
	    SETS(PUT(GUEST_ACTIVITY, ACTIVITY_HLT), PUT(OR(PIN_CTLS), PIN_PREEMPTION_TIMER),
		 PUT(PREEMPTION_TIMER, LONG_TIME)),
	    WANTS(EXITS(EXIT_TIMER), IS(RIP_START, 0), IS(GUEST_ACTIVITY, ACTIVITY_HLT))),
	ROW("preemption timer of 0", i_cpuid, KERNEL64,
	    SETS(PUT(OR(PIN_CTLS), PIN_PREEMPTION_TIMER), PUT(PREEMPTION_TIMER, 0)),
	    WANTS(EXITS(EXIT_TIMER), IS(RIP_START, 0))),
	ROW("INVLPG, on", i_invlpg, KERNEL64, SETS(ON(CPU_INVLPG)),
	    WANTS(BY(EXIT_INVLPG), IS(EXIT_QUALIFICATION, PAGE(0) + 0x123))),
	ROW("INVLPG, off", i_invlpg, KERNEL64, SETS(OFF(CPU_INVLPG)), WANTS(TO_THE_END)),
	ROW("INVLPG at CPL 3: #GP", i_invlpg, USER64, SETS(INTERCEPT(GP), ON(CPU_INVLPG)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("RDTSC, on", i_rdtsc, KERNEL64, SETS(ON(CPU_RDTSC)), WANTS(BY_LENGTH(EXIT_RDTSC, 2))),
	ROW("RDTSC, off", i_rdtsc, KERNEL64, SETS({0}), WANTS(TO_THE_END)),
	ROW("RDTSC at CPL 3 with CR4.TSD: #GP", i_rdtsc, USER64,
	    SETS(INTERCEPT(GP), ON(CPU_RDTSC), PUT(OR(GUEST_CR4), 4)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("RDTSCP, RDTSC exits on", i_rdtscp, KERNEL64, SETS(ON(CPU_RDTSC), ON2(CPU2_RDTSCP)),
	    WANTS(BY_LENGTH(EXIT_RDTSCP, 3))),
	ROW("RDTSCP, enabled", i_rdtscp, KERNEL64, SETS(ON2(CPU2_RDTSCP)), WANTS(TO_THE_END)),
	ROW("RDTSCP, not enabled: #UD", i_rdtscp, KERNEL64, SETS(INTERCEPT(UD)), WANTS(FAULT_AT(UD))),
	ROW("RDPMC, on", i_rdpmc, KERNEL64, SETS(ON(CPU_RDPMC)), WANTS(BY_LENGTH(EXIT_RDPMC, 2))),
	ROW("PAUSE, on", i_pause, KERNEL64, SETS(ON(CPU_PAUSE)), WANTS(BY_LENGTH(EXIT_PAUSE, 2))),
	ROW("PAUSE, off", i_pause, KERNEL64, SETS(OFF(CPU_PAUSE)), WANTS(TO_THE_END)),
	ROW("MOV to DR, on", i_mov_to_dr, KERNEL64, SETS(ON(CPU_MOV_DR)),
	    WANTS(BY(EXIT_MOV_DR), IS(EXIT_QUALIFICATION, 0x301))),
	ROW("MOV from DR, on", i_mov_from_dr, KERNEL64, SETS(ON(CPU_MOV_DR)),
	    WANTS(BY(EXIT_MOV_DR), IS(EXIT_QUALIFICATION, 0x817))),
	ROW("MOV to DR, off", i_mov_to_dr, KERNEL64, SETS(OFF(CPU_MOV_DR), PUT(L2_REG(RBX), 0x1234)),
	    WANTS(TO_THE_END, IS(L1_DR(1), 0x1234))),
	ROW("MOV DR at CPL 3, on: exit before the #GP", i_mov_to_dr, USER64,
	    SETS(INTERCEPT(GP), ON(CPU_MOV_DR)), WANTS(BY(EXIT_MOV_DR))),
	ROW("MOV DR at CPL 3, off: #GP", i_mov_to_dr, USER64, SETS(INTERCEPT(GP), OFF(CPU_MOV_DR)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("WBINVD, on", i_wbinvd, KERNEL64, SETS(ON2(CPU2_WBINVD)), WANTS(BY_LENGTH(EXIT_WBINVD, 2))),
	ROW("WBINVD, off", i_wbinvd, KERNEL64, SETS({0}), WANTS(TO_THE_END)),
	ROW("SGDT, on", i_sgdt, KERNEL64, SETS(ON2(CPU2_DESCRIPTOR_TABLES)),
	    WANTS(BY(EXIT_GDTR_IDTR), BITS(EXIT_INSTR_INFO, 0, 0x30000000))),
	ROW("SIDT, on", i_sidt, KERNEL64, SETS(ON2(CPU2_DESCRIPTOR_TABLES)),
	    WANTS(BY(EXIT_GDTR_IDTR), BITS(EXIT_INSTR_INFO, 0x10000000, 0x30000000))),
	ROW("SGDT, off", i_sgdt, KERNEL64, SETS({0}), WANTS(TO_THE_END)),
	ROW("LGDT, off", i_lgdt, KERNEL64, SETS({0}), WANTS(TO_THE_END)),
	ROW("LIDT, off", i_lidt, KERNEL64, SETS({0}), WANTS(TO_THE_END)),
	ROW("LIDT at CPL 3: #GP", i_lidt, USER64, SETS(INTERCEPT(GP)), WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("SLDT, on", i_sldt, KERNEL64, SETS(ON2(CPU2_DESCRIPTOR_TABLES)),
	    WANTS(BY(EXIT_LDTR_TR), BITS(EXIT_INSTR_INFO, 0, 0x30000000))),
	ROW("LLDT, on", i_lldt, KERNEL64, SETS(ON2(CPU2_DESCRIPTOR_TABLES)),
	    WANTS(BY(EXIT_LDTR_TR), BITS(EXIT_INSTR_INFO, 0x20000000, 0x30000000))),
	ROW("STR, on", i_str, KERNEL64, SETS(ON2(CPU2_DESCRIPTOR_TABLES)),
	    WANTS(BY(EXIT_LDTR_TR), BITS(EXIT_INSTR_INFO, 0x10000000, 0x30000000))),
	ROW("LTR, on", i_ltr, KERNEL64, SETS(ON2(CPU2_DESCRIPTOR_TABLES)),
	    WANTS(BY(EXIT_LDTR_TR), BITS(EXIT_INSTR_INFO, 0x30000000, 0x30000000))),
	ROW("MONITOR, on", i_monitor, KERNEL64, SETS(ON(CPU_MONITOR)), WANTS(BY_LENGTH(EXIT_MONITOR, 3))),
	ROW("MWAIT, on", i_mwait, KERNEL64, SETS(ON(CPU_MWAIT)), WANTS(BY_LENGTH(EXIT_MWAIT, 3))),
	ROW("VMCALL", i_vmcall, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_VMCALL, 3), NO_QUALIFICATION)),
	ROW("VMCALL at CPL 3", i_vmcall, USER64, SETS({0}), WANTS(BY(EXIT_VMCALL))),
	ROW("VMCLEAR", i_vmclear, KERNEL64, SETS({0}), WANTS(BY(EXIT_VMCLEAR))),
	ROW("VMLAUNCH", i_vmlaunch, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_VMLAUNCH, 3))),
	ROW("VMPTRLD", i_vmptrld, KERNEL64, SETS({0}), WANTS(BY(EXIT_VMPTRLD))),
	ROW("VMPTRST", i_vmptrst, KERNEL64, SETS({0}), WANTS(BY(EXIT_VMPTRST))),
	ROW("VMREAD", i_vmread, KERNEL64, SETS({0}),
	    WANTS(BY_LENGTH(EXIT_VMREAD, 3), BITS(EXIT_INSTR_INFO, 0x418, 0xf0000478))),
	ROW("VMRESUME", i_vmresume, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_VMRESUME, 3))),
	ROW("VMWRITE", i_vmwrite, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_VMWRITE, 3))),
	ROW("VMXOFF", i_vmxoff, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_VMXOFF, 3))),
	ROW("VMXON", i_vmxon, KERNEL64, SETS({0}), WANTS(BY(EXIT_VMXON))),
	ROW("INVEPT", i_invept, KERNEL64, SETS({0}), WANTS(BY(EXIT_INVEPT))),
	ROW("INVVPID", i_invvpid, KERNEL64, SETS({0}), WANTS(BY(EXIT_INVVPID))),
	ROW("VMREAD in compatibility mode: #UD", i_vmread, KERNEL32, SETS(INTERCEPT(UD)),
	    WANTS(FAULT_AT(UD))),
	ROW("INVPCID, INVLPG exits on", i_invpcid, KERNEL64,
	    SETS(ON2(CPU2_INVPCID), ON(CPU_INVLPG), PUT(L2_REG(RAX), 2)), WANTS(BY(EXIT_INVPCID))),
	ROW("INVPCID, enabled", i_invpcid, KERNEL64, SETS(ON2(CPU2_INVPCID), PUT(L2_REG(RAX), 2)),
	    WANTS(TO_THE_END)),
	ROW("INVPCID, not enabled: #UD", i_invpcid, KERNEL64, SETS(INTERCEPT(UD), PUT(L2_REG(RAX), 2)),
	    WANTS(FAULT_AT(UD))),
	ROW("RDRAND, on", i_rdrand, KERNEL64, SETS(ON2(CPU2_RDRAND)), WANTS(BY(EXIT_RDRAND))),
	ROW("RDSEED, on", i_rdseed, KERNEL64, SETS(ON2(CPU2_RDSEED)), WANTS(BY(EXIT_RDSEED))),
	ROW("GETSEC with CR4.SMXE clear: #UD", i_getsec, KERNEL64, SETS(INTERCEPT(UD)), WANTS(FAULT_AT(UD))),
};

static const struct shot with_xsave[] = {
	ROW("XSETBV", i_xsetbv, KERNEL64, SETS({0}), WANTS(BY_LENGTH(EXIT_XSETBV, 3))),
	ROW_NOT_ON_BOCHS("XSETBV at CPL 3: #GP", i_xsetbv, USER64, SETS(INTERCEPT(GP)),
			 WANTS(FAULT_AT_WITH(GP, 0)), "Bochs exits first"),
};

/* L2's TSC is L1's plus the offset; a run takes fewer than this many ticks on any machine. */
#define SLACK 1000000ull

static void tsc_offset(const char *name, uint64_t offset)
{
	uint64_t before, seen;

	if (!lab_selected(name))
		return;
	lab_reset(&code_i_rdtsc, KERNEL64);
	put(CPU_CTLS, get(CPU_CTLS) | CPU_TSC_OFFSETTING);
	put(TSC_OFFSET, offset);
	before = rdtsc();
	lab_run();
	seen = (lab_regs.r[RDX] << 32 | (uint32_t)lab_regs.r[RAX]) - offset;
	if (seen - before < SLACK && rdtsc() - seen < SLACK)
		rt_pass(name);
	else
		rt_fail(name, "L2 saw 0x%lx more than L1", seen + offset - before);
}

void test_instructions(void)
{
	SHOTS_RUN(rows);
	if (rt_has_xsave())
		SHOTS_RUN(with_xsave);
	else
		rt_skip("XSETBV", "no XSAVE");
	tsc_offset("RDTSC, offset 0", 0);
	tsc_offset("RDTSC, positive offset", 1ull << 40);
	tsc_offset("RDTSC, negative offset", -(1ull << 40));
}
