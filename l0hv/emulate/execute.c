/* SPDX-License-Identifier: MIT */
/*
 * What a decoded instruction does to registers and memory. SDM, "Instruction Set Reference"; results and
 * flags are alu.c's. An instruction that reads, computes and writes asks first whether it may write: its #PF
 * says so.
 */
#include <errno.h>
#include <stddef.h>

#include "l0hv/emulate/alu.h"
#include "l0hv/emulate/insn.h"

#define ZF 0x040ull
#define DF 0x400ull

enum { VECTOR_DE = 0, VECTOR_SS = 12, VECTOR_GP = 13 };

/* SDM "Guest Register State": access rights of a segment */
#define RIGHTS_TYPE_WRITE  0x2u /* data: writable; code: readable */
#define RIGHTS_EXPAND_DOWN 0x4u
#define RIGHTS_CODE        0x8u
#define RIGHTS_BIG         0x4000u
#define RIGHTS_UNUSABLE    0x10000u

#define RAX 0
#define RCX 1
#define RDX 2
#define RBX 3
#define RSP 4
#define RSI 6
#define RDI 7

static uint64_t mask(unsigned size)
{
	return size >= 8 ? ~0ull : (1ull << 8 * size) - 1;
}

static uint64_t sign_bit(unsigned size)
{
	return 1ull << (8 * size - 1);
}

static uint64_t get_reg(const struct insn *insn, const struct insn_state *state)
{
	uint64_t value = state->gpr[insn->reg & 15];

	return (insn->high_byte ? value >> 8 : value) & mask(insn->operand_size);
}

/* Results of 32 bits clear the upper half, narrower ones leave the rest of the register. */
static uint64_t merged(uint64_t old, uint64_t value, unsigned size)
{
	if (size >= 4)
		return value & mask(size);
	return (old & ~mask(size)) | (value & mask(size));
}

static void set_reg(const struct insn *insn, struct insn_state *state, uint64_t value)
{
	uint64_t *gpr = &state->gpr[insn->reg & 15];

	if (insn->high_byte)
		*gpr = (*gpr & ~0xFF00ull) | (value & 0xFF) << 8;
	else
		*gpr = merged(*gpr, value, insn->operand_size);
}

static uint64_t linear(const struct insn *insn, const struct insn_state *state, uint8_t segment,
		       uint64_t offset)
{
	if (insn->mode != INSN_MODE_64)
		return (offset + state->segment_base[segment]) & mask(4);
	if (segment == INSN_FS || segment == INSN_GS)
		offset += state->segment_base[segment];
	return offset;
}

/* Bytes from the address that ModRM says to the word that a register as bit offset chooses. */
static uint64_t bit_string(const struct insn *insn, const struct insn_state *state)
{
	unsigned size = insn->operand_size;
	uint64_t offset = get_reg(insn, state);

	if (offset & sign_bit(size))
		offset |= ~mask(size);
	return (uint64_t)((int64_t)offset >> (size == 2 ? 4 : size == 4 ? 5 : 6)) * size;
}

static bool is_bit_test(const struct insn *insn)
{
	return insn->op >= INSN_BT && insn->op <= INSN_BTC;
}

uint64_t insn_address(const struct insn *insn, const struct insn_state *state)
{
	uint64_t offset = (uint64_t)insn->displacement;

	if (insn->op == INSN_MOVS || insn->op == INSN_LODS || insn->op == INSN_CMPS)
		offset = state->gpr[RSI];
	else if (insn->op == INSN_STOS || insn->op == INSN_SCAS)
		return linear(insn, state, INSN_ES, state->gpr[RDI] & mask(insn->address_size));
	if (insn->base != INSN_NO_REG)
		offset += state->gpr[insn->base & 15];
	if (insn->index != INSN_NO_REG)
		offset += state->gpr[insn->index & 15] * insn->scale;
	if (insn->rip_relative)
		offset += state->rip + insn->length;
	if (insn->op == INSN_XLAT)
		offset += state->gpr[RAX] & 0xFF;
	if (is_bit_test(insn) && insn->source == INSN_FROM_REG)
		offset += bit_string(insn, state);
	return linear(insn, state, insn->segment, offset & mask(insn->address_size));
}

/* ---- faults ---- */

