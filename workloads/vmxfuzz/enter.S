/* SPDX-License-Identifier: MIT */
/*
 * int fuzz_enter(struct registers *regs, int how): to L2 and back at its next exit. how: 0 VMLAUNCH, 1 VMRESUME, 2
 * and 3 the same behind a MOV SS. 0: L2 ran, or the entry failed with an exit; 1: VMfailInvalid; 2: VMfailValid.
 */
	.text
	.globl	fuzz_enter, fuzz_exit
	.balign	16
fuzz_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	push	%rsi
	mov	$0x6c14, %eax		/* HOST_RSP */
	vmwrite	%rsp, %rax
	mov	0(%rdi), %rax
	mov	8(%rdi), %rcx
	mov	16(%rdi), %rdx
	mov	24(%rdi), %rbx
	mov	40(%rdi), %rbp
	mov	48(%rdi), %rsi
	mov	64(%rdi), %r8
	mov	72(%rdi), %r9
	mov	80(%rdi), %r10
	mov	88(%rdi), %r11
	mov	96(%rdi), %r12
	mov	104(%rdi), %r13
	mov	112(%rdi), %r14
	mov	120(%rdi), %r15
	mov	56(%rdi), %rdi
	testb	$2, (%rsp)
	jnz	2f
	testb	$1, (%rsp)
	jnz	1f
	vmlaunch
	jmp	4f
1:	vmresume
	jmp	4f
2:	testb	$1, (%rsp)
	push	%rax
	mov	%ss, %eax
	jnz	3f
	mov	%eax, %ss
	vmlaunch
	pop	%rax
	jmp	4f
3:	mov	%eax, %ss
	vmresume
	pop	%rax
4:	mov	$1, %eax
	jc	5f
	mov	$2, %eax
5:	add	$8, %rsp
	pop	%rdi
	jmp	6f
	.balign	16
fuzz_exit:				/* HOST_RIP */
	add	$8, %rsp
	xchg	%rdi, (%rsp)
	mov	%rax, 0(%rdi)
	mov	%rcx, 8(%rdi)
	mov	%rdx, 16(%rdi)
	mov	%rbx, 24(%rdi)
	mov	%rbp, 40(%rdi)
	mov	%rsi, 48(%rdi)
	mov	%r8, 64(%rdi)
	mov	%r9, 72(%rdi)
	mov	%r10, 80(%rdi)
	mov	%r11, 88(%rdi)
	mov	%r12, 96(%rdi)
	mov	%r13, 104(%rdi)
	mov	%r14, 112(%rdi)
	mov	%r15, 120(%rdi)
	pop	%rax
	mov	%rax, 56(%rdi)
	xor	%eax, %eax
6:	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.section .note.GNU-stack, "", @progbits
