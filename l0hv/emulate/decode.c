/* SPDX-License-Identifier: MIT */
/* SDM, "Instruction Format", "Opcode Map". The opcode tables say what, the steps below them how. */
#include "l0hv/emulate/insn.h"

#include <errno.h>

enum shape {
	NOT_COVERED, /* the zero row */
	MODRM, /* memory operand and ModRM.reg */
	MODRM_GROUP, /* ModRM.reg chooses the row of a group */
	MOFFS, /* memory by absolute offset, AL/eAX */
	STRING, /* RSI, RDI */
	TABLE, /* XLAT */
	STACK, /* PUSH and POP of the register in the opcode's low three bits, or of an immediate */
};

enum immediate {
	IMM_NONE,
	IMM_BYTE, /* sign extended */
	IMM_OPERAND, /* 2 or 4 bytes, sign extended to 8; 1 for byte operands */
};

struct opcode_row {
	uint8_t shape;
	uint8_t op;
	uint8_t source;
	uint8_t width; /* bytes of the register operand, 0: by prefixes */
	uint8_t mem_width; /* bytes of the memory operand, 0: as the register */
	uint8_t immediate;
	uint8_t lockable;
	uint8_t kind;
};

#define SHIFT_ROW(w, imm, from)                                                                              \
	{                                                                                                    \
		MODRM_GROUP, INSN_SHIFT, from, w, 0, imm, 0, 0                                               \
	}
#define CONDITIONS(first, row)                                                                               \
	[first] = row(0), [(first) + 1] = row(1), [(first) + 2] = row(2), [(first) + 3] = row(3),            \
	[(first) + 4] = row(4), [(first) + 5] = row(5), [(first) + 6] = row(6), [(first) + 7] = row(7),      \
	[(first) + 8] = row(8), [(first) + 9] = row(9), [(first) + 10] = row(10), [(first) + 11] = row(11),  \
	[(first) + 12] = row(12), [(first) + 13] = row(13), [(first) + 14] = row(14),                        \
	[(first) + 15] = row(15)
#define SETCC(cc)                                                                                            \
	{                                                                                                    \
		MODRM, INSN_SETCC, INSN_FROM_NOTHING, 1, 0, IMM_NONE, 0, cc                                  \
	}
#define CMOVCC(cc)                                                                                           \
	{                                                                                                    \
		MODRM, INSN_CMOVCC, INSN_FROM_MEM, 0, 0, IMM_NONE, 0, cc                                     \
	}
#define PUSH_REG                                                                                             \
	{                                                                                                    \
		STACK, INSN_PUSH, INSN_FROM_REG, 0, 0, IMM_NONE, 0, 0                                        \
	}
#define POP_REG                                                                                              \
	{                                                                                                    \
		STACK, INSN_POP, INSN_FROM_REG, 0, 0, IMM_NONE, 0, 0                                         \
	}

/* The four ModRM opcodes of an arithmetic operation. */
#define ARITHMETIC(first, operation, lockable)                                                               \
	[first] = {MODRM, operation, INSN_FROM_REG, 1, 0, IMM_NONE, lockable, 0},                            \
	[(first) + 1] = {MODRM, operation, INSN_FROM_REG, 0, 0, IMM_NONE, lockable, 0},                      \
	[(first) + 2] = {MODRM, operation, INSN_FROM_MEM, 1, 0, IMM_NONE, 0, 0},                             \
	[(first) + 3] = {MODRM, operation, INSN_FROM_MEM, 0, 0, IMM_NONE, 0, 0}

