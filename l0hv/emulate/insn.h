/* SPDX-License-Identifier: MIT */
/*
 * Instructions that touch memory-mapped devices: decoding, effective address, execution. Pure: the
 * caller fetches the bytes, holds the registers and does the memory accesses. Source: SDM, "Instruction
 * Format" and "Opcode Map".
 *
 * Covered: MOV in all forms with a memory operand, MOVZX, MOVSX, MOVSXD, MOVNTI, XCHG, XADD, CMPXCHG, the
 * eight arithmetic operations, TEST, INC, DEC, NOT, NEG, BT/BTS/BTR/BTC with an immediate, MOVS, STOS, LODS
 * with REP. Others are -ENOTSUP, as is a register operand where memory could stand.
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
};

/* Memory by linear address, little endian, size 1, 2, 4, 8. 0, or a negative errno that ends the execution.
 */
struct insn_memory {
	int (*read)(void *ctx, uint64_t linear, unsigned size, uint64_t *value);
	int (*write)(void *ctx, uint64_t linear, unsigned size, uint64_t value);
	void *ctx;
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
 * Does what the instruction does to registers, flags and memory, but leaves RIP alone.
 * 0: done, skip insn->length bytes. 1: a REP isn't finished, resume at the same RIP. Negative: what the
 * memory access returned; a single instruction has changed no register then, a REP is as after its last
 * complete iteration.
 */
__attribute__((warn_unused_result)) int insn_execute(const struct insn *insn, struct insn_state *state,
						     const struct insn_memory *memory);

#endif
