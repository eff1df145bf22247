// SPDX-License-Identifier: MIT
/*
 * L2's time-stamp counter: offset and factor. SDM "Changes to Instruction Behavior in VMX Non-Root
 * Operation", "Time-Stamp Counter Offset and Multiplier".
 */
#include "lab.h"

#define ONE        (1ull << 48) /* the multiplier has 48 bits behind the point */
#define OFFSET     CPU_TSC_OFFSETTING
#define MSR_STORED 1u /* list of lab_msr_list */

L2_CODE(tsc_read, "9: rdtsc; 8:");
L2_CODE(tsc_read_p, "9: rdtscp; 8:");
L2_CODE(tsc_read_msr, "movl $0x10, %ecx; 9: rdmsr; 8:");

static const struct {
	const char *name;
	const struct code *code;
	uint32_t cpu, cpu2;
	uint64_t offset, factor;
	bool scaled, moved; /* what must be seen */
} rows[] = {
	{"TSC: RDTSC",				   &code_tsc_read,     0,                        0,                              0,             0,           false, false},
	{"TSC: RDTSC, offset",                           &code_tsc_read,     OFFSET,                   0,                              1ull << 50,    0,           false, true },
	{"TSC: RDTSC, the offset is off",                &code_tsc_read,     0,                        0,                              1ull << 50,    0,           false, false},
	{"TSC: RDTSCP, negative offset",                 &code_tsc_read_p,   OFFSET,                   CPU2_RDTSCP,                    -(1ull << 50), 0,           false,
	 true																				  },
	{"TSC: RDMSR, offset",                           &code_tsc_read_msr, OFFSET | CPU_MSR_BITMAPS, 0,                              1ull << 50,    0,           false, true },
	{"TSC: RDTSC, twice as fast",                    &code_tsc_read,     OFFSET,                   CPU2_TSC_SCALING,               0,             2 * ONE,     true,  true },
	{"TSC: RDTSC, slower by a quarter",              &code_tsc_read,     OFFSET,                   CPU2_TSC_SCALING,               0,             ONE / 4 * 3, true,
	 true																				  },
	{"TSC: RDTSC, factor of 1",                      &code_tsc_read,     OFFSET,                   CPU2_TSC_SCALING,               0,             ONE,         true,  true },
	{"TSC: RDTSC, factor and offset",                &code_tsc_read,     OFFSET,                   CPU2_TSC_SCALING,               1ull << 51,    ONE * 5 / 2,
	 true,																			    true },
	{"TSC: RDTSCP, factor",                          &code_tsc_read_p,   OFFSET,                   CPU2_TSC_SCALING | CPU2_RDTSCP, 0,             3 * ONE,     true,
	 true																				  },
	{"TSC: RDMSR, factor",                           &code_tsc_read_msr, OFFSET | CPU_MSR_BITMAPS, CPU2_TSC_SCALING,               0,             3 * ONE,
	 true,																			    true },
	{"TSC: the factor without the offset's control", &code_tsc_read,     0,                        CPU2_TSC_SCALING,               0,             3 * ONE,
	 false,																			   false},
};

static uint64_t expected(unsigned int i, uint64_t tsc)
{
	if (rows[i].scaled)
		tsc = (uint64_t)((unsigned __int128)tsc * rows[i].factor >> 48);
	return rows[i].moved ? tsc + rows[i].offset : tsc;
}

static void check(unsigned int i)
{
	uint64_t before, after, seen;

	lab_reset(rows[i].code, KERNEL64);
	put(CPU_CTLS, get(CPU_CTLS) | rows[i].cpu);
	put(CPU_CTLS2, get(CPU_CTLS2) | rows[i].cpu2);
	put(TSC_OFFSET, rows[i].offset);
	if (rows[i].cpu2 & CPU2_TSC_SCALING)
		put(TSC_MULTIPLIER, rows[i].factor);
	before = rdtsc();
	if (lab_run() != RAN || get(EXIT_REASON) != EXIT_VMCALL) {
		rt_fail(rows[i].name, "exit 0x%lx", get(EXIT_REASON));
		return;
	}
	after = rdtsc();
	seen = lab_regs.r[RDX] << 32 | (uint32_t)lab_regs.r[RAX];
	if (seen - expected(i, before) <= expected(i, after) - expected(i, before))
		rt_pass(rows[i].name);
	else
		rt_fail(rows[i].name, "0x%lx, not between 0x%lx and 0x%lx", seen, expected(i, before),
			expected(i, after));
}

/* SDM "Saving MSRs": as RDMSR of L1 would read it. */
static void stored(void)
{
	const char *name = "TSC: stored by an exit's list, neither moved nor scaled";
	uint64_t before, after, seen;

	if (!lab_selected(name))
		return;
	if (lab_deviates(false)) {
		rt_skip(name, "Bochs stores what L2 would read");
		return;
	}
	lab_reset(&code_tsc_read, KERNEL64);
	put(CPU_CTLS, get(CPU_CTLS) | OFFSET);
	put(TSC_OFFSET, 1ull << 50);
	lab_msr_list[MSR_STORED][0] = IA32_TSC;
	lab_msr_list[MSR_STORED][1] = 0;
	put(EXIT_MSR_STORE_COUNT, 1);
	before = rdtsc();
	lab_run();
	after = rdtsc();
	seen = lab_msr_list[MSR_STORED][1];
	if (seen - before <= after - before)
		rt_pass(name);
	else
		rt_fail(name, "0x%lx, not between 0x%lx and 0x%lx", seen, before, after);
}

void test_tsc(void)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!lab_selected(rows[i].name))
			continue;
		if (caps_allow(CPU_CTLS, rows[i].cpu, CPU_RDTSC) && caps_allow(CPU_CTLS2, rows[i].cpu2, 0))
			check(i);
		else
			rt_skip(rows[i].name, "the processor does not offer the control");
	}
	stored();
}