static const struct opcode_row one_byte[256] = {
	ARITHMETIC(0x00, INSN_ADD, 1),
	ARITHMETIC(0x08, INSN_OR, 1),
	ARITHMETIC(0x10, INSN_ADC, 1),
	ARITHMETIC(0x18, INSN_SBB, 1),
	ARITHMETIC(0x20, INSN_AND, 1),
	ARITHMETIC(0x28, INSN_SUB, 1),
	ARITHMETIC(0x30, INSN_XOR, 1),
	ARITHMETIC(0x38, INSN_CMP, 0),
	[0x50] = PUSH_REG,
	[0x51] = PUSH_REG,
	[0x52] = PUSH_REG,
	[0x53] = PUSH_REG,
	[0x54] = PUSH_REG,
	[0x55] = PUSH_REG,
	[0x56] = PUSH_REG,
	[0x57] = PUSH_REG,
	[0x58] = POP_REG,
	[0x59] = POP_REG,
	[0x5A] = POP_REG,
	[0x5B] = POP_REG,
	[0x5C] = POP_REG,
	[0x5D] = POP_REG,
	[0x5E] = POP_REG,
	[0x5F] = POP_REG,
	[0x68] = {STACK,       INSN_PUSH,     INSN_FROM_IMM,     0, 0, IMM_OPERAND, 0, 0},
	[0x69] = {MODRM,       INSN_IMUL_REG, INSN_FROM_IMM,     0, 0, IMM_OPERAND, 0, 0},
	[0x6A] = {STACK,       INSN_PUSH,     INSN_FROM_IMM,     0, 0, IMM_BYTE,    0, 0},
	[0x6B] = {MODRM,       INSN_IMUL_REG, INSN_FROM_IMM,     0, 0, IMM_BYTE,    0, 0},
	[0x8F] = {MODRM_GROUP, INSN_POP,      INSN_FROM_MEM,     0, 0, IMM_NONE,    0, 0},
	[0xA6] = {STRING,      INSN_CMPS,     INSN_FROM_MEM,     1, 0, IMM_NONE,    0, 0},
	[0xA7] = {STRING,      INSN_CMPS,     INSN_FROM_MEM,     0, 0, IMM_NONE,    0, 0},
	[0xAE] = {STRING,      INSN_SCAS,     INSN_FROM_MEM,     1, 0, IMM_NONE,    0, 0},
	[0xAF] = {STRING,      INSN_SCAS,     INSN_FROM_MEM,     0, 0, IMM_NONE,    0, 0},
	[0xC0] = SHIFT_ROW(1, IMM_BYTE, INSN_FROM_IMM),
	[0xC1] = SHIFT_ROW(0, IMM_BYTE, INSN_FROM_IMM),
	[0xD0] = SHIFT_ROW(1, IMM_NONE, INSN_FROM_NOTHING),
	[0xD1] = SHIFT_ROW(0, IMM_NONE, INSN_FROM_NOTHING),
	[0xD2] = SHIFT_ROW(1, IMM_NONE, INSN_FROM_REG),
	[0xD3] = SHIFT_ROW(0, IMM_NONE, INSN_FROM_REG),
	[0xD7] = {TABLE,       INSN_XLAT,     INSN_FROM_MEM,     1, 0, IMM_NONE,    0, 0},
	[0x63] = {MODRM,       INSN_LOAD_SX,  INSN_FROM_MEM,     0, 4, IMM_NONE,    0, 0}, /* MOVSXD, 64-bit mode only */
	[0x80] = {MODRM_GROUP, INSN_ADD,      INSN_FROM_IMM,     1, 0, IMM_BYTE,    1, 0},
	[0x81] = {MODRM_GROUP, INSN_ADD,      INSN_FROM_IMM,     0, 0, IMM_OPERAND, 1, 0},
	[0x82] = {MODRM_GROUP, INSN_ADD,      INSN_FROM_IMM,     1, 0, IMM_BYTE,    1, 0}, /* not in 64-bit mode */
	[0x83] = {MODRM_GROUP, INSN_ADD,      INSN_FROM_IMM,     0, 0, IMM_BYTE,    1, 0},
	[0x84] = {MODRM,       INSN_TEST,     INSN_FROM_REG,     1, 0, IMM_NONE,    0, 0},
	[0x85] = {MODRM,       INSN_TEST,     INSN_FROM_REG,     0, 0, IMM_NONE,    0, 0},
	[0x86] = {MODRM,       INSN_XCHG,     INSN_FROM_REG,     1, 0, IMM_NONE,    1, 0},
	[0x87] = {MODRM,       INSN_XCHG,     INSN_FROM_REG,     0, 0, IMM_NONE,    1, 0},
	[0x88] = {MODRM,       INSN_STORE,    INSN_FROM_REG,     1, 0, IMM_NONE,    0, 0},
	[0x89] = {MODRM,       INSN_STORE,    INSN_FROM_REG,     0, 0, IMM_NONE,    0, 0},
	[0x8A] = {MODRM,       INSN_LOAD,     INSN_FROM_MEM,     1, 0, IMM_NONE,    0, 0},
	[0x8B] = {MODRM,       INSN_LOAD,     INSN_FROM_MEM,     0, 0, IMM_NONE,    0, 0},
	[0xA0] = {MOFFS,       INSN_LOAD,     INSN_FROM_MEM,     1, 0, IMM_NONE,    0, 0},
	[0xA1] = {MOFFS,       INSN_LOAD,     INSN_FROM_MEM,     0, 0, IMM_NONE,    0, 0},
	[0xA2] = {MOFFS,       INSN_STORE,    INSN_FROM_REG,     1, 0, IMM_NONE,    0, 0},
	[0xA3] = {MOFFS,       INSN_STORE,    INSN_FROM_REG,     0, 0, IMM_NONE,    0, 0},
	[0xA4] = {STRING,      INSN_MOVS,     INSN_FROM_MEM,     1, 0, IMM_NONE,    0, 0},
	[0xA5] = {STRING,      INSN_MOVS,     INSN_FROM_MEM,     0, 0, IMM_NONE,    0, 0},
	[0xAA] = {STRING,      INSN_STOS,     INSN_FROM_REG,     1, 0, IMM_NONE,    0, 0},
	[0xAB] = {STRING,      INSN_STOS,     INSN_FROM_REG,     0, 0, IMM_NONE,    0, 0},
	[0xAC] = {STRING,      INSN_LODS,     INSN_FROM_MEM,     1, 0, IMM_NONE,    0, 0},
	[0xAD] = {STRING,      INSN_LODS,     INSN_FROM_MEM,     0, 0, IMM_NONE,    0, 0},
	[0xC6] = {MODRM_GROUP, INSN_STORE,    INSN_FROM_IMM,     1, 0, IMM_BYTE,    0, 0},
	[0xC7] = {MODRM_GROUP, INSN_STORE,    INSN_FROM_IMM,     0, 0, IMM_OPERAND, 0, 0},
	[0xF6] = {MODRM_GROUP, INSN_TEST,     INSN_FROM_NOTHING, 1, 0, IMM_NONE,    1, 0},
	[0xF7] = {MODRM_GROUP, INSN_TEST,     INSN_FROM_NOTHING, 0, 0, IMM_NONE,    1, 0},
	[0xFE] = {MODRM_GROUP, INSN_INC,      INSN_FROM_NOTHING, 1, 0, IMM_NONE,    1, 0},
	[0xFF] = {MODRM_GROUP, INSN_INC,      INSN_FROM_NOTHING, 0, 0, IMM_NONE,    1, 0},
};

