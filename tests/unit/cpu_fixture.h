/* SPDX-License-Identifier: MIT */
/* Policies for the tests of cpu_baseline: the dumps of cpu_baseline/hosts, features by name, random ones. */
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

#define MODELS 11u

static const char *const model_names[MODELS] = {
	"core2_penryn_t9600",
	"corei5_lynnfield_750",
	"corei5_arrandale_m520",
	"corei7_sandy_bridge_2600k",
	"corei7_ivy_bridge_3770k",
	"corei7_haswell_4770",
	"broadwell_ult",
	"corei7_skylake_x",
	"corei3_cnl",
	"corei7_icelake_u",
	"tigerlake",
};

enum model {
	PENRYN,
	LYNNFIELD,
	ARRANDALE,
	SANDY_BRIDGE,
	IVY_BRIDGE,
	HASWELL,
	BROADWELL,
	SKYLAKE_X,
	CANNON_LAKE,
	ICELAKE,
	TIGERLAKE
};

/* The dump's line form is our own and simple; the real reader has tests of its own. */
static inline void load_dump(const char *name, struct cpu_policy *policy)
{
	char path[128], line[256];
	FILE *file;

	*policy = (struct cpu_policy){0};
	snprintf(policy->name, sizeof(policy->name), "%s", name);
	snprintf(path, sizeof(path), "cpu_baseline/hosts/%s.txt", name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s: cannot be read", path);
	while (fgets(line, sizeof(line), file)) {
		struct cpu_leaf leaf;
		unsigned long long value;
		uint32_t number;

		if (sscanf(line, " 0x%x 0x%x: eax=0x%x ebx=0x%x ecx=0x%x edx=0x%x", &leaf.leaf, &leaf.subleaf,
			   &leaf.reg[CPU_EAX], &leaf.reg[CPU_EBX], &leaf.reg[CPU_ECX],
			   &leaf.reg[CPU_EDX]) == 6)
			assert_int_equal(cpu_policy_set(policy, &leaf), 0);
		else if (sscanf(line, "msr 0x%x 0x%llx", &number, &value) == 2)
			assert_int_equal(cpu_policy_set_msr(policy, number, value), 0);
	}
	fclose(file);
}

/* All of them, read once. */
static inline const struct cpu_policy *model(enum model which)
{
	static struct cpu_policy models[MODELS];

	if (!models[which].leaf_count)
		load_dump(model_names[which], &models[which]);
	return &models[which];
}

static inline uint64_t value_of(const struct cpu_policy *policy, const char *name)
{
	const struct cpu_field *field = cpu_field_find(name);

	if (!field)
		fail_msg("no row %s", name);
	return cpu_field_get(policy, field);
}

/* Into the policy's leaf or MSR, which is added where it is missing. */
static inline void set_value(struct cpu_policy *policy, const char *name, uint64_t value)
{
	const struct cpu_field *field = cpu_field_find(name);
	uint64_t mask;

	if (!field)
		fail_msg("no row %s", name);
	mask = (field->width < 64 ? (1ull << field->width) - 1 : ~0ull) << field->low;
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

static inline bool same_policy(const struct cpu_policy *a, const struct cpu_policy *b)
{
	if (a->features_only != b->features_only || a->leaf_count != b->leaf_count ||
	    a->msr_count != b->msr_count)
		return false;
	for (uint32_t i = 0; i < a->leaf_count; i++)
		if (memcmp(&a->leaf[i], &b->leaf[i], sizeof(a->leaf[i])) != 0)
			return false;
	for (uint32_t i = 0; i < a->msr_count; i++)
		if (a->msr[i].number != b->msr[i].number || a->msr[i].value != b->msr[i].value)
			return false;
	return true;
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