static int fault(const struct insn_memory *memory, unsigned vector)
{
	if (memory->fault)
		memory->fault(memory->ctx, vector);
	return -EFAULT;
}

int insn_in_segment(uint32_t rights, uint64_t limit, uint64_t offset, unsigned size, int write)
{
	uint64_t last = offset + size - 1;

	if (rights & RIGHTS_UNUSABLE)
		return 0;
	if (rights & RIGHTS_CODE)
		return !write && rights & RIGHTS_TYPE_WRITE && last <= limit;
	if (write && !(rights & RIGHTS_TYPE_WRITE))
		return 0;
	if (rights & RIGHTS_EXPAND_DOWN)
		return offset > limit && last <= (rights & RIGHTS_BIG ? mask(4) : mask(2));
	return last <= limit;
}

/*
 * Strings and stacks have operands that the processor may not have looked at before it exited. SDM "Limit
 * Checking", "Type Checking", "Canonical Addressing". In 64-bit mode the caller's translation refuses what is
 * not canonical, but for the stack with the other vector.
 */
static int check_segment(const struct insn *insn, const struct insn_state *state,
			 const struct insn_memory *memory, uint8_t segment, uint64_t offset, unsigned size,
			 bool write)
{
	if (insn->mode == INSN_MODE_64) {
		if (segment == INSN_SS && (uint64_t)((int64_t)(offset << 16) >> 16) != offset)
			return fault(memory, VECTOR_SS);
		return 0;
	}
	if (insn_in_segment(state->segment_rights[segment], state->segment_limit[segment], offset, size,
			    write))
		return 0;
	return fault(memory, segment == INSN_SS ? VECTOR_SS : VECTOR_GP);
}

static int probe(const struct insn_memory *memory, uint64_t address, unsigned size, bool write)
{
	return memory->probe ? memory->probe(memory->ctx, address, size, write) : 0;
}

static int read_memory(const struct insn_memory *memory, uint64_t address, unsigned size, uint64_t *value)
{
	int err = memory->read(memory->ctx, address, size, value);

	*value &= mask(size);
	return err;
}

/* What will be written behind it. */
static int read_to_write(const struct insn_memory *memory, uint64_t address, unsigned size, uint64_t *value)
{
	int err = probe(memory, address, size, true);

	return err ? err : read_memory(memory, address, size, value);
}

static uint64_t source_operand(const struct insn *insn, const struct insn_state *state)
{
	if (insn->source == INSN_FROM_IMM)
		return insn->immediate & mask(insn->mem_size);
	return insn->source == INSN_FROM_REG ? get_reg(insn, state) : 0;
}

static int load(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t value = 0;
	int err = read_memory(memory, insn_address(insn, state), insn->mem_size, &value);

	if (err)
		return err;
	if (insn->op == INSN_LOAD_SX && value & sign_bit(insn->mem_size))
		value |= ~mask(insn->mem_size);
	set_reg(insn, state, value);
	return 0;
}

static uint64_t swapped(uint64_t value, unsigned size)
{
	return __builtin_bswap64(value) >> 8 * (8 - size);
}

static int store(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t value = source_operand(insn, state);

	if (insn->op == INSN_STORE_BE)
		value = swapped(value, insn->mem_size);
	if (insn->op == INSN_SETCC)
		value = alu_condition(insn->kind, state->rflags);
	return memory->write(memory->ctx, insn_address(insn, state), insn->mem_size, value);
}

static int exchange(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t address = insn_address(insn, state);
	uint64_t old = 0, flags = state->rflags, reg = get_reg(insn, state), result = reg;
	int err = read_to_write(memory, address, insn->mem_size, &old);

	if (err)
		return err;
	if (insn->op == INSN_XADD)
		result = alu(INSN_ADD, insn->mem_size, old, reg, &flags) & mask(insn->mem_size);
	err = memory->write(memory->ctx, address, insn->mem_size, result);
	if (err)
		return err;
	set_reg(insn, state, old);
	state->rflags = flags;
	return 0;
}

