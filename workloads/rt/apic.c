/* SPDX-License-Identifier: MIT */
/* Local APIC, by memory or, once x2APIC mode is on, by MSRs. SDM "Advanced Programmable Interrupt
 * Controller". */
#include "layout.h"
#include "rt.h"
#include "rt_apic.h"

#define SVR_ENABLE  0x100u
#define ICR_PENDING 0x1000u

bool rt_has_x2apic(void)
{
	return cpuid(1, 0).ecx & (1u << 21);
}

bool rt_has_tsc_deadline(void)
{
	return cpuid(1, 0).ecx & (1u << 24);
}

/* Of each CPU, asked once: IA32_APIC_BASE exits under every hypervisor, and would at each register access. */
static enum { UNKNOWN, XAPIC, X2APIC } modes[RT_CPUS_MAX];

bool rt_apic_is_x2(void)
{
	unsigned int cpu = rt_cpu();

	if (modes[cpu] == UNKNOWN)
		modes[cpu] = rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC ? X2APIC : XAPIC;
	return modes[cpu] == X2APIC;
}

uint32_t rt_apic_read(uint32_t offset)
{
	if (rt_apic_is_x2())
		return (uint32_t)rdmsr(MSR_X2APIC + offset / 16);
	return mmio_read32(APIC_MMIO + offset);
}

void rt_apic_write(uint32_t offset, uint32_t v)
{
	if (rt_apic_is_x2())
		wrmsr(MSR_X2APIC + offset / 16, v);
	else
		mmio_write32(APIC_MMIO + offset, v);
}

uint32_t rt_apic_id(void)
{
	uint32_t id = rt_apic_read(APIC_ID);

	return rt_apic_is_x2() ? id : id >> 24;
}

void rt_apic_enable(void)
{
	rt_apic_write(APIC_SVR, SVR_ENABLE | RT_VECTOR_SPURIOUS);
	rt_apic_write(APIC_TPR, 0);
	/* The PIC's interrupts come through LINT0 only where the guest asks for them. */
	rt_apic_write(APIC_LVT_LINT0, rt_cpu() ? APIC_LVT_MASKED : LVT_EXTINT);
}

void rt_x2apic_enable(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	modes[rt_cpu()] = X2APIC;
	rt_apic_enable();
}

void rt_apic_timer(enum rt_timer_mode mode, uint8_t vector, uint64_t count)
{
	rt_apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	rt_apic_write(APIC_LVT_TIMER, (uint32_t)mode << 17 | vector);
	if (mode == RT_TIMER_TSC_DEADLINE) {
		/* SDM "TSC-Deadline Mode": the write to the LVT must be seen before the MSR's. */
		__asm__ volatile("mfence" : : : "memory");
		wrmsr(MSR_TSC_DEADLINE, count);
	} else {
		rt_apic_write(APIC_TIMER_INITIAL, (uint32_t)count);
	}
}

void rt_apic_timer_stop(void)
{
	rt_apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	rt_apic_write(APIC_TIMER_INITIAL, 0);
}

void rt_apic_ipi(uint32_t apic_id, uint32_t command)
{
	if (rt_apic_is_x2()) {
		/* SDM "ICR Operation in x2APIC Mode": one write of 64 bits, no delivery status */
		__asm__ volatile("mfence" : : : "memory");
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (uint64_t)apic_id << 32 | command);
		return;
	}
	rt_apic_write(APIC_ICR + 0x10, apic_id << 24);
	rt_apic_write(APIC_ICR, command);
	while (rt_apic_read(APIC_ICR) & ICR_PENDING)
		pause_cpu();
}
