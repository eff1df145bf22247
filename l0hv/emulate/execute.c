/* SPDX-License-Identifier: MIT */
/*
 * What a decoded instruction does. SDM, "Instruction Set Reference" for operations and flags; flags that
 * it leaves undefined (AF of the logical operations) become 0.
 */
#include "l0hv/emulate/insn.h"

#include <errno.h>

#define CF 0x001ull
#define PF 0x004ull
#define AF 0x010ull
#define ZF 0x040ull
#define SF 0x080ull
#define DF 0x400ull
#define OF 0x800ull

#define ARITHMETIC_FLAGS (CF | PF | AF | ZF | SF | OF)

#define RAX 0
#define RCX 1
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
	offset &= mask(insn->address_size);
	if (insn->mode != INSN_MODE_64)
		return (offset + state->segment_base[segment]) & mask(4);
	if (segment == INSN_FS || segment == INSN_GS)
		offset += state->segment_base[segment];
	return offset;
}

uint64_t insn_address(const struct insn *insn, const struct insn_state *state)
{
	uint64_t offset = (uint64_t)insn->displacement;

	if (insn->op == INSN_MOVS || insn->op == INSN_LODS)
		return linear(insn, state, insn->segment, state->gpr[RSI]);
	if (insn->op == INSN_STOS)
		return linear(insn, state, INSN_ES, state->gpr[RDI]);
	if (insn->base != INSN_NO_REG)
		offset += state->gpr[insn->base & 15];
	if (insn->index != INSN_NO_REG)
		offset += state->gpr[insn->index & 15] * insn->scale;
	if (insn->rip_relative)
		offset += state->rip + insn->length;
	return linear(insn, state, insn->segment, offset);
}

static int read_memory(const struct insn_memory *memory, uint64_t address, unsigned size, uint64_t *value)
{
	int err = memory->read(memory->ctx, address, size, value);

	*value &= mask(size);
	return err;
}

static uint64_t flags_of_result(uint64_t result, unsigned size)
{
	uint64_t flags = 0;

	if (!(result & mask(size)))
		flags |= ZF;
	if (result & sign_bit(size))
		flags |= SF;
	if (!__builtin_parity((unsigned)(result & 0xFF)))
		flags |= PF;
	return flags;
}

static uint64_t add(uint64_t a, uint64_t b, uint64_t carry, unsigned size, uint64_t *flags)
{
	uint64_t r = a + b + carry;
	uint64_t carries = (a & b) | ((a | b) & ~r);

	*flags = flags_of_result(r, size) | (carries & sign_bit(size) ? CF : 0) | (carries & 8 ? AF : 0) |
		 ((a ^ r) & (b ^ r) & sign_bit(size) ? OF : 0);
	return r & mask(size);
}

static uint64_t subtract(uint64_t a, uint64_t b, uint64_t borrow, unsigned size, uint64_t *flags)
{
	uint64_t r = a - b - borrow;
	uint64_t borrows = (~a & b) | ((~a | b) & r);

	*flags = flags_of_result(r, size) | (borrows & sign_bit(size) ? CF : 0) | (borrows & 8 ? AF : 0) |
		 ((a ^ b) & (a ^ r) & sign_bit(size) ? OF : 0);
	return r & mask(size);
}

