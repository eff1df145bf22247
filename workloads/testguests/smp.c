/* SPDX-License-Identifier: MIT */
/* Application processors: started by INIT-SIPI-SIPI, interrupted, and interrupting. Argument: cpus=N (2). */
#include "rt.h"
#include "rt_apic.h"
#include "rt_check.h"

#define IPI_VECTOR 0x50u
#define ROUNDS     10u
#define PATIENCE   200000000ull /* ticks */

static volatile uint32_t ids[8];
static volatile uint64_t got[8]; /* IPIs that each CPU took */
static volatile bool done;

static void on_ipi(struct rt_regs *regs)
{
	(void)regs;
	got[rt_cpu()]++;
	rt_apic_eoi();
}

/* Answers each IPI with one to CPU 0, whose APIC ID comes as the argument. */
static void other(void *p)
{
	unsigned int me = rt_cpu();
	uint64_t answered = 0;

	rt_apic_enable();
	ids[me] = rt_apic_id();
	interrupts_on();
	while (!done) {
		if (got[me] == answered) {
			rt_yield();
			continue;
		}
		answered++;
		rt_apic_ipi((uint32_t)(uintptr_t)p, ICR_FIXED | ICR_ASSERT | IPI_VECTOR);
	}
}

static bool wait_for(volatile const uint64_t *counter, uint64_t value)
{
	for (uint64_t begin = rdtsc(); *counter < value && rdtsc() - begin < PATIENCE;)
		rt_yield(); /* the other may need this processor */
	return *counter >= value;
}

void rt_main(void)
{
	uint64_t cpus = rt_arg_u64("cpus", 2), total = 0;
	char name[48];

	if (!cpus || cpus > 8)
		rt_panic("cpus: 1 to 8");
	rt_apic_enable();
	rt_on(IPI_VECTOR, on_ipi);
	rt_check_u64("this is the bootstrap processor", rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP, APIC_BASE_BSP);
	interrupts_on();
	for (unsigned int cpu = 1; cpu < cpus; cpu++) {
		rt_snprintf(name, sizeof(name), "CPU %u starts", cpu);
		if (!rt_check(name, rt_start_cpu(cpu, cpu, other, (void *)(uintptr_t)rt_apic_id(), PATIENCE)))
			continue;
		rt_snprintf(name, sizeof(name), "CPU %u answers IPIs", cpu);
		for (unsigned int i = 0; i < ROUNDS; i++) {
			rt_apic_ipi(cpu, ICR_FIXED | ICR_ASSERT | IPI_VECTOR);
			if (!wait_for(&got[0], ++total))
				break;
		}
		rt_check_u64(name, got[cpu], ROUNDS);
		rt_snprintf(name, sizeof(name), "CPU %u has its own APIC", cpu);
		rt_check_u64(name, ids[cpu], cpu);
	}
	rt_check_u64("IPIs to the bootstrap processor", got[0], total);
	rt_apic_ipi(rt_apic_id(), ICR_FIXED | ICR_ASSERT | ICR_SELF | IPI_VECTOR);
	rt_check("IPI to self", wait_for(&got[0], total + 1));
	done = true;
	rt_check_end();
}
