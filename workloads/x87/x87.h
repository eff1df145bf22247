/* SPDX-License-Identifier: MIT */
/* Results of x87 instructions as one number. */
#ifndef X87_H
#define X87_H

#include <stdint.h>

/* FNV-1a of 64 bits. */
#define DIGEST_START 0xcbf29ce484222325ull
uint64_t digest(uint64_t so_far, const void *bytes, unsigned int count);

/* Each operation on each operand, or pair of them, under each rounding and precision: results and status, by
 * group. */
struct x87_group {
	const char *name;
	uint64_t (*run)(uint64_t so_far);
};
extern const struct x87_group x87_groups[];
extern const unsigned int x87_group_count;

#endif
