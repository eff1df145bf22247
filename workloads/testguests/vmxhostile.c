/* SPDX-License-Identifier: MIT */
/*
 * An L1 that means harm: VMX instructions with random operands, and VM entries from VMCSs with random fields
 * (`seed=`, `rounds=`). Whatever its hypervisor answers is right as long as it answers.
 */
#include "workloads/vmx/feature.h"
#include "rt.h"
#include "random.h"

static uint64_t region[4][512] __attribute__((aligned(4096)));

static uint64_t address_of(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static uint64_t value(void)
{
	switch (next() % 8) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return 1ull << next() % 64;
	case 3:
		return next() & 0xff;
	case 4:
		return address_of(region[next() % 4]);
	case 5:
		return next() & 0xfffff000;
	case 6:
		return next() & 0xffffffff;
	default:
		return next();
	}
}

/* Mostly fields that exist. */
static uint64_t field(void)
{
	static const uint16_t base[] = {0x0000, 0x0800, 0x0c00, 0x2000, 0x2400, 0x2800, 0x2c00, 0x4000,
					0x4400, 0x4800, 0x4c00, 0x6000, 0x6400, 0x6800, 0x6c00};

	return next() % 50 ? base[next() % 15] + next() % 0x34 : next();
}

struct access {
	unsigned int how;
	uint64_t a, b;
};

static void instruction(void *p)
{
	const struct access *c = p;
	uint64_t pair[2] = {c->a, c->b};
	uint64_t out;

	switch (c->how) {
	case 0:
		__asm__ volatile("vmclear %0" : : "m"(pair[0]) : "cc", "memory");
		break;
	case 1:
		__asm__ volatile("vmptrld %0" : : "m"(pair[0]) : "cc", "memory");
		break;
	case 2:
		__asm__ volatile("vmptrst (%0)"
				 :
				 : "r"(c->a & 0x3fffffff ? region[3] : (void *)(uintptr_t)c->a)
				 : "cc", "memory");
		break;
	case 3:
		__asm__ volatile("vmxon %0" : : "m"(pair[0]) : "cc", "memory");
		break;
	case 4:
		__asm__ volatile("invept %0, %1" : : "m"(pair), "r"(c->b % 5) : "cc", "memory");
		break;
	case 5:
		__asm__ volatile("invvpid %0, %1" : : "m"(pair), "r"(c->a % 6) : "cc", "memory");
		break;
	case 6:
		__asm__ volatile("vmread %1, %0" : "=r"(out) : "r"(c->a) : "cc", "memory");
		break;
	case 7:
		__asm__ volatile("vmptrld (%0)" : : "r"(c->a) : "cc", "memory");
		break;
	case 8:
		__asm__ volatile("vmread %0, (%1)" : : "r"(c->b), "r"(c->a | 1ull << 63) : "cc", "memory");
		break;
	default:
		__asm__ volatile("vmwrite %0, %1" : : "r"(c->b), "r"(c->a) : "cc", "memory");
		break;
	}
}

