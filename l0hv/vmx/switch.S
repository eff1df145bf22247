/* SPDX-License-Identifier: MIT */
/*
 * Between guest and L0. HOST_RSP is the end of the vCPU's gpr[16], so that pushing the registers fills it;
 * then L0 runs on its own stack, which holds nothing between exits.
 */
	.set VCPU_GPR_END, 128
	.set VCPU_LAUNCHED, 128		/* offsetof(struct vcpu, launched), checked in run.c */

	.section .text
	.balign 16
	.globl vmx_exit
vmx_exit:
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
	pushq %rsp
	pushq %rbx
	pushq %rdx
	pushq %rcx
	pushq %rax
	movq %rsp, %rdi
	leaq boot_stack_top(%rip), %rsp
	xorl %ebp, %ebp
	call vcpu_exit			/* does not return */

	/* void vmx_enter(struct vcpu *): does not return */
	.globl vmx_enter
vmx_enter:
	movq %rdi, %rax
	cmpb $0, VCPU_LAUNCHED(%rax)
	movb $1, VCPU_LAUNCHED(%rax)	/* a launch that fails is the VM's or L0's end, or undone (hardware_refused) */
	movq %rax, %rsp
	popq %rax
	popq %rcx
	popq %rdx
	popq %rbx
	popq %rbp
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
	je 2f
	vmresume
	jmp 3f
2:	vmlaunch
3:	/* VMfail: the guest's registers are still in gpr[] */
	setc %dl
	leaq -VCPU_GPR_END(%rsp), %rdi
	leaq boot_stack_top(%rip), %rsp
	movzbl %dl, %esi
	call vcpu_entry_vmfail
	movq %rax, %rdi
	jmp vmx_enter
	.section .note.GNU-stack, "", @progbits
