/* SPDX-License-Identifier: MIT */
/* One stub a vector: SDM Vol. 3A, "Error Code"; each pushes the frame that l0hv/cpu/fault.h declares. */
	.macro STUB vector
	.balign 16
	.if \vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21
	.else
	pushq $0
	.endif
	pushq $\vector
	jmp fault_common
	.endm

	.section .text
	.balign 16
	.globl fault_stubs, fault_stubs_end
fault_stubs:
	.altmacro
	.set i, 0
	.rept 256
	STUB %i
	.set i, i + 1
	.endr

fault_stubs_end:
fault_common:
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
	movq %rsp, %rdi
	cld
	call fault_entry
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

	/* int rdmsr_safe(uint32_t msr, uint64_t *value): a fault at the labelled instruction resumes at fixup */
	.globl rdmsr_safe, wrmsr_safe, rdmsr_safe_insn, wrmsr_safe_insn, msr_safe_fixup
rdmsr_safe:
	movl %edi, %ecx
rdmsr_safe_insn:
	rdmsr
	shlq $32, %rdx
	movl %eax, %eax
	orq %rdx, %rax
	movq %rax, (%rsi)
	xorl %eax, %eax
	ret
wrmsr_safe:
	movl %edi, %ecx
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
wrmsr_safe_insn:
	wrmsr
	xorl %eax, %eax
	ret
msr_safe_fixup:
	movl $-5, %eax		/* -EIO */
	ret
	.section .note.GNU-stack, "", @progbits
