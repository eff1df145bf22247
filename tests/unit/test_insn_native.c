/* SPDX-License-Identifier: MIT */
/*
 * The processor that runs this test is the reference: each instruction below is executed by it and by
 * insn_execute() on the same registers and memory, many times on random values, and must give the same.
 * Skipped where the processor isn't an x86-64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "l0hv/emulate/insn.h"

#if defined(__x86_64__)
#define ROUNDS 2000
#define ARENA  64u
#define CF     0x001u
#define STATUS 0x8D5u /* CF PF AF ZF SF OF */

_Static_assert(offsetof(struct insn_state, rflags) == 136, "the assembly below knows it");

/* rax, rcx, rdx, rbx, rsi, rdi and the flags are the instruction's; the memory is at rsi. */
#define NATIVE(label, text)                                                                                  \
	extern const uint8_t bytes_##label[], end_##label[];                                                 \
	void native_##label(struct insn_state *state);                                                       \
	__asm__(".text\nnative_" #label ":\n"                                                                \
		"push %rbx\n mov %rdi, %r11\n"                                                               \
		"mov (%r11), %rax\n mov 8(%r11), %rcx\n mov 16(%r11), %rdx\n mov 24(%r11), %rbx\n"           \
		"mov 48(%r11), %rsi\n mov 56(%r11), %rdi\n"                                                  \
		"pushq 136(%r11)\n popfq\n"                                                                  \
		"bytes_" #label ":\n" text "\nend_" #label ":\n"                                             \
		"pushfq\n popq 136(%r11)\n cld\n"                                                            \
		"mov %rax, (%r11)\n mov %rcx, 8(%r11)\n mov %rdx, 16(%r11)\n mov %rbx, 24(%r11)\n"           \
		"mov %rsi, 48(%r11)\n mov %rdi, 56(%r11)\n"                                                  \
		"pop %rbx\n ret\n");

#define EACH(X)                                                                                              \
	X(mov_load32, "mov (%rsi), %ecx", STATUS)                                                            \
	X(mov_load8h, "mov (%rsi), %ch", STATUS)                                                             \
	X(mov_load16, "mov 3(%rsi), %cx", STATUS)                                                            \
	X(mov_store8h, "mov %dh, (%rsi)", STATUS)                                                            \
	X(mov_store64, "mov %rdx, 8(%rsi)", STATUS)                                                          \
	X(mov_imm64, "movq $-5, (%rsi)", STATUS)                                                             \
	X(mov_imm8, "movb $0x90, 1(%rsi)", STATUS)                                                           \
	X(movzx8, "movzbl (%rsi), %edx", STATUS)                                                             \
	X(movzx8_16, "movzbw (%rsi), %dx", STATUS)                                                           \
	X(movsx8, "movsbl (%rsi), %edx", STATUS)                                                             \
	X(movsx8_16, "movsbw (%rsi), %dx", STATUS)                                                           \
	X(movsx16_64, "movswq (%rsi), %rdx", STATUS)                                                         \
	X(movsxd, "movslq (%rsi), %rdx", STATUS)                                                             \
	X(movnti, "movnti %edx, (%rsi)", STATUS)                                                             \
	X(xchg8h, "xchg %ah, (%rsi)", STATUS)                                                                \
	X(xchg32, "xchg %eax, (%rsi)", STATUS)                                                               \
	X(xadd16, "xadd %dx, (%rsi)", STATUS)                                                                \
	X(xadd32, "lock xadd %edx, (%rsi)", STATUS)                                                          \
	X(cmpxchg8, "cmpxchg %bl, (%rsi)", STATUS)                                                           \
	X(cmpxchg64, "lock cmpxchg %rbx, (%rsi)", STATUS)                                                    \
	X(add8, "add %cl, (%rsi)", STATUS)                                                                   \
	X(add32, "lock add %ecx, (%rsi)", STATUS)                                                            \
	X(add64r, "add (%rsi), %rcx", STATUS)                                                                \
	X(add32r, "add (%rsi), %ecx", STATUS)                                                                \
	X(adc8, "adc %cl, (%rsi)", STATUS)                                                                   \
	X(adc64, "adc %rcx, (%rsi)", STATUS)                                                                 \
	X(adc_imm, "adcl $-1, (%rsi)", STATUS)                                                               \
	X(sub16, "sub %cx, (%rsi)", STATUS)                                                                  \
	X(sub64r, "sub (%rsi), %rcx", STATUS)                                                                \
	X(sbb8, "sbb %cl, (%rsi)", STATUS)                                                                   \
	X(sbb64, "sbb %rcx, (%rsi)", STATUS)                                                                 \
	X(sbb_imm, "sbbw $-1, (%rsi)", STATUS)                                                               \
	X(cmp8h, "cmp %ch, (%rsi)", STATUS)                                                                  \
	X(cmp32r, "cmp (%rsi), %ecx", STATUS)                                                                \
	X(cmp_imm, "cmpq $0x12345678, (%rsi)", STATUS)                                                       \
	X(and8, "and %cl, (%rsi)", STATUS)                                                                   \
	X(and_imm, "andw $0x0FF0, (%rsi)", STATUS)                                                           \
	X(or32r, "or (%rsi), %ecx", STATUS)                                                                  \
	X(xor64, "xor %rcx, (%rsi)", STATUS)                                                                 \
	X(test32, "test %ecx, (%rsi)", STATUS)                                                               \
	X(test_imm, "testb $0x81, (%rsi)", STATUS)                                                           \
	X(inc8, "incb (%rsi)", STATUS)                                                                       \
	X(dec32, "decl (%rsi)", STATUS)                                                                      \
	X(not64, "notq (%rsi)", STATUS)                                                                      \
	X(neg8, "negb (%rsi)", STATUS)                                                                       \
	X(neg32, "negl (%rsi)", STATUS)                                                                      \
	X(bt, "btl $37, (%rsi)", CF)                                                                         \
	X(bts, "lock btsl $31, (%rsi)", CF)                                                                  \
	X(btr, "btrw $15, (%rsi)", CF)                                                                       \
	X(btc, "btcq $63, (%rsi)", CF)                                                                       \
	X(shl8, "shlb %cl, (%rsi)", STATUS)                                                                  \
	X(rcr32, "rcrl $5, (%rsi)", STATUS)                                                                  \
	X(sar64, "sarq (%rsi)", STATUS)                                                                      \
	X(shld32, "shld %cl, %edx, (%rsi)", STATUS)                                                          \
	X(mul64, "mulq (%rsi)", STATUS)                                                                      \
	X(imul16, "imulw (%rsi)", STATUS)                                                                    \
	X(imul_reg, "imul (%rsi), %ecx", STATUS)                                                             \
	X(bsf, "bsf (%rsi), %ecx", STATUS)                                                                   \
	X(setb, "setb (%rsi)", STATUS)                                                                       \
	X(cmovl, "cmovl (%rsi), %ecx", STATUS)                                                               \
	X(cmpxchg8b, "lock cmpxchg8b (%rsi)", STATUS)                                                        \
	X(cmpsl, "cmpsl", STATUS)                                                                            \
	X(scasw, "scasw", STATUS)                                                                            \
	X(movsw, "movsw", STATUS)                                                                            \
	X(stosl, "stosl", STATUS)                                                                            \
	X(lodsb, "lodsb", STATUS)                                                                            \
	X(lodsl, "lodsl", STATUS)

