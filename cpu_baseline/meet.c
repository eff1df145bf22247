/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/meet.h"
#include "cpu_baseline/close.h"
#include "cpu_baseline/rows.h"
#include "cpu_baseline/vmx.h"

#include <stddef.h>

uint64_t cpu_row_meet(enum cpu_rule rule, uint64_t a, uint64_t b)
{
	switch (rule) {
	case CPU_AND:
		return a & b;
	case CPU_OR:
		return a | b;
	case CPU_MIN:
		return a < b ? a : b;
	case CPU_EQUAL:
		return a ? a : b;
	case CPU_SAME:
		return a == b ? a : 0;
	case CPU_COMPUTED:
	case CPU_SHAPE:
	case CPU_HIDE:
	case CPU_RULES:
	default:
		return 0;
	}
}

/* By number; 0 is for rows that stand alone. */
static const struct {
	uint32_t first, last;
} groups[] = {
	{0xFFFFFFFF, 0         },
	{0x2,        0x2       }, /* cache descriptors */
	{0x4,        0x4       }, /* caches, one a sub-leaf */
	{0x15,       0x15      }, /* TSC; these are CPU_EQUAL, but half a frequency is none */
	{0x16,       0x16      },
	{0x18,       0x18      }, /* TLBs, one a sub-leaf */
	{0x40000000, 0x40000000}, /* hypervisor */
	{0x80000002, 0x80000004}, /* brand string */
	{0x80000005, 0x80000006}, /* caches and TLBs, AMD's way */
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

unsigned cpu_same_group(uint32_t leaf)
{
	for (unsigned g = 1; g < GROUPS; g++)
		if (leaf >= groups[g].first && leaf <= groups[g].last)
			return g;
	return 0;
}

static bool is_same_rule(const struct cpu_field *field)
{
	return field->rule == CPU_SAME || field->rule == CPU_EQUAL;
}

/* Each leaf of a that is in the range says the same in b. */
static bool covers(unsigned group, const struct cpu_policy *a, const struct cpu_policy *b)
{
	for (uint32_t i = 0; i < a->leaf_count; i++) {
		const struct cpu_leaf *leaf = &a->leaf[i];
		struct cpu_rows rows;

		if (leaf->leaf < groups[group].first || leaf->leaf > groups[group].last)
			continue;
		rows = cpu_rows_of_leaf(leaf->leaf, leaf->subleaf);
		for (unsigned row = rows.first; row < rows.end; row++) {
			const struct cpu_field *field = &cpu_fields[row];
			const uint32_t other = cpu_policy_reg(b, leaf->leaf, leaf->subleaf, field->reg);

			if (is_same_rule(field) &&
			    cpu_row_get(field, leaf->reg[field->reg]) != cpu_row_get(field, other))
				return false;
		}
	}
	return true;
}

bool cpu_same_agrees(unsigned group, const struct cpu_policy *a, const struct cpu_policy *b)
{
	return covers(group, a, b) && covers(group, b, a);
}

static void meet_leaf(struct cpu_leaf *into, const struct cpu_policy *with, uint32_t agreed)
{
	static const struct cpu_leaf nothing;
	const struct cpu_leaf *found = cpu_policy_leaf(with, into->leaf, into->subleaf);
	const struct cpu_leaf *other = found ? found : &nothing;
	const struct cpu_rows rows = cpu_rows_of_leaf(into->leaf, into->subleaf);
	const bool keep = agreed >> cpu_same_group(into->leaf) & 1;
	uint32_t met[CPU_REGS] = {0};

	for (unsigned row = rows.first; row < rows.end; row++) {
		const struct cpu_field *field = &cpu_fields[row];
		uint64_t value = cpu_row_meet(field->rule, cpu_row_get(field, into->reg[field->reg]),
					      cpu_row_get(field, other->reg[field->reg]));

		if (is_same_rule(field) && !keep)
			value = 0;
		met[field->reg] = (uint32_t)cpu_row_put(field, met[field->reg], value);
	}
	for (unsigned r = 0; r < CPU_REGS; r++)
		into->reg[r] = met[r];
}

/* Rows of rule CPU_OR count though the other has no such leaf or MSR; so does a vendor that one list tells.
 */
static int add_missing(struct cpu_policy *into, const struct cpu_policy *with)
{
	int rc = 0;

	for (uint32_t i = 0; i < with->leaf_count && !rc; i++) {
		const struct cpu_leaf empty = {.leaf = with->leaf[i].leaf, .subleaf = with->leaf[i].subleaf};
		const struct cpu_rows rows = cpu_rows_of_leaf(empty.leaf, empty.subleaf);
		bool needed = false;

		for (unsigned row = rows.first; row < rows.end; row++)
			needed |= cpu_fields[row].rule == CPU_OR ||
				  (into->features_only && cpu_row_is_vendor(row));
		if (needed && !cpu_policy_leaf(into, empty.leaf, empty.subleaf))
			rc = cpu_policy_set(into, &empty);
	}
	for (uint32_t i = 0; i < with->msr_count && !rc; i++)
		if (!cpu_policy_msr(into, with->msr[i].number))
			rc = cpu_policy_set_msr(into, with->msr[i].number, 0);
	return rc;
}

static void meet_msr(struct cpu_msr *into, const struct cpu_policy *with)
{
	const struct cpu_msr *other = cpu_policy_msr(with, into->number);
	const struct cpu_rows rows = cpu_rows_of_msr(into->number);
	uint64_t met = 0;

	for (unsigned row = rows.first; row < rows.end; row++) {
		const struct cpu_field *field = &cpu_fields[row];
		const uint64_t theirs = other ? cpu_row_get(field, other->value) : 0;

		met = cpu_row_put(field, met,
				  cpu_row_meet(field->rule, cpu_row_get(field, into->value), theirs));
	}
	into->value = met;
}

int cpu_policy_meet(struct cpu_policy *into, struct cpu_policy *with)
{
	const bool both_vmx =
		cpu_field_get(into, &cpu_fields[F_VMX]) && cpu_field_get(with, &cpu_fields[F_VMX]);
	uint64_t a[NB_VMX_MSR_COUNT], b[NB_VMX_MSR_COUNT];
	uint32_t agreed = 1;
	int rc;

	if (into->features_only != with->features_only)
		cpu_policy_as_features(into->features_only ? with : into);
	for (unsigned g = 1; g < GROUPS; g++)
		agreed |= (uint32_t)cpu_same_agrees(g, into, with) << g;
	cpu_vmx_from_policy(into, a);
	cpu_vmx_from_policy(with, b);
	rc = add_missing(into, with);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < into->leaf_count; i++)
		meet_leaf(&into->leaf[i], with, agreed);
	for (uint32_t i = 0; i < into->msr_count; i++)
		meet_msr(&into->msr[i], with);
	if (into->features_only || !both_vmx)
		return 0;
	cpu_vmx_meet(a, b, a);
	return cpu_vmx_to_policy(a, into);
}
