/* SPDX-License-Identifier: MIT */
/*
 * A second EPT walk, written from the SDM's tables "Format of an EPT PML4 Entry" to "… Page-Table Entry" one
 * format at a time, to hold the real one against. It shares no code and no constants with it.
 */
#ifndef TESTS_UNIT_REFERENCE_WALK_H
#define TESTS_UNIT_REFERENCE_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct reference_cpu {
	unsigned maxphyaddr;
	bool exec_only, large_2m, large_1g;
};

enum reference_outcome { REF_OK, REF_VIOLATION, REF_MISCONFIG };

struct reference_answer {
	enum reference_outcome outcome;
	uint64_t address;
	unsigned page_bits; /* 12, 21 or 30 */
	bool r, w, x; /* AND over the entries used */
	unsigned type;
	bool ignore_pat;
	bool leaf_dirty;
};

/* fetch gives the entry at that address; what is not there is all ones. */
struct reference_answer reference_walk(const struct reference_cpu *cpu, uint64_t root,
				       uint64_t (*fetch)(void *, uint64_t), void *ctx, uint64_t address,
				       bool read, bool write, bool exec);

#endif
