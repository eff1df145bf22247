/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/cpu/unit.h"

/* A loop of two instructions a round: where a tick is an instruction, it takes exactly that many. */
bool tsc_counts_instructions(void)
{
	uint64_t rounds = 1000, start = rdtsc(), ticks;

	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds) : : "cc");
	ticks = rdtsc() - start;
	return ticks >= 2000 && ticks <= 2016;
}