static int compare_exchange(const struct insn *insn, struct insn_state *state,
			    const struct insn_memory *memory)
{
	uint64_t address = insn_address(insn, state);
	uint64_t old = 0, flags = state->rflags;
	uint64_t accumulator = state->gpr[RAX] & mask(insn->mem_size);
	int err = read_to_write(memory, address, insn->mem_size, &old);

	if (err)
		return err;
	alu(INSN_CMP, insn->mem_size, accumulator, old, &flags);
	/* A failed comparison writes the old value back. */
	err = memory->write(memory->ctx, address, insn->mem_size,
			    accumulator == old ? get_reg(insn, state) : old);
	if (err)
		return err;
	if (accumulator != old)
		state->gpr[RAX] = merged(state->gpr[RAX], old, insn->mem_size);
	state->rflags = flags;
	return 0;
}

/* CMPXCHG8B, CMPXCHG16B: two halves of the operand size, rDX:rAX and rCX:rBX. */
static int compare_exchange_wide(const struct insn *insn, struct insn_state *state,
				 const struct insn_memory *memory)
{
	uint64_t address = insn_address(insn, state), m = mask(insn->operand_size), old[2] = {0, 0};
	unsigned half = insn->operand_size;
	bool equal;
	int err;

	if (half == 8 && address & 15)
		return fault(memory, VECTOR_GP);
	err = probe(memory, address, insn->mem_size, true);
	if (!err)
		err = read_memory(memory, address, half, &old[0]);
	if (!err)
		err = read_memory(memory, address + half, half, &old[1]);
	if (err)
		return err;
	equal = old[0] == (state->gpr[RAX] & m) && old[1] == (state->gpr[RDX] & m);
	err = memory->write(memory->ctx, address, half, equal ? state->gpr[RBX] & m : old[0]);
	if (!err)
		err = memory->write(memory->ctx, address + half, half, equal ? state->gpr[RCX] & m : old[1]);
	if (err)
		return err;
	state->rflags = equal ? state->rflags | ZF : state->rflags & ~ZF;
	if (!equal) {
		state->gpr[RAX] = old[0];
		state->gpr[RDX] = old[1];
	}
	return 0;
}

static bool is_only_flags(const struct insn *insn)
{
	return insn->op == INSN_CMP || insn->op == INSN_TEST || insn->op == INSN_BT;
}

/* Memory is the destination, or for CMP, TEST and BT an operand. */
static int to_memory(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t address = insn_address(insn, state), value = 0, flags = state->rflags, result, source;
	unsigned size = insn->mem_size;
	uint8_t count = insn->source == INSN_FROM_REG ? (uint8_t)state->gpr[RCX] : (uint8_t)insn->immediate;
	int err;

	if (is_only_flags(insn))
		err = read_memory(memory, address, size, &value);
	else
		err = read_to_write(memory, address, size, &value);
	if (err)
		return err;
	source = source_operand(insn, state);
	if (is_bit_test(insn))
		source &= 8 * size - 1; /* a longer immediate counts modulo the size; of a register the
					   address has the rest */
	if (insn->op == INSN_SHIFT)
		result = alu_shift(insn->kind, size, value, count, &flags);
	else if (insn->op == INSN_SHLD || insn->op == INSN_SHRD)
		result = alu_shift_double(insn->op == INSN_SHRD, size, value, get_reg(insn, state), count,
					  &flags);
	else
		result = alu((enum insn_op)insn->op, size, value, source, &flags);
	if (!is_only_flags(insn))
		err = memory->write(memory->ctx, address, size, result & mask(size));
	if (err)
		return err;
	state->rflags = flags;
	return 0;
}

static int to_register(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t value = 0, flags = state->rflags, result;
	unsigned size = insn->mem_size;
	enum insn_op op = (enum insn_op)insn->op;
	int err = read_memory(memory, insn_address(insn, state), size, &value);

	if (err)
		return err;
	if (op == INSN_IMUL_REG)
		result = alu_imul(size, value,
				  insn->source == INSN_FROM_IMM ? insn->immediate : get_reg(insn, state),
				  &flags);
	else if (op == INSN_CMOVCC)
		result = alu_condition(insn->kind, flags) ? value : get_reg(insn, state);
	else if (op == INSN_LOAD_BE)
		result = swapped(value, size);
	else if (op >= INSN_BSF && op <= INSN_POPCNT)
		result = alu_scan(op, size, state->gpr[insn->reg & 15], value, &flags);
	else
		result = alu(op, size, get_reg(insn, state), value, &flags);
	if (op != INSN_CMP &&
	    !(op <= INSN_BSR && op >= INSN_BSF && !value)) /* of a zero BSF and BSR find nothing */
		set_reg(insn, state, result);
	state->rflags = flags;
	return 0;
}

