/* SPDX-License-Identifier: MIT */
/* SDM Vol. 2A, "CPUID". One row a leaf that guests are shown, with the bits of it that may be the
 * processor's.
 */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/fault.h"
#include "l0hv/exits/cpu_offer.h"
#include "l0hv/exits/cpu_vmx.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"

#define BIT(n)        (1u << (n))
#define SUBLEAVES_MAX 63u
#define ALL                                                                                                  \
	{                                                                                                    \
		~0u, ~0u, ~0u, ~0u                                                                           \
	}
#define CPUID1_VMX     BIT(5)
#define XSAVE_LEGACY   576u /* bytes: legacy region and header */
#define XCR0_SUPPORTED 0xE7u /* x87, SSE, AVX, AVX-512: what hangs on no feature that is hidden */
#define XSAVE_XSAVES   BIT(3)

/*
 * IA32_ARCH_CAPABILITIES: what needs nothing of L0. Hidden: bits that tell of another MSR (IBRS_ALL,
 * TSX_CTRL, MISC_PACKAGE_CTLS, ENERGY_FILTERING_CTL, DOITM, FB_CLEAR_CTRL, XAPIC_DISABLE_STATUS, GDS_CTRL).
 */
#define ARCH_CAPABILITIES_SHOWN                                                                              \
	(1ull << 0 | 1ull << 2 | 1ull << 3 | 1ull << 4 | 1ull << 5 | 1ull << 6 | 1ull << 8 | 1ull << 13 |    \
	 1ull << 14 | 1ull << 15 | 1ull << 17 | 1ull << 19 | 1ull << 20 | 1ull << 24 | 1ull << 26 |          \
	 1ull << 27 | 1ull << 28)

/* clang-format off */
static const struct shown {
	uint32_t leaf;
	uint32_t keep[CPU_REGS]; /* the rest reads as 0 */
} shown[] = {
	{0x00, ALL},
	/* hidden: DTES64 MONITOR DS-CPL SMX EST TM2 SDBG xTPR PDCM DCA OSXSAVE; MCE MCA PSN DS ACPI TM PBE; APIC IDs, VMX: below */
	{0x01, {~0u, 0xFFFF,
		BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | BIT(21) | BIT(22) | BIT(23) | BIT(24) |
		BIT(25) | BIT(26) | BIT(28) | BIT(29) | BIT(30) | BIT(31),
		~(BIT(7) | BIT(14) | BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31))}},
	{0x02, ALL},
	{0x04, {0x3FFFu, ~0u, ~0u, ~0u}}, /* how many share a cache: the VM's own */
	/* 5 MONITOR, 6 power, 9 DCA, A performance counters: hidden */
	{0x07, {0,
		/* FSGSBASE TSC_ADJUST BMI1 AVX2 FDP-only-at-exceptions SMEP BMI2 ERMS INVPCID AVX512F/DQ RDSEED ADX SMAP AVX512IFMA CLFLUSHOPT CLWB AVX512* SHA */
		BIT(0) | BIT(1) | BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(13) | BIT(16) | BIT(17) | BIT(18) |
		BIT(19) | BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(30) | BIT(31),
		/* AVX512_VBMI UMIP VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ */
		BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14),
		/* AVX512_4VNNIW 4FMAPS FSRM VP2INTERSECT MD_CLEAR IA32_ARCH_CAPABILITIES */
		BIT(2) | BIT(3) | BIT(4) | BIT(8) | BIT(10) | BIT(29)}},
	{0x0D, ALL},
	{0x80000000, ALL},
	{0x80000001, {~0u, ~0u, BIT(0) | BIT(5) | BIT(8), ~0u}}, /* LAHF LZCNT PREFETCHW */
	{0x80000002, ALL}, {0x80000003, ALL}, {0x80000004, ALL}, {0x80000006, ALL},
	{0x80000007, {0, 0, 0, BIT(8)}}, /* invariant TSC */
	{0x80000008, {~0u, 0, 0, 0}},
};

