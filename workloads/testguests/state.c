/* SPDX-License-Identifier: MIT */
/*
 * State that belongs to one guest: registers that no VM exit saves by itself. Each round sets all of it
 * from a seed, lets other guests run, and looks whether it is still there. Arguments: seed=N (1), rounds=N
 * (20). Two VMs or two vCPUs with different seeds find each other's values where a hypervisor mixes them up.
 */
#include "rt.h"
#include "rt_check.h"

#define VECTORS   16u
#define EXITS     8u /* of each kind, per round */
#define DR7_FIXED 0x400ull
#define QUIET     0xc8000000ull /* nothing is ever accessed there: breakpoints don't hit */

static uint64_t seed;

/* splitmix64 */
static uint64_t next(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* The mask keeps a random value one that the MSR takes. PAT: entries 4-7 only, which the runtime doesn't use.
 */
static const struct msr_row {
	const char *name;
	uint32_t msr;
	uint64_t mask;
} msr_rows[] = {
	{"IA32_STAR",           MSR_STAR,           ~0ull             },
	{"IA32_LSTAR",          MSR_LSTAR,          0x00007fffffffffff},
	{"IA32_CSTAR",          MSR_CSTAR,          0x00007fffffffffff},
	{"IA32_FMASK",          MSR_FMASK,          0x00000000ffffffff},
	{"IA32_KERNEL_GS_BASE", MSR_KERNEL_GS_BASE, 0x00007fffffffffff},
	{"IA32_GS_BASE",        MSR_GS_BASE,        0x00007fffffffffff},
	{"IA32_SYSENTER_CS",    MSR_SYSENTER_CS,    0x000000000000fff8},
	{"IA32_SYSENTER_ESP",   MSR_SYSENTER_ESP,   0x00007fffffffffff},
	{"IA32_SYSENTER_EIP",   MSR_SYSENTER_EIP,   0x00007fffffffffff},
	{"IA32_TSC_AUX",        MSR_TSC_AUX,        0x00000000ffffffff},
	{"IA32_PAT",            MSR_PAT,            0x0101010100000000},
	{"IA32_EFER",           MSR_EFER,           EFER_SCE          },
};
#define MSRS (sizeof(msr_rows) / sizeof(msr_rows[0]))

struct state {
	uint64_t msr[MSRS];
	uint64_t dr[4], dr7;
	uint64_t vector[VECTORS][4]; /* YMM, or XMM in the first half */
	uint64_t x87[4]; /* doubles */
	uint32_t mxcsr, fcw;
};

static bool has_avx, has_tsc_aux;

static bool msr_exists(const struct msr_row *row)
{
	return row->msr != MSR_TSC_AUX || has_tsc_aux;
}

static void set(struct state *s)
{
	for (unsigned int i = 0; i < MSRS; i++) {
		const struct msr_row *row = &msr_rows[i];

		if (!msr_exists(row))
			continue;
		s->msr[i] = (rdmsr(row->msr) & ~row->mask) | (next() & row->mask);
		wrmsr(row->msr, s->msr[i]);
	}
	for (unsigned int i = 0; i < 4; i++)
		s->dr[i] = QUIET + (next() & 0xffff8);
	/* enabled by L0-L3 as the seed says, all for 4-byte writes */
	s->dr7 = DR7_FIXED | 0xdddd0000ull | (next() & 0x55);
	write_dr0(s->dr[0]);
	write_dr1(s->dr[1]);
	write_dr2(s->dr[2]);
	write_dr3(s->dr[3]);
	write_dr7(s->dr7);

	for (unsigned int i = 0; i < VECTORS; i++)
		for (unsigned int j = 0; j < 4; j++)
			s->vector[i][j] = next();
	for (unsigned int i = 0; i < 4; i++)
		s->x87[i] = 0x3ff0000000000000ull | next() >> 12; /* from 1 to 2: every bit survives */
	s->mxcsr = 0x1f80u | (uint32_t)(next() & 3) << 13;
	s->fcw = 0x037fu | (uint32_t)(next() & 3) << 10;
}

#define EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static void load_vectors(const struct state *s)
{
#define LOAD_XMM(n) __asm__ volatile("movdqu %0, %%xmm" #n : : "m"(s->vector[n]) : "memory");
#define LOAD_YMM(n) __asm__ volatile("vmovdqu %0, %%ymm" #n : : "m"(s->vector[n]) : "memory");
	if (has_avx) {
		EACH_VECTOR(LOAD_YMM)
	} else {
		EACH_VECTOR(LOAD_XMM)
	}
	__asm__ volatile("ldmxcsr %0; fninit; fldcw %1; fldl %2; fldl %3; fldl %4; fldl %5"
			 :
			 : "m"(s->mxcsr), "m"(s->fcw), "m"(s->x87[0]), "m"(s->x87[1]), "m"(s->x87[2]),
			   "m"(s->x87[3])
			 : "memory");
}

static void store_vectors(struct state *s)
{
#define STORE_XMM(n) __asm__ volatile("movdqu %%xmm" #n ", %0" : "=m"(s->vector[n]) : : "memory");
#define STORE_YMM(n) __asm__ volatile("vmovdqu %%ymm" #n ", %0" : "=m"(s->vector[n]) : : "memory");
	if (has_avx) {
		EACH_VECTOR(STORE_YMM)
	} else {
		EACH_VECTOR(STORE_XMM)
	}
	s->fcw = 0;
	__asm__ volatile("stmxcsr %0; fnstcw %1; fstpl %2; fstpl %3; fstpl %4; fstpl %5; fninit"
			 : "=m"(s->mxcsr), "+m"(s->fcw), "=m"(s->x87[3]), "=m"(s->x87[2]), "=m"(s->x87[1]),
			   "=m"(s->x87[0])
			 :
			 : "memory");
}

/* Exits that any hypervisor handles, and the turn of another guest where the hypervisor is ours. */
static void let_others_run(void)
{
	for (unsigned int i = 0; i < EXITS; i++) {
		cpuid(0, 0);
		rdmsr(MSR_APIC_BASE);
		inb(0x80);
		rt_yield();
	}
}

static bool compare(const struct state *s, const struct state *now)
{
	bool ok = true;

	for (unsigned int i = 0; i < MSRS; i++)
		if (msr_exists(&msr_rows[i]))
			ok &= rt_same_u64(msr_rows[i].name, rdmsr(msr_rows[i].msr), s->msr[i]);
	ok &= rt_same_u64("DR0", read_dr0(), s->dr[0]);
	ok &= rt_same_u64("DR1", read_dr1(), s->dr[1]);
	ok &= rt_same_u64("DR2", read_dr2(), s->dr[2]);
	ok &= rt_same_u64("DR3", read_dr3(), s->dr[3]);
	ok &= rt_same_u64("DR7", read_dr7(), s->dr7);
	ok &= rt_same_u64("MXCSR", now->mxcsr, s->mxcsr);
	ok &= rt_same_u64("x87 control word", now->fcw & 0xffff, s->fcw);
	for (unsigned int i = 0; i < 4; i++)
		ok &= rt_same_u64("x87 register", now->x87[i], s->x87[i]);
	for (unsigned int i = 0; i < VECTORS; i++)
		for (unsigned int j = 0; j < (has_avx ? 4u : 2u); j++)
			ok &= rt_same_u64(has_avx ? "YMM register" : "XMM register", now->vector[i][j],
					  s->vector[i][j]);
	return ok;
}

void rt_main(void)
{
	static struct state wanted, now;
	uint64_t rounds = rt_arg_u64("rounds", 20), good = 0;

	seed = rt_arg_u64("seed", 1);
	has_avx = rt_has_xsave() && (xgetbv(0) & 4);
	has_tsc_aux = cpuid(0x80000001, 0).edx & (1u << 27);
	rt_printf("state: seed %lu, %lu rounds\n", seed, rounds);
	if (!has_tsc_aux)
		rt_skip("IA32_TSC_AUX", "no RDTSCP");
	if (!has_avx)
		rt_skip("YMM", "no AVX");
	for (uint64_t i = 0; i < rounds; i++) {
		set(&wanted);
		load_vectors(&wanted);
		let_others_run();
		store_vectors(&now);
		good += compare(&wanted, &now);
		write_dr7(DR7_FIXED);
	}
	rt_check_u64("all state in every round", good, rounds);
	rt_check_end();
}
