/* SPDX-License-Identifier: MIT */
/* From the reset vector to 32-bit protected mode (SDM "First Instruction Executed", "Switching to Protected Mode"). */
	.section .text.entry, "ax"
	.code32
	.globl rom_start32
rom_start32:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	movl $0x6ff0, %esp
	cld
	call rom_main
1:	cli
	hlt
	jmp 1b

	/* void rom_enter(uint32_t entry, uint32_t info): as the Multiboot Specification, "Machine state" */
	.globl rom_enter
rom_enter:
	movl 4(%esp), %ecx
	movl 8(%esp), %ebx
	movl $0x2BADB002, %eax
	xorl %edx, %edx
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %ebp, %ebp
	jmp *%ecx

	.section .reset16, "ax"
	.code16
	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
gdt_end:
gdtr:	.word gdt_end - gdt - 1
	.long gdt
	.globl rom_start16
rom_start16:
	cli
	lgdtl %cs:(gdtr - gdt + 0xff00) /* this section starts at 0xffffff00 */
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $0x08, $rom_start32

	.section .vector, "ax"
	.code16
	jmp rom_start16
	.balign 16, 0x90
