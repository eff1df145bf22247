/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/places.h"
#include "cpu_baseline/close.h"

/* CPUID comes before MSRs. */
struct key {
	bool is_msr;
	uint64_t at;
};

static bool is_below(struct key a, struct key b)
{
	return a.is_msr != b.is_msr ? !a.is_msr : a.at < b.at;
}

static struct key key_of(const struct cpu_place *place)
{
	if (place->msr)
		return (struct key){true, place->msr};
	return (struct key){false, (uint64_t)place->leaf << 32 | place->subleaf};
}

struct search {
	bool from_start, found;
	struct key after, best;
};

static void offer(struct search *search, struct key key)
{
	if (!search->from_start && !is_below(search->after, key))
		return;
	if (!search->found || is_below(key, search->best))
		search->best = key;
	search->found = true;
}

/* Rows are in order: the first one behind is the policy's only candidate. */
static void offer_leaf(struct search *search, const struct cpu_policy *policy)
{
	uint32_t low = 0, high = policy->leaf_count;

	if (!search->from_start && search->after.is_msr)
		return;
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const struct cpu_leaf *leaf = &policy->leaf[middle];
		const uint64_t at = (uint64_t)leaf->leaf << 32 | leaf->subleaf;

		if (!search->from_start && at <= search->after.at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < policy->leaf_count)
		offer(search, (struct key){false, (uint64_t)policy->leaf[low].leaf << 32 |
							  policy->leaf[low].subleaf});
}

static void offer_policy(struct search *search, const struct cpu_policy *policy)
{
	offer_leaf(search, policy);
	/* number 0 stands for CPUID here; that MSR tells of no capability */
	for (uint32_t i = 0; i < policy->msr_count; i++)
		if (policy->msr[i].number)
			offer(search, (struct key){true, policy->msr[i].number});
}

bool cpu_next_place(const struct cpu_policy *const policies[], unsigned count, const struct cpu_policy *also,
		    struct cpu_place *place)
{
	struct search search = {.from_start = place->first, .after = key_of(place)};

	for (unsigned i = 0; i < count; i++)
		offer_policy(&search, policies[i]);
	if (also)
		offer_policy(&search, also);
	if (!search.found)
		return false;
	if (search.best.is_msr)
		*place = (struct cpu_place){.msr = (uint32_t)search.best.at};
	else
		*place = (struct cpu_place){.leaf = (uint32_t)(search.best.at >> 32),
					    .subleaf = (uint32_t)search.best.at};
	return true;
}

struct cpu_rows cpu_place_rows(const struct cpu_place *place)
{
	return place->msr ? cpu_rows_of_msr(place->msr) : cpu_rows_of_leaf(place->leaf, place->subleaf);
}

uint64_t cpu_place_unknown(const struct cpu_policy *policy, const struct cpu_place *place, enum cpu_reg reg)
{
	const struct cpu_rows rows = cpu_place_rows(place);
	uint64_t word;

	if (place->msr) {
		const struct cpu_msr *msr = cpu_policy_msr(policy, place->msr);

		word = msr ? msr->value : 0;
	} else {
		word = cpu_leaf_reached(policy, place->leaf, place->subleaf)
			       ? cpu_policy_reg(policy, place->leaf, place->subleaf, reg)
			       : 0;
	}
	for (unsigned row = rows.first; row < rows.end; row++) {
		const struct cpu_field *field = &cpu_fields[row];

		/* of a control word: what must be 1 may be */
		if (cpu_row_is_must(row) && field->width == 32)
			word &= ~(word << 32);
		if (place->msr || field->reg == reg)
			word &= ~cpu_row_mask(field);
	}
	return word;
}

uint64_t cpu_told(const struct cpu_policy *policy, const struct cpu_field *field, uint32_t subleaf)
{
	if (field->msr)
		return cpu_field_get(policy, field);
	if (!cpu_leaf_reached(policy, field->leaf, subleaf))
		return 0;
	return cpu_row_get(field, cpu_policy_reg(policy, field->leaf, subleaf, field->reg));
}
