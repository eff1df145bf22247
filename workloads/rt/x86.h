/* SPDX-License-Identifier: MIT */
/* The processor's own words: ports, MSRs, CPUID, control registers. One instruction a function. */
#ifndef RT_X86_H
#define RT_X86_H

#include <stdbool.h>
#include <stdint.h>

#define RFLAGS_CF 0x1ull
#define RFLAGS_ZF 0x40ull
#define RFLAGS_TF 0x100ull
#define RFLAGS_IF 0x200ull

#define CR0_TS 0x8ull

#define CR4_PGE        0x80ull
#define CR4_OSFXSR     0x200ull
#define CR4_OSXMMEXCPT 0x400ull
#define CR4_VMXE       0x2000ull
#define CR4_OSXSAVE    0x40000ull

#define MSR_APIC_BASE       0x1bu
#define MSR_FEATURE_CONTROL 0x3au
#define MSR_SYSENTER_CS     0x174u
#define MSR_SYSENTER_ESP    0x175u
#define MSR_SYSENTER_EIP    0x176u
#define MSR_MISC_ENABLE     0x1a0u
#define MSR_PAT             0x277u
#define MSR_VMX_BASIC       0x480u
#define MSR_TSC_DEADLINE    0x6e0u
#define MSR_X2APIC          0x800u
#define MSR_EFER            0xc0000080u
#define MSR_STAR            0xc0000081u
#define MSR_LSTAR           0xc0000082u
#define MSR_CSTAR           0xc0000083u
#define MSR_FMASK           0xc0000084u
#define MSR_FS_BASE         0xc0000100u
#define MSR_GS_BASE         0xc0000101u
#define MSR_KERNEL_GS_BASE  0xc0000102u
#define MSR_TSC_AUX         0xc0000103u

#define EFER_SCE 0x1ull
#define EFER_NXE 0x800ull

#define APIC_BASE_BSP    0x100ull
#define APIC_BASE_X2APIC 0x400ull
#define APIC_BASE_ENABLE 0x800ull

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint32_t mmio_read32(uint64_t address)
{
	uint32_t v;

	__asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(address) : "memory");
	return v;
}

static inline void mmio_write32(uint64_t address, uint32_t v)
{
	__asm__ volatile("movl %0, (%1)" : : "r"(v), "r"(address) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(msr) : "memory");
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c;

	__asm__ volatile("cpuid"
			 : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx)
			 : "a"(leaf), "c"(subleaf)
			 : "memory");
	return c;
}

static inline uint64_t xgetbv(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
	return (uint64_t)high << 32 | low;
}

static inline void xsetbv(uint32_t index, uint64_t v)
{
	__asm__ volatile("xsetbv" : : "a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(index) : "memory");
}

/* read_cr0() … write_cr8(), read_dr0() … write_dr7() */
#define X86_REGISTER(reg)                                                                                    \
	static inline uint64_t read_##reg(void)                                                              \
	{                                                                                                    \
		uint64_t v;                                                                                  \
                                                                                                             \
		__asm__ volatile("movq %%" #reg ", %0" : "=r"(v) : : "memory");                              \
		return v;                                                                                    \
	}                                                                                                    \
	static inline void write_##reg(uint64_t v)                                                           \
	{                                                                                                    \
		__asm__ volatile("movq %0, %%" #reg : : "r"(v) : "memory");                                  \
	}

X86_REGISTER(cr0)
X86_REGISTER(cr2)
X86_REGISTER(cr3)
X86_REGISTER(cr4)
X86_REGISTER(cr8)
X86_REGISTER(dr0)
X86_REGISTER(dr1)
X86_REGISTER(dr2)
X86_REGISTER(dr3)
X86_REGISTER(dr6)
X86_REGISTER(dr7)
#undef X86_REGISTER

static inline uint64_t read_rflags(void)
{
	uint64_t v;

	__asm__ volatile("pushfq; popq %0" : "=r"(v) : : "memory");
	return v;
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

/* Waits for an interrupt; none is lost between the two instructions (STI blocks one instruction). */
static inline void interrupts_on_and_halt(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

static inline void halt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

static inline void pause_cpu(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static inline void invlpg(uint64_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

#endif
