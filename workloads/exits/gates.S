/* SPDX-License-Identifier: MIT */
/*
 * The guest's own exception handlers, as short as they can be: count, add up what the processor told,
 * step over the instruction.
 */
	.macro COUNTED skip, error
	incq fault_count(%rip)
	.if \error
	pushq %rax
	movq %cr2, %rax
	addq %rax, fault_cr2_sum(%rip)
	movq 8(%rsp), %rax
	addq %rax, fault_code_sum(%rip)
	popq %rax
	addq $8, %rsp
	.endif
	.if \skip
	addq $\skip, (%rsp)
	.endif
	iretq
	.endm

	.text
	.globl gate_skip0, gate_skip2, gate_error_skip2, gate_timer
	.balign 64
gate_skip0:
	COUNTED 0, 0
	.balign 64
gate_skip2:
	COUNTED 2, 0
	.balign 64
gate_error_skip2:
	COUNTED 2, 1

	/* EOI of an xAPIC; RBX holds the timer's initial-count register: SDM "Local APIC Register Address Map" */
	.balign 64
gate_timer:
	incq fault_count(%rip)
	movl $0, 0xb0 - 0x380(%rbx)
	iretq

	.bss
	.balign 8
	.globl fault_count, fault_code_sum, fault_cr2_sum
fault_count: .skip 8
fault_code_sum: .skip 8
fault_cr2_sum: .skip 8

	.section .note.GNU-stack, "", @progbits