/* What is so on every processor, since L0 makes it. */
static const struct {
	uint32_t leaf;
	enum cpu_reg reg;
	uint32_t bits;
} emulated[] = {
	{1, CPU_ECX, BIT(21) | BIT(24)}, /* x2APIC, TSC-deadline timer */
	{7, CPU_EBX, BIT(1)},            /* IA32_TSC_ADJUST */
};
/* clang-format on */

/* ---- the processor ---- */

/* The row, made if need be. */
static void change(struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf, enum cpu_reg reg, uint32_t set,
		   uint32_t clear)
{
	const struct cpu_leaf *row = cpu_policy_leaf(policy, leaf, subleaf);
	struct cpu_leaf changed;

	if (!row)
		return;
	changed = *row;
	changed.reg[reg] = (changed.reg[reg] & ~clear) | set;
	(void)!cpu_policy_set(policy, &changed); /* it has a place */
}

/* -> whether there may be more sub-leaves. */
static bool find_row(struct cpu_policy *found, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c = cpuid(leaf, subleaf);
	const struct cpu_leaf row = {
		leaf, subleaf, {c.eax, c.ebx, c.ecx, c.edx}
        };

	if (cpu_policy_set(found, &row))
		panic("more leaves of CPUID than a policy holds");
	return leaf == 4 && row.reg[CPU_EAX] & 0x1F;
}

static void find_leaf(struct cpu_policy *found, uint32_t leaf)
{
	uint32_t subleaf = 0;

	while (find_row(found, leaf, subleaf))
		subleaf++;
	if (leaf != 0xD)
		return;
	find_row(found, leaf, 1);
	for (subleaf = 2; subleaf < SUBLEAVES_MAX; subleaf++)
		if (l0_features.xcr0 >> subleaf & 1)
			find_row(found, leaf, subleaf);
}

/* What L0 cannot pass on without a control that the processor lacks. */
static void drop_unusable(struct cpu_policy *found)
{
	if (!vmx_can(&l0_caps, WORD_CPU2, CTL2_INVPCID))
		change(found, 7, 0, CPU_EBX, 0, BIT(10));
	if (!l0_features.rdtscp)
		change(found, 0x80000001, 0, CPU_EDX, 0, BIT(27));
	if (!l0_features.xsaves)
		change(found, 0xD, 1, CPU_EAX, 0, XSAVE_XSAVES);
}

static void find_msrs(struct cpu_policy *found)
{
	uint64_t value;
	int error = cpu_vmx_set_caps(found, &l0_caps);

	if (cpu_policy_reg(found, 7, 0, CPU_EDX) & BIT(29) && !rdmsr_safe(MSR_ARCH_CAPABILITIES, &value))
		error = error ? error : cpu_policy_set_msr(found, MSR_ARCH_CAPABILITIES, value);
	else
		change(found, 7, 0, CPU_EDX, 0, BIT(29));
	if (error)
		panic("more MSRs than a policy holds");
}

const struct cpu_policy *cpu_found(void)
{
	static struct cpu_policy found = {.name = "this processor"};
	const uint32_t basic = cpuid(0, 0).eax, extended = cpuid(0x80000000, 0).eax;

	if (found.leaf_count)
		return &found;
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (shown[i].leaf <= basic || (shown[i].leaf >> 31 && shown[i].leaf <= extended))
			find_leaf(&found, shown[i].leaf);
	drop_unusable(&found);
	for (unsigned i = 0; i < sizeof(emulated) / sizeof(emulated[0]); i++)
		change(&found, emulated[i].leaf, 0, emulated[i].reg, emulated[i].bits, 0);
	find_msrs(&found);
	return &found;
}

