/* SPDX-License-Identifier: MIT */
/* Before and after of each operation, and the table made of the rows in ops.h. */
#include <nestbed/ports.h>

#include "ops.h"
#include "rt.h"
#include "rt_apic.h"
#include "vmx_ops.h"

#define GS_BASE_VALUE  0x0000123456789abcull
#define DOORBELL_VALUE 0x600dbe11u
#define CR8_VALUE      5u
#define NON_CANONICAL  0x8000000000000000ull
#define TIMER_VECTOR   0x40u
#define ABSENT         0xffffffffu /* a doorbell that isn't there */
#define CR4_KNOWN      0x6a0ull /* what the runtime sets everywhere: PAE, PGE, OSFXSR, OSXMMEXCPT */
#define CR4_PGE_CLEAR  (CR4_KNOWN & ~CR4_PGE)
#define PAGE_CONTENT   0x5au
#define KVM_UNKNOWN    ((uint64_t)-1000)
#define FNV_BASIS      0xcbf29ce484222325ull
#define FNV_PRIME      0x100000001b3ull

enum { DE = 0, BP = 3, UD = 6, GP = 13, PF = 14 };

/* gates.S */
extern uint64_t fault_count, fault_code_sum, fault_cr2_sum;
void gate_skip0(void);
void gate_skip2(void);
void gate_error_skip2(void);
void gate_timer(void);

uint32_t timer_count = TIMER_COUNT;

static uint8_t page[4096] __attribute__((aligned(4096)));

/* FNV-1a over 64-bit words */
static uint64_t digest(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t d = FNV_BASIS;

	d = (d ^ a) * FNV_PRIME;
	d = (d ^ b) * FNV_PRIME;
	return (d ^ c) * FNV_PRIME;
}

static const char *before_none(struct op_regs *regs)
{
	(void)regs;
	return NULL;
}

static uint64_t after_iterations(const struct op_regs *regs, uint64_t n)
{
	(void)regs;
	return n;
}

static uint64_t after_result_rax(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return regs->rax;
}

/* KVM_ENOSYS: KVM's answer to a hypercall that it does not know, as it does not NB_HC_NOP. Both are right. */
static uint64_t after_hypercall(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return regs->rax == KVM_UNKNOWN ? 0 : regs->rax;
}

/* The vendor string: what no hypervisor changes. */
static uint64_t after_vendor(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return digest(regs->rbx, regs->rcx, regs->rdx);
}

static const char *before_hypervisor(struct op_regs *regs)
{
	(void)regs;
	return rt_has_hypervisor() ? NULL : "no hypervisor";
}

/* IA32_APIC_BASE: no hypervisor with a virtual APIC lets a guest touch the real one. */
static const char *before_apic_base(struct op_regs *regs)
{
	uint64_t v = rdmsr(MSR_APIC_BASE);

	regs->rcx = MSR_APIC_BASE;
	regs->rax = (uint32_t)v;
	regs->rdx = v >> 32;
	return NULL;
}

static uint64_t after_apic_base_value(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return digest(regs->rax, regs->rdx, rdmsr(MSR_APIC_BASE));
}

/* IA32_GS_BASE is in the VMCS's guest-state area: nobody needs to intercept it. */
static const char *before_gs_base(struct op_regs *regs)
{
	wrmsr(MSR_GS_BASE, GS_BASE_VALUE);
	regs->rcx = MSR_GS_BASE;
	regs->rax = (uint32_t)GS_BASE_VALUE;
	regs->rdx = GS_BASE_VALUE >> 32;
	return NULL;
}

static uint64_t after_gs_base_value(const struct op_regs *regs, uint64_t n)
{
	uint64_t v = rdmsr(MSR_GS_BASE);

	(void)n;
	wrmsr(MSR_GS_BASE, 0);
	return digest(regs->rax, regs->rdx, v);
}

static const char *before_doorbell(struct op_regs *regs)
{
	regs->rax = DOORBELL_VALUE;
	regs->rbx = NB_MMIO_DOORBELL;
	regs->rdx = NB_PORT_DOORBELL;
	return NULL;
}

static const char *before_doorbell_rung(struct op_regs *regs)
{
	outl(NB_PORT_DOORBELL, DOORBELL_VALUE);
	mmio_write32(NB_MMIO_DOORBELL, DOORBELL_VALUE);
	before_doorbell(regs);
	regs->rax = 0;
	return NULL;
}

/* Where there is no doorbell, all ones is the right answer too: 1 either way. */
static uint64_t after_doorbell_value(const struct op_regs *regs, uint64_t n)
{
	uint32_t v = (uint32_t)regs->rax;

	(void)n;
	return v == DOORBELL_VALUE || v == ABSENT;
}

static const char *before_cr0(struct op_regs *regs)
{
	regs->rax = read_cr0();
	return NULL;
}

static uint64_t after_cr0_value(const struct op_regs *regs, uint64_t n)
{
	(void)regs;
	(void)n;
	return read_cr0();
}

