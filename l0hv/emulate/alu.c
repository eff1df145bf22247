/* SPDX-License-Identifier: MIT */
#include "l0hv/emulate/alu.h"

#define CF     0x001ull
#define PF     0x004ull
#define ZF     0x040ull
#define SF     0x080ull
#define OF     0x800ull
#define STATUS 0x8D5ull
#define FIXED  0x002ull

/* The instruction between loading and storing the flags, below a red zone that hosted code may use. */
#define FLAGGED(text)                                                                                        \
	"leaq -128(%%rsp), %%rsp\n\tpushq %[f]\n\tpopfq\n\t" text                                            \
	"\n\tpushfq\n\tpopq %[f]\n\tleaq 128(%%rsp), %%rsp"
#define RUN_AB(text) __asm__ volatile(FLAGGED(text) : [a] "+&q"(a), [f] "+&r"(f) : [b] "q"(b) : "cc")
#define RUN_A(text)  __asm__ volatile(FLAGGED(text) : [a] "+&q"(a), [f] "+&r"(f) : : "cc")
#define RUN_AC(text) __asm__ volatile(FLAGGED(text) : [a] "+&q"(a), [f] "+&r"(f) : "c"(count) : "cc")
#define RUN_ABC(text)                                                                                        \
	__asm__ volatile(FLAGGED(text) : [a] "+&q"(a), [f] "+&r"(f) : [b] "q"(b), "c"(count) : "cc")

static uint64_t flags_in(const uint64_t *rflags)
{
	return (*rflags & STATUS) | FIXED;
}

static void flags_out(uint64_t *rflags, uint64_t f)
{
	*rflags = (*rflags & ~STATUS) | (f & STATUS);
}

