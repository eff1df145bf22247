// SPDX-License-Identifier: MIT
/* SDM volume 3, appendix "VMX Capability Reporting Facility": what the MSRs say agrees with each other. */
#include "lab_impl.h"

#define LAST_CAPABILITY 0x491u

static uint64_t msr(uint32_t n)
{
	uint64_t value;

	(void)rt_rdmsr_safe(n, &value);
	return value;
}

static void basic(void)
{
	const uint64_t b = lab_caps.basic, type = b >> 50 & 15, size = b >> 32 & 0x1fff;

	rt_check("capabilities: revision's bit 31 is clear", !(b & 1u << 31));
	rt_check("capabilities: a VMCS is 1 to 4096 bytes", size > 0 && size <= 4096);
	rt_check("capabilities: VMCSs are in uncacheable or write-back memory", type == 0 || type == 6);
	rt_check("capabilities: physical addresses are not limited to 32 bits", !(b >> 48 & 1));
	rt_check("capabilities: reserved bits of IA32_VMX_BASIC", !(b >> 59) && !(b >> 45 & 7));
}

/* The MSR's must-be-1 bits are among its may-be-1 bits, and include the 'default1' ones. */
static void control_words(void)
{
	static const struct {
		const char *name;
		uint32_t plain, exact, default1;
	} words[] = {
		{"capabilities: pin-based controls",               IA32_VMX_PIN,   IA32_VMX_TRUE_PIN,   0x16   },
		{"capabilities: primary processor-based controls", IA32_VMX_CPU,   IA32_VMX_TRUE_CPU,
		 0x0401e172										    },
		{"capabilities: VM-exit controls",                 IA32_VMX_EXIT,  IA32_VMX_TRUE_EXIT,  0x36dff},
		{"capabilities: VM-entry controls",                IA32_VMX_ENTRY, IA32_VMX_TRUE_ENTRY, 0x11ff },
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const uint64_t plain = msr(words[i].plain), exact = msr(words[i].exact);
		const uint32_t must = (uint32_t)plain, may = (uint32_t)(plain >> 32);
		bool good = !(must & ~may) && (must & words[i].default1) == words[i].default1;

		if (good && lab_caps.basic & BASIC_TRUE_CTLS)
			good = may == exact >> 32 && must == ((uint32_t)exact | words[i].default1);
		rt_check(words[i].name, good);
	}
	rt_check("capabilities: secondary controls may all be 0", !(uint32_t)lab_caps.cpu2);
}

static void others(void)
{
	const uint64_t misc = lab_caps.misc, ept = lab_caps.ept_vpid;
	const bool unrestricted = caps_allow(CPU_CTLS2, CPU2_UNRESTRICTED_GUEST, 0);

	rt_check("capabilities: IA32_VMX_MISC", (misc >> 16 & 0x1ff) <= 256 && !(misc & 0x80003e00));
	rt_check("capabilities: unrestricted guest saves IA-32e mode at exits",
		 !unrestricted || misc >> 5 & 1);
	rt_check("capabilities: bits fixed to 1 may be 1",
		 !(lab_caps.cr0_fixed0 & ~lab_caps.cr0_fixed1) &&
			 !(lab_caps.cr4_fixed0 & ~lab_caps.cr4_fixed1));
	rt_check("capabilities: CR0.PE, NE and PG are fixed to 1",
		 (lab_caps.cr0_fixed0 & 0x80000021) == 0x80000021);
	rt_check("capabilities: CR4.VMXE is fixed to 1", lab_caps.cr4_fixed0 >> 13 & 1);
	rt_check("capabilities: CR4's own bits are allowed", !(read_cr4() & ~lab_caps.cr4_fixed1));
	rt_check("capabilities: INVEPT and INVVPID have a type each",
		 (!(ept & EPT_CAP_INVEPT) || ept >> 25 & 3) && (!(ept & VPID_CAP_INVVPID) || ept >> 40 & 15));
	rt_check("capabilities: reserved bits of IA32_VMX_EPT_VPID_CAP", !(ept & 0xfffff0fef8000000));
}

/* CR4 bits whose feature CPUID does not show are fixed to 0: "VMX-Fixed Bits in CR4". */
static void cr4_follows_cpuid(void)
{
	static const char name[] = "capabilities: bits of CR4 without a feature in CPUID are fixed to 0";
	const struct {
		uint32_t bit;
		bool feature;
	} rows[] = {
		{14, cpuid(1, 0).ecx >> 6 & 1 }, /* SMXE */
		{18, cpuid(1, 0).ecx >> 26 & 1}, /* OSXSAVE */
		{20, cpuid(7, 0).ebx >> 7 & 1 }, /* SMEP */
		{21, cpuid(7, 0).ebx >> 20 & 1}, /* SMAP */
		{22, cpuid(7, 0).ecx >> 3 & 1 }, /* PKE */
		{23, cpuid(7, 0).ecx >> 7 & 1 }, /* CET */
	};
	bool good = true;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		good &= rows[i].feature || !(lab_caps.cr4_fixed1 >> rows[i].bit & 1);
	rt_check(name, good);
}

static void writes(void)
{
	bool refused = true;

	for (uint32_t n = IA32_VMX_BASIC; n <= LAST_CAPABILITY; n++)
		refused &= !rt_wrmsr_safe(n, msr(n));
	rt_check("capabilities: WRMSR is #GP", refused);
	rt_check("capabilities: WRMSR of the locked IA32_FEATURE_CONTROL is #GP",
		 !rt_wrmsr_safe(IA32_FEATURE_CONTROL, rdmsr(IA32_FEATURE_CONTROL)));
}

void test_capabilities(void)
{
	if (!lab_group("capabilities: "))
		return;
	basic();
	control_words();
	others();
	cr4_follows_cpuid();
	writes();
}
