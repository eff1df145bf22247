/* SPDX-License-Identifier: MIT */
/* L0's own symbol table, made from the first link (l0hv/rules.mk) and linked into the second. */
#ifndef L0HV_CPU_SYMBOLS_H
#define L0HV_CPU_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	const char *name;
};

/* Sorted by address; the last has a NULL name. */
extern const struct symbol l0_symbols[];

/*
 * "function+0x12", or the bare address. A return address may lie behind its function's end, where the call
 * does not return: it is looked up one byte before.
 */
void symbol_format(char *to, size_t n, uint64_t address, bool is_return);

#endif
