/* SPDX-License-Identifier: MIT */
/* A processor of the guest: its TSS with a stack for each class of vector, its control registers. */
#include <nestbed/hypercall.h>

#include "internal.h"
#include "rt.h"

/* SDM "Task Management in 64-Bit Mode" */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map; /* at the limit: no port is allowed at CPL 3 */
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "TSS layout");

#define IST_SIZE 4096u

static struct tss tss[RT_CPUS_MAX];
static uint8_t ist_stack[RT_CPUS_MAX][RT_IST_COUNT][IST_SIZE] __attribute__((aligned(16)));

/* Behind FS base; GCC's stack canary is at offset 0x28. libprotobuf-c reads it. */
static uint64_t thread_area[RT_CPUS_MAX][8] __attribute__((aligned(64)));

unsigned int rt_cpu(void)
{
	uint16_t selector;

	__asm__ volatile("str %0" : "=r"(selector));
	return selector < RT_SEL_TSS ? 0 : (selector - RT_SEL_TSS) / 16u;
}

bool rt_has_xsave(void)
{
	return cpuid(1, 0).ecx & (1u << 26);
}

bool rt_has_sse(void)
{
	return read_cr4() & CR4_OSFXSR;
}

bool rt_has_hypervisor(void)
{
	return cpuid(1, 0).ecx >> 31;
}

static bool signature_is(const char *wanted)
{
	struct cpuid c = cpuid(NB_CPUID_HYPERVISOR, 0);
	const uint32_t signature[3] = {c.ebx, c.ecx, c.edx};

	return rt_has_hypervisor() && !memcmp(signature, wanted, sizeof(signature));
}

/* Asked once: CPUID exits. */
bool rt_has_nestbed(void)
{
	static enum { UNKNOWN, NO, YES } answer;

	if (answer == UNKNOWN)
		answer = signature_is(NB_SIGNATURE_L0) || signature_is(NB_SIGNATURE_L1) ? YES : NO;
	return answer == YES;
}

bool rt_has_l1hv(void)
{
	return signature_is(NB_SIGNATURE_L1);
}

void rt_yield(void)
{
	if (rt_has_nestbed())
		rt_hypercall(NB_HC_YIELD, 0);
	else
		pause_cpu();
}

static void load_tss(unsigned int cpu)
{
	struct tss *t = &tss[cpu];
	uint64_t base = (uint64_t)(uintptr_t)t, *descriptor = &rt_gdt[(RT_SEL_TSS + 16 * cpu) / 8];
	uint16_t selector = (uint16_t)(RT_SEL_TSS + 16 * cpu);

	for (unsigned int i = 0; i < RT_IST_COUNT; i++)
		t->ist[i] = (uint64_t)(uintptr_t)ist_stack[cpu][i] + IST_SIZE;
	t->rsp[0] = (uint64_t)(uintptr_t)rt_stacks[cpu] + RT_STACK_SIZE;
	t->io_map = sizeof(*t);
	/* available 64-bit TSS, present: type 9 */
	descriptor[0] =
		(sizeof(*t) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	descriptor[1] = base >> 32;
	__asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

/* A bit of CR4 whose feature CPUID does not show is reserved. */
static void enable_features(void)
{
	const struct cpuid c = cpuid(1, 0);
	const struct {
		uint32_t shown;
		uint64_t cr4;
	} features[] = {
		{c.edx & 1u << 13, CR4_PGE       },
		{c.edx & 1u << 24, CR4_OSFXSR    },
		{c.edx & 1u << 25, CR4_OSXMMEXCPT},
		{c.ecx & 1u << 26, CR4_OSXSAVE   },
	};
	uint64_t cr4 = read_cr4();

	for (unsigned int i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (features[i].shown)
			cr4 |= features[i].cr4;
	write_cr4(cr4);
	if (cr4 & CR4_OSXSAVE)
		xsetbv(0, c.ecx & (1u << 28) ? 7 : 3); /* x87, SSE, and AVX where there is AVX */
	if (c.edx & 1u)
		__asm__ volatile("fninit");
}

void rt_cpu_init(unsigned int cpu)
{
	load_tss(cpu);
	rt_idt_load();
	thread_area[cpu][0] = (uint64_t)(uintptr_t)thread_area[cpu];
	wrmsr(MSR_FS_BASE, (uint64_t)(uintptr_t)thread_area[cpu]);
	if (cpuid(0x80000001, 0).edx & (1u << 20))
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	enable_features();
}
