/* SPDX-License-Identifier: MIT */
/*
 * A table of x87 results. Where CPUID hides the FPU, CR0.EM is set, as a kernel does that would emulate it:
 * a hypervisor that lets the real one compute gives the same digests. `rounds=N` (1) of the table.
 */
#include <nestbed/ports.h>

#include "rt.h"
#include "rt_check.h"
#include "x87.h"

#define CR0_EM    0x4ull
#define VECTOR_NM 7u

static void one_instruction(void *arg)
{
	(void)arg;
	__asm__ volatile("fld1; fstp %st(0)");
}

static uint32_t vector_with(uint64_t cr0)
{
	struct rt_fault fault;
	uint64_t old = read_cr0();

	write_cr0(cr0);
	rt_try(one_instruction, NULL, &fault);
	write_cr0(old);
	return fault.vector;
}

static uint64_t table(void)
{
	uint64_t all = DIGEST_START;

	for (unsigned int i = 0; i < x87_group_count; i++) {
		uint64_t d = x87_groups[i].run(DIGEST_START);

		rt_printf("x87 %s 0x%016lx\n", x87_groups[i].name, d);
		all = digest(all, &d, sizeof(d));
	}
	return all;
}

void rt_main(void)
{
	const bool hidden = !(cpuid(1, 0).edx & 1u);
	uint64_t rounds = rt_arg_u64("rounds", 1), d = 0;

	rt_printf("CPUID %s an FPU\n", hidden ? "hides" : "shows");
	if (hidden)
		write_cr0(read_cr0() | CR0_EM);
	rt_check_u64("CR0.TS before the first use: #NM is the guest's", vector_with(read_cr0() | CR0_TS),
		     VECTOR_NM);
	outl(NB_PORT_MARK, NB_MARK_BEGIN | 1);
	while (rounds--)
		d = table();
	outl(NB_PORT_MARK, NB_MARK_END | 1);
	rt_printf("x87 digest 0x%016lx\n", d);
	rt_check_u64("CR0.EM reads as it was written", read_cr0() & CR0_EM, hidden ? CR0_EM : 0);
	rt_check_u64("CR0.TS: #NM is the guest's", vector_with(read_cr0() | CR0_TS), VECTOR_NM);
	rt_check_u64("CR0.EM: #NM where CPUID shows the FPU", vector_with(read_cr0() | CR0_EM),
		     hidden ? RT_NO_FAULT : VECTOR_NM);
	rt_check_end();
}
