/* SPDX-License-Identifier: MIT */
/*
 * What a CPUID costs, leaf by leaf, in ticks; the loop around it, measured with a NOP in its place, is left
 * out. A line a leaf: leaf, sub-leaf, ticks; then a digest of all answers.
 */
#include "rt.h"

#define ROUNDS 64u

static const struct {
	uint32_t leaf, subleaf;
} leaves[] = {
	{0x0,        0 },
        {0x1,        0 },
        {0x2,        0 },
        {0x4,        0 },
        {0x4,        3 },
	{0x4,        9 },
        {0x7,        0 },
        {0x7,        1 },
        {0xA,        0 },
        {0xB,        0 },
	{0xB,        1 },
        {0xB,        2 },
        {0xD,        0 },
        {0xD,        1 },
        {0xD,        2 },
	{0xD,        62},
        {0x16,       0 },
        {0x17,       0 },
        {0x40000000, 0 },
        {0x40000001, 0 },
	{0x80000000, 0 },
        {0x80000001, 0 },
        {0x80000008, 0 },
        {0x80000009, 0 },
        {~0u,        0 },
};

#define LOOP(name, insn)                                                                                     \
	static uint64_t name(uint32_t leaf, uint32_t subleaf)                                                \
	{                                                                                                    \
		uint64_t start = rdtsc();                                                                    \
                                                                                                             \
		for (unsigned int i = 0; i < ROUNDS; i++) {                                                  \
			uint32_t a = leaf, c = subleaf;                                                      \
                                                                                                             \
			__asm__ volatile(insn : "+a"(a), "+c"(c) : : "ebx", "edx", "memory");                \
		}                                                                                            \
		return rdtsc() - start;                                                                      \
	}
LOOP(cpuids, "cpuid")
LOOP(nops, "nop")

/* FNV-1a */
static uint64_t digest(uint64_t d, const struct cpuid *c)
{
	const uint8_t *p = (const uint8_t *)c;

	for (unsigned int i = 0; i < sizeof(*c); i++)
		d = (d ^ p[i]) * 0x100000001b3ull;
	return d;
}

void rt_main(void)
{
	uint64_t answers = 0xcbf29ce484222325ull;

	for (unsigned int i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		uint64_t empty = nops(leaves[i].leaf, leaves[i].subleaf);
		uint64_t ticks = cpuids(leaves[i].leaf, leaves[i].subleaf) - empty;

		const struct cpuid c = cpuid(leaves[i].leaf, leaves[i].subleaf);

		rt_printf("0x%08x %2u %lu\n", leaves[i].leaf, leaves[i].subleaf, ticks / ROUNDS);
		answers = digest(answers, &c);
	}
	rt_printf("answers 0x%016lx\n", answers);
}
