/* SPDX-License-Identifier: MIT */
/*
 * World switch. The exit stack begins with L2's registers in the order of struct l2_regs; HOST_RSP
 * points behind them, so pushing fills the structure and leaves RSP aligned for the call.
 * L2's RSP is in the VMCS; its slot holds nothing.
 */
	.section .text.vmx, "ax"

.macro SAVE_L2
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rdi
	push	%rsi
	push	%rbp
	push	%rbx			/* RSP's slot */
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
.endm

.macro LOAD_L2
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rbx
	pop	%rbp			/* RSP's slot */
	pop	%rbp
	pop	%rsi
	pop	%rdi
	pop	%r8
	pop	%r9
	pop	%r10
	pop	%r11
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
.endm

	.globl	vmx_launch
	.type	vmx_launch, @function
vmx_launch:
	mov	$vmx_exit_regs, %rsp
	LOAD_L2
	vmlaunch
	jmp	entry_failed		/* only a failed VM entry comes here */

	.globl	vmx_exit
	.type	vmx_exit, @function
	.balign	16
vmx_exit:
	SAVE_L2
	mov	%rsp, %rdi
	call	on_exit
	LOAD_L2
	vmresume
entry_failed:
	mov	$vmx_exit_regs, %rsp
	call	on_entry_failed
	ud2

	.section .bss.vmx, "aw", @nobits
	.balign	4096
	.skip	32768 - 128
	.globl	vmx_exit_regs
vmx_exit_regs:				/* struct l2_regs, the stack's first words */
	.skip	128
	.section .note.GNU-stack, "", @progbits
