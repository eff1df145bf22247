/* SPDX-License-Identifier: MIT */
/* Multiboot entry: 32-bit protected mode without paging to 64-bit C. */
#include "layout.h"

#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

	.section .multiboot, "a"
	.balign 4
	.long 0x1badb002
	.long 3 /* modules page aligned, memory size wanted */
	.long -(0x1badb002 + 3)

	.section .text.entry, "ax"
	.code32
	.globl rt_entry
rt_entry:
	cli
	cld
	movl $rt_stacks + RT_STACK_SIZE, %esp
	movl %eax, %ebp /* multiboot magic */
	movl %ebx, %esi /* multiboot information */

	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc no_long_mode

	call build_tables
	call long_mode
	lgdt gdt_pointer
	ljmp $RT_SEL_CODE, $entry64

	/* Also the way of application processors: paging on, with rt_pml4. */
	.globl rt_long_mode32
rt_long_mode32:
long_mode:
	movl $RT_CR4, %eax
	movl %eax, %cr4
	movl $rt_pml4, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl $RT_CR0, %eax
	movl %eax, %cr0
	ret

	/* Identity map of the first 4 GiB in 2 MiB pages; the last GiB, where devices live, uncached. */
build_tables:
	movl $rt_pdpt + 7, rt_pml4
	movl $rt_pd + 7, %eax
	xorl %ecx, %ecx
1:	movl %eax, rt_pdpt(, %ecx, 8)
	addl $0x1000, %eax
	incl %ecx
	cmpl $4, %ecx
	jb 1b
	xorl %ecx, %ecx
2:	movl %ecx, %eax
	shll $21, %eax
	orl $0x87, %eax /* P, RW, US, PS */
	cmpl $3 * 512, %ecx
	jb 3f
	orl $0x18, %eax /* PWT, PCD */
3:	movl %eax, rt_pd(, %ecx, 8)
	incl %ecx
	cmpl $4 * 512, %ecx
	jb 2b
	ret

no_long_mode:
	movl $no_long_mode_text, %esi
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, $0xe9
	jmp 1b
2:	movl $shutdown_text, %esi
	movw $0x8900, %dx
3:	lodsb
	testb %al, %al
	jz 4f
	outb %al, %dx
	jmp 3b
4:	hlt
	jmp 4b

	.code64
entry64:
	movl $RT_SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movl %esp, %esp
	movl %ebp, %edi
	movl %esi, %esi
	xorl %ebp, %ebp
	call rt_boot
4:	hlt
	jmp 4b

	.section .rodata
no_long_mode_text:
	.asciz "this processor has no 64-bit mode\n"
shutdown_text:
	.asciz "Shutdown"

	.data
	.balign 8
	.globl rt_gdt
rt_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
	.quad 0x00cf9b000000ffff /* 32-bit code */
	.quad 0x00cff3000000ffff /* user data */
	.quad 0x00affb000000ffff /* user 64-bit code */
	.fill 2 * RT_CPUS_MAX, 8, 0 /* TSS of each CPU */
rt_gdt_end:
	.globl gdt_pointer
gdt_pointer:
	.word rt_gdt_end - rt_gdt - 1
	.quad rt_gdt

	.bss
	.balign 4096
	.globl rt_pml4, rt_pdpt, rt_pd, rt_stacks
rt_pml4: .skip 4096
rt_pdpt: .skip 4096
rt_pd:	.skip 4 * 4096
rt_stacks: .skip RT_CPUS_MAX * RT_STACK_SIZE

	.section .note.GNU-stack, "", @progbits
