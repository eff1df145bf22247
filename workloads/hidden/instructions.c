/* SPDX-License-Identifier: MIT */
/*
 * Instructions that a processor can be made to refuse, which are #UD then. Those that it cannot are told in
 * docs/cpu-policy.md.
 */
#include "hidden.h"

#define NONE                                                                                                 \
	{                                                                                                    \
		0, 0, EAX, 0                                                                                 \
	}

#define CR4_FSGSBASE 0x10000ull

static uint8_t area[4096] __attribute__((aligned(64)));

#define INSN(name, ...)                                                                                      \
	static void name(void *arg)                                                                          \
	{                                                                                                    \
		(void)arg;                                                                                   \
		__asm__ volatile(__VA_ARGS__);                                                               \
	}

INSN(do_rdtsc, "rdtsc" : : : "eax", "edx")
INSN(do_rdtscp, "rdtscp" : : : "eax", "ecx", "edx")
INSN(do_rdrand, "rdrand %%eax" : : : "eax", "cc")
INSN(do_rdseed, "rdseed %%eax" : : : "eax", "cc")
INSN(do_invpcid, "invpcid %0, %1" : : "m"(*(const uint8_t (*)[16])area), "r"(3ull) : "memory")
INSN(do_xsaves, "xsaves %0" : "+m"(area) : "a"(1), "d"(0) : "memory")
INSN(do_xrstors, "xrstors %0" : : "m"(area), "a"(0), "d"(0) : "memory")
INSN(do_xgetbv, "xgetbv" : : "c"(0) : "eax", "edx")
INSN(do_monitor, "monitor" : : "a"(area), "c"(0), "d"(0))
INSN(do_tpause, ".byte 0x66, 0x0f, 0xae, 0xf1" : : "a"(0), "c"(0), "d"(0) : "cc")
INSN(do_sse, "pxor %%xmm0, %%xmm0" : : : "memory")
INSN(do_avx, "vpxor %%xmm0, %%xmm0, %%xmm0" : : : "memory")

static void do_rdfsbase(void *arg)
{
	uint64_t old = read_cr4();
	uint64_t base;

	(void)arg;
	if (shown((struct feature){7, 0, EBX, 0}))
		write_cr4(old | CR4_FSGSBASE);
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	write_cr4(old);
}

static void do_avx512(void *arg)
{
	(void)arg;
	if (shown((struct feature){7, 0, EBX, 16}))
		xsetbv(0, 0xe7);
	__asm__ volatile("vpxord %%zmm0, %%zmm0, %%zmm0" : : : "memory");
}

void check_instructions(void)
{
	static const struct way ways[] = {
		{"RDTSC",       {1, 0, EDX, 4},           UD, do_rdtsc,    0, NONE},
		{"RDTSCP",      {0x80000001, 0, EDX, 27}, UD, do_rdtscp,   0, NONE},
		{"RDRAND",      {1, 0, ECX, 30},          UD, do_rdrand,   0, NONE},
		{"RDSEED",      {7, 0, EBX, 18},          UD, do_rdseed,   0, NONE},
		{"INVPCID",     {7, 0, EBX, 10},          UD, do_invpcid,  0, NONE},
		{"XGETBV",      {1, 0, ECX, 26},          UD, do_xgetbv,   0, NONE},
		{"XSAVES",      {0xd, 1, EAX, 3},         UD, do_xsaves,   0, NONE},
		{"XRSTORS",     {0xd, 1, EAX, 3},         UD, do_xrstors,  0, NONE},
		{"MONITOR",     {1, 0, ECX, 3},           UD, do_monitor,  0, NONE},
		{"TPAUSE",      {7, 0, ECX, 5},           UD, do_tpause,   0, NONE},
		{"RDFSBASE",    {7, 0, EBX, 0},           UD, do_rdfsbase, 0, NONE},
		{"PXOR (SSE2)", {1, 0, EDX, 26},          UD, do_sse,      0, NONE},
		{"VPXOR XMM",   {1, 0, ECX, 28},          UD, do_avx,      0, NONE},
		{"VPXOR ZMM",   {7, 0, EBX, 16},          UD, do_avx512,   0, NONE},
	};

	check_ways(ways, sizeof(ways) / sizeof(ways[0]));
}
