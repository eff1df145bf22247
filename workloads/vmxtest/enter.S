/* SPDX-License-Identifier: MIT */
/*
 * int lab_enter(struct l2_regs *regs, int launched): to L2 and back at its next exit. 0: L2 ran, or the entry
 * failed with an exit; 1: VMfailInvalid; 2: VMfailValid.
 */
	.text
	.globl	lab_enter, lab_exit
	.balign	16
lab_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	mov	$0x6c14, %eax		/* HOST_RSP */
	vmwrite	%rsp, %rax
	test	%esi, %esi		/* the moves below leave the flags */
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
	jnz	1f
	vmlaunch
	jmp	2f
1:	vmresume
2:	mov	$1, %eax
	jc	3f
	mov	$2, %eax
3:	pop	%rdi
	jmp	4f
	.balign	16
lab_exit:				/* HOST_RIP */
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
4:	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/*
 * L2's vectors, 16 bytes each. The NOP is for Bochs, which tells the interrupted RIP when the first
 * instruction behind an NMI exits.
 */
	.globl	l2_vectors
	.balign	16
l2_vectors:
	.rept	256
	.balign	16
	nop
	vmcall
	iretq
	.endr
	.section .note.GNU-stack, "", @progbits
