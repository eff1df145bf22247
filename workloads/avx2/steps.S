/* SPDX-License-Identifier: MIT */
/*
 * void steps_NAME(uint32_t lanes[32], uint64_t steps): each step makes of each lane x = x * FACTOR + ADDEND, then
 * x ^= x >> 15, modulo 2^32. All lanes stay in registers from the first step to the last.
 */
#include "steps.h"

	.section .rodata
	.balign 32
factor:
	.fill 8, 4, STEP_FACTOR
addend:
	.fill 8, 4, STEP_ADDEND

	.text
	.macro avx2_step x
	vpmulld %ymm14, \x, \x
	vpaddd %ymm15, \x, \x
	vpsrld $STEP_SHIFT, \x, %ymm13
	vpxor %ymm13, \x, \x
	.endm

	.globl steps_avx2
steps_avx2:
	vmovdqa factor(%rip), %ymm14
	vmovdqa addend(%rip), %ymm15
	vmovdqu (%rdi), %ymm0
	vmovdqu 32(%rdi), %ymm1
	vmovdqu 64(%rdi), %ymm2
	vmovdqu 96(%rdi), %ymm3
	testq %rsi, %rsi
	jz 2f
1:	avx2_step %ymm0
	avx2_step %ymm1
	avx2_step %ymm2
	avx2_step %ymm3
	decq %rsi
	jnz 1b
2:	vmovdqu %ymm0, (%rdi)
	vmovdqu %ymm1, 32(%rdi)
	vmovdqu %ymm2, 64(%rdi)
	vmovdqu %ymm3, 96(%rdi)
	ret

	/* SSE2 multiplies lanes 0 and 2 to 64 bits: the other two in a second go, then the low halves together */
	.macro sse2_step x
	movdqa \x, %xmm13
	pmuludq %xmm14, \x
	psrlq $32, %xmm13
	pmuludq %xmm14, %xmm13
	pshufd $0x08, \x, \x
	pshufd $0x08, %xmm13, %xmm13
	punpckldq %xmm13, \x
	paddd %xmm15, \x
	movdqa \x, %xmm13
	psrld $STEP_SHIFT, %xmm13
	pxor %xmm13, \x
	.endm

	.globl steps_sse2
steps_sse2:
	movdqa factor(%rip), %xmm14
	movdqa addend(%rip), %xmm15
	movdqu (%rdi), %xmm0
	movdqu 16(%rdi), %xmm1
	movdqu 32(%rdi), %xmm2
	movdqu 48(%rdi), %xmm3
	movdqu 64(%rdi), %xmm4
	movdqu 80(%rdi), %xmm5
	movdqu 96(%rdi), %xmm6
	movdqu 112(%rdi), %xmm7
	testq %rsi, %rsi
	jz 2f
1:	sse2_step %xmm0
	sse2_step %xmm1
	sse2_step %xmm2
	sse2_step %xmm3
	sse2_step %xmm4
	sse2_step %xmm5
	sse2_step %xmm6
	sse2_step %xmm7
	decq %rsi
	jnz 1b
2:	movdqu %xmm0, (%rdi)
	movdqu %xmm1, 16(%rdi)
	movdqu %xmm2, 32(%rdi)
	movdqu %xmm3, 48(%rdi)
	movdqu %xmm4, 64(%rdi)
	movdqu %xmm5, 80(%rdi)
	movdqu %xmm6, 96(%rdi)
	movdqu %xmm7, 112(%rdi)
	ret

	.section .note.GNU-stack, "", @progbits
