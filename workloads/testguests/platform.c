/* SPDX-License-Identifier: MIT */
/*
 * The machine as kernels by other people expect it: what firmware leaves, the local APIC off and on again,
 * NMIs from the APIC, the debug exceptions of instructions that exit, MSRs. Argument: cpus=N (1), the MP
 * table's.
 */
#include <nestbed/mptable.h>

#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"

#define PATIENCE      20000000ull /* ticks */
#define APIC_LVR      0x030u
#define APIC_LDR      0x0d0u
#define APIC_DFR      0x0e0u
#define APIC_LVT_LAST 0x370u
#define ICR_LOWEST    0x00100u
#define ICR_LOGICAL   0x00800u
#define VECTOR        0x51u
#define RELOCATED     0xfed40000ull

#define DR6_IDLE 0xffff0ff0ull
#define DR6_BS   0x4000ull

static volatile uint64_t irqs, nmis;

static void on_irq(struct rt_regs *regs)
{
	(void)regs;
	irqs++;
	rt_apic_eoi();
}

static bool wait_for(volatile const uint64_t *counter, uint64_t value)
{
	for (uint64_t begin = rdtsc(); *counter < value && rdtsc() - begin < PATIENCE;)
		pause_cpu();
	return *counter >= value;
}

/* ---- what firmware leaves ---- */

/* By assembly: compilers think that nobody reads below 4 KiB. */
static uint16_t read16(uint64_t address)
{
	uint16_t v;

	__asm__ volatile("movw (%1), %0" : "=r"(v) : "r"(address) : "memory");
	return v;
}

static const struct mp_floating_pointer *find_mp(uint64_t from, uint64_t size)
{
	for (uint64_t at = from; at < from + size; at += 16)
		if (!memcmp((const void *)at, "_MP_", 4) && !mp_checksum((const void *)at, 16))
			return (const void *)at;
	return NULL;
}

static void test_mp_table(void)
{
	const uint64_t ebda = (uint64_t)read16(MP_BDA_EBDA_SEGMENT) << 4;
	const struct mp_floating_pointer *mp = ebda ? find_mp(ebda, 1024) : NULL;
	const struct mp_header *header;
	const uint8_t *at;
	unsigned int cpus = 0, bootstrap = 99, extint = 99, nmi = 99;

	rt_check_u64("the EBDA lies behind base memory", ebda, (uint64_t)read16(MP_BDA_BASE_MEMORY) << 10);
	rt_check("MP floating pointer", mp);
	if (!mp)
		return;
	header = (const void *)(uintptr_t)mp->table;
	at = (const uint8_t *)(header + 1);
	if (!rt_check("MP table's checksum",
		      !memcmp(header, "PCMP", 4) && !mp_checksum(header, header->length)))
		return;
	rt_check_u64("MP table's local APIC", header->lapic, APIC_MMIO);
	for (unsigned int i = 0; i < header->entries; i++, at += *at == MP_ENTRY_CPU ? 20 : 8) {
		if (*at == MP_ENTRY_CPU) {
			if (at[3] & MP_CPU_BOOTSTRAP)
				bootstrap = at[1];
			cpus += at[3] & MP_CPU_ENABLED;
		} else if (*at == MP_ENTRY_LOCAL_INT) {
			*(at[1] == MP_INT_NMI ? &nmi : &extint) = at[7];
		}
	}
	rt_check("MP table's entries end where it does", at == (const uint8_t *)header + header->length);
	rt_check_u64("MP table's processors", cpus, rt_arg_u64("cpus", 1));
	rt_check_u64("MP table's bootstrap processor", bootstrap, rt_apic_id());
	rt_check_u64("MP table: ExtINT at LINT0", extint, 0);
	rt_check_u64("MP table: NMI at LINT1", nmi, 1);
}

static void test_left_by_firmware(void)
{
	rt_check_u64("the APIC is enabled by software", rt_apic_read(APIC_SVR) & 0x100, 0x100);
	rt_check_u64("the PIC comes through LINT0", rt_apic_read(APIC_LVT_LINT0), LVT_EXTINT);
	rt_check_u64("the keyboard controller takes a byte", inb(0x64) & 2, 0);
	rt_check_u64("a test device that isn't there", inl(0xf4), 0xffffffff);
	rt_check_u64("fw_cfg that isn't there", inb(0x511), 0xff);
}

