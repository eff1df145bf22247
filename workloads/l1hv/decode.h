/* SPDX-License-Identifier: MIT */
/*
 * The instructions that compilers use on MMIO: MOV between register and memory, MOV of an immediate to
 * memory, MOVZX, MOVSX, MOVSXD. Pure. The address is not computed: an EPT violation reports it.
 */
#ifndef L1HV_DECODE_H
#define L1HV_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mmio_insn {
	bool write; /* to memory */
	bool immediate; /* what is written is .value, not a register */
	bool sign; /* a read is sign-extended to register_size, else zero-extended */
	bool high_byte; /* AH, CH, DH, BH: .reg is 0 to 3 */
	uint8_t size; /* of the memory operand: 1, 2, 4, 8 bytes */
	uint8_t register_size; /* 1, 2, 4, 8; 4 clears the upper half */
	uint8_t reg;
	uint8_t length; /* of the instruction */
	uint64_t value;
};

enum code_size { CODE_16, CODE_32, CODE_64 };

/* 0; -1: needs more than `count` bytes; -2: another instruction. */
int mmio_decode(const uint8_t *bytes, size_t count, enum code_size code, struct mmio_insn *insn);

#endif