#define BINARY(name)                                                                                         \
	static uint64_t do_##name(unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)                   \
	{                                                                                                    \
		uint64_t f = flags_in(rflags);                                                               \
                                                                                                             \
		if (size == 1)                                                                               \
			RUN_AB(#name "b %b[b], %b[a]");                                                      \
		else if (size == 2)                                                                          \
			RUN_AB(#name "w %w[b], %w[a]");                                                      \
		else if (size == 4)                                                                          \
			RUN_AB(#name "l %k[b], %k[a]");                                                      \
		else                                                                                         \
			RUN_AB(#name "q %[b], %[a]");                                                        \
		flags_out(rflags, f);                                                                        \
		return a;                                                                                    \
	}
/* No byte form; with a register as bit offset it counts modulo the operand's size. */
#define WORDS(name)                                                                                          \
	static uint64_t do_##name(unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)                   \
	{                                                                                                    \
		uint64_t f = flags_in(rflags);                                                               \
                                                                                                             \
		if (size == 2)                                                                               \
			RUN_AB(#name "w %w[b], %w[a]");                                                      \
		else if (size == 4)                                                                          \
			RUN_AB(#name "l %k[b], %k[a]");                                                      \
		else                                                                                         \
			RUN_AB(#name "q %[b], %[a]");                                                        \
		flags_out(rflags, f);                                                                        \
		return a;                                                                                    \
	}
#define UNARY(name)                                                                                          \
	static uint64_t do_##name(unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)                   \
	{                                                                                                    \
		uint64_t f = flags_in(rflags);                                                               \
                                                                                                             \
		(void)b;                                                                                     \
		if (size == 1)                                                                               \
			RUN_A(#name "b %b[a]");                                                              \
		else if (size == 2)                                                                          \
			RUN_A(#name "w %w[a]");                                                              \
		else if (size == 4)                                                                          \
			RUN_A(#name "l %k[a]");                                                              \
		else                                                                                         \
			RUN_A(#name "q %[a]");                                                               \
		flags_out(rflags, f);                                                                        \
		return a;                                                                                    \
	}
#define SHIFT(name)                                                                                          \
	static uint64_t do_##name(unsigned size, uint64_t a, uint64_t count, uint64_t *rflags)               \
	{                                                                                                    \
		uint64_t f = flags_in(rflags);                                                               \
                                                                                                             \
		if (size == 1)                                                                               \
			RUN_AC(#name "b %%cl, %b[a]");                                                       \
		else if (size == 2)                                                                          \
			RUN_AC(#name "w %%cl, %w[a]");                                                       \
		else if (size == 4)                                                                          \
			RUN_AC(#name "l %%cl, %k[a]");                                                       \
		else                                                                                         \
			RUN_AC(#name "q %%cl, %[a]");                                                        \
		flags_out(rflags, f);                                                                        \
		return a;                                                                                    \
	}
#define SHIFT_DOUBLE(name)                                                                                   \
	static uint64_t do_##name(unsigned size, uint64_t a, uint64_t b, uint8_t count, uint64_t *rflags)    \
	{                                                                                                    \
		uint64_t f = flags_in(rflags);                                                               \
                                                                                                             \
		if (size == 2)                                                                               \
			RUN_ABC(#name "w %%cl, %w[b], %w[a]");                                               \
		else if (size == 4)                                                                          \
			RUN_ABC(#name "l %%cl, %k[b], %k[a]");                                               \
		else                                                                                         \
			RUN_ABC(#name "q %%cl, %[b], %[a]");                                                 \
		flags_out(rflags, f);                                                                        \
		return a;                                                                                    \
	}
BINARY(add)
BINARY(or)
BINARY(adc)
BINARY(sbb)
BINARY(and)
BINARY(sub)
BINARY(xor)
BINARY(cmp)
BINARY(test)
UNARY(inc)
UNARY(dec)
UNARY(not )
UNARY(neg)
WORDS(bt)
WORDS(bts)
WORDS(btr)
WORDS(btc)
WORDS(bsf)
WORDS(bsr)
WORDS(tzcnt)
WORDS(lzcnt)
WORDS(popcnt)
WORDS(imul)
SHIFT(rol)
SHIFT(ror)
SHIFT(rcl)
SHIFT(rcr)
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)
SHIFT_DOUBLE(shld)
SHIFT_DOUBLE(shrd)

typedef uint64_t operation(unsigned size, uint64_t a, uint64_t b, uint64_t *rflags);

static operation *const operations[INSN_OPS] = {
	[INSN_ADD] = do_add,     [INSN_OR] = do_or,         [INSN_ADC] = do_adc, [INSN_SBB] = do_sbb,
	[INSN_AND] = do_and,     [INSN_SUB] = do_sub,       [INSN_XOR] = do_xor, [INSN_CMP] = do_cmp,
	[INSN_TEST] = do_test,   [INSN_INC] = do_inc,       [INSN_DEC] = do_dec, [INSN_NOT] = do_not,
	[INSN_NEG] = do_neg,     [INSN_BT] = do_bt,         [INSN_BTS] = do_bts, [INSN_BTR] = do_btr,
	[INSN_BTC] = do_btc,     [INSN_BSF] = do_bsf,       [INSN_BSR] = do_bsr, [INSN_TZCNT] = do_tzcnt,
	[INSN_LZCNT] = do_lzcnt, [INSN_POPCNT] = do_popcnt,
};

uint64_t alu(enum insn_op op, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)
{
	return operations[op](size, a, b, rflags);
}

uint64_t alu_scan(enum insn_op op, unsigned size, uint64_t old, uint64_t source, uint64_t *rflags)
{
	return operations[op](size, old, source, rflags);
}

uint64_t alu_imul(unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)
{
	return do_imul(size, a, b, rflags);
}

uint64_t alu_shift(unsigned kind, unsigned size, uint64_t a, uint8_t count, uint64_t *rflags)
{
	static operation *const shifts[8] = {do_rol, do_ror, do_rcl, do_rcr, do_shl, do_shr, do_shl, do_sar};

	return shifts[kind & 7](size, a, count, rflags);
}

uint64_t alu_shift_double(bool right, unsigned size, uint64_t a, uint64_t b, uint8_t count, uint64_t *rflags)
{
	return (right ? do_shrd : do_shld)(size, a, b, count, rflags);
}

/* ---- rDX:rAX ---- */

#define RUN_WIDE(text)                                                                                       \
	__asm__ volatile(FLAGGED(text) : "+&a"(a), "+&d"(d), [f] "+&r"(f) : [s] "r"(source) : "cc")
#define WIDE(name)                                                                                           \
	static void wide_##name(unsigned size, uint64_t *rax, uint64_t *rdx, uint64_t source,                \
				uint64_t *rflags)                                                            \
	{                                                                                                    \
		uint64_t a = *rax, d = *rdx, f = flags_in(rflags);                                           \
                                                                                                             \
		if (size == 1)                                                                               \
			RUN_WIDE(#name "b %b[s]");                                                           \
		else if (size == 2)                                                                          \
			RUN_WIDE(#name "w %w[s]");                                                           \
		else if (size == 4)                                                                          \
			RUN_WIDE(#name "l %k[s]");                                                           \
		else                                                                                         \
			RUN_WIDE(#name "q %[s]");                                                            \
		*rax = a;                                                                                    \
		*rdx = d;                                                                                    \
		flags_out(rflags, f);                                                                        \
	}
WIDE(mul)
WIDE(imul)
WIDE(div)
WIDE(idiv)

static uint64_t low(uint64_t v, unsigned size)
{
	return size >= 8 ? v : v & ((1ull << 8 * size) - 1);
}

/* Would the quotient of high:low and the source not fit? Both halves and the source have `size` bytes. */
static bool divides(bool is_signed, unsigned size, uint64_t high_half, uint64_t low_half, uint64_t source)
{
	const uint64_t sign = 1ull << (8 * size - 1);
	bool negative;

	if (!is_signed || !source)
		return high_half < source; /* a zero source is never greater */
	negative = (high_half ^ source) & sign;
	if (high_half & sign) { /* magnitude of the dividend */
		low_half = low(0 - low_half, size);
		high_half = low(~high_half + !low_half, size);
	}
	if (source & sign)
		source = low(0 - source, size);
	/* |dividend| / |source| < limit, that is |dividend| < limit * |source|; limit is 2^(n-1), one more if
	 * negative */
	{
		uint64_t bound_high = source >> 1, bound_low = low(source << (8 * size - 1), size);

		if (negative) {
			bound_low = low(bound_low + source, size);
			bound_high += bound_low < source;
		}
		return high_half < bound_high || (high_half == bound_high && low_half < bound_low);
	}
}

bool alu_wide(enum insn_op op, unsigned size, uint64_t *rax, uint64_t *rdx, uint64_t source, uint64_t *rflags)
{
	uint64_t high_half = size == 1 ? low(*rax >> 8, 1) : low(*rdx, size);

	source = low(source, size);
	if ((op == INSN_DIV || op == INSN_IDIV) &&
	    !divides(op == INSN_IDIV, size, high_half, low(*rax, size), source))
		return false;
	(op == INSN_MUL    ? wide_mul
	 : op == INSN_IMUL ? wide_imul
	 : op == INSN_DIV  ? wide_div
			   : wide_idiv)(size, rax, rdx, source, rflags);
	return true;
}

bool alu_condition(unsigned cc, uint64_t f)
{
	bool less = !(f & SF) != !(f & OF), met;

	switch (cc >> 1 & 7) {
	case 0:
		met = f & OF;
		break;
	case 1:
		met = f & CF;
		break;
	case 2:
		met = f & ZF;
		break;
	case 3:
		met = f & (CF | ZF);
		break;
	case 4:
		met = f & SF;
		break;
	case 5:
		met = f & PF;
		break;
	case 6:
		met = less;
		break;
	default:
		met = less || f & ZF;
		break;
	}
	return met != (cc & 1);
}