/* ---- the APIC off and on ---- */

static uint64_t base_of(uint64_t mode)
{
	return (rdmsr(MSR_APIC_BASE) & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC)) | mode;
}

static void check_base(const char *name, uint64_t mode, bool allowed)
{
	rt_check_u64(name, rt_wrmsr_safe(MSR_APIC_BASE, base_of(mode)), allowed);
}

static void test_disabled(const char *from)
{
	char name[64];

	memset((void *)APIC_MMIO, 0xff, 0x1000);
	rt_snprintf(name, sizeof(name), "%s: the page reads as ones", from);
	rt_check_u64(name, mmio_read32(APIC_MMIO + APIC_LVR), 0xffffffff);
	rt_snprintf(name, sizeof(name), "%s: CR8 is still there", from);
	write_cr8(0xa);
	rt_check_u64(name, read_cr8(), 0xa);
	rt_check_u64(name, mmio_read32(APIC_MMIO + APIC_TPR), 0xffffffff);
	write_cr8(0);
}

/* Bochs is such a processor: SDM "Enabling or Disabling the Local APIC" has those whose APIC stays off. */
static bool comes_back(const char *what)
{
	if (rt_has_hypervisor())
		return true;
	rt_skip(what, "this bare machine's APIC stays off");
	return false;
}

static void test_off_and_on(void)
{
	uint32_t version = mmio_read32(APIC_MMIO + APIC_LVR);

	if (!comes_back("xAPIC off and on"))
		return;
	mmio_write32(APIC_MMIO + APIC_LDR, 0x01000000);
	check_base("xAPIC to disabled", 0, true);
	rt_check_u64("disabled: CPUID says so", cpuid(1, 0).edx >> 9 & 1, 0);
	test_disabled("disabled");
	check_base("disabled to x2APIC alone", APIC_BASE_X2APIC, false);
	check_base("disabled to x2APIC", APIC_BASE_ENABLE | APIC_BASE_X2APIC, false);
	check_base("disabled to xAPIC", APIC_BASE_ENABLE, true);
	rt_check_u64("enabled again: CPUID says so", cpuid(1, 0).edx >> 9 & 1, 1);
	rt_check_u64("enabled again: version", mmio_read32(APIC_MMIO + APIC_LVR), version);
	rt_check_u64("enabled again: TPR", mmio_read32(APIC_MMIO + APIC_TPR), 0);
	rt_check_u64("enabled again: software-disabled", mmio_read32(APIC_MMIO + APIC_SVR), 0xff);
	rt_check_u64("enabled again: LDR", mmio_read32(APIC_MMIO + APIC_LDR), 0);
	check_base("xAPIC to x2APIC alone", APIC_BASE_X2APIC, false);
	rt_check_u64("still the bootstrap processor", rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP, APIC_BASE_BSP);
}

static void test_relocated(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);
	uint32_t version = mmio_read32(APIC_MMIO + APIC_LVR);
	unsigned int bits = cpuid(0x80000008, 0).eax & 0xff;

	wrmsr(MSR_APIC_BASE, RELOCATED | (base & 0xfff));
	rt_check_u64("relocated: there", mmio_read32(RELOCATED + APIC_LVR), version);
	rt_check("relocated: no longer here", mmio_read32(APIC_MMIO + APIC_LVR) != version);
	wrmsr(MSR_APIC_BASE, base);
	rt_check_u64("back again", mmio_read32(APIC_MMIO + APIC_LVR), version);
	rt_check("base: a reserved low bit", !rt_wrmsr_safe(MSR_APIC_BASE, base | 1));
	rt_check("base: a bit behind the physical addresses",
		 !rt_wrmsr_safe(MSR_APIC_BASE, base | 1ull << bits));
}

static void self_ipi(const char *name, uint32_t destination, uint32_t command, bool comes)
{
	uint64_t before = irqs;

	rt_apic_ipi(destination, command | ICR_ASSERT);
	interrupts_on();
	if (comes)
		wait_for(&irqs, before + 1);
	else
		pause_cpu();
	interrupts_off();
	rt_check_u64(name, irqs - before, comes);
}

