/* SPDX-License-Identifier: MIT */
/*
 * The loops. Each operation has two that differ in the body alone, so that their difference is
 * the body's cost to the tick; both start on a cache line and keep the loop's own two instructions:
 *	begin = TSC; registers = *regs; do { prepare; [body] } while (--n); *regs = registers; TSC - begin
 */
#include "ops.h"

#define LOOP(symbol, prepare, body)                                                                          \
	__asm__(".pushsection .text\n"                                                                       \
		".balign 64\n"                                                                               \
		".globl " symbol "\n" symbol ":\n"                                                           \
		"pushq %rbx\n"                                                                               \
		"pushq %r13\n"                                                                               \
		"pushq %r14\n"                                                                               \
		"pushq %r15\n"                                                                               \
		"movq %rdi, %r15\n"                                                                          \
		"movq %rsi, %r14\n"                                                                          \
		"lfence\n"                                                                                   \
		"rdtsc\n"                                                                                    \
		"shlq $32, %rdx\n"                                                                           \
		"leaq (%rax, %rdx), %r13\n"                                                                  \
		"movq 0(%r14), %rax\n"                                                                       \
		"movq 8(%r14), %rbx\n"                                                                       \
		"movq 16(%r14), %rcx\n"                                                                      \
		"movq 24(%r14), %rdx\n"                                                                      \
		"movq 32(%r14), %rsi\n"                                                                      \
		"movq 40(%r14), %rdi\n"                                                                      \
		"movq 48(%r14), %r8\n"                                                                       \
		".balign 64\n"                                                                               \
		"1:\n" prepare "\n" body "\n"                                                                \
		"decq %r15\n"                                                                                \
		"jnz 1b\n"                                                                                   \
		"movq %rax, 0(%r14)\n"                                                                       \
		"movq %rbx, 8(%r14)\n"                                                                       \
		"movq %rcx, 16(%r14)\n"                                                                      \
		"movq %rdx, 24(%r14)\n"                                                                      \
		"movq %rsi, 32(%r14)\n"                                                                      \
		"movq %rdi, 40(%r14)\n"                                                                      \
		"movq %r8, 48(%r14)\n"                                                                       \
		"lfence\n"                                                                                   \
		"rdtsc\n"                                                                                    \
		"shlq $32, %rdx\n"                                                                           \
		"addq %rdx, %rax\n"                                                                          \
		"subq %r13, %rax\n"                                                                          \
		"popq %r15\n"                                                                                \
		"popq %r14\n"                                                                                \
		"popq %r13\n"                                                                                \
		"popq %rbx\n"                                                                                \
		"ret\n"                                                                                      \
		".popsection");

#define OP(name, every, prepare, body, before, after)                                                        \
	LOOP("loop_" #name, prepare, body)                                                                   \
	LOOP("baseline_" #name, prepare, "")
OPS(OP)
