/* SPDX-License-Identifier: MIT */
/* Application processors: SDM "Multiple-Processor (MP) Initialization Protocol". One starts at a time. */
#include "internal.h"
#include "rt.h"
#include "rt_apic.h"

extern const uint8_t rt_trampoline[], rt_trampoline_end[];
extern uint32_t rt_starting_stack; /* read by smp_entry.S */
void rt_cpu_start(void);

uint32_t rt_starting_stack;

static volatile unsigned int starting_cpu;
static volatile bool started;
static void (*volatile starting_fn)(void *);
static void *volatile starting_arg;

/* Waits between INIT and SIPI and between two SIPIs, at least: 1 ms and 200 us at 1 GHz. */
#define INIT_TICKS 1000000u
#define SIPI_TICKS 200000u

static bool wait(uint64_t ticks)
{
	for (uint64_t begin = rdtsc(); !started && rdtsc() - begin < ticks;)
		pause_cpu();
	return started;
}

void rt_cpu_start(void)
{
	void (*fn)(void *) = starting_fn;
	void *arg = starting_arg;

	rt_cpu_init(starting_cpu);
	started = true;
	fn(arg);
	for (;;) {
		interrupts_off();
		halt();
	}
}

bool rt_start_cpu(unsigned int cpu, uint32_t apic_id, void (*fn)(void *), void *arg, uint64_t ticks)
{
	if (!cpu || cpu >= RT_CPUS_MAX)
		rt_panic("CPU %u: 1 to %u can be started", cpu, RT_CPUS_MAX - 1);
	memcpy((void *)RT_TRAMPOLINE, rt_trampoline, (uintptr_t)rt_trampoline_end - (uintptr_t)rt_trampoline);
	rt_starting_stack = (uint32_t)(uintptr_t)rt_stacks[cpu] + RT_STACK_SIZE;
	starting_cpu = cpu;
	starting_fn = fn;
	starting_arg = arg;
	started = false;
	__asm__ volatile("mfence" : : : "memory");

	rt_apic_ipi(apic_id, ICR_INIT | ICR_ASSERT);
	wait(INIT_TICKS);
	rt_apic_ipi(apic_id, ICR_STARTUP | RT_TRAMPOLINE >> 12);
	if (!wait(SIPI_TICKS))
		rt_apic_ipi(apic_id, ICR_STARTUP | RT_TRAMPOLINE >> 12);
	return wait(ticks);
}
