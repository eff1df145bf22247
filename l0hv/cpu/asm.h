/* SPDX-License-Identifier: MIT */
/* Instructions that C has no words for. VMX instructions are in l0hv/vmx/vmx.h. */
#ifndef L0HV_CPU_ASM_H
#define L0HV_CPU_ASM_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* 48 bits of linear address, sign extended */
static inline bool is_canonical(uint64_t linear)
{
	return (int64_t)(linear << 16) >> 16 == (int64_t)linear;
}

#define DEFINE_READ(name, insn)                                                                              \
	static inline uint64_t name(void)                                                                    \
	{                                                                                                    \
		uint64_t v;                                                                                  \
		__asm__ volatile(insn : "=r"(v));                                                            \
		return v;                                                                                    \
	}
#define DEFINE_WRITE(name, insn)                                                                             \
	static inline void name(uint64_t v)                                                                  \
	{                                                                                                    \
		__asm__ volatile(insn : : "r"(v) : "memory");                                                \
	}
DEFINE_READ(read_cr0, "mov %%cr0, %0")
DEFINE_READ(read_cr2, "mov %%cr2, %0")
DEFINE_READ(read_cr3, "mov %%cr3, %0")
DEFINE_READ(read_cr4, "mov %%cr4, %0")
DEFINE_READ(read_dr0, "mov %%db0, %0")
DEFINE_READ(read_dr1, "mov %%db1, %0")
DEFINE_READ(read_dr2, "mov %%db2, %0")
DEFINE_READ(read_dr3, "mov %%db3, %0")
DEFINE_READ(read_dr6, "mov %%db6, %0")
DEFINE_WRITE(write_cr0, "mov %0, %%cr0")
DEFINE_WRITE(write_cr2, "mov %0, %%cr2")
DEFINE_WRITE(write_cr3, "mov %0, %%cr3")
DEFINE_WRITE(write_cr4, "mov %0, %%cr4")
DEFINE_WRITE(write_dr0, "mov %0, %%db0")
DEFINE_WRITE(write_dr1, "mov %0, %%db1")
DEFINE_WRITE(write_dr2, "mov %0, %%db2")
DEFINE_WRITE(write_dr3, "mov %0, %%db3")
DEFINE_WRITE(write_dr6, "mov %0, %%db6")

static inline void xsetbv(uint32_t index, uint64_t v)
{
	__asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline void __attribute__((noreturn)) halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Architectural MSRs, SDM Vol. 4 */
#define MSR_TSC             0x10u
#define MSR_APIC_BASE       0x1Bu
#define MSR_FEATURE_CONTROL 0x3Au
#define MSR_TSC_ADJUST      0x3Bu
#define MSR_SYSENTER_CS     0x174u
#define MSR_SYSENTER_ESP    0x175u
#define MSR_SYSENTER_EIP    0x176u
#define MSR_MISC_ENABLE     0x1A0u
#define MSR_DEBUGCTL        0x1D9u
#define MSR_PAT             0x277u
#define MSR_TSC_DEADLINE    0x6E0u
#define MSR_EFER            0xC0000080u
#define MSR_STAR            0xC0000081u
#define MSR_LSTAR           0xC0000082u
#define MSR_CSTAR           0xC0000083u
#define MSR_FMASK           0xC0000084u
#define MSR_FS_BASE         0xC0000100u
#define MSR_GS_BASE         0xC0000101u
#define MSR_KERNEL_GS_BASE  0xC0000102u
#define MSR_TSC_AUX         0xC0000103u

#define EFER_SCE 0x1ull
#define EFER_LME 0x100ull
#define EFER_LMA 0x400ull
#define EFER_NXE 0x800ull

#define CR0_PE 0x1ull
#define CR0_MP 0x2ull
#define CR0_EM 0x4ull
#define CR0_TS 0x8ull
#define CR0_ET 0x10ull
#define CR0_NE 0x20ull
#define CR0_WP 0x10000ull
#define CR0_AM 0x40000ull
#define CR0_NW 0x20000000ull
#define CR0_CD 0x40000000ull
#define CR0_PG 0x80000000ull

#define CR4_VME        0x1ull
#define CR4_PVI        0x2ull
#define CR4_TSD        0x4ull
#define CR4_DE         0x8ull
#define CR4_PSE        0x10ull
#define CR4_PAE        0x20ull
#define CR4_MCE        0x40ull
#define CR4_PGE        0x80ull
#define CR4_PCE        0x100ull
#define CR4_OSFXSR     0x200ull
#define CR4_OSXMMEXCPT 0x400ull
#define CR4_UMIP       0x800ull
#define CR4_VMXE       0x2000ull
#define CR4_FSGSBASE   0x10000ull
#define CR4_PCIDE      0x20000ull
#define CR4_OSXSAVE    0x40000ull
#define CR4_SMEP       0x100000ull
#define CR4_SMAP       0x200000ull
#define CR4_PKE        0x400000ull

#define DEBUGCTL_BTF 0x2ull

#define RFLAGS_FIXED 0x2ull
#define RFLAGS_ARITH 0x8D5ull /* CF PF AF ZF SF OF */
#define RFLAGS_TF    0x100ull
#define RFLAGS_IF    0x200ull
#define RFLAGS_RF    0x10000ull
#define RFLAGS_VM    0x20000ull
#define RFLAGS_AC    0x40000ull

#endif
