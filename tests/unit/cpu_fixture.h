/* SPDX-License-Identifier: MIT */
/* For the tests of cpu_baseline: fields by name, and what was told. */
#ifndef TESTS_UNIT_CPU_FIXTURE_H
#define TESTS_UNIT_CPU_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cpu_baseline/baseline.h"
#include "cpu_baseline/fields.h"
#include "tests/unit/cpu_dumps.h"

static inline const struct cpu_field *row_named(const char *name)
{
	const struct cpu_field *field = cpu_field_find(name);

	if (!field)
		fail_msg("no row %s", name);
	return field ? field : cpu_fields;
}

static inline uint64_t value_of(const struct cpu_policy *policy, const char *name)
{
	return cpu_field_get(policy, row_named(name));
}

/* Into the policy's leaf or MSR, which is added where it is missing. */
static inline void set_value(struct cpu_policy *policy, const char *name, uint64_t value)
{
	const struct cpu_field *field = row_named(name);
	const uint64_t mask = (field->width < 64 ? (1ull << field->width) - 1 : ~0ull) << field->low;

	value = value << field->low & mask;
	if (field->msr) {
		const struct cpu_msr *msr = cpu_policy_msr(policy, field->msr);

		assert_int_equal(
			cpu_policy_set_msr(policy, field->msr, ((msr ? msr->value : 0) & ~mask) | value), 0);
	} else {
		const struct cpu_leaf *old = cpu_policy_leaf(policy, field->leaf, field->subleaf);
		struct cpu_leaf leaf = {.leaf = field->leaf, .subleaf = field->subleaf};

		if (old)
			leaf = *old;
		leaf.reg[field->reg] = (uint32_t)((leaf.reg[field->reg] & ~mask) | value);
		assert_int_equal(cpu_policy_set(policy, &leaf), 0);
	}
}

/* What was told, to be looked through. */
#define FINDINGS_MAX 4096u

struct findings {
	unsigned count;
	struct cpu_finding list[FINDINGS_MAX];
};

static inline void collect(void *context, const struct cpu_finding *finding)
{
	struct findings *findings = context;

	if (findings->count < FINDINGS_MAX)
		findings->list[findings->count] = *finding;
	findings->count++;
}

static inline const struct cpu_finding *finding_of(const struct findings *findings, const char *name)
{
	for (unsigned i = 0; i < findings->count && i < FINDINGS_MAX; i++)
		if (findings->list[i].field && findings->list[i].field == cpu_field_find(name))
			return &findings->list[i];
	return NULL;
}

static inline void print_finding(const struct cpu_finding *f)
{
	static const char *const verdicts[] = {"lacked",  "needed", "depends",    "untold",
					       "unknown", "hidden", "recomputed", "refused"};

	print_message(
		"%s %s because %s: msr %x leaf %x.%x reg %u bit %u host %u other %u had %llx got %llx\n",
		verdicts[f->verdict], f->field ? f->field->name : "-", f->because ? f->because->name : "-",
		f->msr, f->leaf, f->subleaf, f->reg, f->low, f->host, f->other, (unsigned long long)f->had,
		(unsigned long long)f->got);
}

#endif