/* One operation on `a` (the destination) and `b`: its result, and in *rflags its flags. */
static uint64_t compute(const struct insn *insn, uint64_t a, uint64_t b, uint64_t *rflags)
{
	unsigned size = insn->mem_size;
	uint64_t bit = 1ull << (b & (8 * size - 1));
	uint64_t changed = ARITHMETIC_FLAGS, carry = *rflags & CF, flags = 0, r = a;

	switch ((enum insn_op)insn->op) {
	case INSN_ADD:
	case INSN_XADD:
		r = add(a, b, 0, size, &flags);
		break;
	case INSN_ADC:
		r = add(a, b, carry, size, &flags);
		break;
	case INSN_SBB:
		r = subtract(a, b, carry, size, &flags);
		break;
	case INSN_SUB:
	case INSN_CMP:
	case INSN_CMPXCHG:
		r = subtract(a, b, 0, size, &flags);
		break;
	case INSN_NEG:
		r = subtract(0, a, 0, size, &flags);
		break;
	case INSN_INC:
		r = add(a, 1, 0, size, &flags);
		changed &= ~CF;
		break;
	case INSN_DEC:
		r = subtract(a, 1, 0, size, &flags);
		changed &= ~CF;
		break;
	case INSN_AND:
	case INSN_TEST:
		r = a & b;
		flags = flags_of_result(r, size);
		break;
	case INSN_OR:
		r = a | b;
		flags = flags_of_result(r, size);
		break;
	case INSN_XOR:
		r = a ^ b;
		flags = flags_of_result(r, size);
		break;
	case INSN_NOT:
		r = ~a & mask(size);
		changed = 0;
		break;
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		changed = CF;
		flags = a & bit ? CF : 0;
		r = insn->op == INSN_BTS ? a | bit : insn->op == INSN_BTR ? a & ~bit : a ^ bit;
		break;
	case INSN_NONE:
	case INSN_LOAD:
	case INSN_STORE:
	case INSN_LOAD_ZX:
	case INSN_LOAD_SX:
	case INSN_XCHG:
	case INSN_MOVS:
	case INSN_STOS:
	case INSN_LODS:
	default:
		changed = 0;
	}
	*rflags = (*rflags & ~changed) | (flags & changed);
	return r;
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

static int exchange(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t address = insn_address(insn, state);
	uint64_t old = 0, flags = state->rflags, reg = get_reg(insn, state), result = reg;
	int err = read_memory(memory, address, insn->mem_size, &old);

	if (err)
		return err;
	if (insn->op == INSN_XADD)
		result = compute(insn, old, reg, &flags);
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
	int err = read_memory(memory, address, insn->mem_size, &old);

	if (err)
		return err;
	compute(insn, accumulator, old, &flags);
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

static int is_only_flags(const struct insn *insn)
{
	return insn->op == INSN_CMP || insn->op == INSN_TEST || insn->op == INSN_BT;
}

static int arithmetic(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t address = insn_address(insn, state);
	uint64_t value = 0, flags = state->rflags, result;
	int err = read_memory(memory, address, insn->mem_size, &value);

	if (err)
		return err;
	if (insn->source == INSN_FROM_MEM) {
		result = compute(insn, get_reg(insn, state), value, &flags);
		if (!is_only_flags(insn))
			set_reg(insn, state, result);
	} else {
		result = compute(insn, value, source_operand(insn, state), &flags);
		if (!is_only_flags(insn))
			err = memory->write(memory->ctx, address, insn->mem_size, result);
		if (err)
			return err;
	}
	state->rflags = flags;
	return 0;
}

static void step(const struct insn *insn, struct insn_state *state, unsigned reg)
{
	uint64_t by = state->rflags & DF ? -(uint64_t)insn->mem_size : insn->mem_size;

	state->gpr[reg] = merged(state->gpr[reg], state->gpr[reg] + by, insn->address_size);
}

static int string_once(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	uint64_t value = state->gpr[RAX] & mask(insn->mem_size);
	int err;

	if (insn->op != INSN_STOS) {
		err = read_memory(memory, linear(insn, state, insn->segment, state->gpr[RSI]), insn->mem_size,
				  &value);
		if (err)
			return err;
	}
	if (insn->op != INSN_LODS) {
		err = memory->write(memory->ctx, linear(insn, state, INSN_ES, state->gpr[RDI]),
				    insn->mem_size, value);
		if (err)
			return err;
		step(insn, state, RDI);
	} else {
		state->gpr[RAX] = merged(state->gpr[RAX], value, insn->mem_size);
	}
	if (insn->op != INSN_STOS)
		step(insn, state, RSI);
	return 0;
}

static int string(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	int err;

	if (!insn->rep)
		return string_once(insn, state, memory);
	for (unsigned i = 0; i < INSN_REP_BATCH; i++) {
		uint64_t count = state->gpr[RCX] & mask(insn->address_size);

		if (!count)
			return 0;
		err = string_once(insn, state, memory);
		if (err)
			return err;
		state->gpr[RCX] = merged(state->gpr[RCX], count - 1, insn->address_size);
	}
	return (state->gpr[RCX] & mask(insn->address_size)) != 0;
}

int insn_execute(const struct insn *insn, struct insn_state *state, const struct insn_memory *memory)
{
	switch ((enum insn_op)insn->op) {
	case INSN_LOAD:
	case INSN_LOAD_ZX:
	case INSN_LOAD_SX:
		return load(insn, state, memory);
	case INSN_STORE:
		return memory->write(memory->ctx, insn_address(insn, state), insn->mem_size,
				     source_operand(insn, state));
	case INSN_XCHG:
	case INSN_XADD:
		return exchange(insn, state, memory);
	case INSN_CMPXCHG:
		return compare_exchange(insn, state, memory);
	case INSN_MOVS:
	case INSN_STOS:
	case INSN_LODS:
		return string(insn, state, memory);
	case INSN_ADD:
	case INSN_OR:
	case INSN_ADC:
	case INSN_SBB:
	case INSN_AND:
	case INSN_SUB:
	case INSN_XOR:
	case INSN_CMP:
	case INSN_TEST:
	case INSN_INC:
	case INSN_DEC:
	case INSN_NOT:
	case INSN_NEG:
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		return arithmetic(insn, state, memory);
	case INSN_NONE:
	default:
		return -ENOTSUP;
	}
}