static const struct opcode_row two_byte[256] = {
	CONDITIONS(0x40, CMOVCC),
	CONDITIONS(0x90, SETCC),
	[0xA3] = {MODRM,       INSN_BT,           INSN_FROM_REG,     0, 0, IMM_NONE, 0, 0},
	[0xA4] = {MODRM,       INSN_SHLD,         INSN_FROM_IMM,     0, 0, IMM_BYTE, 0, 0},
	[0xA5] = {MODRM,       INSN_SHLD,         INSN_FROM_REG,     0, 0, IMM_NONE, 0, 0},
	[0xAB] = {MODRM,       INSN_BTS,          INSN_FROM_REG,     0, 0, IMM_NONE, 1, 0},
	[0xAC] = {MODRM,       INSN_SHRD,         INSN_FROM_IMM,     0, 0, IMM_BYTE, 0, 0},
	[0xAD] = {MODRM,       INSN_SHRD,         INSN_FROM_REG,     0, 0, IMM_NONE, 0, 0},
	[0xAF] = {MODRM,       INSN_IMUL_REG,     INSN_FROM_MEM,     0, 0, IMM_NONE, 0, 0},
	[0xB3] = {MODRM,       INSN_BTR,          INSN_FROM_REG,     0, 0, IMM_NONE, 1, 0},
	[0xB8] = {MODRM,       INSN_POPCNT,       INSN_FROM_MEM,     0, 0, IMM_NONE, 0, 0}, /* F3 */
	[0xBB] = {MODRM,       INSN_BTC,          INSN_FROM_REG,     0, 0, IMM_NONE, 1, 0},
	[0xBC] = {MODRM,       INSN_BSF,          INSN_FROM_MEM,     0, 0, IMM_NONE, 0, 0}, /* F3: TZCNT */
	[0xBD] = {MODRM,       INSN_BSR,          INSN_FROM_MEM,     0, 0, IMM_NONE, 0, 0}, /* F3: LZCNT */
	[0xC7] = {MODRM_GROUP, INSN_CMPXCHG_WIDE, INSN_FROM_NOTHING, 0, 0, IMM_NONE, 1, 0},
	[0xB0] = {MODRM,       INSN_CMPXCHG,      INSN_FROM_REG,     1, 0, IMM_NONE, 1, 0},
	[0xB1] = {MODRM,       INSN_CMPXCHG,      INSN_FROM_REG,     0, 0, IMM_NONE, 1, 0},
	[0xB6] = {MODRM,       INSN_LOAD_ZX,      INSN_FROM_MEM,     0, 1, IMM_NONE, 0, 0},
	[0xB7] = {MODRM,       INSN_LOAD_ZX,      INSN_FROM_MEM,     0, 2, IMM_NONE, 0, 0},
	[0xBA] = {MODRM_GROUP, INSN_BT,           INSN_FROM_IMM,     0, 0, IMM_BYTE, 1, 0},
	[0xBE] = {MODRM,       INSN_LOAD_SX,      INSN_FROM_MEM,     0, 1, IMM_NONE, 0, 0},
	[0xBF] = {MODRM,       INSN_LOAD_SX,      INSN_FROM_MEM,     0, 2, IMM_NONE, 0, 0},
	[0xC0] = {MODRM,       INSN_XADD,         INSN_FROM_REG,     1, 0, IMM_NONE, 1, 0},
	[0xC1] = {MODRM,       INSN_XADD,         INSN_FROM_REG,     0, 0, IMM_NONE, 1, 0},
	[0xC3] = {MODRM,       INSN_STORE,        INSN_FROM_REG,     0, 0, IMM_NONE, 0, 0}, /* MOVNTI */
};

