/* SPDX-License-Identifier: MIT */
/* Into the instruction under test with every register set, and out of it by whatever trap ends it. */

/* Vectors that push an error code: SDM "Exception and Interrupt Reference": 8, 10-14, 17, 21 */
#define HAS_ERROR_CODE 0x00227d00

	.text
	/* One stub of 16 bytes a vector. */
	.balign 16
	.globl exact_stubs
exact_stubs:
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
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r11
	pushq %r10
	pushq %r9
	pushq %r8
	pushq %rdi
	pushq %rsi
	pushq %rbp
	pushq 16 * 8(%rsp) /* RSP of the frame, in its place among the registers */
	pushq %rbx
	pushq %rdx
	pushq %rcx
	pushq %rax
	cld
	movq %rsp, %rdi
	call exact_trap /* (struct frame *): nonzero when the run is over */
	testl %eax, %eax
	jnz exact_leave
	popq %rax
	popq %rcx
	popq %rdx
	popq %rbx
	addq $8, %rsp
	popq %rbp
	popq %rsi
	popq %rdi
	popq %r8
	popq %r9
	popq %r10
	popq %r11
	popq %r12
	popq %r13
	popq %r14
	popq %r15
	addq $16, %rsp
	iretq

	/*
	 * void exact_enter(const struct entry *entry)
	 * entry: RAX RCX RDX RBX RSP RBP RSI RDI R8-R15, then RIP CS RFLAGS SS DS ES FS GS
	 */
	.globl exact_enter
exact_enter:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, host_rsp(%rip)
	movl 20 * 8(%rdi), %eax
	movl %eax, %ds
	movl 21 * 8(%rdi), %eax
	movl %eax, %es
	cmpl $-1, 22 * 8(%rdi) /* FS and GS stay as they are, with the bases that they have */
	je 1f
	movl 22 * 8(%rdi), %eax
	movl %eax, %fs
	movl 23 * 8(%rdi), %eax
	movl %eax, %gs
1:	pushq 19 * 8(%rdi)
	pushq 4 * 8(%rdi)
	pushq 18 * 8(%rdi)
	pushq 17 * 8(%rdi)
	pushq 16 * 8(%rdi)
	movq (%rdi), %rax
	movq 1 * 8(%rdi), %rcx
	movq 2 * 8(%rdi), %rdx
	movq 3 * 8(%rdi), %rbx
	movq 5 * 8(%rdi), %rbp
	movq 6 * 8(%rdi), %rsi
	movq 8 * 8(%rdi), %r8
	movq 9 * 8(%rdi), %r9
	movq 10 * 8(%rdi), %r10
	movq 11 * 8(%rdi), %r11
	movq 12 * 8(%rdi), %r12
	movq 13 * 8(%rdi), %r13
	movq 14 * 8(%rdi), %r14
	movq 15 * 8(%rdi), %r15
	movq 7 * 8(%rdi), %rdi
	.globl exact_iret
exact_iret:
	iretq

exact_leave:
	movq host_rsp(%rip), %rsp
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	.bss
	.balign 8
host_rsp: .skip 8

	.section .note.GNU-stack, "", @progbits
