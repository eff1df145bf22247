/* SPDX-License-Identifier: MIT */
/* Text of a Bochs configuration. Pure. */
#ifndef EXPERIMENTS_BOCHSRC_H
#define EXPERIMENTS_BOCHSRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "experiments/text.h"

struct bochsrc {
	const char *cpu;
	unsigned cpus;
	uint64_t memory; /* bytes, whole MiB */
	uint64_t ips; /* 0: the one that suits L0 */
	const char *rom; /* paths */
	size_t rom_size;
	const char *table;
	uint32_t table_address;
	const char *pack;
	uint32_t pack_address;
	bool nic; /* it has an e1000, with the MAC of `host` (include/nestbed/link.h) */
	unsigned host;
	bool traced; /* the debugger stops at magic breakpoints */
	const char *log;
	const char *com1; /* what is written to it */
};

void bochsrc_write(struct text *out, const struct bochsrc *rc);
/* What the debugger is told: to let the machine run, and to trace it between each two magic breakpoints. */
void bochsrc_debugger(struct text *out, bool traced);

#endif
