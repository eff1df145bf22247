/* SPDX-License-Identifier: MIT */
/* A multiboot-1 kernel that boots Linux: entered and left in 32-bit protected mode. */
	.section .multiboot, "a"
	.balign 4
	.long 0x1BADB002
	.long 3 /* modules page aligned, memory map */
	.long -(0x1BADB002 + 3)

	.section .text.entry, "ax"
	.code32
	.globl boot_entry
boot_entry:
	movl $stack_top, %esp
	cld
	pushl %ebx
	call boot_linux
1:	cli
	hlt
	jmp 1b

	/*
	 * void enter_linux(uint32_t entry, const void *params): Linux's "32-bit BOOT PROTOCOL": flat segments with
	 * selectors 10H and 18H, ESI the parameters, EBP, EDI and EBX 0.
	 */
	.globl enter_linux
enter_linux:
	movl 4(%esp), %eax
	movl 8(%esp), %esi
	lgdt gdt_pointer
	ljmpl $0x10, $1f
1:	movw $0x18, %cx
	movw %cx, %ds
	movw %cx, %es
	movw %cx, %fs
	movw %cx, %gs
	movw %cx, %ss
	xorl %ebp, %ebp
	xorl %edi, %edi
	xorl %ebx, %ebx
	jmp *%eax

	.section .rodata
	.balign 8
gdt:	.quad 0, 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long gdt

	.bss
	.balign 16
	.space 4096
stack_top:
