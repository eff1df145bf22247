/* SPDX-License-Identifier: MIT */
/*
 * Does what CPUID shows work, and does what it hides fault as on a processor without it? A row a way to try,
 * with the feature that it belongs to and the exception where that is hidden.
 */
#ifndef HIDDEN_H
#define HIDDEN_H

#include "rt.h"

#define UD 6u
#define GP 13u

enum reg { EAX, EBX, ECX, EDX };

struct feature {
	uint32_t leaf, subleaf;
	enum reg reg;
	uint8_t bit;
};

struct way {
	const char *name;
	struct feature feature;
	uint32_t fault; /* where the feature is hidden */
	void (*try)(void *arg);
	uint64_t arg;
	struct feature also; /* shown as well, or the way is not tried; leaf 0: none */
};

bool shown(struct feature feature);

/* Try it, say PASS or FAIL. */
void check_ways(const struct way *ways, unsigned int count);

void check_registers(void); /* control registers, XCR0, MSRs */
void check_instructions(void);

#endif
