/* SPDX-License-Identifier: MIT */
/* Multiboot-1 entry: 32-bit protected mode to 64-bit, on page tables that map the first 4 GiB. */
#define MB_HEADER_MAGIC 0x1BADB002
#define MB_HEADER_ALIGNED 1
#define MB_HEADER_MEMORY 2

	.section .multiboot, "a"
	.balign 4
	.long MB_HEADER_MAGIC
	.long MB_HEADER_ALIGNED | MB_HEADER_MEMORY
	.long -(MB_HEADER_MAGIC + (MB_HEADER_ALIGNED | MB_HEADER_MEMORY))

	.section .text.boot, "ax"
	.code32
	.globl l0_entry32
l0_entry32:
	cli
	cld
	movl $boot_stack_top, %esp
	movl %eax, boot_magic
	movl %ebx, boot_info
	/* long mode: without it there is nothing to run on, and a message is all that can be given */
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc no_long_mode
	/* boot tables: 1 PML4E, 4 PDPTEs, 4 x 512 2 MiB pages */
	movl $boot_pdpt, %eax
	orl $3, %eax
	movl %eax, boot_pml4
	movl $boot_pd, %eax
	orl $3, %eax
	xorl %ecx, %ecx
1:	movl %eax, boot_pdpt(,%ecx,8)
	addl $0x1000, %eax
	incl %ecx
	cmpl $4, %ecx
	jb 1b
	movl $0x83, %eax
	xorl %ecx, %ecx
2:	movl %eax, boot_pd(,%ecx,8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $2048, %ecx
	jb 2b
	movl %cr4, %eax
	orl $0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	movl $boot_pml4, %eax
	movl %eax, %cr3
	movl $0xC0000080, %ecx		/* IA32_EFER: LME, and NXE where there is one */
	movl $0x80000001, %eax
	cpuid
	movl $0xC0000080, %ecx
	movl %edx, %esi
	rdmsr
	orl $0x100, %eax
	btl $20, %esi
	jnc 3f
	orl $0x800, %eax
3:	wrmsr
	movl $0x80010033, %eax		/* PG WP NE ET MP PE */
	movl %eax, %cr0
	lgdt boot_gdtr
	ljmp $0x08, $l0_entry64

no_long_mode:
	movl $no_long_mode_text, %esi
4:	lodsb
	testb %al, %al
	jz 5f
	outb %al, $0xE9
	jmp 4b
5:	movl $shutdown_text, %esi
	movw $0x8900, %dx
6:	lodsb
	testb %al, %al
	jz 7f
	outb %al, %dx
	jmp 6b
7:	cli
	hlt
	jmp 7b

	.code64
l0_entry64:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movl boot_magic(%rip), %edi
	movl boot_info(%rip), %esi
	call l0_main
8:	cli
	hlt
	jmp 8b

	.section .rodata
no_long_mode_text: .asciz "l0: this processor has no 64-bit mode\n"
shutdown_text:	.asciz "Shutdown"
	.balign 8
boot_gdt: .quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
boot_gdtr: .word . - boot_gdt - 1
	.quad boot_gdt

	.section .bss
	.balign 4
boot_magic: .skip 4
boot_info: .skip 4
	.balign 4096
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pd: .skip 4 * 4096
	.globl boot_stack_guard, boot_stack_top
boot_stack_guard: .skip 4096
	.skip 32768
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
