/* SPDX-License-Identifier: MIT */
/*
 * What processors do to each other: NMI, INIT, SIPI, broadcasts; and what one of them must not see of
 * another. For two processors. Argument: rounds=N (200), of the NMIs that cross.
 */
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"

#define OTHER      1u
#define PATIENCE   200000000ull /* ticks */
#define A_WHILE    3000000ull /* more than a vCPU's slice */
#define APART      20000u /* longer than an NMI takes to begin */
#define VECTOR     0x52u
#define LAST       0x44u /* sent behind an NMI: when it is there, so is the NMI */
#define TRAMPOLINE 0x9000u /* not the runtime's */
#define NOWHERE    0x140000000ull /* no linear address of the runtime's; a page a processor */
#define APIC_LDR   0x0d0u
#define ICR_LOWEST 0x00100u
#define ICR_ALL    0x80000u

static volatile uint64_t nmis[2], irqs[2], lasts;
static volatile uint64_t beats; /* the other processor lives */
static volatile uint64_t order; /* what it is to do next */
static volatile uint64_t bad_cr2, faults[2];

static void on_nmi(struct rt_regs *regs)
{
	(void)regs;
	nmis[rt_cpu()]++;
}

static void on_irq(struct rt_regs *regs)
{
	(void)regs;
	irqs[rt_cpu()]++;
	rt_apic_eoi();
}

static void on_last(struct rt_regs *regs)
{
	(void)regs;
	lasts++;
	rt_apic_eoi();
}

static bool wait_for(volatile const uint64_t *counter, uint64_t value)
{
	for (uint64_t begin = rdtsc(); *counter < value && rdtsc() - begin < PATIENCE;)
		rt_yield();
	return *counter >= value;
}

static void a_while(void)
{
	for (uint64_t begin = rdtsc(); rdtsc() - begin < A_WHILE;)
		rt_yield();
}

static bool other_lives(void)
{
	uint64_t before = beats;

	a_while();
	return beats != before;
}

static bool start(const char *name, void (*fn)(void *))
{
	beats = order = 0;
	return rt_check(name, rt_start_cpu(OTHER, OTHER, fn, NULL, PATIENCE) && wait_for(&beats, 1));
}

static void init_other(void)
{
	rt_apic_ipi(OTHER, ICR_INIT | ICR_ASSERT);
}

/* ---- NMI ---- */

/* Interrupts off. */
static void spin(void *p)
{
	(void)p;
	for (;;)
		beats++;
}

static void sleep_for_ever(void *p)
{
	(void)p;
	for (;;) {
		beats++;
		halt();
	}
}

static void test_nmi(void)
{
	if (!start("NMI: a processor that spins", spin))
		return;
	rt_apic_ipi(OTHER, ICR_NMI);
	rt_check("NMI reaches one that spins with interrupts off", wait_for(&nmis[1], 1));
	/* SDM "Handling Multiple NMIs": one is latched while another is handled */
	rt_apic_ipi(OTHER, ICR_NMI);
	for (uint64_t begin = rdtsc(); rdtsc() - begin < APART;)
		pause_cpu();
	rt_apic_ipi(OTHER, ICR_NMI);
	a_while();
	rt_check_u64("two NMIs apart from each other are two", nmis[1], 3);
	if (!start("NMI: a processor that sleeps", sleep_for_ever))
		return;
	a_while();
	if (beats > 1 && !rt_has_hypervisor()) {
		rt_skip("it sleeps", "HLT ends by itself on this bare machine");
	} else {
		rt_check_u64("it sleeps", beats, 1);
		rt_apic_ipi(OTHER, ICR_ASSERT | VECTOR);
		a_while();
		rt_check_u64("an interrupt doesn't wake HLT with interrupts off", beats, 1);
	}
	rt_apic_ipi(0, ICR_NMI | ICR_ALL_BUT_ME);
	rt_check("NMI wakes HLT with interrupts off", wait_for(&nmis[1], 4) && wait_for(&beats, 2));
	a_while();
	rt_check_u64("NMI comes once", nmis[1], 4);
}

static void cross_nmis(void *p)
{
	uint64_t done = 0;

	(void)p;
	rt_apic_enable();
	for (;;) {
		beats++;
		while (order == done)
			pause_cpu();
		done++;
		rt_apic_ipi(0, ICR_NMI);
		rt_apic_ipi(0, ICR_ASSERT | LAST);
	}
}