static uint64_t after_cr0_ts_value(const struct op_regs *regs, uint64_t n)
{
	uint64_t v = read_cr0();

	(void)n;
	write_cr0(v & ~CR0_TS);
	return digest(regs->rax, v, 0);
}

static const char *before_cr3(struct op_regs *regs)
{
	regs->rax = read_cr3();
	return NULL;
}

static uint64_t after_cr3_value(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return digest(regs->rax, read_cr3(), 0);
}

static const char *before_cr4(struct op_regs *regs)
{
	regs->rax = read_cr4();
	return NULL;
}

static uint64_t after_cr4_rax(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return regs->rax & CR4_KNOWN;
}

static uint64_t after_cr4_value(const struct op_regs *regs, uint64_t n)
{
	(void)regs;
	(void)n;
	return read_cr4() & CR4_KNOWN;
}

static uint64_t after_cr4_pge_value(const struct op_regs *regs, uint64_t n)
{
	uint64_t v = read_cr4();

	(void)n;
	write_cr4(v | CR4_PGE);
	return digest(regs->rax & CR4_KNOWN, v & CR4_KNOWN, 0);
}

static const char *before_cr8(struct op_regs *regs)
{
	regs->rax = CR8_VALUE;
	return NULL;
}

static uint64_t after_cr8_value(const struct op_regs *regs, uint64_t n)
{
	uint64_t v = read_cr8();

	(void)regs;
	(void)n;
	write_cr8(0);
	return v;
}

static uint64_t after_tsc_grows(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return rdtsc() > (regs->rdx << 32 | (uint32_t)regs->rax);
}

/*
 * Arms the one-shot timer of the xAPIC in `prepare`, then waits for it. What HLT costs is what is left
 * when the interval is taken away: main.c measures with one interval and with two.
 */
static const char *before_timer(struct op_regs *regs)
{
	if (rt_apic_is_x2())
		return "local APIC in x2APIC mode";
	rt_set_gate(TIMER_VECTOR, gate_timer);
	rt_apic_enable();
	rt_apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	rt_apic_write(APIC_LVT_TIMER, TIMER_VECTOR);
	regs->rax = timer_count;
	regs->rbx = APIC_MMIO + APIC_TIMER_INITIAL;
	fault_count = 0;
	return NULL;
}

static uint64_t after_interrupts(const struct op_regs *regs, uint64_t n)
{
	(void)regs;
	(void)n;
	rt_apic_timer_stop();
	return fault_count;
}

static const char *before_page(struct op_regs *regs)
{
	page[0] = PAGE_CONTENT;
	rt_map(RT_WINDOW, (uint64_t)(uintptr_t)page, RT_PRESENT | RT_WRITABLE);
	regs->rbx = RT_WINDOW;
	return NULL;
}

static uint64_t after_page_value(const struct op_regs *regs, uint64_t n)
{
	uint64_t v = *(volatile uint8_t *)regs->rbx;

	(void)n;
	rt_map(RT_WINDOW, 0, 0);
	return v;
}

static const char *before_xcr0(struct op_regs *regs)
{
	uint64_t v;

	if (!rt_has_xsave())
		return "no XSAVE";
	v = xgetbv(0);
	regs->rcx = 0;
	regs->rax = (uint32_t)v;
	regs->rdx = v >> 32;
	return NULL;
}

static uint64_t after_xcr0_value(const struct op_regs *regs, uint64_t n)
{
	(void)n;
	return digest(regs->rax, regs->rdx, xgetbv(0));
}

static const char *expect(unsigned int vector, void (*gate)(void))
{
	rt_set_gate(vector, gate);
	fault_count = fault_code_sum = fault_cr2_sum = 0;
	write_cr2(0); /* only #PF may change it */
	return NULL;
}

static const char *before_fault_ud(struct op_regs *regs)
{
	(void)regs;
	return expect(UD, gate_skip2);
}

static const char *before_fault_pf(struct op_regs *regs)
{
	rt_map(RT_WINDOW, 0, 0);
	regs->rbx = RT_WINDOW + 8;
	return expect(PF, gate_error_skip2);
}

static const char *before_fault_gp(struct op_regs *regs)
{
	regs->rbx = NON_CANONICAL;
	return expect(GP, gate_error_skip2);
}

static const char *before_fault_bp(struct op_regs *regs)
{
	(void)regs;
	return expect(BP, gate_skip0);
}

static const char *before_fault_de(struct op_regs *regs)
{
	regs->rax = 1;
	regs->rcx = 0;
	return expect(DE, gate_skip2);
}

static uint64_t after_faults(const struct op_regs *regs, uint64_t n)
{
	static const unsigned int vectors[] = {DE, BP, UD, GP, PF};

	(void)regs;
	(void)n;
	for (unsigned int i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		rt_set_gate(vectors[i], NULL);
	return digest(fault_count, fault_code_sum, fault_cr2_sum);
}

#define OP(name, every, prepare, body, before, after)                                                        \
	{#name, every, loop_##name, baseline_##name, before_##before, after_##after},
const struct op ops[] = {OPS(OP)};
#undef OP
const unsigned int op_count = sizeof(ops) / sizeof(ops[0]);
