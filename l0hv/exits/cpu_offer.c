/* SPDX-License-Identifier: MIT */
/* SDM Vol. 2A, "CPUID". One row a leaf that guests are shown, with the bits of it that are the processor's.
 */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpu_offer.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"

#define BIT(n)        (1u << (n))
#define SUBLEAVES_MAX 63u
#define ALL                                                                                                  \
	{                                                                                                    \
		~0u, ~0u, ~0u, ~0u                                                                           \
	}
#define XSAVE_FEATURES 0x7u /* XSAVEOPT, XSAVEC, XGETBV with ECX = 1 */
#define XSAVE_XSAVES   0x8u

/* clang-format off */
static const struct {
	uint32_t leaf;
	uint32_t keep[CPU_REGS]; /* the rest reads as 0 */
} shown[] = {
	{0x00, ALL},
	/* hidden: DTES64 MONITOR DS-CPL VMX SMX EST TM2 SDBG xTPR PDCM DCA OSXSAVE; MCE MCA PSN DS ACPI TM PBE */
	{0x01, {~0u, ~0u,
		BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) |
		BIT(26) | BIT(28) | BIT(29) | BIT(30),
		~(BIT(7) | BIT(14) | BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31))}},
	{0x02, ALL},
	{0x04, {0x3FFFu, ~0u, ~0u, ~0u}},
	/* 5 MONITOR, 6 power, 9 DCA, A performance counters: hidden */
	{0x07, {0,
		/* FSGSBASE BMI1 AVX2 FDP-only-at-exceptions SMEP BMI2 ERMS INVPCID AVX512F/DQ RDSEED ADX SMAP AVX512IFMA CLFLUSHOPT CLWB AVX512* SHA */
		BIT(0) | BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(13) | BIT(16) | BIT(17) | BIT(18) | BIT(19) |
		BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(30) | BIT(31),
		/* AVX512_VBMI UMIP VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ */
		BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14),
		/* AVX512_4VNNIW 4FMAPS FSRM VP2INTERSECT */
		BIT(2) | BIT(3) | BIT(4) | BIT(8)}},
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
	{1, CPU_ECX, BIT(31)}, /* there is a hypervisor */
	{1, CPU_ECX, BIT(21)}, /* x2APIC */
	{1, CPU_ECX, BIT(24)}, /* TSC-deadline timer */
	{7, CPU_EBX, BIT(1)},  /* IA32_TSC_ADJUST */
};
/* clang-format on */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What hangs on more than the processor's answer. */
static void adjust(struct cpu_leaf *row)
{
	uint32_t *reg = row->reg;

	switch (row->leaf) {
	case 0:
		reg[CPU_EAX] = least(reg[CPU_EAX], CPU_OFFER_BASIC);
		break;
	case 7:
		if (!vmx_can(&l0_caps, WORD_CPU2, CTL2_INVPCID))
			reg[CPU_EBX] &= ~BIT(10);
		break;
	case 0xD:
		if (row->subleaf != 1)
			break;
		/* no supervisor state */
		reg[CPU_EAX] &= l0_features.xsaves ? XSAVE_FEATURES | XSAVE_XSAVES : XSAVE_FEATURES;
		reg[CPU_ECX] = reg[CPU_EDX] = 0;
		if (!l0_features.xsaves)
			reg[CPU_EBX] = 0;
		break;
	case 0x80000000:
		reg[CPU_EAX] = least(reg[CPU_EAX], CPU_OFFER_EXTENDED);
		break;
	case 0x80000001:
		if (!l0_features.rdtscp)
			reg[CPU_EDX] &= ~BIT(27);
		break;
	default:
		break;
	}
}

/* -> whether there may be more sub-leaves. */
static bool add(struct cpu_policy *offer, unsigned i, uint32_t subleaf)
{
	struct cpuid c = cpuid(shown[i].leaf, subleaf);
	struct cpu_leaf row = {
		shown[i].leaf, subleaf, {c.eax, c.ebx, c.ecx, c.edx}
        };
	uint32_t any = 0;

	for (unsigned r = 0; r < CPU_REGS; r++)
		any |= row.reg[r] &= shown[i].keep[r];
	adjust(&row);
	if ((any || !subleaf) && cpu_policy_set(offer, &row))
		panic("more leaves of CPUID than a policy holds");
	return row.leaf == 4 && row.reg[CPU_EAX] & 0x1F;
}

static void add_leaf(struct cpu_policy *offer, unsigned i)
{
	uint32_t subleaf = 0;

	if (shown[i].leaf != 0xD) {
		while (add(offer, i, subleaf))
			subleaf++;
		return;
	}
	add(offer, i, 0);
	add(offer, i, 1);
	for (subleaf = 2; subleaf < SUBLEAVES_MAX; subleaf++)
		if (l0_features.xcr0 >> subleaf & 1)
			add(offer, i, subleaf);
}

const struct cpu_policy *cpu_offer(void)
{
	static struct cpu_policy offer = {.name = "this processor under L0"};
	const uint32_t basic = cpuid(0, 0).eax, extended = cpuid(0x80000000, 0).eax;

	if (offer.leaf_count)
		return &offer;
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (shown[i].leaf <= basic || (shown[i].leaf >> 31 && shown[i].leaf <= extended))
			add_leaf(&offer, i);
	for (unsigned i = 0; i < sizeof(emulated) / sizeof(emulated[0]); i++) {
		const struct cpu_leaf *row = cpu_policy_leaf(&offer, emulated[i].leaf, 0);
		struct cpu_leaf changed;

		if (!row)
			continue;
		changed = *row;
		changed.reg[emulated[i].reg] |= emulated[i].bits;
		(void)!cpu_policy_set(&offer, &changed);
	}
	return &offer;
}
