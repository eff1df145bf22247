/* SPDX-License-Identifier: MIT */
/* What holds of each reader of CPU policies, whatever bytes it is given. */
#ifndef TESTS_FUZZ_FUZZ_CPU_READ_H
#define TESTS_FUZZ_FUZZ_CPU_READ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/read/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check_policy(const struct cpu_policy *policy)
{
	if (policy->leaf_count > CPU_POLICY_LEAVES || policy->msr_count > CPU_POLICY_MSRS)
		abort();
	if (!policy->features_only &&
	    (!cpu_policy_leaf(policy, 0, 0) || !cpu_policy_leaf(policy, 0x80000000u, 0)))
		abort();
	for (uint32_t i = 1; i < policy->leaf_count; i++) {
		const struct cpu_leaf *a = &policy->leaf[i - 1], *b = &policy->leaf[i];

		if (a->leaf > b->leaf || (a->leaf == b->leaf && a->subleaf >= b->subleaf))
			abort();
	}
	for (uint32_t i = 1; i < policy->msr_count; i++) {
		if (policy->msr[i - 1].number >= policy->msr[i].number)
			abort();
	}
}

/* A policy in order; or one line of an error that names a line of the text, or none. */
static inline void fuzz_reader(reader_fn *read, const struct cpu_read_options *options, const uint8_t *data,
			       size_t size)
{
	static struct cpu_policy policy;
	struct cpu_read_report report;
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (!reader_run(read, "name", (struct piece){(const char *)data, size}, options, &policy, &report)) {
		if (report.error[0])
			abort();
		fuzz_check_policy(&policy);
	} else if (strncmp(report.error, "name:", 5) != 0 || strchr(report.error, '\n') ||
		   report.line > lines) {
		abort();
	}
}

#endif