/* Behind 0F 38, without a mandatory prefix. */
static const struct opcode_row three_byte_38[2] = {
	{MODRM, INSN_LOAD_BE,  INSN_FROM_MEM, 0, 0, IMM_NONE, 0, 0}, /* F0 */
	{MODRM, INSN_STORE_BE, INSN_FROM_REG, 0, 0, IMM_NONE, 0, 0}, /* F1 */
};

/* Moves of XMM registers, behind 0F: by mandatory prefix and opcode. */
static const struct {
	uint8_t prefix; /* 0, 66, F3, F2 */
	uint8_t opcode, op, bytes, kind;
} xmm_moves[] = {
	{0x00, 0x10, INSN_XMM_LOAD,  16, XMM_WHOLE  }, /* MOVUPS */
	{0x66, 0x10, INSN_XMM_LOAD,  16, XMM_WHOLE  }, /* MOVUPD */
	{0xF3, 0x10, INSN_XMM_LOAD,  4,  XMM_WHOLE  }, /* MOVSS */
	{0xF2, 0x10, INSN_XMM_LOAD,  8,  XMM_WHOLE  }, /* MOVSD */
	{0x00, 0x11, INSN_XMM_STORE, 16, XMM_WHOLE  },
	{0x66, 0x11, INSN_XMM_STORE, 16, XMM_WHOLE  },
	{0xF3, 0x11, INSN_XMM_STORE, 4,  XMM_WHOLE  },
	{0xF2, 0x11, INSN_XMM_STORE, 8,  XMM_WHOLE  },
	{0x00, 0x12, INSN_XMM_LOAD,  8,  XMM_LOW    }, /* MOVLPS */
	{0x66, 0x12, INSN_XMM_LOAD,  8,  XMM_LOW    },
	{0x00, 0x13, INSN_XMM_STORE, 8,  XMM_LOW    },
	{0x66, 0x13, INSN_XMM_STORE, 8,  XMM_LOW    },
	{0x00, 0x16, INSN_XMM_LOAD,  8,  XMM_HIGH   }, /* MOVHPS */
	{0x66, 0x16, INSN_XMM_LOAD,  8,  XMM_HIGH   },
	{0x00, 0x17, INSN_XMM_STORE, 8,  XMM_HIGH   },
	{0x66, 0x17, INSN_XMM_STORE, 8,  XMM_HIGH   },
	{0x00, 0x28, INSN_XMM_LOAD,  16, XMM_ALIGNED}, /* MOVAPS */
	{0x66, 0x28, INSN_XMM_LOAD,  16, XMM_ALIGNED},
	{0x00, 0x29, INSN_XMM_STORE, 16, XMM_ALIGNED},
	{0x66, 0x29, INSN_XMM_STORE, 16, XMM_ALIGNED},
	{0x00, 0x2B, INSN_XMM_STORE, 16, XMM_ALIGNED}, /* MOVNTPS */
	{0x66, 0x2B, INSN_XMM_STORE, 16, XMM_ALIGNED},
	{0x66, 0x6E, INSN_XMM_LOAD,  0,  XMM_WHOLE  }, /* MOVD, MOVQ by REX.W */
	{0x66, 0x6F, INSN_XMM_LOAD,  16, XMM_ALIGNED}, /* MOVDQA */
	{0xF3, 0x6F, INSN_XMM_LOAD,  16, XMM_WHOLE  }, /* MOVDQU */
	{0x66, 0x7E, INSN_XMM_STORE, 0,  XMM_WHOLE  },
	{0xF3, 0x7E, INSN_XMM_LOAD,  8,  XMM_WHOLE  }, /* MOVQ */
	{0x66, 0x7F, INSN_XMM_STORE, 16, XMM_ALIGNED},
	{0xF3, 0x7F, INSN_XMM_STORE, 16, XMM_WHOLE  },
	{0x66, 0xD6, INSN_XMM_STORE, 8,  XMM_WHOLE  }, /* MOVQ */
	{0x66, 0xE7, INSN_XMM_STORE, 16, XMM_ALIGNED}, /* MOVNTDQ */
	{0xF2, 0xF0, INSN_XMM_LOAD,  16, XMM_WHOLE  }, /* LDDQU */
};

