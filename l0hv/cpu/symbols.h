/* SPDX-License-Identifier: MIT */
/* L0's own symbol table, made from the first link (l0hv/rules.mk) and linked into the second. */
#ifndef L0HV_CPU_SYMBOLS_H
#define L0HV_CPU_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	const char *name;
};

/* Sorted by address; the last has a NULL name. */
extern const struct symbol l0_symbols[];

/* "function+0x12", or the bare address. */
void symbol_format(char *to, size_t n, uint64_t address);

#endif
