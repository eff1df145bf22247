/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic as this processor does it: each operation is the instruction itself on registers, so that
 * results and all status flags, those that the SDM leaves undefined too, are what the guest's own execution
 * would have given. Sizes are in bytes; *rflags: status flags in and out, the other bits stay.
 */
#ifndef L0HV_EMULATE_ALU_H
#define L0HV_EMULATE_ALU_H

#include <stdbool.h>
#include <stdint.h>

#include "l0hv/emulate/insn.h"

/* `a` is the destination. One-operand operations ignore `b`. ADD to CMP, TEST, INC, DEC, NOT, NEG, BT to BTC.
 */
uint64_t alu(enum insn_op op, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags);
/* kind: ModRM.reg of the shift group, ROL to SAR. */
uint64_t alu_shift(unsigned kind, unsigned size, uint64_t a, uint8_t count, uint64_t *rflags);
uint64_t alu_shift_double(bool right, unsigned size, uint64_t a, uint64_t b, uint8_t count, uint64_t *rflags);
/* BSF, BSR, TZCNT, LZCNT, POPCNT of `source`; `old` is the destination before. */
uint64_t alu_scan(enum insn_op op, unsigned size, uint64_t old, uint64_t source, uint64_t *rflags);
uint64_t alu_imul(unsigned size, uint64_t a, uint64_t b, uint64_t *rflags);
/* MUL, IMUL, DIV, IDIV with rDX:rAX, of byte size with AX. False: #DE, nothing is changed. */
bool alu_wide(enum insn_op op, unsigned size, uint64_t *rax, uint64_t *rdx, uint64_t source,
	      uint64_t *rflags);
/* cc: low four bits of the opcode. */
bool alu_condition(unsigned cc, uint64_t rflags);

#endif
