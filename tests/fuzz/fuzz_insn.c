/* SPDX-License-Identifier: MIT */
/* First byte: mode; the rest: instruction bytes. A decoded instruction is also executed. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "l0hv/emulate/insn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

static int read_any(void *ctx, uint64_t linear, unsigned size, uint64_t *value)
{
	const uint8_t *memory = ctx;

	CHECK(size == 1 || size == 2 || size == 4 || size == 8);
	if (linear % 7 == 0)
		return -EFAULT;
	memcpy(value, memory + linear % 248, size);
	return 0;
}

static int write_any(void *ctx, uint64_t linear, unsigned size, uint64_t value)
{
	CHECK(size == 8 || value >> 8 * size == 0);
	if (linear % 11 == 0)
		return -EFAULT;
	memcpy((uint8_t *)ctx + linear % 248, &value, size);
	return 0;
}

static int probe_any(void *ctx, uint64_t linear, unsigned size, int write)
{
	(void)ctx;
	(void)write;
	CHECK(size && size <= 16 && !(size & (size - 1)));
	return linear % 13 == 0 ? -EFAULT : 0;
}

static void take_fault(void *ctx, unsigned vector)
{
	(void)ctx;
	CHECK(vector == 0 || vector == 12 || vector == 13);
}

static void any_xmm(void *ctx, unsigned reg, uint64_t value[2], int store)
{
	(void)ctx;
	CHECK(reg < 16);
	if (store)
		value[0] = value[1] = reg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t memory_bytes[256];
	const uint8_t stop = size & 1;
	const struct insn_memory memory = {read_any,   write_any, memory_bytes, probe_any,
					   take_fault, any_xmm,   &stop};
	struct insn_state state = {.rflags = 2, .rip = 0xFFFFFFFFFFFFFFF8};
	struct insn insn, again;
	enum insn_mode mode;
	int err;

	if (!size)
		return 0;
	mode = (enum insn_mode)(data[0] % 3);
	err = insn_decode(&insn, data + 1, size - 1, mode);
	CHECK(err == 0 || err == -EINVAL || err == -ENOTSUP);
	if (err)
		return 0;
	CHECK(insn.length >= 1 && insn.length <= INSN_MAX_BYTES && insn.length <= size - 1);
	/* What follows the instruction doesn't matter, each of its own bytes does. */
	CHECK(insn_decode(&again, data + 1, insn.length, mode) == 0);
	CHECK(memcmp(&insn, &again, sizeof(insn)) == 0);
	CHECK(insn_decode(&again, data + 1, insn.length - 1u, mode) == -EINVAL);
	CHECK(mode == INSN_MODE_64 || (insn.base == INSN_NO_REG || insn.base < 8));
	for (unsigned i = 0; i < 256; i++)
		memory_bytes[i] = (uint8_t)(data[i % size] * 31u + i);
	for (unsigned i = 0; i < 16; i++)
		memcpy(&state.gpr[i], &memory_bytes[(size_t)8 * i], 8);
	state.stack_size = mode == INSN_MODE_64 ? 8 : memory_bytes[201] & 1 ? 4 : 2;
	for (unsigned i = 0; i < INSN_SEGMENTS; i++) {
		state.segment_limit[i] =
			memory_bytes[202 + i] & 1 ? 0xFFFFFFFF : (uint32_t)(memory_bytes[208 + i] * 999u);
		state.segment_rights[i] = memory_bytes[214 + i];
	}
	state.rflags |= memory_bytes[200] & 1 ? 0x400 : 0;
	CHECK(mode == INSN_MODE_64 || insn_address(&insn, &state) <= UINT32_MAX);
	err = insn_execute(&insn, &state, &memory);
	CHECK(err == 0 || err == -EFAULT || (err == 1 && insn.rep));
	return 0;
}
