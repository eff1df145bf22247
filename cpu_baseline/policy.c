/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/policy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Where the row is, or where it belongs. */
static uint32_t leaf_place(const struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf)
{
	uint64_t key = (uint64_t)leaf << 32 | subleaf;
	uint32_t low = 0, high = policy->leaf_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct cpu_leaf *row = &policy->leaf[middle];

		if (((uint64_t)row->leaf << 32 | row->subleaf) < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t msr_place(const struct cpu_policy *policy, uint32_t number)
{
	uint32_t at = 0;

	while (at < policy->msr_count && policy->msr[at].number < number)
		at++;
	return at;
}

const struct cpu_leaf *cpu_policy_leaf(const struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf)
{
	uint32_t at = leaf_place(policy, leaf, subleaf);
	const struct cpu_leaf *row = &policy->leaf[at];

	return at < policy->leaf_count && row->leaf == leaf && row->subleaf == subleaf ? row : NULL;
}

const struct cpu_msr *cpu_policy_msr(const struct cpu_policy *policy, uint32_t number)
{
	uint32_t at = msr_place(policy, number);

	return at < policy->msr_count && policy->msr[at].number == number ? &policy->msr[at] : NULL;
}

uint32_t cpu_policy_reg(const struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf, enum cpu_reg reg)
{
	const struct cpu_leaf *row = cpu_policy_leaf(policy, leaf, subleaf);

	return row ? row->reg[reg] : 0;
}

int cpu_policy_set(struct cpu_policy *policy, const struct cpu_leaf *leaf)
{
	uint32_t at = leaf_place(policy, leaf->leaf, leaf->subleaf);
	struct cpu_leaf *row = &policy->leaf[at];

	if (at == policy->leaf_count || row->leaf != leaf->leaf || row->subleaf != leaf->subleaf) {
		if (policy->leaf_count == CPU_POLICY_LEAVES)
			return -ENOSPC;
		memmove(row + 1, row, (policy->leaf_count - at) * sizeof(*row));
		policy->leaf_count++;
	}
	*row = *leaf;
	return 0;
}

int cpu_policy_set_msr(struct cpu_policy *policy, uint32_t number, uint64_t value)
{
	uint32_t at = msr_place(policy, number);
	struct cpu_msr *row = &policy->msr[at];

	if (at == policy->msr_count || row->number != number) {
		if (policy->msr_count == CPU_POLICY_MSRS)
			return -ENOSPC;
		memmove(row + 1, row, (policy->msr_count - at) * sizeof(*row));
		policy->msr_count++;
	}
	*row = (struct cpu_msr){number, value};
	return 0;
}
