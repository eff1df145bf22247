/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/needs.h"
#include "cpu_baseline/vmx.h"

/* A word of must-be-1 bits that is gone demands nothing. */
static bool spares_forced(unsigned prerequisite)
{
	return prerequisite != F_VMX && prerequisite != F_VMX_SECONDARY_CTLS;
}

static bool falls(const struct cpu_have *have, bool features_only, unsigned row, unsigned prerequisite)
{
	if (prerequisite >= F_ROWS || !cpu_bit_test(have->bit, row) || cpu_bit_test(have->bit, prerequisite))
		return false;
	if (features_only && row >= F_FIRST_VMX && prerequisite >= F_FIRST_VMX)
		return false;
	return !(cpu_bit_test(have->forced, row) && spares_forced(prerequisite));
}

static bool drop_once(struct cpu_have *have, bool features_only)
{
	bool dropped = false;

	for (unsigned row = 0; row < F_ROWS; row++) {
		if (falls(have, features_only, row, cpu_row_gate[row])) {
			cpu_bit_put(have->bit, row, false);
			dropped = true;
		}
	}
	for (unsigned n = 0; n < cpu_need_count; n++) {
		if (falls(have, features_only, cpu_need[n].field, cpu_need[n].prerequisite)) {
			cpu_bit_put(have->bit, cpu_need[n].field, false);
			dropped = true;
		}
	}
	return dropped;
}

void cpu_needs_fix(struct cpu_have *have, bool features_only)
{
	if (features_only)
		for (unsigned row = 0; row < F_ROWS; row++)
			if (!cpu_row_is_feature(row))
				cpu_bit_put(have->bit, row, true);
	while (drop_once(have, features_only))
		;
}

static void load_word(struct cpu_have *have, struct cpu_rows rows, const uint32_t reg[CPU_REGS], uint64_t msr)
{
	for (unsigned row = rows.first; row < rows.end; row++) {
		const struct cpu_field *field = &cpu_fields[row];

		if (cpu_row_get(field, field->msr ? msr : reg[field->reg]))
			cpu_bit_put(have->bit, row, true);
	}
}

static void load(struct cpu_have *have, const struct cpu_policy *policy)
{
	static const uint32_t none[CPU_REGS];

	*have = (struct cpu_have){0};
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		const struct cpu_leaf *leaf = &policy->leaf[i];

		load_word(have, cpu_rows_of_leaf(leaf->leaf, leaf->subleaf), leaf->reg, 0);
	}
	for (uint32_t i = 0; i < policy->msr_count; i++)
		load_word(have, cpu_rows_of_msr(policy->msr[i].number), none, policy->msr[i].value);
	if (!policy->features_only) {
		uint64_t msr[NB_VMX_MSR_COUNT];

		cpu_vmx_from_policy(policy, msr);
		cpu_vmx_forced(msr, have);
	}
}

/* What fell: the rows that are not in have. */
static void store(const struct cpu_have *have, struct cpu_policy *policy)
{
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		struct cpu_leaf *leaf = &policy->leaf[i];
		const struct cpu_rows rows = cpu_rows_of_leaf(leaf->leaf, leaf->subleaf);

		for (unsigned row = rows.first; row < rows.end; row++)
			if (!cpu_bit_test(have->bit, row)) {
				const struct cpu_field *field = &cpu_fields[row];

				leaf->reg[field->reg] &= (uint32_t)~cpu_row_mask(field);
			}
	}
	for (uint32_t i = 0; i < policy->msr_count; i++) {
		struct cpu_msr *msr = &policy->msr[i];
		const struct cpu_rows rows = cpu_rows_of_msr(msr->number);

		for (unsigned row = rows.first; row < rows.end; row++)
			if (!cpu_bit_test(have->bit, row))
				msr->value &= ~cpu_row_mask(&cpu_fields[row]);
	}
}

void cpu_needs_close(struct cpu_policy *policy)
{
	struct cpu_have have;

	load(&have, policy);
	cpu_needs_fix(&have, policy->features_only);
	store(&have, policy);
}
