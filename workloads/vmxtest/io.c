// SPDX-License-Identifier: MIT
/* I/O instructions: bitmaps and what their exits tell. SDM "I/O-Bitmap Addresses", "I/O Instructions". */
#include "lab.h"

#define BITMAPS PUT(OR(CPU_CTLS), CPU_IO_BITMAPS)
#define ALWAYS  PUT(OR(CPU_CTLS), CPU_UNCONDITIONAL_IO)
#define BIT(p)  PUT(L2_IO_BIT(p), 1)
#define PORT(p) PUT(L2_REG(RDX), p)
/* Exit qualification */
#define SIZE(n)    ((n)-1u)
#define IN         8u
#define STRING     16u
#define REP        32u
#define IMM        64u
#define AT(p)      ((uint64_t)(p) << 16)
#define IO_EXIT(q) EXITS(EXIT_IO), IS(EXIT_QUALIFICATION, q), IS(RIP_AT, 0)

L2_CODE(in_al_imm, "9: inb $0xe4, %al; 8:");
L2_CODE(out_al_imm, "9: outb %al, $0xe4; 8:");
L2_CODE(in_al, "9: inb %dx, %al; 8:");
L2_CODE(in_ax, "9: inw %dx, %ax; 8:");
L2_CODE(in_eax, "9: inl %dx, %eax; 8:");
L2_CODE(out_eax, "9: outl %eax, %dx; 8:");
L2_CODE(out_al, "9: outb %al, %dx; 8:");
L2_CODE(ins, "movl $0x10000020, %edi; 9: insb; 8:");
L2_CODE(rep_insw, "movl $0x10000020, %edi; movl $5, %ecx; 9: rep insw; 8:");
L2_CODE(outs, "movl $0x10000020, %esi; 9: outsl; 8:");
L2_CODE(rep_outs_fs, "movl $0x20, %esi; movl $2, %ecx; 9: .byte 0xf3, 0x64, 0x6e; 8:");
L2_CODE(outs_addr32, "movl $0x10000020, %esi; 9: addr32 outsb; 8:");