/* Groups by the operation of their row above; ModRM.reg is the index, INSN_NONE isn't covered. */
static const uint8_t group_arithmetic[8] = {
	INSN_ADD, INSN_OR, INSN_ADC, INSN_SBB, INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP,
};
static const uint8_t group_unary[8] = {
	INSN_TEST, INSN_TEST, INSN_NOT, INSN_NEG, INSN_MUL, INSN_IMUL, INSN_DIV, INSN_IDIV,
};
static const uint8_t group_inc_dec[8] = {INSN_INC, INSN_DEC, 0, 0, 0, 0, INSN_PUSH, 0};
static const uint8_t group_pop[8] = {INSN_POP};
static const uint8_t group_wide[8] = {0, INSN_CMPXCHG_WIDE};
static const uint8_t group_store[8] = {INSN_STORE};
static const uint8_t group_bit[8] = {0, 0, 0, 0, INSN_BT, INSN_BTS, INSN_BTR, INSN_BTC};

struct cursor {
	const uint8_t *bytes;
	size_t n; /* at most INSN_MAX_BYTES */
	size_t at;
};

struct prefixes {
	uint8_t rex; /* 0: none */
	uint8_t operand, address, rep, lock;
	uint8_t segment; /* INSN_SEGMENTS: none */
};

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

static int next(struct cursor *c, uint8_t *byte)
{
	if (c->at >= c->n)
		return -EINVAL;
	*byte = c->bytes[c->at++];
	return 0;
}