#define DEFINE(label, text, flags) NATIVE(label, text)
EACH(DEFINE)

#define ROW(label, text, flags) {text, native_##label, bytes_##label, end_##label, flags},
static const struct {
	const char *text;
	void (*native)(struct insn_state *state);
	const uint8_t *bytes, *end;
	uint64_t flags; /* that are defined */
} table[] = {EACH(ROW)};

struct arena {
	uint8_t *native; /* whose addresses the instruction uses */
	uint8_t byte[ARENA];
};

static int arena_read(void *ctx, uint64_t linear, unsigned size, uint64_t *value)
{
	struct arena *a = ctx;

	memcpy(value, a->byte + (linear - (uintptr_t)a->native), size);
	return 0;
}

static int arena_write(void *ctx, uint64_t linear, unsigned size, uint64_t value)
{
	struct arena *a = ctx;

	memcpy(a->byte + (linear - (uintptr_t)a->native), &value, size);
	return 0;
}

/* Random, with many values near the edges where flags change. */
static uint64_t random_value(uint64_t *seed)
{
	static const uint64_t edges[] = {0,      1,      ~0ull,      0x7F,       0x80,
					 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 1ull << 63};

	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed & 0x300 ? *seed * 0x9E3779B97F4A7C15ull : edges[(*seed >> 32) % 10];
}

static void compare_once(size_t row, uint64_t *seed)
{
	static uint8_t native_memory[ARENA];
	struct arena arena = {.native = native_memory};
	const struct insn_memory memory = {.read = arena_read, .write = arena_write, .ctx = &arena};
	struct insn_state native = {0}, ours;
	struct insn insn;
	uint64_t differing = 0;

	for (unsigned i = 0; i < 4; i++)
		native.gpr[i] = random_value(seed);
	for (unsigned i = 0; i < ARENA; i += 8)
		memcpy(native_memory + i, &(uint64_t){random_value(seed)}, 8);
	if (*seed & 0x10000) /* let a comparison succeed now and then */
		memcpy(native_memory, &native.gpr[0], 8);
	native.gpr[6] = (uintptr_t)native_memory;
	native.gpr[7] = (uintptr_t)native_memory + 32;
	native.rflags = 2 | (random_value(seed) & STATUS);
	memcpy(arena.byte, native_memory, ARENA);
	ours = native;
	assert_int_equal(insn_decode(&insn, table[row].bytes, (size_t)(table[row].end - table[row].bytes),
				     INSN_MODE_64),
			 0);
	assert_ptr_equal(table[row].bytes + insn.length, table[row].end);
	assert_int_equal(insn_execute(&insn, &ours, &memory), 0);
	table[row].native(&native);
	for (unsigned i = 0; i < 8; i++)
		differing |= native.gpr[i] ^ ours.gpr[i];
	if (differing || (native.rflags ^ ours.rflags) & table[row].flags ||
	    memcmp(arena.byte, native_memory, ARENA) != 0)
		fail_msg("%s: flags 0x%llx instead of 0x%llx, registers differ in 0x%llx", table[row].text,
			 (unsigned long long)(ours.rflags & table[row].flags),
			 (unsigned long long)(native.rflags & table[row].flags),
			 (unsigned long long)differing);
}

static void test_native(void **unused)
{
	uint64_t seed = 0x6E65737462656421;

	(void)unused;
	for (size_t row = 0; row < sizeof(table) / sizeof(table[0]); row++)
		for (unsigned round = 0; round < ROUNDS; round++)
			compare_once(row, &seed);
}
#else
static void test_native(void **unused)
{
	(void)unused;
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_native)};

	return cmocka_run_group_tests_name("emulate: against the processor", tests, NULL, NULL);
}