static void test_destinations(void)
{
	uint32_t me = rt_apic_id();

	rt_apic_enable();
	rt_on(VECTOR, on_irq);
	self_ipi("IPI to self, shorthand", 0, ICR_SELF | VECTOR, true);
	self_ipi("IPI to self, physical", me, VECTOR, true);
	self_ipi("IPI to all, shorthand", 0, 0x80000 | VECTOR, true);
	self_ipi("IPI to all, physical", 0xff, VECTOR, true);
	self_ipi("IPI to nobody", 0x7f, VECTOR, false);
	rt_apic_write(APIC_DFR, 0xffffffff);
	rt_apic_write(APIC_LDR, 0x04000000);
	self_ipi("IPI, flat", 0x0c, ICR_LOGICAL | VECTOR, true);
	self_ipi("IPI, flat, nobody's bit", 0x02, ICR_LOGICAL | VECTOR, false);
	self_ipi("IPI, flat, lowest priority", 0x04, ICR_LOGICAL | ICR_LOWEST | VECTOR, true);
	rt_apic_write(APIC_DFR, 0x0fffffff);
	rt_apic_write(APIC_LDR, 0x31000000);
	self_ipi("IPI, cluster", 0x31, ICR_LOGICAL | VECTOR, true);
	self_ipi("IPI, other cluster", 0x21, ICR_LOGICAL | VECTOR, false);
	rt_apic_write(APIC_DFR, 0xffffffff);
	rt_apic_write(APIC_ESR, 0);
	rt_apic_ipi(me, ICR_ASSERT | 5);
	rt_apic_write(APIC_ESR, 0);
	rt_check("an illegal vector is told in the ESR", rt_apic_read(APIC_ESR) & 0x60);
}

static void test_x2apic(void)
{
	struct cpuid topology;

	if (!rt_has_x2apic()) {
		rt_skip("x2APIC", "CPUID has no x2APIC");
		return;
	}
	topology = cpuid(0xb, 0);
	rt_x2apic_enable();
	rt_check_u64("x2APIC ID is CPUID's", rt_apic_id(), topology.edx);
	test_disabled("x2APIC");
	check_base("x2APIC to xAPIC", APIC_BASE_ENABLE, false);
	check_base("x2APIC to x2APIC alone", APIC_BASE_X2APIC, false);
	rt_check("x2APIC: ID can't be written", !rt_wrmsr_safe(MSR_X2APIC + APIC_ID / 16, 1));
	rt_check("x2APIC: EOI is 0", !rt_wrmsr_safe(MSR_X2APIC + APIC_EOI / 16, 1));
	self_ipi("x2APIC: IPI to self, shorthand", 0, ICR_SELF | VECTOR, true);
	self_ipi("x2APIC: broadcast", 0xffffffff, VECTOR, true);
	self_ipi("x2APIC: logical", 1u << (rt_apic_id() & 15), ICR_LOGICAL | VECTOR, true);
	if (!comes_back("x2APIC off and on"))
		return;
	check_base("x2APIC to disabled", 0, true);
	check_base("x2APIC, disabled, xAPIC", APIC_BASE_ENABLE, true);
	check_base("x2APIC again", APIC_BASE_ENABLE | APIC_BASE_X2APIC, true);
	rt_apic_enable();
	self_ipi("x2APIC again: IPI", 0, ICR_SELF | VECTOR, true);
}

/* ---- NMI ---- */

static volatile bool nmi_burst; /* the handler sends ten more, once */
static volatile uint64_t nmi_in_handler;

static void on_nmi(struct rt_regs *regs)
{
	(void)regs;
	nmis++;
	if (!nmi_burst)
		return;
	nmi_burst = false;
	for (int i = 0; i < 10; i++)
		rt_apic_ipi(rt_apic_id(), ICR_NMI);
	nmi_in_handler = nmis;
}