/* `size` bytes, little endian, sign extended. */
static int next_signed(struct cursor *c, unsigned size, int64_t *value)
{
	uint64_t v = 0;
	uint8_t byte;

	for (unsigned i = 0; i < size; i++) {
		if (next(c, &byte))
			return -EINVAL;
		v |= (uint64_t)byte << 8 * i;
	}
	if (size && size < 8 && v >> (8 * size - 1))
		v |= ~0ull << 8 * size;
	*value = (int64_t)v;
	return 0;
}

/* 0: not a prefix. */
static int take_prefix(struct prefixes *p, uint8_t byte, enum insn_mode mode)
{
	switch (byte) {
	case 0x26:
	case 0x2E:
	case 0x36:
	case 0x3E:
		if (mode != INSN_MODE_64) /* ignored there, and FS or GS before it stay */
			p->segment = (byte >> 3) & 3;
		return 1;
	case 0x64:
	case 0x65:
		p->segment = byte == 0x64 ? INSN_FS : INSN_GS;
		return 1;
	case 0x66:
		p->operand = 1;
		return 1;
	case 0x67:
		p->address = 1;
		return 1;
	case 0xF0:
		p->lock = 1;
		return 1;
	case 0xF2:
	case 0xF3:
		p->rep = byte;
		return 1;
	default:
		return 0;
	}
}

/* Prefixes and the first opcode byte. A REX counts only directly before the opcode. */
static int decode_prefixes(struct cursor *c, struct prefixes *p, enum insn_mode mode, uint8_t *opcode)
{
	for (;;) {
		if (next(c, opcode))
			return -EINVAL;
		if (mode == INSN_MODE_64 && (*opcode & 0xF0) == 0x40) {
			p->rex = *opcode;
			continue;
		}
		if (!take_prefix(p, *opcode, mode))
			return 0;
		p->rex = 0;
	}
}

static void set_sizes(struct insn *insn, const struct prefixes *p, const struct opcode_row *row)
{
	enum insn_mode mode = (enum insn_mode)insn->mode;

	if (mode == INSN_MODE_64)
		insn->address_size = p->address ? 4 : 8;
	else
		insn->address_size = (mode == INSN_MODE_16) != p->address ? 2 : 4;
	if (row->width)
		insn->operand_size = row->width;
	else if (p->rex & REX_W)
		insn->operand_size = 8;
	else
		insn->operand_size = (mode == INSN_MODE_16) != p->operand ? 2 : 4;
	insn->mem_size = row->mem_width ? row->mem_width : insn->operand_size;
}

static uint8_t default_segment(uint8_t base)
{
	return base == 4 || base == 5 ? INSN_SS : INSN_DS; /* RSP, RBP */
}

/* "16-Bit Addressing Forms with the ModR/M Byte" */
static int decode_memory16(struct insn *insn, struct cursor *c, uint8_t mod, uint8_t rm)
{
	static const struct {
		uint8_t base, index;
	} forms[8] = {
		{3, 6          },
                {3, 7          },
                {5, 6          },
                {5, 7          },
		{6, INSN_NO_REG},
                {7, INSN_NO_REG},
                {5, INSN_NO_REG},
                {3, INSN_NO_REG},
	};

	insn->base = forms[rm].base;
	insn->index = forms[rm].index;
	if (mod == 0 && rm == 6) {
		insn->base = INSN_NO_REG;
		mod = 2;
	}
	insn->segment = default_segment(insn->base);
	return next_signed(c, mod, &insn->displacement); /* mod 0, 1, 2: as many bytes */
}

/* "32-Bit Addressing Forms with the ModR/M Byte", "... with the SIB Byte", REX, RIP-relative */
static int decode_memory32(struct insn *insn, struct cursor *c, uint8_t mod, uint8_t rm, uint8_t rex)
{
	unsigned size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	uint8_t sib, base = rm;

	if (rm == 4) {
		if (next(c, &sib))
			return -EINVAL;
		base = sib & 7;
		insn->index = (uint8_t)((sib >> 3 & 7) | (rex & REX_X ? 8 : 0));
		insn->scale = (uint8_t)(1u << (sib >> 6));
		if (insn->index == 4)
			insn->index = INSN_NO_REG;
	}
	if (mod == 0 && base == 5) {
		size = 4;
		insn->rip_relative = rm == 5 && insn->mode == INSN_MODE_64;
	} else {
		insn->base = base | (rex & REX_B ? 8 : 0);
	}
	insn->segment = default_segment(insn->base);
	return next_signed(c, size, &insn->displacement);
}

