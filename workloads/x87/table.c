/* SPDX-License-Identifier: MIT */
/* SDM Vol. 1, "Programming with the x87 FPU". */
#include "rt.h"
#include "x87.h"

struct real {
	uint64_t significand;
	uint16_t sign_exponent;
	uint8_t unused[6];
};

static const struct real reals[] = {
	{0,		  0x0000, {0}}, /* 0 */
	{0,		  0x8000, {0}}, /* -0 */
	{0x8000000000000000, 0x3fff, {0}}, /* 1 */
	{0xc000000000000000, 0xbfff, {0}}, /* -1.5 */
	{0xc90fdaa22168c235, 0x4000, {0}}, /* pi */
	{0xaaaaaaaaaaaaaaab, 0x3ffd, {0}}, /* 1/3 */
	{0x9502f90000000000, 0x4020, {0}}, /* 10^10 */
	{0xdbe6fecebdedd5bf, 0xbfdd, {0}}, /* -10^-10 */
	{0xffffffffffffffff, 0x7ffe, {0}}, /* the greatest */
	{0x8000000000000000, 0x0001, {0}}, /* the least normal */
	{0x0000000000000001, 0x0000, {0}}, /* the least denormal */
	{0x8000000000000000, 0x7fff, {0}}, /* infinity */
	{0xc000000000000001, 0x7fff, {0}}, /* a quiet NaN */
	{0x8000000000000002, 0xffff, {0}}, /* a signalling one */
};
#define REALS (sizeof(reals) / sizeof(reals[0]))

/* All exceptions masked; rounding in bits 11:10, precision in 9:8. */
static const uint16_t controls[] = {0x37f, 0x77f, 0xb7f, 0xf7f, 0x27f, 0x07f};
#define CONTROLS (sizeof(controls) / sizeof(controls[0]))

uint64_t digest(uint64_t so_far, const void *bytes, unsigned int count)
{
	const uint8_t *p = bytes;

	while (count--)
		so_far = (so_far ^ *p++) * 0x100000001b3ull;
	return so_far;
}

struct result {
	uint8_t real[10];
	uint16_t status;
};

static void begin(uint16_t control)
{
	__asm__ volatile("fninit; fldcw %0" : : "m"(control));
}

/* ST(0), after the status. */
static uint64_t end(uint64_t so_far)
{
	struct result r = {{0}, 0};

	__asm__ volatile("fnstsw %1; fstpt %0" : "=m"(r.real), "=m"(r.status) : : "memory");
	return digest(so_far, &r, sizeof(r));
}

#define UNARY(name, insn)                                                                                    \
	static void name(const struct real *a)                                                               \
	{                                                                                                    \
		__asm__ volatile("fldt %0; " insn : : "m"(*a));                                              \
	}
#define BINARY(name, insn)                                                                                   \
	static void name(const struct real *a, const struct real *b)                                         \
	{                                                                                                    \
		__asm__ volatile("fldt %0; fldt %1; " insn : : "m"(*a), "m"(*b));                            \
	}

UNARY(do_fsqrt, "fsqrt")
UNARY(do_fabs, "fabs")
UNARY(do_fchs, "fchs")
UNARY(do_frndint, "frndint")
UNARY(do_fxam, "fxam")
UNARY(do_ftst, "ftst")
UNARY(do_fxtract, "fxtract")
UNARY(do_fsin, "fsin")
UNARY(do_fcos, "fcos")
UNARY(do_fptan, "fptan")
UNARY(do_f2xm1, "f2xm1")
BINARY(do_fadd, "faddp")
BINARY(do_fsub, "fsubp")
BINARY(do_fsubr, "fsubrp")
BINARY(do_fmul, "fmulp")
BINARY(do_fdiv, "fdivp")
BINARY(do_fdivr, "fdivrp")
BINARY(do_fprem, "fprem")
BINARY(do_fprem1, "fprem1")
BINARY(do_fscale, "fscale")
BINARY(do_fpatan, "fpatan")
BINARY(do_fyl2x, "fyl2x")
BINARY(do_fcom, "fcom")

