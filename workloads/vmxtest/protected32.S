/* SPDX-License-Identifier: MIT */
/*
 * L1 itself in 32-bit protected mode with PAE paging, outside IA-32e mode, and back.
 * void lab_protected32(struct call32 *calls, uint32_t count, const void *idt_pointer, uint32_t cr3)
 * Runs each call's code; what it changed, or the exception that ended it, is in the call.
 */
#include "protected32.h"

#define SEL_CODE64 0x08
#define SEL_DATA   0x10
#define SEL_CODE32 0x18
#define MSR_EFER   0xc0000080
#define EFER_LME   0x100
#define CR0_PG     0x80000000

	.text
	.code64
	.globl lab_protected32
lab_protected32:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushfq
	cli
	movq %rsp, saved_rsp
	sidt saved_idt
	movq %cr3, %rax
	movq %rax, saved_cr3
	movl %edi, call_now
	movl %esi, calls_left
	movl %ecx, pae_cr3
	lidt (%rdx)
	pushq $SEL_CODE32
	pushq $1f
	lretq
	.code32
1:	movl %cr0, %eax
	andl $~CR0_PG, %eax
	movl %eax, %cr0
	movl $MSR_EFER, %ecx
	rdmsr
	andl $~EFER_LME, %eax
	wrmsr
	movl pae_cr3, %eax
	movl %eax, %cr3
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	movl %esp, saved_esp

next:	movl $SEL_DATA, %eax
	movl %eax, %ss
	movl saved_esp, %esp
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	cmpl $0, calls_left
	je 9f
	decl calls_left
	movl call_now, %ebp
	movl $-1, CALL32_VECTOR(%ebp)
	movl CALL32_EBX(%ebp), %ebx
	movl CALL32_ECX(%ebp), %ecx
	movl CALL32_ESI(%ebp), %esi
	xorl %eax, %eax
	call *CALL32_CODE(%ebp)
	pushfl
	pushl $SEL_DATA
	popl %ds
	movl call_now, %ebp
	popl CALL32_FLAGS(%ebp)
	movl %eax, CALL32_EAX(%ebp)
done:	movl lab_operand32, %eax
	movl %eax, CALL32_RESULT(%ebp)
	movl lab_operand32 + 4, %eax
	movl %eax, CALL32_RESULT + 4(%ebp)
	movl $0xaaaaaaaa, lab_operand32
	movl $0xaaaaaaaa, lab_operand32 + 4
	addl $CALL32_SIZE, call_now
	jmp next

9:	movl %cr0, %eax
	andl $~CR0_PG, %eax
	movl %eax, %cr0
	movl saved_cr3, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	ljmp $SEL_CODE64, $2f
	.code64
2:	lidt saved_idt
	movq saved_rsp, %rsp
	popfq
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	/* Exceptions: 8 and 10 to 14, 17 push an error code. 16 bytes a stub. */
	.code32
	.balign 16
	.globl lab_stubs32
lab_stubs32:
	vector = 0
	.rept 32
	.balign 16
	.if ((0x00227d00 >> vector) & 1) == 0
	pushl $0
	.endif
	pushl $vector
	jmp caught
	vector = vector + 1
	.endr
caught:
	pushl $SEL_DATA
	popl %ds
	movl call_now, %ebp
	popl CALL32_VECTOR(%ebp)
	popl CALL32_ERROR(%ebp)
	jmp done
	.code64

	.data
	.balign 8
saved_rsp: .quad 0
saved_cr3: .quad 0
saved_idt: .skip 16
saved_esp: .long 0
call_now: .long 0
calls_left: .long 0
pae_cr3: .long 0

	.section .note.GNU-stack, "", @progbits
