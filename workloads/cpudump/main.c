/* SPDX-License-Identifier: MIT */
/*
 * What a processor says of itself: CPUID in the text form of `cpuid -r` (SDM Vol. 2A, "CPUID"), then the MSRs
 * that tell of capabilities, a line each: `msr NUMBER VALUE`. The same at every level that it runs at.
 */
#include "rt.h"

#define SUBLEAVES_MAX 64u

#define CPUID1_VMX       (1u << 5)
#define CPUID7_ARCH_CAPS (1u << 29)
#define MSR_ARCH_CAPS    0x10au
#define VMX_MSRS_FIRST   0x480u
#define VMX_MSRS_LAST    0x493u
#define BASIC_TRUE_CTLS  (1ull << 55)
#define CPU_SECONDARY    (1u << 31)
#define CPU2_EPT_OR_VPID (1u << 1 | 1u << 5)
#define CPU2_VMFUNC      (1u << 13)

static void line(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c = cpuid(leaf, subleaf);

	rt_printf("   0x%08x 0x%02x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x\n", leaf, subleaf, c.eax,
		  c.ebx, c.ecx, c.edx);
}

static bool all_zero(struct cpuid c)
{
	return !(c.eax | c.ebx | c.ecx | c.edx);
}

/* Is there this sub-leaf? By the leaf's own rule; the one behind the last is told where it says that it is.
 */
static bool has_subleaf(uint32_t leaf, uint32_t subleaf)
{
	uint64_t states;

	switch (leaf) {
	case 0x4: /* until a cache of type 0 */
		return cpuid(leaf, subleaf - 1).eax & 0x1f;
	case 0xb: /* until a level of type 0 */
	case 0x1f:
		return cpuid(leaf, subleaf - 1).ecx >> 8 & 0xff;
	case 0xd: /* each state component of XCR0 or IA32_XSS */
		states = (uint64_t)cpuid(leaf, 0).edx << 32 | cpuid(leaf, 0).eax |
			 (uint64_t)cpuid(leaf, 1).edx << 32 | cpuid(leaf, 1).ecx;
		return subleaf == 1 || (states >> subleaf & 1 && !all_zero(cpuid(leaf, subleaf)));
	case 0x7:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x1d:
	case 0x20:
		return subleaf <= cpuid(leaf, 0).eax;
	default:
		return false;
	}
}

static void range(uint32_t first)
{
	uint32_t highest = cpuid(first, 0).eax;

	if (highest < first || highest > first + 0xff)
		return;
	for (uint32_t leaf = first; leaf <= highest; leaf++) {
		line(leaf, 0);
		for (uint32_t s = 1; s < SUBLEAVES_MAX; s++)
			if (has_subleaf(leaf, s))
				line(leaf, s);
			else if (leaf != 0xd)
				break;
	}
}

static void msr(uint32_t number)
{
	uint64_t value;

	if (rt_rdmsr_safe(number, &value))
		rt_printf("msr 0x%08x 0x%016lx\n", number, value);
}

/* Only those that the processor has by its own word: some emulators read any number as 0. */
static bool has_vmx_msr(uint32_t number)
{
	const uint32_t cpu = (uint32_t)(rdmsr(0x482) >> 32);
	const uint32_t cpu2 = cpu & CPU_SECONDARY ? (uint32_t)(rdmsr(0x48b) >> 32) : 0;

	if (number <= 0x48a)
		return true;
	if (number == 0x48b)
		return cpu & CPU_SECONDARY;
	if (number == 0x48c)
		return cpu2 & CPU2_EPT_OR_VPID;
	if (number <= 0x490)
		return rdmsr(0x480) & BASIC_TRUE_CTLS;
	return number == 0x491 && cpu2 & CPU2_VMFUNC;
}

void rt_main(void)
{
	rt_printf("CPU 0:\n");
	range(0);
	range(0x40000000);
	range(0x80000000);
	if (cpuid(0, 0).eax >= 7 && cpuid(7, 0).edx & CPUID7_ARCH_CAPS)
		msr(MSR_ARCH_CAPS);
	if (cpuid(1, 0).ecx & CPUID1_VMX)
		for (uint32_t number = VMX_MSRS_FIRST; number <= VMX_MSRS_LAST; number++)
			if (has_vmx_msr(number))
				msr(number);
}
