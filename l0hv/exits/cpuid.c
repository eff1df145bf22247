/* SPDX-License-Identifier: MIT */
/* What a guest sees of the processor: SDM Vol. 2A, "CPUID". One row a leaf that differs from the processor's.
 */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cpuid.h"
#include "l0hv/exits/exits.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"
#include "nestbed/hypercall.h"

#define BIT(n) (1u << (n))

enum { EAX, EBX, ECX, EDX };

struct leaf_view {
	uint32_t keep[4]; /* bits that are the processor's; the rest reads as 0 */
	void (*patch)(const struct vcpu *v, uint32_t subleaf, struct cpuid *c);
};

static void patch_1(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)subleaf;
	c->ebx = (c->ebx & 0xFFFF) | v->vm->vcpu_count << 16 | v->id << 24;
	c->ecx |= BIT(31) /* hypervisor */ | BIT(21) /* x2APIC */ | BIT(24) /* TSC-deadline timer */;
	if (v->nested)
		c->ecx |= BIT(5);
	if (c->ecx & BIT(26) && vmread(GUEST_CR4) & CR4_OSXSAVE)
		c->ecx |= BIT(27);
	if (!lapic_is_on(&v->vm->platform.vcpu[v->id].lapic))
		c->edx &= ~BIT(9);
}

static void patch_7(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	if (subleaf)
		*c = (struct cpuid){0, 0, 0, 0};
	c->eax = 0; /* no further subleaf */
	if (!subleaf)
		c->ebx |= BIT(1); /* IA32_TSC_ADJUST */
	if (!vmx_can(&l0_caps, WORD_CPU2, CTL2_INVPCID))
		c->ebx &= ~BIT(10);
}

/* Cores that the package may have: as many as leaf 0BH has IDs for. All share the last cache. */
static void patch_4(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	uint32_t last = 3u << 5; /* cache level 3 */

	(void)v;
	(void)subleaf;
	if (!(c->eax & 0x1F))
		return;
	c->eax |= 7u << 26;
	if ((c->eax & 7u << 5) == last)
		c->eax |= 7u << 14;
}

/* The TSC counts ticks, 10^9 a second, as do the local APIC's timer and with it the core crystal clock. */
static void patch_15(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	(void)subleaf;
	*c = (struct cpuid){1, 1, 1000000000, 0};
}

static void patch_16(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	(void)subleaf;
	*c = (struct cpuid){1000, 1000, 100, 0}; /* MHz: base, highest, bus */
}

/* Topology: one package of single-threaded cores. */
static void patch_b(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	c->eax = subleaf == 1 ? 3 : 0; /* bits of the x2APIC ID below the package: up to 8 vCPUs */
	c->ebx = subleaf == 0 ? 1 : subleaf == 1 ? v->vm->vcpu_count : 0;
	c->ecx = (subleaf & 0xFF) | (subleaf == 0 ? 1u << 8 : subleaf == 1 ? 2u << 8 : 0);
	c->edx = v->id;
}

/* Sizes follow the guest's XCR0, which is the processor's while it runs. No supervisor state is offered. */
static void patch_d(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	if (subleaf == 1) {
		c->eax &= l0_features.xsaves ? 0xF : 0x7; /* XSAVEOPT, XSAVEC, XGETBV with ECX = 1, XSAVES */
		c->ecx = c->edx = 0;
		if (!l0_features.xsaves)
			c->ebx = 0;
	}
}

static void patch_80000001(const struct vcpu *v, uint32_t subleaf, struct cpuid *c)
{
	(void)v;
	(void)subleaf;
	if (!l0_features.rdtscp)
		c->edx &= ~BIT(27);
}

#define ALL                                                                                                  \
	{                                                                                                    \
		~0u, ~0u, ~0u, ~0u                                                                           \
	}
#define NONE                                                                                                 \
	{                                                                                                    \
		0, 0, 0, 0                                                                                   \
	}

/* clang-format off */
static const struct leaf_view basic[0x17] = {
	[0x00] = {{0, ~0u, ~0u, ~0u}, NULL}, /* EAX set below */
	/* hidden: DTES64 MONITOR DS-CPL VMX SMX EST TM2 SDBG xTPR PDCM DCA; MCE MCA PSN DS ACPI TM PBE.
	 * x2APIC and the TSC-deadline timer are emulated, OSXSAVE and VMX are the guest's: set below */
	[0x01] = {{~0u, ~0u,
		   BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) |
		   BIT(26) | BIT(28) | BIT(29) | BIT(30),
		   ~(BIT(7) | BIT(14) | BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31))}, patch_1},
	[0x02] = {ALL, NULL},
	[0x04] = {{0x3FFFu, ~0u, ~0u, ~0u}, patch_4},
	/* 5 MONITOR, 6 power, 9 DCA, A performance counters: hidden */
	[0x07] = {{~0u,
		   /* FSGSBASE BMI1 AVX2 FDP-only-at-exceptions SMEP BMI2 ERMS INVPCID AVX512F/DQ RDSEED ADX SMAP AVX512IFMA CLFLUSHOPT CLWB AVX512* SHA */
		   BIT(0) | BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(13) | BIT(16) | BIT(17) | BIT(18) | BIT(19) |
		   BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(30) | BIT(31),
		   /* AVX512_VBMI UMIP VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ */
		   BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14),
		   /* AVX512_4VNNIW 4FMAPS FSRM VP2INTERSECT */
		   BIT(2) | BIT(3) | BIT(4) | BIT(8)}, patch_7},
	[0x0B] = {NONE, patch_b},
	[0x0D] = {ALL, patch_d},
	[0x15] = {NONE, patch_15},
	[0x16] = {NONE, patch_16},
};
static const struct leaf_view extended[9] = {
	[0] = {ALL, NULL},
	[1] = {{~0u, ~0u, BIT(0) | BIT(5) | BIT(8), ~0u}, patch_80000001}, /* LAHF LZCNT PREFETCHW */
	[2] = {ALL, NULL}, [3] = {ALL, NULL}, [4] = {ALL, NULL}, [6] = {ALL, NULL},
	[7] = {{0, 0, 0, BIT(8)}, NULL}, /* invariant TSC */
	[8] = {{~0u, 0, 0, 0}, NULL},
};
/* clang-format on */

