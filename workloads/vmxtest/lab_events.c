// SPDX-License-Identifier: MIT
/* L1's local APIC for rows that send interrupts, and L1's handlers for those that come back to it. */
#include "workloads/rt/rt_apic.h"
#include "lab_impl.h"

static volatile unsigned int taken;

static void on_interrupt(struct rt_regs *regs)
{
	(void)regs;
	taken++;
	rt_apic_eoi();
}

static void on_nmi(struct rt_regs *regs)
{
	(void)regs;
	taken++;
}

void lab_events_on(void)
{
	rt_on(NMI, on_nmi);
	rt_on(LAB_VECTOR, on_interrupt);
	rt_apic_enable();
	rt_apic_write(APIC_ICR + 0x10, rt_apic_id() << 24);
}

void lab_events_off(void)
{
	rt_on(NMI, NULL);
	rt_on(LAB_VECTOR, NULL);
}

/* What is still pending is taken, what is in service is ended, NMIs are unblocked (by the handler's IRET). */
unsigned int lab_events_settle(void)
{
	const unsigned int before = taken;

	lab_unblock_nmis();
	rt_apic_eoi();
	interrupts_on();
	pause_cpu();
	pause_cpu();
	interrupts_off();
	return taken - before;
}

void lab_ipi(uint32_t command)
{
	rt_apic_write(APIC_ICR, command);
}
