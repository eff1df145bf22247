/* SPDX-License-Identifier: MIT */
/* Decoder: bytes by mode to fields and effective addresses. Execution: what test_insn_native.c can't show. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "l0hv/emulate/insn.h"

#define NO   INSN_NO_REG
#define B(s) (const uint8_t *)(s), sizeof(s) - 1
#define M16  INSN_MODE_16
#define M32  INSN_MODE_32
#define M64  INSN_MODE_64

/* Registers are 0x1000 * number + 0x111..., so that each address shows what went into it. */
static struct insn_state some_state(void)
{
	struct insn_state state = {.rip = 0x400000, .rflags = 2};

	for (unsigned i = 0; i < 16; i++)
		state.gpr[i] = 0x1000ull * i + 0x100;
	for (unsigned i = 0; i < INSN_SEGMENTS; i++)
		state.segment_base[i] = 0x10000000ull * (i + 1);
	return state;
}

static const struct {
	const char *name;
	const uint8_t *bytes;
	size_t n;
	enum insn_mode mode;
	uint8_t op, source, operand_size, mem_size, reg;
	uint64_t immediate, address;
} good[] = {
	{"mov eax, [rsi]",           B("\x8B\x06"),						     M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x6100            },
	{"mov r9, [r14]",            B("\x4D\x8B\x0E"),						 M64, INSN_LOAD,    INSN_FROM_MEM,     8, 8, 9,  0,      0xE100            },
	{"mov [rbx+8], cx",          B("\x66\x89\x4B\x08"),                                             M64, INSN_STORE,   INSN_FROM_REG,     2, 2, 1,  0,      0x3108            },
	{"mov [rbx-8], cl",          B("\x88\x4B\xF8"),						 M64, INSN_STORE,   INSN_FROM_REG,     1, 1, 1,  0,      0x30F8            },
	{"mov [rbx], ch",            B("\x88\x2B"),						     M64, INSN_STORE,   INSN_FROM_REG,     1, 1, 1,  0,      0x3100            },
	{"mov [rbx], bpl by REX",    B("\x40\x88\x2B"),                                                 M64, INSN_STORE,   INSN_FROM_REG,     1, 1, 5,  0,      0x3100            },
	{"REX before 66 is lost",    B("\x48\x66\x89\x0B"),                                             M64, INSN_STORE,   INSN_FROM_REG,     2, 2, 1,  0,      0x3100            },
	{"mov dword [rdi+0xB0], 0",  B("\xC7\x87\xB0\0\0\0\0\0\0\0"),                                   M64, INSN_STORE,   INSN_FROM_IMM,     4, 4, NO,
	 0,																		     0x71B0            },
	{"mov qword [rdi], -1",      B("\x48\xC7\x07\xFF\xFF\xFF\xFF"),                                 M64, INSN_STORE,   INSN_FROM_IMM,     8, 8, NO,
	 ~0ull,																		 0x7100            },
	{"mov byte [rdi], 0x80",     B("\xC6\x07\x80"),                                                 M64, INSN_STORE,   INSN_FROM_IMM,     1, 1, NO,
	 0xFFFFFFFFFFFFFF80,																    0x7100            },
	{"mov eax, [rip+0x10]",      B("\x8B\x05\x10\0\0\0"),                                           M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x400016          },
	{"rip counts the immediate", B("\x83\x0D\x10\0\0\0\x01"),                                       M64, INSN_OR,      INSN_FROM_IMM,     4, 4, NO, 1,
	 0x400017																				 },
	{"mov eax, [abs32] by SIB",  B("\x8B\x04\x25\0\0\xE0\xFE"),                                     M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,
	 0xFFFFFFFFFEE00000																		       },
	{"67: wraps at 32 bits",     B("\x67\x8B\x04\x25\0\0\xE0\xFE"),                                 M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,
	 0xFEE00000																			       },
	{"[rax+r12*8+1]",            B("\x42\x8B\x44\xE0\x01"),                                         M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x60901           },
	{"[r13+0] has a base",       B("\x41\x8B\x45\0"),                                               M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0xD100            },
	{"[r12] by SIB",             B("\x41\x8B\x04\x24"),                                             M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0xC100            },
	{"[rsp] has no index",       B("\x8B\x04\x24"),                                                 M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x4100            },
	{"gs:[rax]",                 B("\x65\x8B\x00"),						 M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x60000100        },
	{"es: is ignored in 64-bit", B("\x26\x8B\x00"),                                                 M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x100             },
	{"fs stays behind ds",       B("\x64\x3E\x8B\x00"),                                             M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x50000100        },
	{"movabs eax, [moffs64]",    B("\xA1\x30\0\xE0\xFE\0\0\0\0"),                                   M64, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,
	 0xFEE00030																			       },
	{"movabs [moffs64], rax",    B("\x48\xA3\x88\x77\x66\x55\x44\x33\x22\x11"),                     M64, INSN_STORE,
	 INSN_FROM_REG,														       8, 8, 0,  0,      0x1122334455667788},
	{"movzx eax, byte [rsi]",    B("\x0F\xB6\x06"),                                                 M64, INSN_LOAD_ZX, INSN_FROM_MEM,     4, 1, 0,  0,      0x6100            },
	{"movsx rax, word [rsi]",    B("\x48\x0F\xBF\x06"),                                             M64, INSN_LOAD_SX, INSN_FROM_MEM,     8, 2, 0,  0,
	 0x6100																				   },
	{"movsxd rax, [rsi]",        B("\x48\x63\x06"),						 M64, INSN_LOAD_SX, INSN_FROM_MEM,     8, 4, 0,  0,      0x6100            },
	{"movnti [rsi], eax",        B("\x0F\xC3\x06"),						 M64, INSN_STORE,   INSN_FROM_REG,     4, 4, 0,  0,      0x6100            },
	{"lock xadd [rsi], eax",     B("\xF0\x0F\xC1\x06"),                                             M64, INSN_XADD,    INSN_FROM_REG,     4, 4, 0,  0,      0x6100            },
	{"test dword [rsi], imm",    B("\xF7\x06\x00\x10\0\0"),                                         M64, INSN_TEST,    INSN_FROM_IMM,     4, 4, NO, 0x1000,
	 0x6100																				   },
	{"not dword [rsi]",          B("\xF7\x16"),						     M64, INSN_NOT,     INSN_FROM_NOTHING, 4, 4, NO, 0,      0x6100            },
	{"cmp ax, [rsi]",            B("\x66\x3B\x06"),						 M64, INSN_CMP,     INSN_FROM_MEM,     2, 2, 0,  0,      0x6100            },
	{"and word [rsi], imm16",    B("\x66\x81\x26\x34\x12"),                                         M64, INSN_AND,     INSN_FROM_IMM,     2, 2, NO, 0x1234,
	 0x6100																				   },
	{"bts dword [rsi], 8",       B("\x0F\xBA\x2E\x08"),                                             M64, INSN_BTS,     INSN_FROM_IMM,     4, 4, NO, 8,      0x6100            },
	{"rep stosd",                B("\xF3\xAB"),						     M64, INSN_STOS,    INSN_FROM_REG,     4, 4, NO, 0,      0x7100            },
	{"movsb",		    B("\xA4"),							 M64, INSN_MOVS,    INSN_FROM_MEM,     1, 1, NO, 0,      0x6100            },
	{"32: mov eax, [esi]",       B("\x8B\x06"),						     M32, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x40006100        },
	{"32: [ebp+4] is SS",        B("\x8B\x45\x04"),						 M32, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x30005104        },
	{"32: [disp32]",             B("\x8B\x05\x30\0\xE0\x0E"),                                       M32, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x4EE00030        },
	{"32: [disp32] wraps",       B("\x8B\x05\x30\0\xE0\xFE"),                                       M32, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,
	 0x3EE00030																			       },
	{"32: cs:",                  B("\x2E\x8B\x06"),						 M32, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x20006100        },
	{"32: 67 [bx+si]",           B("\x67\x8B\x00"),						 M32, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x40009200        },
	{"32: 0x82 is 0x80",         B("\x82\x0E\x01"),						 M32, INSN_OR,      INSN_FROM_IMM,     1, 1, NO, 1,      0x40006100        },
	{"16: mov ax, [bp+2] is SS", B("\x8B\x46\x02"),                                                 M16, INSN_LOAD,    INSN_FROM_MEM,     2, 2, 0,  0,
	 0x30005102																			       },
	{"16: [disp16]",             B("\xA1\x34\xF2"),						 M16, INSN_LOAD,    INSN_FROM_MEM,     2, 2, 0,  0,      0x4000F234        },
	{"16: [disp16] by ModRM",    B("\x8B\x0E\x34\x12"),                                             M16, INSN_LOAD,    INSN_FROM_MEM,     2, 2, 1,  0,
	 0x40001234																			       },
	{"16: 66 67 [esi]",          B("\x66\x67\x8B\x06"),                                             M16, INSN_LOAD,    INSN_FROM_MEM,     4, 4, 0,  0,      0x40006100        },
	{"16: [bx+di-1]",            B("\x8B\x41\xFF"),						 M16, INSN_LOAD,    INSN_FROM_MEM,     2, 2, 0,  0,      0x4000A1FF        },
	{"15 bytes",                 B("\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x8B\x06"), M64, INSN_LOAD,
	 INSN_FROM_MEM,														       4, 4, 0,  0,      0x6100            },
};

