/* SPDX-License-Identifier: MIT */
/* What must hold of any hosts and their baseline. */
#ifndef TESTS_UNIT_CPU_PROPERTIES_H
#define TESTS_UNIT_CPU_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>

#include "cpu_baseline/baseline.h"

/* Which of them must not be trivial: how often each end was met. */
struct property_counts {
	unsigned sets, refused, nested;
};

/*
 * NULL, or the name of a property that does not hold for these three; where says of what, in at most size
 * characters.
 */
const char *broken_property(const struct cpu_policy *const hosts[3], const struct cpu_options *options,
			    struct property_counts *counts, char *where, size_t size);

bool same_policies(const struct cpu_policy *a, const struct cpu_policy *b);

#endif
