/* SPDX-License-Identifier: MIT */
/* The devices of a guest, each by a few accesses of the kind that drivers make. `count=` is the APIC timer's:
 * a guest whose interrupts cost more than that never gets behind the periodic one. */
#include <nestbed/ports.h>

#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"

#define PATIENCE     50000000ull /* ticks until an interrupt is given up */
#define PIC_BASE     0x20u
#define TIMER_VECTOR 0x60u
#define IPI_VECTOR   0x61u

#define COM1    0x3f8
#define RTC     0x70
#define NOBODY  0x0c00 /* a port that no PC gives to anyone */
#define PIT_1MS 1193u

static volatile uint64_t ticks, irqs;
static uint32_t count; /* of the APIC timer */

static void on_irq0(struct rt_regs *regs)
{
	(void)regs;
	irqs++;
	rt_pic_eoi(0);
}

static void on_apic(struct rt_regs *regs)
{
	(void)regs;
	ticks++;
	rt_apic_eoi();
}

/* With interrupts on, until the counter is there or patience is over. */
static bool wait_for(volatile const uint64_t *counter, uint64_t value)
{
	interrupts_on();
	for (uint64_t begin = rdtsc(); *counter < value && rdtsc() - begin < PATIENCE;)
		pause_cpu();
	interrupts_off();
	return *counter >= value;
}

static void test_com1(void)
{
	static const char text[] = "devices: COM1\n";

	rt_com1_write(text, sizeof(text) - 1);
	outb(COM1 + 7, 0xa5);
	rt_check_u64("COM1 scratch register", inb(COM1 + 7), 0xa5);
	for (uint64_t begin = rdtsc(); !(inb(COM1 + 5) & 0x20) && rdtsc() - begin < PATIENCE;)
		pause_cpu();
	rt_check_u64("COM1 transmitter becomes empty", inb(COM1 + 5) & 0x20, 0x20);
	outb(COM1 + 3, 0x83);
	rt_check_u64("COM1 divisor latch", inb(COM1) + 256u * inb(COM1 + 1), 1);
	outb(COM1 + 3, 0x03);
	/* MCR bit 4: OUT2, OUT1, RTS, DTR come back as DCD, RI, CTS, DSR */
	outb(COM1 + 4, 0x1a);
	rt_check_u64("COM1 loopback of modem lines", inb(COM1 + 6) & 0xf0, 0x90);
	outb(COM1 + 4, 0x03);
}

static void test_pic_pit(void)
{
	uint64_t before;

	rt_pic_init(PIC_BASE);
	outb(0x21, 0x5a);
	rt_check_u64("PIC mask", inb(0x21), 0x5a);
	outb(0x21, 0xff);
	rt_on(PIC_BASE, on_irq0);
	rt_apic_enable(); /* LINT0 takes the PIC's interrupts */
	rt_pit_periodic(PIT_1MS);
	rt_pic_unmask(0);
	rt_check("PIT ticks by IRQ 0", wait_for(&irqs, 5));
	outb(0x21, 0xff);
	before = irqs;
	wait_for(&irqs, before + 1);
	rt_check_u64("a masked IRQ 0 is silent", irqs, before);
	outb(0x43, 0); /* latch counter 0 */
	before = inb(0x40);
	before |= (uint64_t)inb(0x40) << 8;
	rt_check("PIT count is within its period", before <= PIT_1MS);
}

static void test_timer(const char *mode)
{
	char name[64];
	uint64_t begin;

	ticks = 0;
	rt_apic_timer(RT_TIMER_ONE_SHOT, TIMER_VECTOR, count);
	rt_snprintf(name, sizeof(name), "%s timer, one-shot, counts down", mode);
	rt_check(name, rt_apic_read(APIC_TIMER_CURRENT) <= count);
	rt_snprintf(name, sizeof(name), "%s timer, one-shot, fires", mode);
	rt_check(name, wait_for(&ticks, 1));
	rt_snprintf(name, sizeof(name), "%s timer, one-shot, fires once", mode);
	begin = rdtsc();
	interrupts_on();
	while (rdtsc() - begin < 10ull * count)
		pause_cpu();
	interrupts_off();
	rt_check_u64(name, ticks, 1);

	rt_apic_timer(RT_TIMER_PERIODIC, TIMER_VECTOR, count);
	rt_snprintf(name, sizeof(name), "%s timer, periodic", mode);
	rt_check(name, wait_for(&ticks, 5));
	rt_apic_timer_stop();

	/* One that was due at the stop may be waiting still. */
	interrupts_on();
	pause_cpu();
	interrupts_off();
	rt_snprintf(name, sizeof(name), "%s timer, HLT is woken", mode);
	ticks = 0;
	rt_apic_timer(RT_TIMER_ONE_SHOT, TIMER_VECTOR, count);
	interrupts_on_and_halt();
	interrupts_off();
	rt_check_u64(name, ticks, 1);

	rt_snprintf(name, sizeof(name), "%s timer, TSC deadline", mode);
	if (!rt_has_tsc_deadline()) {
		rt_skip(name, "CPUID has no TSC deadline");
		return;
	}
	ticks = 0;
	begin = rdtsc() + count;
	rt_apic_timer(RT_TIMER_TSC_DEADLINE, TIMER_VECTOR, begin);
	wait_for(&ticks, 1);
	if (ticks != 1 || rdtsc() < begin)
		rt_fail(name, "%lu interrupts, TSC is %ld behind the deadline", ticks, rdtsc() - begin);
	else
		rt_pass(name);
	/* SDM "TSC-Deadline Mode" */
	rt_snprintf(name, sizeof(name), "%s timer, the deadline reads 0 when it is over", mode);
	if (rdmsr(MSR_TSC_DEADLINE) && !rt_has_hypervisor())
		rt_skip(name, "not so on this bare machine");
	else
		rt_check_u64(name, rdmsr(MSR_TSC_DEADLINE), 0);
	rt_apic_timer_stop();
}

