/* SPDX-License-Identifier: MIT */
#include "tests/unit/cpu_random.h"

#include <stdbool.h>
#include <string.h>

#include "cpu_baseline/fields.h"

uint64_t dice_throw(struct dice *dice)
{
	uint64_t given = 0;

	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	for (unsigned i = 0; i < 4 && dice->left; i++, dice->left--)
		given = given << 8 | *dice->bytes++;
	return given ^ dice->state * 0x2545F4914F6CDD1Dull;
}

uint64_t dice_below(struct dice *dice, uint64_t sides)
{
	return (dice_throw(dice) >> 16) % sides;
}

static bool one_in(struct dice *dice, unsigned sides)
{
	return dice_below(dice, sides) == 0;
}

static void put(struct cpu_policy *policy, const struct cpu_field *field, uint32_t subleaf, uint64_t value)
{
	const uint64_t mask = (field->width < 64 ? (1ull << field->width) - 1 : ~0ull) << field->low;

	value = value << field->low & mask;
	if (field->msr) {
		const struct cpu_msr *msr = cpu_policy_msr(policy, field->msr);

		(void)!cpu_policy_set_msr(policy, field->msr, ((msr ? msr->value : 0) & ~mask) | value);
	} else {
		const struct cpu_leaf *old = cpu_policy_leaf(policy, field->leaf, subleaf);
		struct cpu_leaf leaf = {.leaf = field->leaf, .subleaf = subleaf};

		if (old)
			leaf = *old;
		leaf.reg[field->reg] = (uint32_t)((leaf.reg[field->reg] & ~mask) | value);
		(void)!cpu_policy_set(policy, &leaf);
	}
}

/* A value that hosts of a pool are likely to share, or to differ in by a little. */
static uint64_t likely(struct dice *dice, const struct cpu_field *field)
{
	switch (field->rule) {
	case CPU_EQUAL:
		return one_in(dice, 500) ? dice_below(dice, 3) : 2;
	case CPU_SAME:
		return one_in(dice, 4) ? dice_below(dice, 3) : 1;
	case CPU_MIN:
		return one_in(dice, 3) ? dice_throw(dice) : dice_below(dice, 0x20);
	case CPU_AND:
	case CPU_OR:
		if (field->width == 1)
			return dice_below(dice, 2);
		/* few bits of what must be 1, many of what may be */
		if (field->rule == CPU_OR)
			return one_in(dice, 100) ? 1ull << dice_below(dice, 64) : 0;
		return dice_throw(dice) | dice_throw(dice) | dice_throw(dice);
	case CPU_COMPUTED:
	case CPU_SHAPE:
	case CPU_HIDE:
	case CPU_RULES:
	default:
		return dice_throw(dice);
	}
}

static void change_field(struct dice *dice, struct cpu_policy *policy)
{
	const struct cpu_field *field = &cpu_fields[dice_below(dice, cpu_field_count)];
	uint32_t subleaf = field->subleaf;

	if (subleaf == CPU_ANY_SUBLEAF)
		subleaf = (uint32_t)dice_below(dice, field->leaf == 0xD ? 20 : 4);
	/* what hosts must share is left alone, mostly */
	if (field->rule == CPU_EQUAL && !one_in(dice, 50))
		return;
	if (field->leaf == 0 || field->leaf == 0x80000000 || field->leaf == 0x40000000)
		if (!one_in(dice, 10))
			return;
	put(policy, field, subleaf, likely(dice, field));
}

static void remove_something(struct dice *dice, struct cpu_policy *policy)
{
	if (one_in(dice, 2) && policy->msr_count) {
		const uint32_t at = (uint32_t)dice_below(dice, policy->msr_count);

		memmove(&policy->msr[at], &policy->msr[at + 1],
			(policy->msr_count - at - 1) * sizeof(policy->msr[0]));
		policy->msr_count--;
	} else if (policy->leaf_count) {
		const uint32_t at = (uint32_t)dice_below(dice, policy->leaf_count);

		memmove(&policy->leaf[at], &policy->leaf[at + 1],
			(policy->leaf_count - at - 1) * sizeof(policy->leaf[0]));
		policy->leaf_count--;
	}
}

/* Bits and places that the table may not know. */
static void add_unknown(struct dice *dice, struct cpu_policy *policy)
{
	struct cpu_leaf leaf = {.leaf = (uint32_t)dice_below(dice, 0x28),
				.subleaf = (uint32_t)dice_below(dice, 3)};
	const struct cpu_leaf *old;

	if (one_in(dice, 3))
		leaf.leaf |= one_in(dice, 2) ? 0x80000000 : 0x40000000;
	old = cpu_policy_leaf(policy, leaf.leaf, leaf.subleaf);
	if (old)
		leaf = *old;
	leaf.reg[dice_below(dice, CPU_REGS)] |= 1u << dice_below(dice, 32);
	if (leaf.leaf & 0xFFFF)
		(void)!cpu_policy_set(policy, &leaf);
	if (one_in(dice, 4))
		(void)!cpu_policy_set_msr(policy, (uint32_t)dice_below(dice, 0x500), dice_throw(dice));
}

/* Every row of the table, as hosts may have it. */
static void fill(struct dice *dice, struct cpu_policy *policy)
{
	const unsigned sparse = (unsigned)dice_below(dice, 4);

	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];

		if (sparse && one_in(dice, sparse * 8))
			continue;
		if (field->subleaf != CPU_ANY_SUBLEAF)
			put(policy, field, field->subleaf, likely(dice, field));
		else
			for (uint32_t s = field->leaf == 0xD ? 2 : 0; s < (field->leaf == 0xD ? 20 : 2); s++)
				put(policy, field, s, likely(dice, field));
	}
	put(policy, cpu_field_find("level"), 0, one_in(dice, 4) ? dice_below(dice, 0x26) : 0x25);
	put(policy, cpu_field_find("xlevel"), 0, 0x80000008);
	put(policy, cpu_field_find("level-func7"), 0, 2);
	if (!one_in(dice, 4)) /* else most of it falls */
		for (const char *const *name = (const char *const[]){"fpu",
								     "fxsr",
								     "sse",
								     "sse2",
								     "pni",
								     "ssse3",
								     "sse4.1",
								     "sse4.2",
								     "xsave",
								     "msr",
								     "pae",
								     "lm",
								     "vmx",
								     "avx",
								     "avx2",
								     "xcr0-x87",
								     "xcr0-sse",
								     "xcr0-avx",
								     "vmx-secondary-ctls",
								     "vmx-true-ctls",
								     "vmx-ept",
								     NULL};
		     *name; name++)
			put(policy, cpu_field_find(*name), cpu_field_find(*name)->subleaf, 1);
}

void random_policy(struct dice *dice, const struct cpu_policy *base, struct cpu_policy *out)
{
	const unsigned changes = (unsigned)dice_below(dice, 60);

	if (base) {
		*out = *base;
	} else {
		memset(out, 0, sizeof(*out));
		fill(dice, out);
	}
	for (unsigned i = 0; i < changes; i++)
		change_field(dice, out);
	for (unsigned i = one_in(dice, 3) ? (unsigned)dice_below(dice, 6) : 0; i > 0; i--)
		remove_something(dice, out);
	for (unsigned i = one_in(dice, 2) ? (unsigned)dice_below(dice, 4) : 0; i > 0; i--)
		add_unknown(dice, out);
	out->features_only = one_in(dice, 12);
}