static void view(const struct vcpu *v, const struct leaf_view *leaf, uint32_t subleaf, struct cpuid *c)
{
	c->eax &= leaf->keep[EAX];
	c->ebx &= leaf->keep[EBX];
	c->ecx &= leaf->keep[ECX];
	c->edx &= leaf->keep[EDX];
	if (leaf->patch)
		leaf->patch(v, subleaf, c);
}

static uint32_t highest_basic(void)
{
	static uint32_t highest;
	const uint32_t shown = sizeof(basic) / sizeof(basic[0]) - 1;

	if (!highest)
		highest = cpuid(0, 0).eax < shown ? cpuid(0, 0).eax : shown;
	return highest;
}

/* SDM "CPUID": what is neither a basic nor an extended leaf gives the highest basic one. The hypervisor's are
 * ours. */
static uint32_t leaf_shown(uint32_t leaf)
{
	bool there = leaf <= highest_basic() || leaf - 0x40000000u < 0x10000000u ||
		     leaf - 0x80000000u < sizeof(extended) / sizeof(extended[0]);

	return there ? leaf : highest_basic();
}

void guest_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid *c)
{
	leaf = leaf_shown(leaf);
	*c = cpuid(leaf, subleaf);
	if (leaf < sizeof(basic) / sizeof(basic[0])) {
		view(v, &basic[leaf], subleaf, c);
		if (!leaf)
			c->eax = highest_basic();
	} else if (leaf == NB_CPUID_HYPERVISOR) {
		c->eax = NB_CPUID_HYPERVISOR;
		memcpy(&c->ebx, NB_SIGNATURE_L0, 4);
		memcpy(&c->ecx, &NB_SIGNATURE_L0[4], 4);
		memcpy(&c->edx, &NB_SIGNATURE_L0[8], 4);
	} else if (leaf - 0x80000000u < sizeof(extended) / sizeof(extended[0])) {
		view(v, &extended[leaf - 0x80000000u], subleaf, c);
	} else {
		*c = (struct cpuid){0, 0, 0, 0};
	}
}

/* ---- answers made in advance ---- */

struct cpuid_cache {
	struct {
		struct cpuid answer;
		bool constant; /* hangs on neither subleaf nor state */
	} basic[sizeof(basic) / sizeof(basic[0])];
	struct cpuid extended[sizeof(extended) / sizeof(extended[0])]; /* all of them constant */
	uint32_t extended_count; /* 0 where nothing is made in advance */
};

static bool is_constant(uint32_t leaf)
{
	return leaf != 1 && leaf != 4 && leaf != 7 && leaf != 0xB && leaf != 0xD;
}

struct cpuid_cache *cpuid_cache_create(const struct vcpu *v)
{
	uint64_t pa = pages_alloc_contiguous(sizeof(struct cpuid_cache), PAGE_SIZE);
	struct cpuid_cache *cache = pa ? phys_to_virt(pa) : NULL;

	if (!cache || !v->vm->config->cached_cpuid)
		return cache;
	cache->extended_count = sizeof(extended) / sizeof(extended[0]);
	for (uint32_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++) {
		cache->basic[i].constant = is_constant(i);
		if (is_constant(i))
			guest_cpuid(v, i, 0, &cache->basic[i].answer);
	}
	for (uint32_t i = 0; i < sizeof(extended) / sizeof(extended[0]); i++)
		guest_cpuid(v, 0x80000000u + i, 0, &cache->extended[i]);
	return cache;
}

static void answer(struct vcpu *v, const struct cpuid *c)
{
	v->gpr[0] = c->eax;
	v->gpr[3] = c->ebx;
	v->gpr[1] = c->ecx;
	v->gpr[2] = c->edx;
}

enum verdict on_cpuid(struct vcpu *v)
{
	uint32_t leaf = (uint32_t)v->gpr[0];
	struct cpuid c;

	if (leaf < sizeof(basic) / sizeof(basic[0]) && v->cpuid->basic[leaf].constant) {
		answer(v, &v->cpuid->basic[leaf].answer);
		return SKIP_AND_RESUME;
	}
	if (leaf - 0x80000000u < v->cpuid->extended_count) {
		answer(v, &v->cpuid->extended[leaf - 0x80000000u]);
		return SKIP_AND_RESUME;
	}
	guest_cpuid(v, leaf, (uint32_t)v->gpr[1], &c);
	answer(v, &c);
	return SKIP_AND_RESUME;
}
