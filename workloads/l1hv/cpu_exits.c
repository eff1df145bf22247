// SPDX-License-Identifier: MIT
/* Exits of instructions that need no device: CPUID, VMCALL, HLT, RDTSC, XSETBV and their like. */
#include "nestbed/hypercall.h"
#include "events.h"
#include "exits.h"
#include "guest.h"

enum cpuid_register { REG_EAX, REG_EBX, REG_ECX, REG_EDX };

/* Bits that L2 doesn't see: always, or without a control in the secondary processor-based controls. */
static const struct {
	uint32_t leaf, subleaf; /* ~0: any */
	enum cpuid_register reg;
	uint32_t bits;
	uint32_t unless_ctl2;
	const char *what;
} cpuid_hidden[] = {
	{1,          ~0u, REG_ECX, 1u << 5 | 1u << 6,            0,            "VMX, SMX"             },
	{7,          0,   REG_EBX, 1u << 1 | 1u << 2,            0,            "TSC_ADJUST, SGX"      },
	{7,          0,   REG_EBX, 1u << 10,                     CPU2_INVPCID, "INVPCID"              },
	{7,          0,   REG_ECX, 1u << 5 | 1u << 16 | 1u << 7, 0,            "WAITPKG, LA57, CET_SS"},
	{7,          0,   REG_EDX, 1u << 20,                     0,            "CET_IBT"              },
	{0xD,        1,   REG_EAX, 1u << 3,                      CPU2_XSAVES,  "XSAVES"               },
	{0x80000001, ~0u, REG_EDX, 1u << 27,                     CPU2_RDTSCP,  "RDTSCP"               },
};

/* Bits that mirror L2's state, of which the processor reports l1hv's. */
static void cpuid_mirror(uint32_t leaf, uint32_t reg[4])
{
	if (leaf == 1) {
		reg[REG_ECX] |= 1u << 31; /* a hypervisor is here */
		reg[REG_ECX] &= ~(1u << 27);
		if (l2_cr4() & X86_CR4_OSXSAVE)
			reg[REG_ECX] |= 1u << 27;
		if (!l2_apic_enabled())
			reg[REG_EDX] &= ~(1u << 9);
	} else if (leaf == 7) {
		reg[REG_ECX] &= ~(1u << 4);
		if (l2_cr4() & X86_CR4_PKE)
			reg[REG_ECX] |= 1u << 4;
	}
}

static void cpuid_answer(uint32_t leaf, uint32_t subleaf, uint32_t reg[4])
{
	if (leaf - NB_CPUID_HYPERVISOR < 0x100) { /* l1hv's own leaves, not those of what is below it */
		memset(reg, 0, 16);
		if (leaf == NB_CPUID_HYPERVISOR) {
			reg[REG_EAX] = NB_CPUID_HYPERVISOR;
			memcpy(&reg[REG_EBX], NB_SIGNATURE_L1, 12);
		}
		return;
	}
	__asm__ volatile("cpuid"
			 : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
			 : "a"(leaf), "c"(subleaf));
	for (unsigned int i = 0; i < sizeof(cpuid_hidden) / sizeof(cpuid_hidden[0]); i++) {
		if (cpuid_hidden[i].leaf == leaf &&
		    (cpuid_hidden[i].subleaf == ~0u || cpuid_hidden[i].subleaf == subleaf) &&
		    !(hv.cap.cpu2 & cpuid_hidden[i].unless_ctl2))
			reg[cpuid_hidden[i].reg] &= ~cpuid_hidden[i].bits;
	}
	cpuid_mirror(leaf, reg);
}

enum verdict on_cpuid(struct l2_regs *regs)
{
	uint32_t reg[4];

	cpuid_answer((uint32_t)regs->r[RAX], (uint32_t)regs->r[RCX], reg);
	regs->r[RAX] = reg[REG_EAX];
	regs->r[RBX] = reg[REG_EBX];
	regs->r[RCX] = reg[REG_ECX];
	regs->r[RDX] = reg[REG_EDX];
	return SKIP;
}

/* The round trip that exit-cost measures: nothing here but the answer. */
enum verdict on_vmcall(struct l2_regs *regs)
{
	const uint64_t number = regs->r[RAX];

	if (number == NB_HC_NOP)
		return SKIP; /* RAX is 0 already */
	/* L2 has one virtual processor: nobody to yield to */
	regs->r[RAX] = number == NB_HC_YIELD && l2_cpl() == 0 ? 0 : NB_HC_UNKNOWN;
	return SKIP;
}

enum verdict on_hlt(struct l2_regs *regs)
{
	(void)regs;
	vmwrite(GUEST_ACTIVITY, ACTIVITY_HLT); /* an event that is due makes it active again */
	return SKIP;
}

enum verdict on_nothing_to_do(struct l2_regs *regs)
{
	(void)regs;
	return SKIP;
}

enum verdict on_invlpg(struct l2_regs *regs)
{
	(void)regs;
	l2_flush_tlb(); /* more than asked, which is allowed */
	return SKIP;
}

static void put_edx_eax(struct l2_regs *regs, uint64_t value)
{
	regs->r[RAX] = (uint32_t)value;
	regs->r[RDX] = value >> 32;
}

enum verdict on_rdtsc(struct l2_regs *regs)
{
	put_edx_eax(regs, rdtsc() + hv.tsc_offset);
	return SKIP;
}

enum verdict on_rdtscp(struct l2_regs *regs)
{
	regs->r[RCX] = (uint32_t)rdmsr(IA32_TSC_AUX);
	return on_rdtsc(regs);
}

/* SDM volume 2, "XSETBV—Set Extended Control Register", and volume 1, "Enabling the XSAVE Feature Set". */
static bool xcr0_valid(uint64_t value)
{
	const struct cpuid d = cpuid(0xD, 0);
	const uint64_t sse = 1ull << 1, avx = 1ull << 2, mpx = 3ull << 3, avx512 = 7ull << 5;

	if ((value & ~((uint64_t)d.edx << 32 | d.eax)) || !(value & 1))
		return false;
	if ((value & avx) && !(value & sse))
		return false;
	if ((value & mpx) && (value & mpx) != mpx)
		return false;
	return !(value & avx512) || ((value & avx512) == avx512 && (value & avx));
}

enum verdict on_xsetbv(struct l2_regs *regs)
{
	const uint64_t value = regs->r[RDX] << 32 | (uint32_t)regs->r[RAX];

	if (l2_cpl() != 0 || (uint32_t)regs->r[RCX] != 0 || !xcr0_valid(value))
		return inject_gp();
	xsetbv(0, value); /* l1hv uses SSE only, for records, and saves that: L2's XCR0 stays loaded */
	return SKIP;
}

enum verdict on_vmx_instruction(struct l2_regs *regs)
{
	(void)regs;
	return inject_ud(); /* CPUID says that there is no VMX, CR4.VMXE can't be set */
}

enum verdict on_triple_fault(struct l2_regs *regs)
{
	(void)regs;
	l2_stop(STOP_TRIPLE_FAULT, "triple fault");
}

enum verdict on_task_switch(struct l2_regs *regs)
{
	(void)regs;
	l2_stop(STOP_UNSUPPORTED, "hardware task switch");
}

enum verdict on_ept_misconfiguration(struct l2_regs *regs)
{
	(void)regs;
	l2_stop(STOP_UNEXPECTED, "EPT misconfiguration: l1hv's own tables are wrong");
}