static void test_decode(void **unused)
{
	struct insn_state state = some_state();
	struct insn insn;

	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int err = insn_decode(&insn, good[i].bytes, good[i].n, good[i].mode);

		if (err || insn.length != good[i].n || insn.op != good[i].op ||
		    insn.source != good[i].source || insn.operand_size != good[i].operand_size ||
		    insn.mem_size != good[i].mem_size || insn.reg != good[i].reg ||
		    insn.immediate != good[i].immediate)
			fail_msg("%s: err %d length %u op %u source %u sizes %u %u reg %u immediate 0x%llx",
				 good[i].name, err, insn.length, insn.op, insn.source, insn.operand_size,
				 insn.mem_size, insn.reg, (unsigned long long)insn.immediate);
		if (insn_address(&insn, &state) != good[i].address)
			fail_msg("%s: address 0x%llx", good[i].name,
				 (unsigned long long)insn_address(&insn, &state));
		/* Each shorter piece of it is truncated, never something else. */
		for (size_t n = 0; n < good[i].n; n++)
			if (insn_decode(&insn, good[i].bytes, n, good[i].mode) != -EINVAL)
				fail_msg("%s: %zu bytes are enough", good[i].name, n);
	}
}

static const struct {
	const char *name;
	const uint8_t *bytes;
	size_t n;
	enum insn_mode mode;
	int error;
} bad[] = {
	{"nothing",		     B(""),								 M64, -EINVAL },
	{"16 bytes",                    B("\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x3E\x8B\x06"), M64, -EINVAL },
	{"a register operand",          B("\x8B\xC6"),							 M64, -ENOTSUP},
	{"nop",			 B("\x90"),							     M64, -ENOTSUP},
	{"lock mov is #UD",             B("\xF0\x89\x06"),						     M64, -EINVAL },
	{"lock cmp is #UD",             B("\xF0\x39\x06"),						     M64, -EINVAL },
	{"lock cmp imm is #UD",         B("\xF0\x83\x3E\x01"),                                                 M64, -EINVAL },
	{"lock add to register is #UD", B("\xF0\x03\x06"),                                                     M64, -EINVAL },
	{"lock bt is #UD",              B("\xF0\x0F\xBA\x26\x01"),                                             M64, -EINVAL },
	{"push word by FE",             B("\xFE\x36"),							 M64, -ENOTSUP},
	{"call [rsi]",                  B("\xFF\x16"),							 M64, -ENOTSUP},
	{"C7 /1",		       B("\xC7\x0E\0\0\0\0"),						 M64, -ENOTSUP},
	{"0x82 in 64-bit mode",         B("\x82\x0E\x01"),						     M64, -ENOTSUP},
	{"arpl",			B("\x63\x06"),							 M32, -ENOTSUP},
	{"three-byte map",              B("\x0F\x38\x00\x06"),                                                 M64, -ENOTSUP},
};