static void test_nmi(void)
{
	uint64_t before = nmis, irqs_before = irqs;

	rt_on(2, on_nmi);
	rt_apic_ipi(rt_apic_id(), ICR_NMI);
	rt_check("NMI to self, interrupts off", wait_for(&nmis, before + 1));
	rt_check_u64("NMI to self comes once", nmis - before, 1);
	before = nmis;
	nmi_burst = true;
	rt_apic_ipi(rt_apic_id(), ICR_NMI);
	wait_for(&nmis, before + 2);
	rt_check_u64("no NMI in an NMI's handler", nmi_in_handler - before, 1);
	rt_check_u64("ten NMIs meanwhile are one", nmis - before, 2);
	before = nmis;
	rt_apic_ipi(rt_apic_id(), ICR_SELF | ICR_ASSERT | VECTOR);
	rt_apic_ipi(rt_apic_id(), ICR_NMI);
	interrupts_on();
	wait_for(&irqs, irqs_before + 1);
	interrupts_off();
	rt_check_u64("NMI and interrupt: NMI", nmis - before, 1);
	rt_check_u64("NMI and interrupt: interrupt", irqs - irqs_before, 1);
}

/* ---- debug exceptions of what exits ---- */

static volatile uint64_t steps, bad_steps, step_at[16];

static void on_step(struct rt_regs *regs)
{
	if (read_dr6() != (DR6_IDLE | DR6_BS))
		bad_steps++;
	write_dr6(DR6_IDLE);
	if (steps < 16)
		step_at[steps] = regs->rip;
	steps++;
}

#define TF_ON  "pushfq; orq $0x100, (%%rsp); popfq; "
#define TF_OFF "pushfq; andq $~0x100, (%%rsp); popfq; "

/*
 * A row an instruction that exits, between TF on and off: a #DB behind it, with nothing before or lost.
 * Every row: NOP, the instruction, NOP, then PUSHFQ, ANDQ and POPFQ: the trap of the first comes behind the
 * NOP.
 */
#define STEP_ROW(function, text, ...)                                                                        \
	static uint64_t function(void)                                                                       \
	{                                                                                                    \
		uint64_t start;                                                                              \
                                                                                                             \
		__asm__ volatile("leaq 1f(%%rip), %0; " TF_ON "nop; 1: " text "; nop; " TF_OFF               \
				 : "=&b"(start)                                                              \
				 : __VA_ARGS__                                                               \
				 : "rax", "rcx", "rdx", "memory", "cc");                                     \
		return start;                                                                                \
	}
STEP_ROW(step_nop, "nop", "i"(0))
STEP_ROW(step_cpuid, "xorl %%eax, %%eax; pushq %%rbx; cpuid; popq %%rbx", "i"(0))
STEP_ROW(step_in, "movl $0x3fd, %%edx; inb %%dx, %%al", "i"(0))
STEP_ROW(step_out, "movl $0x80, %%edx; outb %%al, %%dx", "i"(0))
STEP_ROW(step_rdmsr, "movl $0x1b, %%ecx; rdmsr", "i"(0))
STEP_ROW(step_wrmsr, "movl $0x8b, %%ecx; xorl %%eax, %%eax; xorl %%edx, %%edx; wrmsr", "i"(0))
STEP_ROW(step_cr8, "movq %%cr8, %%rax; movq %%rax, %%cr8", "i"(0))
STEP_ROW(step_cr4, "movq %%cr4, %%rax; movq %%rax, %%cr4", "i"(0))
STEP_ROW(step_mmio, "movl (%1), %%eax", "S"(APIC_MMIO + APIC_LVR))
STEP_ROW(step_mmio_write, "movl $0, (%1)", "S"(APIC_MMIO + APIC_TPR))
STEP_ROW(step_wbinvd, "wbinvd", "i"(0))
STEP_ROW(step_sti_hlt, "sti; hlt; cli", "i"(0))

static const struct step_row {
	const char *name;
	uint64_t (*run)(void);
	unsigned int count; /* of instructions between the two NOPs */
	unsigned int blocked; /* 1: STI of them; its trap is not held back */
} step_rows[] = {
	{"single step: NOP",         step_nop,        1, 0},
        {"single step: CPUID",       step_cpuid,      4, 0},
	{"single step: IN",          step_in,         2, 0},
        {"single step: OUT",         step_out,        2, 0},
	{"single step: RDMSR",       step_rdmsr,      2, 0},
        {"single step: WRMSR",       step_wrmsr,      4, 0},
	{"single step: CR8",         step_cr8,        2, 0},
        {"single step: CR4",         step_cr4,        2, 0},
	{"single step: MMIO",        step_mmio,       1, 0},
        {"single step: MMIO, write", step_mmio_write, 1, 0},
	{"single step: WBINVD",      step_wbinvd,     1, 0},
        {"single step: STI, HLT",    step_sti_hlt,    3, 0},
};

