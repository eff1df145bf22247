/* SPDX-License-Identifier: MIT */
/*
 * Three hosts and their baseline: all that must hold of any does (tests/unit/cpu_properties.c). The first
 * byte says around which models the hosts lie, and the others are the dice that are thrown for the
 * differences.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/cpu_dumps.h"
#include "tests/unit/cpu_properties.h"
#include "tests/unit/cpu_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cpu_policy hosts[3];
	const struct cpu_policy *const pointers[] = {&hosts[0], &hosts[1], &hosts[2]};
	struct property_counts counts = {0};
	struct dice dice = {.state = 0x9E3779B97F4A7C15ull};
	const char *broken;
	char where[200];

	if (size < 3)
		return 0;
	dice.bytes = data + 2;
	dice.left = size - 2;
	for (unsigned i = 0; i < 3; i++) {
		/* MODELS is the wild kind */
		const unsigned which = (data[0] % (MODELS + 1) + (data[1] >> 2 * i & 3) * i) % (MODELS + 1);

		random_policy(&dice, which < MODELS ? model((enum model)which) : NULL, &hosts[i]);
	}
	broken = broken_property(pointers, &(struct cpu_options){.tsc_scaled = data[1] >> 7}, &counts, where,
				 sizeof(where));
	if (broken) {
		fprintf(stderr, "%s: %s\n", broken, where);
		abort();
	}
	return 0;
}
