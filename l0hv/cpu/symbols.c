/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/symbols.h"
#include "l0hv/lib/lib.h"

void symbol_format(char *to, size_t n, uint64_t address, bool is_return)
{
	const struct symbol *best = NULL;

	for (const struct symbol *s = l0_symbols; s->name && s->address <= address - is_return; s++)
		best = s;
	if (best)
		snprintf(to, n, "%s+0x%llx", best->name, (unsigned long long)(address - best->address));
	else
		snprintf(to, n, "0x%llx", (unsigned long long)address);
}