static int wide(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t value = 0, rax = state->gpr[RAX], rdx = state->gpr[RDX];
	int err = read_memory(memory, insn_address(insn, state), insn->mem_size, &value);

	if (err)
		return err;
	if (!alu_wide((enum insn_op)insn->op, insn->mem_size, &rax, &rdx, value, &state->rflags))
		return fault(memory, VECTOR_DE);
	state->gpr[RAX] = rax;
	state->gpr[RDX] = rdx;
	return 0;
}

/* ---- the stack ---- */

static int push(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	unsigned size = insn->operand_size;
	uint64_t top = (state->gpr[RSP] - size) & mask(state->stack_size), value = 0;
	int err = 0;

	if (insn->source == INSN_FROM_NOTHING)
		err = read_memory(memory, insn_address(insn, state), size, &value);
	else
		value = source_operand(insn, state);
	if (!err)
		err = check_segment(insn, state, memory, INSN_SS, top, size, true);
	if (!err)
		err = memory->write(memory->ctx, linear(insn, state, INSN_SS, top), size, value & mask(size));
	if (!err)
		state->gpr[RSP] = merged(state->gpr[RSP], top, state->stack_size);
	return err;
}

/* An address with RSP in it is computed behind the increment. */
static int pop(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	unsigned size = insn->operand_size;
	uint64_t old = state->gpr[RSP], top = old & mask(state->stack_size), value = 0;
	int err = check_segment(insn, state, memory, INSN_SS, top, size, false);

	if (!err)
		err = read_memory(memory, linear(insn, state, INSN_SS, top), size, &value);
	if (err)
		return err;
	state->gpr[RSP] = merged(old, top + size, state->stack_size);
	if (insn->source == INSN_FROM_REG)
		set_reg(insn, state, value);
	else
		err = memory->write(memory->ctx, insn_address(insn, state), size, value);
	if (err)
		state->gpr[RSP] = old;
	return err;
}

/* ---- XMM registers ---- */

static int xmm(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t address = insn_address(insn, state), value[2] = {0, 0}, reg[2];
	bool is_store = insn->op == INSN_XMM_STORE;
	unsigned size = insn->mem_size, part = size < 8 ? size : 8, at = insn->kind == XMM_HIGH;
	int err;

	if (!memory->xmm)
		return -ENOTSUP;
	if (insn->kind == XMM_ALIGNED && address & 15)
		return fault(memory, VECTOR_GP);
	err = probe(memory, address, size, is_store);
	memory->xmm(memory->ctx, insn->reg, reg, 1);
	for (unsigned i = 0; !err && i < size; i += part, at++) {
		if (is_store)
			err = memory->write(memory->ctx, address + i, part, reg[at] & mask(part));
		else
			err = read_memory(memory, address + i, part, &value[at]);
	}
	if (err || is_store)
		return err;
	if (insn->kind == XMM_LOW)
		value[1] = reg[1];
	if (insn->kind == XMM_HIGH)
		value[0] = reg[0];
	memory->xmm(memory->ctx, insn->reg, value, 0);
	return 0;
}

/* ---- strings ---- */

static void step(const struct insn *insn, struct insn_state *state, unsigned reg)
{
	uint64_t by = state->rflags & DF ? -(uint64_t)insn->mem_size : insn->mem_size;

	state->gpr[reg] = merged(state->gpr[reg], state->gpr[reg] + by, insn->address_size);
}

static int string_operand(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory,
			  bool destination, bool write, uint64_t *value)
{
	uint8_t segment = destination ? INSN_ES : insn->segment;
	uint64_t offset = state->gpr[destination ? RDI : RSI] & mask(insn->address_size);
	int err = check_segment(insn, state, memory, segment, offset, insn->mem_size, write);

	if (err)
		return err;
	if (write)
		return memory->write(memory->ctx, linear(insn, state, segment, offset), insn->mem_size,
				     *value);
	return read_memory(memory, linear(insn, state, segment, offset), insn->mem_size, value);
}

