/* SPDX-License-Identifier: MIT */
/*
 * Instructions that touch memory-mapped devices: decoding, effective address, execution. Pure: the
 * caller fetches the bytes, holds the registers and does the memory accesses. Source: SDM, "Instruction
 * Format" and "Opcode Map".
 *
 * Covered: MOV in all forms with a memory operand but those of segment registers, MOVZX, MOVSX, MOVSXD,
 * MOVNTI, MOVBE, CMOVcc, SETcc, XCHG, XADD, CMPXCHG, CMPXCHG8B/16B, the eight arithmetic operations, TEST,
 * INC, DEC, NOT, NEG, MUL, IMUL, DIV, IDIV, shifts, rotates, SHLD, SHRD, BT/BTS/BTR/BTC, BSF, BSR, TZCNT,
 * LZCNT, POPCNT, XLAT, MOVS, STOS, LODS, CMPS, SCAS with REP, PUSH and POP of general registers, immediates
 * and memory, and the moves of XMM registers without VEX. Others are -ENOTSUP, as is a register operand where
 * memory could stand.
 */
#ifndef L0HV_EMULATE_INSN_H
#define L0HV_EMULATE_INSN_H

#include <stddef.h>
#include <stdint.h>

#define INSN_MAX_BYTES 15u
#define INSN_REP_BATCH 256u /* iterations of one insn_execute() */

enum insn_mode {
	INSN_MODE_16,
	INSN_MODE_32,
	INSN_MODE_64,
};

/* Numbers of registers and segments are the processor's. */
enum insn_segment {
	INSN_ES,
	INSN_CS,
	INSN_SS,
	INSN_DS,
	INSN_FS,
	INSN_GS,
	INSN_SEGMENTS,
};

enum insn_op {
	INSN_NONE,
	INSN_LOAD, /* reg = mem */
	INSN_STORE, /* mem = reg or immediate */
	INSN_LOAD_ZX, /* reg = mem, zero extended from mem_size to operand_size */
	INSN_LOAD_SX,
	INSN_XCHG,
	INSN_XADD,
	INSN_CMPXCHG,
	INSN_ADD, /* ADD to CMP in the order of the opcode's bits 5:3 */
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_CMP,
	INSN_TEST,
	INSN_INC,
	INSN_DEC,
	INSN_NOT,
	INSN_NEG,
	INSN_BT,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
	INSN_MOVS,
	INSN_STOS,
	INSN_LODS,
	INSN_CMPS,
	INSN_SCAS,
	INSN_XLAT,
	INSN_SHIFT, /* kind: ModRM.reg, ROL to SAR; the count is the immediate, or CL */
	INSN_SHLD,
	INSN_SHRD,
	INSN_MUL, /* rDX:rAX */
	INSN_IMUL,
	INSN_DIV,
	INSN_IDIV,
	INSN_IMUL_REG, /* reg = reg * mem, or mem * immediate */
	INSN_BSF,
	INSN_BSR,
	INSN_TZCNT,
	INSN_LZCNT,
	INSN_POPCNT,
	INSN_SETCC, /* kind: condition */
	INSN_CMOVCC,
	INSN_LOAD_BE, /* MOVBE */
	INSN_STORE_BE,
	INSN_PUSH,
	INSN_POP,
	INSN_CMPXCHG_WIDE, /* CMPXCHG8B, CMPXCHG16B: mem_size says which */
	INSN_XMM_LOAD, /* kind: enum insn_xmm */
	INSN_XMM_STORE,
	INSN_OPS,
};

enum insn_xmm {
	XMM_WHOLE, /* 16 bytes, or mem_size bytes and zeroes behind them */
	XMM_LOW, /* the low 8 bytes, the rest stays */
	XMM_HIGH,
	XMM_ALIGNED, /* 16 bytes, #GP(0) if not at a multiple of 16 */
};

enum insn_source {
	INSN_FROM_NOTHING, /* one operand, memory: INC, NEG... */
	INSN_FROM_REG, /* mem = mem op reg */
	INSN_FROM_IMM, /* mem = mem op imm */
	INSN_FROM_MEM, /* reg = reg op mem */
};

#define INSN_NO_REG 0xFFu

