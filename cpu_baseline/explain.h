/* SPDX-License-Identifier: MIT */
/* Why a baseline is as it is: which host decided each row. Pure. */
#ifndef CPU_BASELINE_EXPLAIN_H
#define CPU_BASELINE_EXPLAIN_H

#include <stdbool.h>

#include "cpu_baseline/baseline.h"

/* Hosts and what was made of them. */
struct cpu_pool {
	const struct cpu_policy *const *hosts;
	unsigned count;
	const struct cpu_options *options;
	const struct cpu_policy *result;
	cpu_finding_fn *tell; /* NULL: only whether there is anything to tell */
	void *context;
};

/* True: the hosts contradict each other where it matters. */
bool cpu_tell_refusals(const struct cpu_pool *pool);

/* Each row that is not the same in the result and on each host. */
void cpu_tell_differences(const struct cpu_pool *pool);

/* Why a field of the result is less than on every host: into verdict, because and host. */
void cpu_blame(const struct cpu_pool *pool, struct cpu_finding *finding);

/* The host announces the field, or its leaf, and does not tell it. */
bool cpu_is_untold(const struct cpu_policy *host, const struct cpu_field *field);

#endif