static void test_steps(void)
{
	rt_on(1, on_step);
	write_dr6(DR6_IDLE);
	for (unsigned int i = 0; i < sizeof(step_rows) / sizeof(step_rows[0]); i++) {
		const struct step_row *row = &step_rows[i];
		uint64_t start;

		steps = bad_steps = 0;
		rt_apic_write(APIC_TPR, 0);
		rt_apic_timer(RT_TIMER_ONE_SHOT, VECTOR, 1000000); /* the end of a HLT that sleeps through */
		start = row->run();
		rt_apic_timer_stop();
		/* NOP, the row's, NOP, PUSHFQ, ANDQ; what POPFQ turns off is stepped still */
		if (steps != row->count + 5 || bad_steps || step_at[0] != start)
			rt_fail(row->name,
				"%lu traps, wanted %u; %lu with another DR6; first at %lx, wanted %lx", steps,
				row->count + 5, bad_steps, step_at[0], start);
		else
			rt_pass(row->name);
	}
	interrupts_on();
	pause_cpu();
	interrupts_off();
	rt_on(1, NULL);
}

/* ---- MSRs and CPUID ---- */

static void check_wrmsr(const char *name, uint32_t msr, uint64_t value, bool allowed)
{
	uint64_t before = rdmsr(msr), after;

	rt_check_u64(name, rt_wrmsr_safe(msr, value), allowed);
	after = rdmsr(msr);
	if (after != (allowed ? value : before))
		rt_fail(name, "reads 0x%lx", after);
	wrmsr(msr, before);
}

static void test_msrs(void)
{
	uint64_t v, offset;

	check_wrmsr("PAT", MSR_PAT, 0x07070707, true);
	check_wrmsr("PAT, type 2", MSR_PAT, 0x0702, false);
	check_wrmsr("SYSENTER_EIP", MSR_SYSENTER_EIP, 0x123456789abc, true);
	check_wrmsr("SYSENTER_EIP, not canonical", MSR_SYSENTER_EIP, 0x800000000000, false);
	check_wrmsr("KERNEL_GS_BASE, not canonical", MSR_KERNEL_GS_BASE, 1ull << 63, false);
	check_wrmsr("EFER.SCE", MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE, true);
	check_wrmsr("EFER, a reserved bit", MSR_EFER, rdmsr(MSR_EFER) | 2, false);
	if (!rt_has_hypervisor()) {
		rt_skip("more MSRs", "this bare machine lacks them, or takes all");
		return;
	}
	check_wrmsr("MISC_ENABLE", MSR_MISC_ENABLE, 0x400c51809, true);
	check_wrmsr("MISC_ENABLE, a reserved bit", MSR_MISC_ENABLE, 0x1803, false);
	rt_check("CPUID has MTRRs", cpuid(1, 0).edx >> 12 & 1);
	rt_check_u64("MTRRs of 8 variable ranges", rdmsr(0xfe) & 0xff, 8);
	check_wrmsr("an MTRR", 0x204, 0x80000006, true);
	check_wrmsr("an MTRR of type 2", 0x204, 0x80000002, false);
	check_wrmsr("an MTRR behind the addresses", 0x204, 1ull << (cpuid(0x80000008, 0).eax & 0xff), false);
	rt_check("no machine-check bank", !rt_rdmsr_safe(0x400, &v));
	rt_check("no IA32_ARCH_CAPABILITIES, as CPUID says", !rt_rdmsr_safe(0x10a, &v));
	rt_check("no such MSR", !rt_rdmsr_safe(0x12345, &v) && !rt_wrmsr_safe(0x12345, 0));
	offset = rdtsc();
	wrmsr(0x3b, 1ull << 40);
	rt_check_u64("TSC_ADJUST moves the TSC", (rdtsc() - offset) >> 40, 1);
	wrmsr(0x10, rdtsc() - (1ull << 40));
	rt_check_u64("a write of the TSC moves TSC_ADJUST", (rdmsr(0x3b) + (1ull << 30)) >> 32, 0);
	wrmsr(0x3b, 0);
}

