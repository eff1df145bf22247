/* SPDX-License-Identifier: MIT */
/* Control registers, XCR0, MSRs. */
#include "hidden.h"

#include "rt_check.h"

#define NONE                                                                                                 \
	{                                                                                                    \
		0, 0, EAX, 0                                                                                 \
	}
#define XSAVE                                                                                                \
	{                                                                                                    \
		1, 0, ECX, 26                                                                                \
	}

#define APIC_BASE  0x1bu
#define CR4_FIXED1 0x489u
#define EXTD       0x400ull

static void cr4_bit(void *arg)
{
	uint64_t old = read_cr4(), bit = (uint64_t)(uintptr_t)arg;

	write_cr4(old | bit);
	write_cr4(old);
}

static void xcr0(void *arg)
{
	uint64_t old = xgetbv(0);

	xsetbv(0, (uint64_t)(uintptr_t)arg);
	xsetbv(0, old);
}

static void efer_bit(void *arg)
{
	uint64_t old = rdmsr(MSR_EFER);

	wrmsr(MSR_EFER, old ^ (uint64_t)(uintptr_t)arg);
	wrmsr(MSR_EFER, old);
}

static void msr_read(void *arg)
{
	rdmsr((uint32_t)(uintptr_t)arg);
}

static void msr_write(void *arg)
{
	uint32_t msr = (uint32_t)(uintptr_t)arg;

	wrmsr(msr, rdmsr(msr));
}

static void msr_write_zero(void *arg)
{
	wrmsr((uint32_t)(uintptr_t)arg, 0);
}

static void x2apic_on(void *arg)
{
	(void)arg;
	wrmsr(APIC_BASE, rdmsr(APIC_BASE) | EXTD);
}

void check_registers(void)
{
	uint64_t hidden = 0;
	static const struct way ways[] = {
		{"CR4.VME",                {1, 0, EDX, 1},           GP, cr4_bit,        0x1,         NONE },
		{"CR4.PVI",                {1, 0, EDX, 1},           GP, cr4_bit,        0x2,         NONE },
		{"CR4.TSD",                {1, 0, EDX, 4},           GP, cr4_bit,        0x4,         NONE },
		{"CR4.DE",                 {1, 0, EDX, 2},           GP, cr4_bit,        0x8,         NONE },
		{"CR4.PSE",                {1, 0, EDX, 3},           GP, cr4_bit,        0x10,        NONE },
		{"CR4.PGE",                {1, 0, EDX, 13},          GP, cr4_bit,        0x80,        NONE },
		{"CR4.OSFXSR",             {1, 0, EDX, 24},          GP, cr4_bit,        0x200,       NONE },
		{"CR4.OSXMMEXCPT",         {1, 0, EDX, 25},          GP, cr4_bit,        0x400,       NONE },
		{"CR4.UMIP",               {7, 0, ECX, 2},           GP, cr4_bit,        0x800,       NONE },
		{"CR4.VMXE",               {1, 0, ECX, 5},           GP, cr4_bit,        0x2000,      NONE },
		{"CR4.SMXE",               {1, 0, ECX, 6},           GP, cr4_bit,        0x4000,      NONE },
		{"CR4.FSGSBASE",           {7, 0, EBX, 0},           GP, cr4_bit,        0x10000,     NONE },
		{"CR4.PCIDE",              {1, 0, ECX, 17},          GP, cr4_bit,        0x20000,     NONE },
		{"CR4.OSXSAVE",            {1, 0, ECX, 26},          GP, cr4_bit,        0x40000,     NONE },
		{"CR4.SMEP",               {7, 0, EBX, 7},           GP, cr4_bit,        0x100000,    NONE },
		{"CR4.SMAP",               {7, 0, EBX, 20},          GP, cr4_bit,        0x200000,    NONE },
		{"CR4.PKE",                {7, 0, ECX, 3},           GP, cr4_bit,        0x400000,    NONE },
		{"XSETBV",                 {1, 0, ECX, 26},          UD, xcr0,           1,           NONE },
		{"XCR0: SSE",              {0xd, 0, EAX, 1},         GP, xcr0,           3,           XSAVE},
		{"XCR0: AVX",              {0xd, 0, EAX, 2},         GP, xcr0,           7,           XSAVE},
		{"XCR0: MPX",              {0xd, 0, EAX, 3},         GP, xcr0,           0x1b,        XSAVE},
		{"XCR0: AVX-512",          {0xd, 0, EAX, 5},         GP, xcr0,           0xe7,        XSAVE},
		{"XCR0: PKRU",             {0xd, 0, EAX, 9},         GP, xcr0,           0x203,       XSAVE},
		{"XCR0: AMX",              {0xd, 0, EAX, 17},        GP, xcr0,           0x60003,     XSAVE},
		{"EFER.SCE",               {0x80000001, 0, EDX, 11}, GP, efer_bit,       EFER_SCE,    NONE },
		{"EFER.NXE",               {0x80000001, 0, EDX, 20}, GP, efer_bit,       EFER_NXE,    NONE },
		{"IA32_APIC_BASE",         {1, 0, EDX, 9},           GP, msr_read,       APIC_BASE,   NONE },
		{"IA32_TSC_ADJUST",        {7, 0, EBX, 1},           GP, msr_write,      0x3b,        NONE },
		{"IA32_SPEC_CTRL",         {7, 0, EDX, 26},          GP, msr_read,       0x48,        NONE },
		{"IA32_MTRRCAP",           {1, 0, EDX, 12},          GP, msr_read,       0xfe,        NONE },
		{"IA32_MTRR_PHYSBASE0",    {1, 0, EDX, 12},          GP, msr_write,      0x200,       NONE },
		{"IA32_MTRR_DEF_TYPE",     {1, 0, EDX, 12},          GP, msr_write,      0x2ff,       NONE },
		{"IA32_ARCH_CAPABILITIES", {7, 0, EDX, 29},          GP, msr_read,       0x10a,       NONE },
		{"IA32_SYSENTER_CS",       {1, 0, EDX, 11},          GP, msr_write,      0x174,       NONE },
		{"IA32_PAT",               {1, 0, EDX, 16},          GP, msr_write,      0x277,       NONE },
		{"IA32_VMX_BASIC",         {1, 0, ECX, 5},           GP, msr_read,       0x480,       NONE },
		{"IA32_TSC_DEADLINE",      {1, 0, ECX, 24},          GP, msr_write_zero, 0x6e0,       NONE },
		{"IA32_XSS",               {0xd, 1, EAX, 3},         GP, msr_write_zero, 0xda0,       XSAVE},
		{"IA32_STAR",              {0x80000001, 0, EDX, 11}, GP, msr_write,      MSR_STAR,    NONE },
		{"IA32_TSC_AUX",           {0x80000001, 0, EDX, 27}, GP, msr_write,      MSR_TSC_AUX, NONE },
		{"x2APIC mode",            {1, 0, ECX, 21},          GP, x2apic_on,      0,           NONE },
		{"x2APIC ID",              {1, 0, ECX, 21},          GP, msr_read,       0x802,       NONE },
	};

	check_ways(ways, sizeof(ways) / sizeof(ways[0]));
	if (!shown((struct feature){1, 0, ECX, 5}))
		return;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (ways[i].try == cr4_bit && !shown(ways[i].feature))
			hidden |= ways[i].arg;
	rt_check_u64("bits of CR4 that are hidden, in IA32_VMX_CR4_FIXED1", rdmsr(CR4_FIXED1) & hidden, 0);
}