struct insn {
	uint8_t op; /* enum insn_op */
	uint8_t source; /* enum insn_source */
	uint8_t length; /* bytes, 1 to 15 */
	uint8_t mode; /* enum insn_mode */
	uint8_t operand_size; /* bytes of the register operand: 1, 2, 4, 8 */
	uint8_t mem_size; /* bytes of the memory operand */
	uint8_t address_size; /* 2, 4, 8 */
	uint8_t reg; /* 0 to 15, INSN_NO_REG */
	uint8_t high_byte; /* the register operand is AH, CH, DH, BH; reg says 0 to 3 */
	uint8_t rep; /* 0, or the prefix 0xF2, 0xF3 */
	uint8_t lock;
	uint8_t segment; /* of the memory operand; of MOVS' and LODS' source */
	uint8_t base, index; /* INSN_NO_REG: none */
	uint8_t scale; /* 1, 2, 4, 8 */
	uint8_t rip_relative;
	uint8_t kind; /* of the operation: shift, condition, enum insn_xmm */
	uint8_t zero[7]; /* no padding: rows are compared byte by byte */
	int64_t displacement; /* sign extended; a moffs is zero extended */
	uint64_t immediate; /* sign extended */
};

/* The registers an instruction can see. Segment bases are used as given: in 64-bit mode ES, CS, SS, DS count
 * as 0. */
struct insn_state {
	uint64_t gpr[16]; /* RAX RCX RDX RBX RSP RBP RSI RDI R8... */
	uint64_t rip; /* of this instruction */
	uint64_t rflags;
	uint64_t segment_base[INSN_SEGMENTS];
	/* Outside 64-bit mode, as in a VMCS: of the segments that a string or a stack operation uses */
	uint32_t segment_limit[INSN_SEGMENTS], segment_rights[INSN_SEGMENTS];
	uint8_t stack_size; /* bytes of the stack pointer: 2, 4, 8 */
	uint8_t one_iteration; /* a REP pauses behind each, for a single step */
};

/*
 * Memory by linear address, little endian, size 1, 2, 4, 8. Returns 0, or a negative errno that ends the
 * execution. Members from `probe` on may be NULL: nothing is probed, faults are only -EFAULT, XMM registers
 * are -ENOTSUP.
 */
struct insn_memory {
	int (*read)(void *ctx, uint64_t linear, unsigned size, uint64_t *value);
	int (*write)(void *ctx, uint64_t linear, unsigned size, uint64_t value);
	void *ctx;
	/* May `size` (to 16) bytes be written, or read? Before an instruction's first access where a later
	 * one must not fault. */
	int (*probe)(void *ctx, uint64_t linear, unsigned size, int write);
	void (*fault)(void *ctx, unsigned vector); /* #DE; #SS(0), #GP(0) */
	void (*xmm)(void *ctx, unsigned reg, uint64_t value[2], int store /* the register into value */);
	const uint8_t *stop; /* nonzero behind an iteration: a REP pauses */
};

/*
 * 0; -EINVAL: more bytes are needed than `n`, or the instruction is over 15 bytes long or invalid (#UD);
 * -ENOTSUP: an instruction that isn't covered. *insn is only valid on 0.
 */
__attribute__((warn_unused_result)) int insn_decode(struct insn *insn, const uint8_t *bytes, size_t n,
						    enum insn_mode mode);

/* Linear address of the ModRM or moffs operand; of the source (RSI) for MOVS and LODS, of ES:RDI for STOS. */
uint64_t insn_address(const struct insn *insn, const struct insn_state *state);

/*
 * Outside 64-bit mode: may `size` bytes at `offset` of a segment be accessed? rights and limit as in a VMCS.
 * SDM "Limit Checking", "Type Checking".
 */
int insn_in_segment(uint32_t rights, uint64_t limit, uint64_t offset, unsigned size, int write);

/*
 * Does what the instruction does to registers, flags and memory, but leaves RIP alone.
 * 0: done, skip insn->length bytes. 1: a REP isn't finished, resume at the same RIP. Negative: what the
 * memory access returned; a single instruction has changed no register then, a REP is as after its last
 * complete iteration.
 */
__attribute__((warn_unused_result)) int insn_execute(const struct insn *insn, struct insn_state *state,
						     const struct insn_memory *memory);

#endif