static void test_cpuid(void)
{
	uint32_t highest = cpuid(0, 0).eax;
	struct cpuid last = cpuid(highest, 0), c = cpuid(0x3fffffff, 0);

	rt_check("CPUID behind the highest leaf is the highest", !memcmp(&last, &c, sizeof(c)));
	if (!rt_has_hypervisor() || highest < 0x16)
		return;
	c = cpuid(0x15, 0);
	rt_check_u64("CPUID: the TSC's rate", c.eax ? (uint64_t)c.ecx * c.ebx / c.eax : 0, 1000000000);
	rt_check_u64("CPUID: the same in MHz", cpuid(0x16, 0).eax, 1000);
}

/* ---- memory that instructions of every kind reach ---- */

static void test_mmio_kinds(void)
{
	uint32_t words[4] = {1, 2, 3, 4};
	const uint64_t lvr = APIC_MMIO + APIC_LVR;
	uint32_t version = mmio_read32(lvr), got = 0;

	if (rt_apic_is_x2()) {
		rt_skip("MMIO instructions", "x2APIC mode");
		return;
	}
	__asm__ volatile("cmpl %1, (%2); sete %b0" : "+r"(got) : "r"(version), "r"(lvr) : "memory", "cc");
	rt_check_u64("MMIO: CMP", got & 1, 1);
	__asm__ volatile("movl %1, %%esi; leaq %0, %%rdi; movsl"
			 : "=m"(words[1])
			 : "r"((uint32_t)lvr)
			 : "rsi", "rdi", "memory", "cc");
	rt_check_u64("MMIO: MOVS", words[1], version);
	mmio_write32(APIC_MMIO + APIC_TPR, 0x20);
	__asm__ volatile("orl $0x10, (%0)" : : "r"(APIC_MMIO + APIC_TPR) : "memory", "cc");
	rt_check_u64("MMIO: OR", mmio_read32(APIC_MMIO + APIC_TPR), 0x30);
	got = 0x40;
	__asm__ volatile("xchgl %0, (%1)" : "+r"(got) : "r"(APIC_MMIO + APIC_TPR) : "memory");
	rt_check_u64("MMIO: XCHG", got, 0x30);
	rt_check_u64("MMIO: XCHG stored", mmio_read32(APIC_MMIO + APIC_TPR), 0x40);
	__asm__ volatile("andl $0, (%0)" : : "r"(APIC_MMIO + APIC_TPR) : "memory", "cc");
	rt_check_u64("MMIO: AND", mmio_read32(APIC_MMIO + APIC_TPR), 0);
}

/* ---- the APIC timer's modes ---- */

static void test_timer_modes(void)
{
	const uint32_t count = 400000;
	uint32_t now;

	rt_apic_timer(RT_TIMER_ONE_SHOT, VECTOR, count);
	rt_apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR | 1u << 17);
	rt_check_u64("timer: the initial count survives a change of mode", rt_apic_read(APIC_TIMER_INITIAL),
		     count);
	while (rt_apic_read(APIC_TIMER_CURRENT) > count / 2)
		;
	now = rt_apic_read(APIC_TIMER_CURRENT);
	rt_check("timer: the count goes on over a change of mode", now && now <= count / 2);
	while ((now = rt_apic_read(APIC_TIMER_CURRENT)) <= count / 2)
		;
	rt_check("timer: periodic begins anew", now <= count);
	rt_apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
	while (rt_apic_read(APIC_TIMER_CURRENT))
		;
	rt_check_u64("timer: one-shot ends at 0", rt_apic_read(APIC_TIMER_CURRENT), 0);
	rt_apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR | 1u << 17);
	rt_check_u64("timer: periodic doesn't wake an ended count", rt_apic_read(APIC_TIMER_CURRENT), 0);
	rt_apic_timer_stop();
}

void rt_main(void)
{
	test_mp_table();
	test_left_by_firmware();
	test_off_and_on();
	test_relocated();
	test_destinations();
	test_mmio_kinds();
	test_timer_modes();
	test_msrs();
	test_cpuid();
	test_nmi();
	test_steps();
	test_x2apic();
	rt_check_end();
}