static const struct shot rows[] = {
	ROW("IN, no bitmap, not unconditional", in_al, KERNEL64, SETS(PORT(0xe4)), WANTS(TO_THE_END)),
	ROW("IN, unconditional", in_al, KERNEL64, SETS(ALWAYS, PORT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | IN | SIZE(1)), IS(EXIT_INSTR_LEN, 1))),
	ROW("IN, unconditional, bitmap without the bit", in_al, KERNEL64, SETS(ALWAYS, BITMAPS, PORT(0xe4)),
	    WANTS(TO_THE_END)),
	ROW("IN, bitmap bit", in_al, KERNEL64, SETS(BITMAPS, BIT(0xe4), PORT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | IN | SIZE(1)))),
	ROW("IN, the neighbours' bits", in_al, KERNEL64, SETS(BITMAPS, BIT(0xe3), BIT(0xe5), PORT(0xe4)),
	    WANTS(TO_THE_END)),
	ROW("IN of an immediate port", in_al_imm, KERNEL64, SETS(BITMAPS, BIT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | IN | IMM | SIZE(1)), IS(EXIT_INSTR_LEN, 2))),
	ROW("OUT to an immediate port", out_al_imm, KERNEL64, SETS(BITMAPS, BIT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | IMM | SIZE(1)))),
	ROW("OUT of 32 bits", out_eax, KERNEL64, SETS(BITMAPS, BIT(0xe0), PORT(0xe0)),
	    WANTS(IO_EXIT(AT(0xe0) | SIZE(4)))),
	ROW("IN of 32 bits, bit of its last port", in_eax, KERNEL64, SETS(BITMAPS, BIT(0xe3), PORT(0xe0)),
	    WANTS(IO_EXIT(AT(0xe0) | IN | SIZE(4)))),
	ROW("IN of 32 bits, bit behind it", in_eax, KERNEL64, SETS(BITMAPS, BIT(0xe4), PORT(0xe0)),
	    WANTS(TO_THE_END)),
	ROW("IN of 16 bits, bit of its second port", in_ax, KERNEL64, SETS(BITMAPS, BIT(0xe1), PORT(0xe0)),
	    WANTS(IO_EXIT(AT(0xe0) | IN | SIZE(2)))),
	ROW("OUT to port 0x7fff, bitmap A", out_al, KERNEL64, SETS(BITMAPS, BIT(0x7fff), PORT(0x7fff)),
	    WANTS(IO_EXIT(AT(0x7fff) | SIZE(1)))),
	ROW("OUT to port 0x8000, bitmap B", out_al, KERNEL64, SETS(BITMAPS, BIT(0x8000), PORT(0x8000)),
	    WANTS(IO_EXIT(AT(0x8000) | SIZE(1)))),
	ROW("OUT to port 0x8000, bit 0 of bitmap A", out_al, KERNEL64, SETS(BITMAPS, BIT(0), PORT(0x8000)),
	    WANTS(TO_THE_END)),
	ROW("IN of 16 bits from 0x7fff, bit in bitmap B", in_ax, KERNEL64,
	    SETS(BITMAPS, BIT(0x8000), PORT(0x7fff)), WANTS(IO_EXIT(AT(0x7fff) | IN | SIZE(2)))),
	ROW("OUT to port 0xffff", out_al, KERNEL64, SETS(BITMAPS, BIT(0xffff), PORT(0xffff)),
	    WANTS(IO_EXIT(AT(0xffff) | SIZE(1)))),
	ROW("IN of 16 bits that wraps around", in_ax, KERNEL64, SETS(BITMAPS, PORT(0xffff)),
	    WANTS(IO_EXIT(AT(0xffff) | IN | SIZE(2)))),
	ROW("INS", ins, KERNEL64, SETS(BITMAPS, BIT(0xe4), PORT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | IN | STRING | SIZE(1)), IS(GUEST_LINEAR_ADDRESS, PAGE(0) + 0x20),
		  BITS(EXIT_INSTR_INFO, 0x100, 0x380))),
	ROW("REP INS of words", rep_insw, KERNEL64, SETS(BITMAPS, BIT(0xe4), PORT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | IN | STRING | REP | SIZE(2)), IS(L2_REG(RCX), 5),
		  IS(EXIT_INSTR_LEN, 3))),
	ROW("OUTS", outs, KERNEL64, SETS(BITMAPS, BIT(0xe4), PORT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | STRING | SIZE(4)), IS(GUEST_LINEAR_ADDRESS, PAGE(0) + 0x20),
		  BITS(EXIT_INSTR_INFO, 0x18100, 0x38380))),
	ROW("REP OUTS of FS", rep_outs_fs, KERNEL64,
	    SETS(BITMAPS, BIT(0xe4), PORT(0xe4), PUT(GUEST_FS_BASE, PAGE(0))),
	    WANTS(IO_EXIT(AT(0xe4) | STRING | REP | SIZE(1)), IS(GUEST_LINEAR_ADDRESS, PAGE(0) + 0x20),
		  BITS(EXIT_INSTR_INFO, 0x20100, 0x38380))),
	ROW("OUTS with 32-bit addresses", outs_addr32, KERNEL64, SETS(BITMAPS, BIT(0xe4), PORT(0xe4)),
	    WANTS(IO_EXIT(AT(0xe4) | STRING | SIZE(1)), BITS(EXIT_INSTR_INFO, 0x80, 0x380))),
	ROW("IN at CPL 3 with IOPL 3", in_al, USER64,
	    SETS(BITMAPS, BIT(0xe4), PORT(0xe4), PUT(GUEST_RFLAGS, 0x3002)),
	    WANTS(IO_EXIT(AT(0xe4) | IN | SIZE(1)))),
	ROW("IN at CPL 3 without: #GP", in_al, USER64, SETS(INTERCEPT(GP), BITMAPS, BIT(0xe4), PORT(0xe4)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
};

void test_io(void)
{
	SHOTS_RUN(rows);
}
