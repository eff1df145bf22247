// SPDX-License-Identifier: MIT
/* SDM volume 2, "Instruction Format", and the opcode maps of appendix A. */
#include "decode.h"

#define NEED_MORE -1
#define UNKNOWN   -2

struct cursor {
	const uint8_t *bytes;
	size_t count, at;
	unsigned int operand, address; /* sizes in bytes */
	uint8_t rex;
	bool has_rex, overrun;
};

static uint64_t take(struct cursor *c, unsigned int n)
{
	uint64_t value = 0;

	if (c->at + n > c->count) {
		c->overrun = true;
		return 0;
	}
	for (unsigned int i = 0; i < n; i++)
		value |= (uint64_t)c->bytes[c->at + i] << 8 * i;
	c->at += n;
	return value;
}

static uint8_t take_prefixes(struct cursor *c, enum code_size code)
{
	for (;;) {
		const uint8_t byte = (uint8_t)take(c, 1);

		if (c->overrun)
			return 0;
		if (code == CODE_64 && (byte & 0xF0) == 0x40) {
			c->rex = byte;
			c->has_rex = true;
			continue;
		}
		switch (byte) {
		case 0x66:
			c->operand = code == CODE_16 ? 4 : 2;
			break;
		case 0x67:
			c->address = code == CODE_32 ? 2 : 4;
			break;
		case 0x26: /* segments: the address is known without */
		case 0x2E:
		case 0x36:
		case 0x3E:
		case 0x64:
		case 0x65:
			break;
		default:
			if (c->rex & 8)
				c->operand = 8;
			return byte;
		}
		c->rex = 0; /* a REX prefix counts only right before the opcode */
		c->has_rex = false;
	}
}

/* Takes ModRM, SIB and displacement; the reg field in *reg. false: the operand is a register. */
static bool take_modrm(struct cursor *c, unsigned int *reg)
{
	const unsigned int modrm = (unsigned int)take(c, 1), mod = modrm >> 6, rm = modrm & 7;

	*reg = (modrm >> 3) & 7;
	if (mod == 3)
		return false;
	if (c->address == 2) {
		take(c, mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0);
		return true;
	}
	if (rm == 4) {
		const unsigned int base = take(c, 1) & 7;

		take(c, mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0);
		return true;
	}
	take(c, mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);
	return true;
}

enum form { F_NONE, F_STORE, F_LOAD, F_IMMEDIATE, F_ZERO, F_SIGN, F_LOAD_OFFSET, F_STORE_OFFSET };

static const struct opcode {
	enum form form;
	uint8_t byte;
	uint8_t size; /* of the memory operand; 0: the operand size */
	bool escaped; /* after 0F */
} opcodes[] = {
	{F_STORE,        0x88, 1, false},
        {F_STORE,        0x89, 0, false},
        {F_LOAD,         0x8A, 1, false},
	{F_LOAD,         0x8B, 0, false},
        {F_LOAD_OFFSET,  0xA0, 1, false},
        {F_LOAD_OFFSET,  0xA1, 0, false},
	{F_STORE_OFFSET, 0xA2, 1, false},
        {F_STORE_OFFSET, 0xA3, 0, false},
        {F_IMMEDIATE,    0xC6, 1, false},
	{F_IMMEDIATE,    0xC7, 0, false},
        {F_SIGN,         0x63, 4, false},
        {F_ZERO,         0xB6, 1, true },
	{F_ZERO,         0xB7, 2, true },
        {F_SIGN,         0xBE, 1, true },
        {F_SIGN,         0xBF, 2, true },
};

static const struct opcode *find(uint8_t byte, bool escaped)
{
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (opcodes[i].byte == byte && opcodes[i].escaped == escaped)
			return &opcodes[i];
	return NULL;
}

static uint64_t take_immediate(struct cursor *c, unsigned int size)
{
	const uint64_t value = take(c, size == 8 ? 4 : size);

	return size == 8 ? (uint64_t)(int64_t)(int32_t)(uint32_t)value : value;
}

/* The operands behind the opcode. */
static bool take_operands(struct cursor *c, const struct opcode *op, struct mmio_insn *insn)
{
	unsigned int reg = 0;

	if (op->form == F_LOAD_OFFSET || op->form == F_STORE_OFFSET) {
		take(c, c->address);
	} else if (!take_modrm(c, &reg)) {
		return false;
	}
	if (op->form == F_IMMEDIATE) {
		if (reg != 0)
			return false;
		insn->immediate = true;
		insn->value = take_immediate(c, insn->size);
	}
	insn->high_byte = insn->register_size == 1 && !c->has_rex && reg >= 4;
	insn->reg = (uint8_t)(insn->high_byte ? reg - 4 : reg | (c->rex & 4u) << 1);
	return true;
}

int mmio_decode(const uint8_t *bytes, size_t count, enum code_size code, struct mmio_insn *insn)
{
	struct cursor c = {bytes, count, 0, code == CODE_16 ? 2 : 4, 2u << code, 0, false, false};
	uint8_t byte = take_prefixes(&c, code);
	const bool escaped = byte == 0x0F;
	const struct opcode *op;

	if (escaped)
		byte = (uint8_t)take(&c, 1);
	if (c.overrun)
		return NEED_MORE;
	op = find(byte, escaped);
	if (!op || (byte == 0x63 && !escaped && code != CODE_64))
		return UNKNOWN;
	*insn = (struct mmio_insn){0};
	insn->write = op->form == F_STORE || op->form == F_IMMEDIATE || op->form == F_STORE_OFFSET;
	insn->sign = op->form == F_SIGN;
	insn->size = op->size ? op->size : (uint8_t)c.operand;
	insn->register_size = op->form == F_ZERO || op->form == F_SIGN ? (uint8_t)c.operand : insn->size;
	if (!take_operands(&c, op, insn))
		return c.overrun ? NEED_MORE : UNKNOWN;
	insn->length = (uint8_t)c.at;
	return c.overrun ? NEED_MORE : 0;
}