static void test_crossing(void)
{
	uint64_t rounds = rt_arg_u64("rounds", 200), lost = 0;

	rt_on(LAST, on_last);
	if (!start("NMIs from two sides", cross_nmis))
		return;
	interrupts_on();
	for (uint64_t i = 1; i <= rounds; i++) {
		uint64_t before = nmis[0];

		order = i;
		for (uint64_t n = i * 977 % 30000; n; n--)
			pause_cpu();
		rt_apic_ipi(rt_apic_id(), ICR_NMI);
		if (!wait_for(&lasts, i))
			break;
		wait_for(&nmis[0], before + 2);
		lost += nmis[0] != before + 2;
	}
	interrupts_off();
	rt_check_u64("NMIs from two sides all came behind each other", lasts, rounds);
	rt_check_u64("NMIs from two sides that were lost, or too many", lost, 0);
}

/* ---- INIT and SIPI ---- */

extern const uint8_t signals_code[], signals_code_end[];
extern const uint8_t signals_cr0[], signals_edx[], signals_done[];

/* Tells in what state a processor begins. */
__asm__(".pushsection .text\n"
	"	.code16\n"
	"	.balign 16\n"
	"signals_code:\n"
	"	movl %cr0, %eax\n"
	"	movl %eax, %cs:signals_cr0 - signals_code\n"
	"	movl %edx, %cs:signals_edx - signals_code\n"
	"	movl $1, %cs:signals_done - signals_code\n"
	"1:	cli\n"
	"	hlt\n"
	"	jmp 1b\n"
	"	.balign 8\n"
	"signals_cr0: .quad 0\n"
	"signals_edx: .quad 0\n"
	"signals_done: .quad 0\n"
	"signals_code_end:\n"
	"	.code64\n"
	"	.popsection\n");

static volatile uint64_t *in_trampoline(const uint8_t *what)
{
	return (volatile uint64_t *)(uintptr_t)(TRAMPOLINE + (uint64_t)(what - signals_code));
}

static void test_init(void)
{
	if (!start("INIT: a processor that spins", spin))
		return;
	rt_apic_ipi(OTHER, ICR_STARTUP | 0xff);
	rt_check("SIPI without INIT is ignored", other_lives());
	rt_apic_ipi(OTHER, 0x8000 | ICR_INIT); /* level-triggered de-assert */
	rt_check("INIT de-assert is ignored", other_lives());
	init_other();
	rt_check("INIT stops it", !other_lives());
	rt_apic_ipi(OTHER, ICR_ASSERT | VECTOR);
	rt_check("it waits for SIPI only", !other_lives());
	memcpy((void *)(uintptr_t)TRAMPOLINE, signals_code,
	       (uintptr_t)signals_code_end - (uintptr_t)signals_code);
	init_other();
	rt_apic_ipi(OTHER, ICR_STARTUP | TRAMPOLINE >> 12);
	rt_apic_ipi(OTHER, ICR_STARTUP | TRAMPOLINE >> 12);
	if (!rt_check("it starts at SIPI's page", wait_for(in_trampoline(signals_done), 1)))
		return;
	rt_check_u64("it starts in real mode", *in_trampoline(signals_cr0) & 0x1fffffff, 0x10);
	if (!*in_trampoline(signals_edx) && !rt_has_hypervisor())
		rt_skip("EDX is the processor's signature", "this bare machine's is 0");
	else
		rt_check_u64("EDX is the processor's signature", *in_trampoline(signals_edx),
			     cpuid(1, 0).eax);
	start("it starts once more", spin);
	init_other();
}

static uint64_t vmxon_region[512] __attribute__((aligned(4096)));

static void in_vmx(void *p)
{
	uint64_t region = (uint64_t)(uintptr_t)vmxon_region;

	(void)p;
	if (!(rdmsr(MSR_FEATURE_CONTROL) & 1))
		wrmsr(MSR_FEATURE_CONTROL, 5); /* locked, VMX outside SMX */
	*(uint32_t *)vmxon_region = (uint32_t)rdmsr(MSR_VMX_BASIC);
	write_cr4(read_cr4() | CR4_VMXE);
	__asm__ volatile("vmxon %0" : : "m"(region) : "memory", "cc");
	while (!order)
		beats++;
	__asm__ volatile("vmxoff" : : : "memory", "cc");
	for (;;)
		beats++;
}