static int string_once(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t value = state->gpr[RAX] & mask(insn->mem_size), other = 0;
	bool source = insn->op == INSN_MOVS || insn->op == INSN_LODS || insn->op == INSN_CMPS;
	int err = 0;

	if (source)
		err = string_operand(insn, state, memory, false, false, &value);
	if (!err && (insn->op == INSN_CMPS || insn->op == INSN_SCAS))
		err = string_operand(insn, state, memory, true, false, &other);
	if (!err && (insn->op == INSN_MOVS || insn->op == INSN_STOS))
		err = string_operand(insn, state, memory, true, true, &value);
	if (err)
		return err;
	if (insn->op == INSN_CMPS || insn->op == INSN_SCAS)
		alu(INSN_CMP, insn->mem_size, value, other, &state->rflags);
	if (insn->op == INSN_LODS)
		state->gpr[RAX] = merged(state->gpr[RAX], value, insn->mem_size);
	else
		step(insn, state, RDI);
	if (source)
		step(insn, state, RSI);
	return 0;
}

/* REPE and REPNE of the comparing ones. */
static bool comparison_ends(const struct insn *insn, const struct insn_state *state)
{
	if (insn->op != INSN_CMPS && insn->op != INSN_SCAS)
		return false;
	return !(state->rflags & ZF) == (insn->rep == 0xF3);
}

static int string(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t counter = mask(insn->address_size);
	int err;

	if (!insn->rep)
		return string_once(insn, state, memory);
	if (!(state->gpr[RCX] & counter))
		return 0;
	for (unsigned i = 0; i < INSN_REP_BATCH; i++) {
		err = string_once(insn, state, memory);
		if (err)
			return err;
		state->gpr[RCX] =
			merged(state->gpr[RCX], (state->gpr[RCX] & counter) - 1, insn->address_size);
		if (!(state->gpr[RCX] & counter) || comparison_ends(insn, state))
			return 0;
		if (state->one_iteration || (memory->stop && *memory->stop))
			break;
	}
	return 1;
}

typedef int execute_fn(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory);

static execute_fn *const executors[INSN_OPS] = {
	[INSN_LOAD] = load,
	[INSN_LOAD_ZX] = load,
	[INSN_LOAD_SX] = load,
	[INSN_XLAT] = load,
	[INSN_STORE] = store,
	[INSN_STORE_BE] = store,
	[INSN_SETCC] = store,
	[INSN_XCHG] = exchange,
	[INSN_XADD] = exchange,
	[INSN_CMPXCHG] = compare_exchange,
	[INSN_CMPXCHG_WIDE] = compare_exchange_wide,
	[INSN_MOVS] = string,
	[INSN_STOS] = string,
	[INSN_LODS] = string,
	[INSN_CMPS] = string,
	[INSN_SCAS] = string,
	[INSN_TEST] = to_memory,
	[INSN_INC] = to_memory,
	[INSN_DEC] = to_memory,
	[INSN_NOT] = to_memory,
	[INSN_NEG] = to_memory,
	[INSN_BT] = to_memory,
	[INSN_BTS] = to_memory,
	[INSN_BTR] = to_memory,
	[INSN_BTC] = to_memory,
	[INSN_SHIFT] = to_memory,
	[INSN_SHLD] = to_memory,
	[INSN_SHRD] = to_memory,
	[INSN_MUL] = wide,
	[INSN_IMUL] = wide,
	[INSN_DIV] = wide,
	[INSN_IDIV] = wide,
	[INSN_IMUL_REG] = to_register,
	[INSN_BSF] = to_register,
	[INSN_BSR] = to_register,
	[INSN_TZCNT] = to_register,
	[INSN_LZCNT] = to_register,
	[INSN_POPCNT] = to_register,
	[INSN_CMOVCC] = to_register,
	[INSN_LOAD_BE] = to_register,
	[INSN_PUSH] = push,
	[INSN_POP] = pop,
	[INSN_XMM_LOAD] = xmm,
	[INSN_XMM_STORE] = xmm,
};

int insn_execute(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	if (insn->op >= INSN_ADD && insn->op <= INSN_CMP)
		return insn->source == INSN_FROM_MEM ? to_register(insn, state, memory)
						     : to_memory(insn, state, memory);
	if (insn->op >= INSN_OPS || !executors[insn->op])
		return -ENOTSUP;
	return executors[insn->op](insn, state, memory);
}
