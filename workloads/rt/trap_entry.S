/* SPDX-License-Identifier: MIT */
/* One stub of 16 bytes a vector, then the common path into rt_trap(struct rt_regs *). */
#include "layout.h"

/* Vectors that push an error code: SDM "Exception and Interrupt Reference": 8, 10-14, 17, 21 */
#define HAS_ERROR_CODE 0x00227d00

	.text
	.balign 16
	.globl rt_trap_stubs
rt_trap_stubs:
	vector = 0
	.rept 256
	.balign 16
	.if vector < 32
	.if ((HAS_ERROR_CODE >> vector) & 1) == 0
	pushq $0
	.endif
	.else
	pushq $0
	.endif
	pushq $vector
	jmp common
	vector = vector + 1
	.endr

	.balign 16
common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	call rt_trap
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

	/*
	 * int rt_try_enter(void (*fn)(void *), void *arg, uint64_t *rsp)
	 * Calls fn(arg); 0. A fault in it continues at rt_try_recover with RSP = *rsp; 1.
	 */
	.globl rt_try_enter, rt_try_recover
rt_try_enter:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	subq $8, %rsp
	movq %rsp, (%rdx)
	movq %rdi, %rax
	movq %rsi, %rdi
	call *%rax
	xorl %eax, %eax
1:	addq $8, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
rt_try_recover:
	movl $1, %eax
	jmp 1b

	.section .note.GNU-stack, "", @progbits
