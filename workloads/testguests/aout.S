/* SPDX-License-Identifier: MIT */
/*
 * A kernel that is no ELF file: its multiboot header says what to load ("The address fields of Multiboot header"). It
 * prints its command line and its modules, with their strings, as they lie in memory.
 */
#include <nestbed/ports.h>

#define HEADER_FLAGS 0x10003
#define MAGIC        0x1badb002

	.code32
	.globl _start
_start:
	.fill 64, 1, 0xcc /* lies in the file only */
load:
	.fill 16, 1, 0xcc
header:
	.long MAGIC, HEADER_FLAGS, -(MAGIC + HEADER_FLAGS)
	.long header, load, load_end, bss_end, entry

entry:
	cld
	movl $stack, %esp
	movl $not_magic, %esi
	cmpl $0x2badb002, %eax
	jne fail
	movl $not_zeroed, %esi
	movl $load_end, %edi
	movl $bss_end - load_end, %ecx
	xorl %eax, %eax
	repe scasb
	jne fail
	movl 16(%ebx), %esi
	call line
	movl 20(%ebx), %ebp /* modules */
	movl 24(%ebx), %edi
1:	testl %ebp, %ebp
	jz done
	movl 8(%edi), %esi
	call line
	movl (%edi), %esi
2:	cmpl 4(%edi), %esi
	jae 3f
	lodsb
	outb %al, $NB_PORT_CONSOLE
	jmp 2b
3:	addl $16, %edi
	decl %ebp
	jmp 1b
fail:	call line
done:	movl $shutdown, %esi
	movw $NB_PORT_SHUTDOWN, %dx
4:	lodsb
	outb %al, %dx
	testb %al, %al
	jnz 4b
5:	hlt
	jmp 5b

	/* The string at ESI, and a newline */
line:	lodsb
	testb %al, %al
	jz 6f
	outb %al, $NB_PORT_CONSOLE
	jmp line
6:	movb $'\n', %al
	outb %al, $NB_PORT_CONSOLE
	ret

not_magic: .asciz "aout: EAX is not the loader's magic number"
not_zeroed: .asciz "aout: what lies behind the file's part is not zero"
shutdown: .asciz NB_SHUTDOWN_WORD
	.balign 4
load_end:
	.fill 64, 1, 0xcc /* in the file; zeroes in memory */
	.fill 4096 - 64, 1, 0
stack:
	.set bss_end, stack