static void test_refused(void **unused)
{
	struct insn insn;

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int err = insn_decode(&insn, bad[i].bytes, bad[i].n, bad[i].mode);

		if (err != bad[i].error)
			fail_msg("%s: %d instead of %d", bad[i].name, err, bad[i].error);
	}
}

/* Memory of 4 KiB at linear 0; accesses behind it fault. */
struct arena {
	uint8_t byte[4096];
	unsigned reads, writes;
};

static int arena_read(void *ctx, uint64_t linear, unsigned size, uint64_t *value)
{
	struct arena *a = ctx;

	if (linear > sizeof(a->byte) - size)
		return -EFAULT;
	*value = ~0ull; /* bits behind `size` are the caller's to drop */
	memcpy(value, a->byte + linear, size);
	a->reads++;
	return 0;
}

static int arena_write(void *ctx, uint64_t linear, unsigned size, uint64_t value)
{
	struct arena *a = ctx;

	if (linear > sizeof(a->byte) - size)
		return -EFAULT;
	memcpy(a->byte + linear, &value, size);
	a->writes++;
	return 0;
}

#define RCX 1
#define RSI 6
#define RDI 7
#define DF  0x400u

static const struct {
	const char *name;
	const uint8_t *bytes;
	size_t n;
	uint64_t rcx, rsi, rdi, rflags;
	int result;
	uint64_t rcx_after, rsi_after, rdi_after;
	unsigned reads, writes;
} runs[] = {
	{"rep movsb of 5",            B("\xF3\xA4"),         5,            0,    2048, 2,      0,       0,          5,    2053, 5, 5  },
	{"rep of 0 does nothing",     B("\xF3\xA4"),         0,            9999, 9999, 2,      0,       0,          9999, 9999, 0, 0  },
	{"backwards",                 B("\xF3\xA5"),         2,            8,    64,   2 | DF, 0,       0,          0,    56,   2, 2  },
	{"a long one pauses",         B("\xF3\xAA"),         1000,         0,    0,    2,      1,       1000 - 256, 0,    256,  0, 256},
	{"exactly one batch is done", B("\xF3\xAA"),         256,          0,    0,    2,      0,       0,          0,    256,  0, 256},
	{"faults after two",          B("\xF3\x48\xAB"),     9,            0,    4080, 2,      -EFAULT, 7,          0,    4096, 0, 2  },
	{"source faults, no write",   B("\xA5"),             1,            4095, 0,    2,      -EFAULT, 1,          4095, 0,    0, 0  },
	{"67 counts in ecx",          B("\x67\xF3\xAA"),     0x1100000001, 0,    7,    2,      0,       0,          0,    8,    0, 1  },
	{"lods moves rsi alone",      B("\xAC"),             3,            5,    7,    2,      0,       3,          6,    7,    1, 0  },
	{"store faults",              B("\x89\x06"),         0,            4094, 0,    2,      -EFAULT, 0,          4094, 0,    0, 0  },
	{"lock xadd, written once",   B("\xF0\x0F\xC1\x0E"), 7,            0,    0,    2,      0,       0,          0,    0,    1, 1  },
	{"cmp writes nothing",        B("\x83\x3E\0"),       7,            0,    0,    2,      0,       7,          0,    0,    1, 0  },
};

