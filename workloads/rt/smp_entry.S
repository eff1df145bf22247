/* SPDX-License-Identifier: MIT */
/* Where application processors begin: copied to RT_TRAMPOLINE, entered in real mode with CS:IP = page:0. */
#include "layout.h"

	.section .text
	.balign 16
	.globl rt_trampoline, rt_trampoline_end
	.code16
rt_trampoline:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	lgdtl pointer32 - rt_trampoline
	movl $0x11, %eax /* PE, ET; caches on */
	movl %eax, %cr0
	ljmpl $RT_SEL_CODE32, $rt_cpu_entry32
	.balign 4
pointer32:
	.word 0x2f + 16 * RT_CPUS_MAX
	.long rt_gdt
rt_trampoline_end:

	.code32
rt_cpu_entry32:
	movl $RT_SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movl rt_starting_stack, %esp
	call rt_long_mode32
	ljmp $RT_SEL_CODE, $cpu_entry64
	.code64
cpu_entry64:
	movl %esp, %esp
	xorl %ebp, %ebp
	call rt_cpu_start
1:	hlt
	jmp 1b

	.section .note.GNU-stack, "", @progbits