static int choose_from_group(struct insn *insn, struct opcode_row *row, uint8_t reg)
{
	switch (row->op) {
	case INSN_SHIFT:
		insn->kind = reg;
		insn->immediate = 1;
		break;
	case INSN_POP:
		insn->op = group_pop[reg];
		break;
	case INSN_CMPXCHG_WIDE:
		insn->op = group_wide[reg];
		insn->operand_size = insn->operand_size == 8 ? 8 : 4;
		insn->mem_size = (uint8_t)(2 * insn->operand_size);
		break;
	case INSN_ADD:
		insn->op = group_arithmetic[reg];
		break;
	case INSN_INC:
		insn->op = group_inc_dec[reg];
		break;
	case INSN_STORE:
		insn->op = group_store[reg];
		break;
	case INSN_BT:
		insn->op = group_bit[reg];
		break;
	default:
		insn->op = group_unary[reg];
		if (insn->op == INSN_TEST) {
			row->source = INSN_FROM_IMM;
			row->immediate = row->width == 1 ? IMM_BYTE : IMM_OPERAND;
		}
	}
	if (insn->op == INSN_CMP || insn->op == INSN_TEST || insn->op == INSN_BT || insn->op == INSN_PUSH ||
	    (insn->op >= INSN_MUL && insn->op <= INSN_IDIV))
		row->lockable = 0;
	if (insn->op == INSN_NONE || (insn->op == INSN_PUSH && row->width))
		return -ENOTSUP;
	return 0;
}

static int decode_modrm(struct insn *insn, struct cursor *c, const struct prefixes *p, struct opcode_row *row)
{
	uint8_t modrm, mod, reg, rm;
	int err;

	if (next(c, &modrm))
		return -EINVAL;
	mod = modrm >> 6;
	reg = modrm >> 3 & 7;
	rm = modrm & 7;
	if (mod == 3)
		return -ENOTSUP;
	if (row->shape == MODRM_GROUP) {
		err = choose_from_group(insn, row, reg);
		if (err)
			return err;
	} else {
		insn->reg = (uint8_t)(reg | (p->rex & REX_R ? 8 : 0));
		if (insn->operand_size == 1 && !p->rex && reg >= 4 && row->op != INSN_SETCC) {
			insn->reg = reg - 4;
			insn->high_byte = 1;
		}
	}
	if (insn->address_size == 2)
		return decode_memory16(insn, c, mod, rm);
	return decode_memory32(insn, c, mod, rm, p->rex);
}

static int decode_moffs(struct insn *insn, struct cursor *c)
{
	unsigned size = insn->address_size;

	insn->reg = 0;
	if (next_signed(c, size, &insn->displacement))
		return -EINVAL;
	if (size < 8)
		insn->displacement &= (1ll << 8 * size) - 1;
	return 0;
}

static int decode_immediate(struct insn *insn, struct cursor *c, uint8_t kind)
{
	unsigned size = 0;
	int64_t value;

	if (kind == IMM_BYTE)
		size = 1;
	else if (kind == IMM_OPERAND)
		size = insn->operand_size == 2 ? 2 : 4;
	if (next_signed(c, size, &value))
		return -EINVAL;
	if (kind != IMM_NONE)
		insn->immediate = (uint64_t)value;
	return 0;
}

static int decode_operands(struct insn *insn, struct cursor *c, const struct prefixes *p,
			   struct opcode_row *row)
{
	int err = 0;

	if (row->shape == MODRM || row->shape == MODRM_GROUP)
		err = decode_modrm(insn, c, p, row);
	else if (row->shape == MOFFS)
		err = decode_moffs(insn, c);
	else if (row->shape == STRING)
		insn->rep = p->rep;
	else if (row->shape == STACK)
		insn->reg = (uint8_t)((c->bytes[c->at - 1] & 7) | (p->rex & REX_B ? 8 : 0));
	else {
		insn->base = 3; /* [RBX + AL] */
		insn->reg = 0;
	}
	if (!err)
		err = decode_immediate(insn, c, row->immediate);
	if (!err && p->lock && !row->lockable)
		err = -EINVAL; /* #UD */
	return err;
}