static void test_ipi(const char *mode)
{
	char name[64];

	ticks = 0;
	rt_apic_ipi(rt_apic_id(), ICR_FIXED | ICR_ASSERT | IPI_VECTOR);
	rt_snprintf(name, sizeof(name), "%s IPI waits in IRR", mode);
	if (rt_has_l1hv()) {
		rt_skip(name, "l1hv acknowledges an interrupt when it comes");
		interrupts_on();
		pause_cpu();
		interrupts_off();
		ticks = 0;
		rt_apic_write(APIC_TPR, IPI_VECTOR & 0xf0);
		rt_apic_ipi(rt_apic_id(), ICR_FIXED | ICR_ASSERT | IPI_VECTOR);
	} else {
		rt_check(name, rt_apic_read(APIC_IRR + 0x10 * (IPI_VECTOR / 32)) & 1u << IPI_VECTOR % 32);
		rt_apic_write(APIC_TPR, IPI_VECTOR & 0xf0);
	}
	rt_snprintf(name, sizeof(name), "%s IPI is held back by TPR", mode);
	interrupts_on();
	pause_cpu();
	interrupts_off();
	rt_check_u64(name, ticks, 0);
	rt_snprintf(name, sizeof(name), "%s TPR is CR8", mode);
	rt_check_u64(name, read_cr8(), IPI_VECTOR >> 4);
	write_cr8(0);
	rt_snprintf(name, sizeof(name), "%s IPI comes when CR8 lets it", mode);
	rt_check(name, wait_for(&ticks, 1));
}

static void test_apic(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	rt_on(TIMER_VECTOR, on_apic);
	rt_on(IPI_VECTOR, on_apic);
	rt_check_u64("APIC base, enabled", base & ~APIC_BASE_X2APIC,
		     APIC_MMIO | APIC_BASE_ENABLE | APIC_BASE_BSP);
	rt_check("APIC version is an integrated one", (rt_apic_read(APIC_VERSION) & 0xf0) == 0x10);
	if (rt_apic_is_x2()) {
		rt_skip("xAPIC", "the loader left x2APIC mode on");
	} else {
		test_timer("xAPIC");
		test_ipi("xAPIC");
	}
	if (!rt_has_x2apic()) {
		rt_skip("x2APIC", "CPUID has no x2APIC");
		return;
	}
	/* Last: there is no way back without disabling the APIC. */
	rt_x2apic_enable();
	rt_check("x2APIC mode", rt_apic_is_x2());
	rt_check_u64("x2APIC ID is that of CPUID", rt_apic_id(), cpuid(1, 0).ebx >> 24);
	test_timer("x2APIC");
	test_ipi("x2APIC");
	rt_check("x2APIC reserved register faults", !rt_wrmsr_safe(MSR_X2APIC + APIC_VERSION / 16, 0));
	rt_check(
		"x2APIC to xAPIC faults",
		!rt_wrmsr_safe(MSR_APIC_BASE, (rdmsr(MSR_APIC_BASE) & ~APIC_BASE_X2APIC) | APIC_BASE_ENABLE));
}

static uint8_t rtc(uint8_t reg)
{
	outb(RTC, reg);
	return inb(RTC + 1);
}

static void test_rtc(void)
{
	unsigned int tries = 0;
	uint8_t seconds, status_b;

	while ((rtc(0x0a) & 0x80) && tries++ < 1000000) /* update in progress */
		pause_cpu();
	seconds = rtc(0);
	status_b = rtc(0x0b);
	rt_check("RTC seconds", status_b & 4 ? seconds < 60 : (seconds & 0xf) < 10 && seconds < 0x60);
	rt_check("RTC 24-hour mode", status_b & 2);
	outb(RTC, 0x40);
	outb(RTC + 1, 0x5a);
	rt_check_u64("CMOS memory keeps a byte", rtc(0x40), 0x5a);
}

static void test_doorbell(void)
{
	if (!rt_has_nestbed()) {
		rt_skip("doorbell", "this machine has none");
		return;
	}
	outl(NB_PORT_DOORBELL, 0x12345678);
	rt_check_u64("doorbell port", inl(NB_PORT_DOORBELL), 0x12345678);
	mmio_write32(NB_MMIO_DOORBELL, 0x9abcdef0);
	rt_check_u64("doorbell memory", mmio_read32(NB_MMIO_DOORBELL), 0x9abcdef0);
}

void rt_main(void)
{
	count = (uint32_t)rt_arg_u64("count", 20000);
	rt_check_u64("debug console", inb(NB_PORT_CONSOLE), NB_PORT_CONSOLE);
	rt_check_u64("no device, 8 bits", inb(NOBODY), 0xff);
	rt_check_u64("no device, 16 bits", inw(NOBODY), 0xffff);
	rt_check_u64("no device, 32 bits", inl(NOBODY), 0xffffffff);
	test_com1();
	test_pic_pit();
	test_rtc();
	test_doorbell();
	test_apic();
	rt_check_end();
}