static void test_init_in_vmx(void)
{
	uint64_t v;

	if (!(cpuid(1, 0).ecx & 1u << 5) || !rt_rdmsr_safe(MSR_FEATURE_CONTROL, &v)) {
		rt_skip("INIT in VMX operation", "no VMX");
		return;
	}
	if (!start("a processor in VMX operation", in_vmx))
		return;
	init_other();
	rt_check("INIT is blocked in VMX root operation", other_lives());
	rt_apic_ipi(OTHER, ICR_STARTUP | 0xff);
	rt_check("so is SIPI", other_lives());
	order = 1;
	a_while();
	if (!rt_has_hypervisor() && other_lives())
		rt_skip("INIT comes with VMXOFF", "this bare machine has lost it");
	else
		rt_check("INIT comes with VMXOFF", !other_lives());
	start("it starts after that", spin);
	init_other();
}

/* ---- what is a processor's own ---- */

static void on_page_fault(struct rt_regs *regs)
{
	uint64_t mine = NOWHERE + 0x1000ull * rt_cpu();

	rt_yield(); /* to the other, who faults too */
	bad_cr2 += read_cr2() != mine;
	faults[rt_cpu()]++;
	regs->rip = regs->rbx;
}

static void fault_once(void)
{
	__asm__ volatile("leaq 1f(%%rip), %%rbx; movl (%0), %%eax; 1:"
			 :
			 : "r"(NOWHERE + 0x1000ull * rt_cpu())
			 : "rax", "rbx", "memory");
}

static void fault_for_ever(void *p)
{
	(void)p;
	for (;;) {
		beats++;
		fault_once();
		rt_yield();
	}
}

static void test_own_state(void)
{
	rt_on(14, on_page_fault);
	if (start("CR2: two processors that fault", fault_for_ever))
		for (int i = 0; i < 50; i++)
			fault_once();
	rt_check_u64("CR2 of another processor", bad_cr2, 0);
	rt_check("both took page faults", faults[0] == 50 && faults[1] > 10);
	init_other();
	rt_on(14, NULL);
}

/* ---- destinations ---- */

static void take_irqs(void *p)
{
	(void)p;
	rt_apic_enable();
	rt_apic_write(APIC_LDR, 0x02000000);
	interrupts_on();
	for (;;) {
		beats++;
		if (order == 1) {
			order = 2;
			rt_x2apic_enable();
		}
	}
}

static void ipi(const char *name, uint32_t destination, uint32_t command, unsigned int mine,
		unsigned int others)
{
	uint64_t before[2] = {irqs[0], irqs[1]};

	rt_apic_ipi(destination, command | ICR_ASSERT | VECTOR);
	interrupts_on();
	wait_for(&irqs[0], before[0] + mine);
	wait_for(&irqs[1], before[1] + others);
	a_while();
	interrupts_off();
	if (irqs[0] - before[0] != mine || irqs[1] - before[1] != others)
		rt_fail(name, "%lu here and %lu there, wanted %u and %u", irqs[0] - before[0],
			irqs[1] - before[1], mine, others);
	else
		rt_pass(name);
}

static void test_destinations(void)
{
	rt_on(VECTOR, on_irq);
	if (!start("IPIs: a processor that takes them", take_irqs))
		return;
	rt_apic_write(APIC_LDR, 0x01000000);
	ipi("IPI to the other", OTHER, 0, 0, 1);
	ipi("IPI to all, shorthand", 0, ICR_ALL, 1, 1);
	ipi("IPI to all but me, shorthand", 0, ICR_ALL_BUT_ME, 0, 1);
	ipi("IPI to all, physical", 0xff, 0, 1, 1);
	ipi("IPI to both, flat", 3, 0x800, 1, 1);
	ipi("IPI to the other, flat", 2, 0x800, 0, 1);
	rt_apic_write(APIC_TPR, 0x20);
	ipi("IPI, lowest priority", 3, 0x800 | ICR_LOWEST, 0, 1);
	rt_apic_write(APIC_TPR, 0);
	if (!rt_has_x2apic())
		return;
	order = 1;
	rt_check("the other in x2APIC mode", wait_for(&order, 2) && other_lives());
	ipi("xAPIC to x2APIC", OTHER, 0, 0, 1);
	rt_x2apic_enable();
	ipi("x2APIC to the other", OTHER, 0, 0, 1);
	ipi("x2APIC to all", 0xffffffff, 0, 1, 1);
	ipi("x2APIC to both, logical", 3, 0x800, 1, 1);
	ipi("x2APIC, another cluster", 0x10003, 0x800, 0, 0);
	init_other();
	rt_check("INIT by x2APIC", !other_lives());
}

void rt_main(void)
{
	rt_apic_enable();
	rt_on(2, on_nmi);
	rt_on(VECTOR, on_irq);
	test_nmi();
	test_crossing();
	test_init();
	test_init_in_vmx();
	test_own_state();
	test_destinations();
	rt_check_end();
}