static void test_execute(void **unused)
{
	static struct arena arena;
	const struct insn_memory memory = {.read = arena_read, .write = arena_write, .ctx = &arena};
	struct insn insn;

	(void)unused;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct insn_state state = {.rflags = runs[i].rflags, .rip = 0x1234};
		int result;

		state.gpr[RCX] = runs[i].rcx;
		state.gpr[RSI] = runs[i].rsi;
		state.gpr[RDI] = runs[i].rdi;
		arena = (struct arena){0};
		assert_int_equal(insn_decode(&insn, runs[i].bytes, runs[i].n, M64), 0);
		result = insn_execute(&insn, &state, &memory);
		if (result != runs[i].result || state.gpr[RCX] != runs[i].rcx_after ||
		    state.gpr[RSI] != runs[i].rsi_after || state.gpr[RDI] != runs[i].rdi_after ||
		    arena.reads != runs[i].reads || arena.writes != runs[i].writes || state.rip != 0x1234)
			fail_msg("%s: result %d rcx 0x%llx rsi %llu rdi %llu reads %u writes %u",
				 runs[i].name, result, (unsigned long long)state.gpr[RCX],
				 (unsigned long long)state.gpr[RSI], (unsigned long long)state.gpr[RDI],
				 arena.reads, arena.writes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_execute),
	};

	return cmocka_run_group_tests_name("emulate: decoder and execution", tests, NULL, NULL);
}