/* To L2 and back; L2's registers are what they are. Flags say how it failed, when it did. */
static void enter(void *launch)
{
	__asm__ volatile("push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14; push %%r15;"
			 "movl $0x6c14, %%eax; vmwrite %%rsp, %%rax;"
			 "movl $0x6c16, %%eax; movl $1f, %%ecx; vmwrite %%rcx, %%rax;"
			 "test %0, %0; jz 2f; vmlaunch; jmp 1f; 2: vmresume;"
			 "1: pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbp; pop %%rbx"
			 : "+r"(launch)
			 :
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

static void put(uint64_t f, uint64_t v)
{
	__asm__ volatile("vmwrite %0, %1" : : "r"(v), "r"(f) : "cc", "memory");
}

static uint32_t adjusted(uint32_t msr, uint32_t wish)
{
	const uint64_t v = rdmsr(msr);

	return (wish | (uint32_t)v) & (uint32_t)(v >> 32);
}

static uint64_t tr_base(uint64_t gdt, uint16_t tr)
{
	const uint64_t *d = (const uint64_t *)(uintptr_t)(gdt + (tr & ~7u));

	return (d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24;
}

/* A VMCS that would enter L2 at a HLT, at least as far as the host's state goes. */
static void sound(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdt, idt;
	uint16_t tr;

	__asm__ volatile("sgdt %0; sidt %1; str %2" : "=m"(gdt), "=m"(idt), "=r"(tr));
	put(PIN_CTLS, adjusted(IA32_VMX_TRUE_PIN, 0));
	put(CPU_CTLS, adjusted(IA32_VMX_TRUE_CPU, CPU_HLT | CPU_SECONDARY));
	put(CPU_CTLS2, 0);
	put(EXIT_CTLS, adjusted(IA32_VMX_TRUE_EXIT, EXIT_HOST_64));
	put(ENTRY_CTLS, adjusted(IA32_VMX_TRUE_ENTRY, ENTRY_IA32E));
	put(EXCEPTION_BITMAP, ~0u);
	put(ENTRY_INTR_INFO, 0);
	put(EXIT_MSR_STORE_COUNT, 0);
	put(EXIT_MSR_LOAD_COUNT, 0);
	put(ENTRY_MSR_LOAD_COUNT, 0);
	put(CR3_TARGET_COUNT, 0);
	for (uint64_t i = 0; i < 8; i++) {
		put(GUEST_ES_SEL + 2 * i, 0x10);
		put(GUEST_ES_LIMIT + 2 * i, 0xffffffff);
		put(GUEST_ES_AR + 2 * i, i == 1 ? 0xa09b : i == 6 ? 0x10000 : i == 7 ? 0x8b : 0xc093);
		put(GUEST_ES_BASE + 2 * i, 0);
	}
	put(GUEST_ES_LIMIT + 14, 0x67);
	put(HOST_CS_SEL, 8);
	put(HOST_SS_SEL, 0x10);
	put(HOST_DS_SEL, 0x10);
	put(HOST_ES_SEL, 0x10);
	put(HOST_FS_SEL, 0);
	put(HOST_GS_SEL, 0);
	put(HOST_TR_SEL, tr);
	put(HOST_TR_BASE, tr_base(gdt.base, tr));
	put(HOST_GDTR_BASE, gdt.base);
	put(HOST_IDTR_BASE, idt.base);
	put(HOST_FS_BASE, rdmsr(MSR_FS_BASE));
	put(HOST_GS_BASE, 0);
	put(HOST_CR0, read_cr0());
	put(HOST_CR3, read_cr3());
	put(HOST_CR4, read_cr4());
	put(GUEST_CR0, read_cr0());
	put(GUEST_CR3, read_cr3());
	put(GUEST_CR4, read_cr4());
	put(GUEST_RFLAGS, 2);
	put(GUEST_RIP, address_of(region[2]));
	put(VMCS_LINK_POINTER, ~0ull);
	put(GUEST_INTERRUPTIBILITY, 0);
	put(GUEST_ACTIVITY, 0);
	put(GUEST_PENDING_DEBUG, 0);
	put(GUEST_DR7, 0x400);
	put(GUEST_DEBUGCTL, 0);
}

static bool host_field(uint64_t f)
{
	return (f & 0x0c00) == 0x0c00;
}

/* The exit-load list could give L1 any MSR. */
static bool loads_msrs(uint64_t f)
{
	return (f & ~1ull) == EXIT_MSR_LOAD_COUNT || (f & ~1ull) == EXIT_MSR_STORE_COUNT ||
	       (f & ~1ull) == EXIT_CTLS;
}

static void entries(uint64_t rounds)
{
	struct rt_fault fault;
	uint64_t bits, entered = 0;

	for (uint64_t n = 0; n < rounds; n++) {
		struct access a = {0, address_of(region[1]), 0};

		rt_try(instruction, &a, &fault); /* VMCLEAR */
		region[1][0] = rdmsr(IA32_VMX_BASIC) & 0x7fffffff;
		memset(region[2], 0xf4, 4096); /* HLT */
		a.how = 1;
		rt_try(instruction, &a, &fault);
		sound();
		for (bits = next() % 5; bits; bits--) {
			const uint64_t f = field();

			if (!host_field(f) && !loads_msrs(f))
				put(f, value());
		}
		put(CPU_CTLS, adjusted(IA32_VMX_TRUE_CPU, CPU_HLT | (uint32_t)(next() & next())));
		entered += rt_try(enter, (void *)1, &fault);
		rt_try(enter, NULL, &fault);
	}
	rt_printf("vmxhostile: %lu entries tried, %lu came back\n", rounds, entered);
}

void rt_main(void)
{
	const uint64_t rounds = rt_arg_u64("rounds", 300);
	struct access on = {3, address_of(region[0]), 0};
	struct rt_fault fault;
	unsigned int faults = 0;

	random_seed();
	if (!(cpuid(1, 0).ecx & 1u << 5)) {
		rt_printf("vmxhostile: no VMX\n");
		return;
	}
	write_cr4(read_cr4() | CR4_VMXE);
	(void)vmx_feature_on();
	for (unsigned int i = 0; i < 4; i++)
		region[i][0] = rdmsr(IA32_VMX_BASIC) & 0x7fffffff;
	rt_try(instruction, &on, &fault);
	for (uint64_t n = 0; n < 10 * rounds; n++) {
		struct access a = {(unsigned int)(next() % 12), value(), value()};

		if (a.how == 6 || a.how >= 9)
			a.a = field();
		else if (a.how == 8)
			a.b = field();
		faults += !rt_try(instruction, &a, &fault);
	}
	rt_printf("vmxhostile: %lu instructions, %u faulted\n", 10 * rounds, faults);
	entries(rounds);
}