static int is_valid_in(enum insn_mode mode, unsigned map, uint8_t opcode)
{
	if (map != 1)
		return 1;
	if (opcode == 0x63) /* ARPL elsewhere */
		return mode == INSN_MODE_64;
	return opcode != 0x82 || mode != INSN_MODE_64;
}

/* The mandatory prefix: F2 and F3 before 66. */
static struct opcode_row row_of(unsigned map, uint8_t opcode, const struct prefixes *p)
{
	uint8_t prefix = p->rep ? p->rep : p->operand ? 0x66 : 0;
	struct opcode_row row = {0};

	if (map == 1)
		return one_byte[opcode];
	if (map == 3)
		return prefix != 0xF2 && prefix != 0xF3 && opcode >= 0xF0 && opcode <= 0xF1
			       ? three_byte_38[opcode - 0xF0]
			       : row;
	row = two_byte[opcode];
	if (opcode == 0xB8 && prefix != 0xF3)
		row.shape = NOT_COVERED;
	if (prefix == 0xF3 && (opcode == 0xBC || opcode == 0xBD))
		row.op = opcode == 0xBC ? INSN_TZCNT : INSN_LZCNT;
	for (size_t i = 0; i < sizeof(xmm_moves) / sizeof(xmm_moves[0]); i++) {
		uint8_t bytes = xmm_moves[i].bytes ? xmm_moves[i].bytes : p->rex & REX_W ? 8 : 4;

		if (xmm_moves[i].opcode == opcode && xmm_moves[i].prefix == prefix)
			return (struct opcode_row){
				MODRM, xmm_moves[i].op,  INSN_FROM_MEM, bytes, bytes, IMM_NONE,
				0,     xmm_moves[i].kind};
	}
	return row;
}

int insn_decode(struct insn *insn, const uint8_t *bytes, size_t n, enum insn_mode mode)
{
	struct cursor c = {bytes, n < INSN_MAX_BYTES ? n : INSN_MAX_BYTES, 0};
	struct prefixes p = {.segment = INSN_SEGMENTS};
	struct opcode_row row;
	unsigned map = 1;
	uint8_t opcode;
	int err;

	*insn = (struct insn){
		.mode = (uint8_t)mode,
		.reg = INSN_NO_REG,
		.base = INSN_NO_REG,
		.index = INSN_NO_REG,
		.scale = 1,
		.segment = INSN_DS,
	};
	if (decode_prefixes(&c, &p, mode, &opcode))
		return -EINVAL;
	if (opcode == 0x0F) {
		map = 2;
		if (next(&c, &opcode))
			return -EINVAL;
		if (opcode == 0x38) {
			map = 3;
			if (next(&c, &opcode))
				return -EINVAL;
		}
	}
	row = row_of(map, opcode, &p);
	if (row.shape == NOT_COVERED || !is_valid_in(mode, map, opcode))
		return -ENOTSUP;
	insn->op = row.op;
	insn->kind = row.kind;
	set_sizes(insn, &p, &row);
	err = decode_operands(insn, &c, &p, &row);
	if (err)
		return err;
	/* In 64-bit mode the stack's operands have 64 bits, or 16 by prefix. */
	if (mode == INSN_MODE_64 && (insn->op == INSN_PUSH || insn->op == INSN_POP) &&
	    insn->operand_size == 4)
		insn->operand_size = insn->mem_size = 8;
	/* MOVSXD with a 16-bit operand reads 16 bits; MOVNTI has no 16-bit form and ignores the prefix. */
	if (map == 1 && opcode == 0x63 && insn->operand_size < 4)
		insn->mem_size = insn->operand_size;
	if (map == 2 && opcode == 0xC3 && insn->operand_size == 2)
		insn->operand_size = insn->mem_size = 4;
	insn->source = row.source;
	insn->lock = p.lock;
	insn->length = (uint8_t)c.at;
	if (p.segment != INSN_SEGMENTS)
		insn->segment = p.segment;
	return 0;
}