/* ---- what is offered of a processor ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static const struct shown *find_shown(uint32_t leaf)
{
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (shown[i].leaf == leaf)
			return &shown[i];
	return NULL;
}

/* Leaf 0DH without the state components that are not supported. False: drop the row. */
static bool restrict_xsave(struct cpu_leaf *row)
{
	if (row->subleaf == 0) {
		row->reg[CPU_EAX] &= XCR0_SUPPORTED;
		row->reg[CPU_EBX] = row->reg[CPU_ECX] = row->reg[CPU_EDX] =
			0; /* sizes: below, and as it runs */
		return true;
	}
	if (row->subleaf == 1) { /* XSAVEOPT, XSAVEC, XGETBV with ECX = 1, XSAVES; no supervisor state */
		row->reg[CPU_EAX] &= 0xF;
		row->reg[CPU_EBX] = row->reg[CPU_ECX] = row->reg[CPU_EDX] = 0;
		return true;
	}
	return row->subleaf < 32 && XCR0_SUPPORTED >> row->subleaf & 1;
}

/* "CPUID", leaf 0DH: the size of the area for all that XCR0 can have. */
static void set_xsave_size(struct cpu_policy *offer)
{
	uint32_t size = XSAVE_LEGACY;

	for (uint32_t i = 0; i < offer->leaf_count; i++) {
		const struct cpu_leaf *row = &offer->leaf[i];

		if (row->leaf == 0xD && row->subleaf >= 2 && row->reg[CPU_EBX] + row->reg[CPU_EAX] > size)
			size = row->reg[CPU_EBX] + row->reg[CPU_EAX];
	}
	if (cpu_policy_reg(offer, 0xD, 0, CPU_EAX))
		change(offer, 0xD, 0, CPU_ECX, size, ~0u);
}

/* That a row of shown[] is about. */
static uint32_t last_subleaf(uint32_t leaf)
{
	return leaf == 4 || leaf == 0xD ? SUBLEAVES_MAX : 0;
}

static int offer_leaf(const struct cpu_leaf *from, bool vmx, struct cpu_policy *offer)
{
	const struct shown *s = find_shown(from->leaf);
	struct cpu_leaf row = *from;
	uint32_t any = 0;

	if (!s || row.subleaf > last_subleaf(row.leaf) || (row.leaf == 0xD && !restrict_xsave(&row)))
		return 0;
	for (unsigned r = 0; r < CPU_REGS; r++)
		any |= row.reg[r] &= s->keep[r];
	if (row.leaf == 0)
		row.reg[CPU_EAX] = least(row.reg[CPU_EAX], CPU_OFFER_BASIC);
	if (row.leaf == 0x80000000)
		row.reg[CPU_EAX] = least(row.reg[CPU_EAX], CPU_OFFER_EXTENDED);
	if (row.leaf == 1 && vmx)
		row.reg[CPU_ECX] |= from->reg[CPU_ECX] & CPUID1_VMX;
	return any || !row.subleaf ? cpu_policy_set(offer, &row) : 0;
}

static int offer_vmx(const struct cpu_policy *processor, struct cpu_policy *offer)
{
	struct vmx_caps hardware, caps;

	if (!(cpu_policy_reg(offer, 1, 0, CPU_ECX) & CPUID1_VMX) ||
	    !cpu_policy_msr(processor, VMX_CAPS_FIRST_MSR)) {
		change(offer, 1, 0, CPU_ECX, 0, CPUID1_VMX);
		return 0;
	}
	cpu_vmx_caps(processor, &hardware);
	cpu_vmx_offer(&hardware, &caps);
	return cpu_vmx_set_caps(offer, &caps);
}

int cpu_offer_on(const struct cpu_policy *processor, bool vmx, struct cpu_policy *offer)
{
	const struct cpu_msr *arch = cpu_policy_msr(processor, MSR_ARCH_CAPABILITIES);
	int error = 0;

	offer->leaf_count = offer->msr_count = 0;
	for (uint32_t i = 0; i < processor->leaf_count && !error; i++)
		error = offer_leaf(&processor->leaf[i], vmx, offer);
	set_xsave_size(offer);
	if (arch && cpu_policy_reg(offer, 7, 0, CPU_EDX) & BIT(29))
		error = error ? error
			      : cpu_policy_set_msr(offer, MSR_ARCH_CAPABILITIES,
						   arch->value & ARCH_CAPABILITIES_SHOWN);
	return error ? error : offer_vmx(processor, offer);
}