static void (*const unary[])(const struct real *a) = {
	do_fsqrt,   do_fabs, do_fchs, do_frndint, do_fxam,  do_ftst,
	do_fxtract, do_fsin, do_fcos, do_fptan,   do_f2xm1,
};
static void (*const binary[])(const struct real *a, const struct real *b) = {
	do_fadd,  do_fsub,   do_fsubr,  do_fmul,   do_fdiv,  do_fdivr,
	do_fprem, do_fprem1, do_fscale, do_fpatan, do_fyl2x, do_fcom,
};

static uint64_t run_unary(uint64_t d)
{
	for (unsigned int c = 0; c < CONTROLS; c++)
		for (unsigned int i = 0; i < sizeof(unary) / sizeof(unary[0]); i++)
			for (unsigned int a = 0; a < REALS; a++) {
				begin(controls[c]);
				unary[i](&reals[a]);
				d = end(d);
			}
	return d;
}

static uint64_t run_binary(uint64_t d)
{
	for (unsigned int c = 0; c < CONTROLS; c++)
		for (unsigned int i = 0; i < sizeof(binary) / sizeof(binary[0]); i++)
			for (unsigned int a = 0; a < REALS; a++)
				for (unsigned int b = 0; b < REALS; b++) {
					begin(controls[c]);
					binary[i](&reals[a], &reals[b]);
					d = end(d);
				}
	return d;
}

/* Stores that convert. */
static uint64_t run_stores(uint64_t d)
{
	struct {
		uint64_t real64, integer64;
		uint32_t real32, integer32;
		uint16_t integer16, status;
		uint8_t decimal[10], unused[2];
	} out;

	for (unsigned int c = 0; c < CONTROLS; c++)
		for (unsigned int a = 0; a < REALS; a++) {
			memset(&out, 0, sizeof(out));
			begin(controls[c]);
			__asm__ volatile("fldt %0" : : "m"(reals[a]));
			__asm__ volatile("fsts %0" : "=m"(out.real32));
			__asm__ volatile("fstl %0" : "=m"(out.real64));
			__asm__ volatile("fists %0" : "=m"(out.integer16));
			__asm__ volatile("fistl %0" : "=m"(out.integer32));
			__asm__ volatile("fld %%st(0); fistpll %0" : "=m"(out.integer64));
			__asm__ volatile("fbstp %0" : "=m"(out.decimal));
			__asm__ volatile("fnstsw %0" : "=m"(out.status));
			d = digest(d, &out, sizeof(out));
		}
	return d;
}

/* Bits that the format leaves undefined, and selectors, which 64-bit forms of saving lose, do not count. */
static uint64_t environment(uint64_t d, uint32_t env[7])
{
	for (unsigned int i = 0; i < 3; i++)
		env[i] &= 0xffff;
	env[4] &= 0x07ff0000; /* opcode */
	return digest(d, env, 6 * sizeof(env[0]));
}

/* What FNSTENV and FNSAVE find after a few instructions, an exception among them; FRSTOR and FLDENV. */
static uint64_t run_state(uint64_t d)
{
	struct {
		uint32_t env[7];
		uint8_t st[80];
	} state;
	uint32_t env[7];

	for (unsigned int c = 0; c < CONTROLS; c++) {
		begin(controls[c]);
		__asm__ volatile("fld1; fldz; fdivrp; fldpi; fldl2e; fyl2x; fldlg2");
		__asm__ volatile("fnstenv %0" : "=m"(env));
		__asm__ volatile("fnsave %0" : "=m"(state));
		d = environment(d, env);
		__asm__ volatile("frstor %0; fldln2; fmulp; fnstenv %1" : "+m"(state), "=m"(env));
		d = environment(d, state.env);
		d = digest(d, state.st, sizeof(state.st));
		__asm__ volatile("fldenv %0" : : "m"(env));
		d = end(environment(d, env));
	}
	return d;
}

const struct x87_group x87_groups[] = {
	{"unary",  run_unary },
	{"binary", run_binary},
	{"stores", run_stores},
	{"state",  run_state },
};
const unsigned int x87_group_count = sizeof(x87_groups) / sizeof(x87_groups[0]);
