/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/close.h"
#include "cpu_baseline/needs.h"
#include "cpu_baseline/rows.h"
#include "cpu_baseline/vmx.h"
#include "cpu_baseline/xsave.h"

#include <stddef.h>

#define MSR_ARCH_CAPABILITIES 0x10Au
#define MSR_CORE_CAPABILITIES 0xCFu

/* Each range of leaves begins with one that tells the last of them. */
bool cpu_leaf_reached(const struct cpu_policy *policy, uint32_t leaf, uint32_t subleaf)
{
	if (policy->features_only)
		return true;
	/* hypervisors are found by their signature; some tell no count */
	if (leaf != 0x40000000 && leaf > cpu_policy_reg(policy, leaf & 0xFFFF0000u, 0, CPU_EAX))
		return false;
	switch (leaf) {
	case 0x7: /* EAX of sub-leaf 0 is the last sub-leaf */
	case 0x14:
	case 0x1D:
	case 0x20:
	case 0x24:
		return subleaf <= cpu_policy_reg(policy, leaf, 0, CPU_EAX);
	default:
		return true;
	}
}

static struct cpu_leaf *find_leaf(struct cpu_policy *policy, uint32_t leaf)
{
	for (uint32_t i = 0; i < policy->leaf_count; i++)
		if (policy->leaf[i].leaf == leaf && policy->leaf[i].subleaf == 0)
			return &policy->leaf[i];
	return NULL;
}

static bool has(const struct cpu_policy *policy, enum cpu_row row)
{
	return cpu_field_get(policy, &cpu_fields[row]) != 0;
}

/* Rows that a guest is never told, and those computed later. The bits that announce an MSR are needed first.
 */
static bool is_copied(unsigned row, bool features_only)
{
	const enum cpu_rule rule = cpu_fields[row].rule;

	if (features_only)
		return cpu_row_is_feature(row) || cpu_row_is_vendor(row);
	return rule != CPU_HIDE && rule != CPU_SHAPE && rule != CPU_COMPUTED;
}

static uint64_t shown_bits(struct cpu_rows rows, bool features_only, unsigned reg)
{
	uint64_t shown = 0;

	for (unsigned row = rows.first; row < rows.end; row++)
		if (cpu_fields[row].reg == reg && is_copied(row, features_only))
			shown |= cpu_row_mask(&cpu_fields[row]);
	return shown;
}

static bool is_vmx(uint32_t msr)
{
	return msr - NB_VMX_MSR_FIRST < NB_VMX_MSR_COUNT;
}

/* A value counts only if the host announces its MSR: one that comes with features needs no announcement. */
static bool is_announced(const struct cpu_policy *host, uint32_t msr)
{
	if (host->features_only)
		return true;
	if (msr == MSR_ARCH_CAPABILITIES)
		return cpu_leaf_reached(host, 7, 0) && has(host, F_ARCH_CAPABILITIES);
	if (msr == MSR_CORE_CAPABILITIES)
		return cpu_leaf_reached(host, 7, 0) && has(host, F_CORE_CAPABILITY);
	return true;
}

static void copy_shown(const struct cpu_policy *host, struct cpu_policy *out)
{
	const bool features_only = host->features_only;

	out->features_only = features_only;
	out->leaf_count = out->msr_count = 0;
	out->name[0] = 0;
	for (uint32_t i = 0; i < host->leaf_count; i++) {
		const struct cpu_leaf *from = &host->leaf[i];
		const struct cpu_rows rows = cpu_rows_of_leaf(from->leaf, from->subleaf);
		struct cpu_leaf *to = &out->leaf[out->leaf_count];

		if (rows.first == rows.end || !cpu_leaf_reached(host, from->leaf, from->subleaf))
			continue;
		*to = (struct cpu_leaf){.leaf = from->leaf, .subleaf = from->subleaf};
		for (unsigned r = 0; r < CPU_REGS; r++)
			to->reg[r] = from->reg[r] & (uint32_t)shown_bits(rows, features_only, r);
		out->leaf_count++;
	}
	for (uint32_t i = 0; i < host->msr_count; i++) {
		const struct cpu_msr *from = &host->msr[i];
		const struct cpu_rows rows = cpu_rows_of_msr(from->number);
		uint64_t value = from->value;

		if (rows.first == rows.end || !is_announced(host, from->number))
			continue;
		/* of the others cpu_vmx_close() knows which to keep */
		if (features_only || !is_vmx(from->number))
			value &= shown_bits(rows, features_only, CPU_EAX);
		out->msr[out->msr_count++] = (struct cpu_msr){from->number, value};
	}
}

/* There is such an MSR if it has anything to say. */
static int announce(struct cpu_policy *policy, uint32_t number, enum cpu_row row)
{
	const struct cpu_msr *msr = cpu_policy_msr(policy, number);
	const struct cpu_field *field = &cpu_fields[row];
	struct cpu_leaf *leaf = find_leaf(policy, field->leaf);
	const bool one = msr && msr->value;

	if (!leaf && one) {
		const struct cpu_leaf empty = {.leaf = field->leaf};
		int rc = cpu_policy_set(policy, &empty);

		if (rc)
			return rc;
		leaf = find_leaf(policy, field->leaf);
	}
	if (leaf)
		leaf->reg[field->reg] = (uint32_t)cpu_row_put(field, leaf->reg[field->reg], one);
	return 0;
}

bool cpu_is_enumerated(const struct cpu_policy *policy, uint32_t leaf)
{
	const struct cpu_leaf *row = cpu_policy_leaf(policy, leaf, 0);

	if (!row || !cpu_leaf_reached(policy, leaf, 0))
		return false;
	if (leaf == 0x15)
		return row->reg[CPU_EAX] && row->reg[CPU_EBX] && row->reg[CPU_ECX];
	return row->reg[CPU_EBX] != 0;
}

static void drop_half_told(struct cpu_policy *policy, uint32_t leaf)
{
	struct cpu_leaf *row = find_leaf(policy, leaf);

	if (row && !cpu_is_enumerated(policy, leaf))
		*row = (struct cpu_leaf){.leaf = leaf};
}

static void drop_untold_vmx(struct cpu_policy *policy)
{
	struct cpu_leaf *leaf = find_leaf(policy, 1);

	if (leaf && !cpu_policy_msr(policy, NB_VMX_MSR_FIRST))
		leaf->reg[CPU_ECX] &= (uint32_t)~cpu_row_mask(&cpu_fields[F_VMX]);
}

static int close_vmx(struct cpu_policy *policy)
{
	uint64_t msr[NB_VMX_MSR_COUNT];

	if (!has(policy, F_VMX)) {
		for (uint32_t i = 0; i < policy->msr_count; i++)
			if (is_vmx(policy->msr[i].number))
				policy->msr[i].value = 0;
		return 0;
	}
	cpu_vmx_from_policy(policy, msr);
	cpu_vmx_close(msr);
	return cpu_vmx_to_policy(msr, policy);
}

static bool is_zero(const struct cpu_leaf *leaf)
{
	return !(leaf->reg[CPU_EAX] | leaf->reg[CPU_EBX] | leaf->reg[CPU_ECX] | leaf->reg[CPU_EDX]);
}

/* What one host needs is told even if another's leaves end before it. */
static void raise_levels(struct cpu_policy *policy)
{
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		const uint32_t leaf = policy->leaf[i].leaf;
		struct cpu_leaf *base;

		if (is_zero(&policy->leaf[i]))
			continue;
		base = find_leaf(policy, leaf & 0xFFFF0000u);
		if (base && base->reg[CPU_EAX] < leaf)
			base->reg[CPU_EAX] = leaf;
	}
}

static void drop_zeros(struct cpu_policy *policy)
{
	const bool vmx = !policy->features_only && has(policy, F_VMX);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < policy->leaf_count; i++)
		if (!is_zero(&policy->leaf[i]))
			policy->leaf[kept++] = policy->leaf[i];
	policy->leaf_count = kept;
	kept = 0;
	for (uint32_t i = 0; i < policy->msr_count; i++) {
		const uint32_t number = policy->msr[i].number;

		if (policy->msr[i].value || (vmx && number >= NB_VMX_MSR_FIRST && number <= 0x48A))
			policy->msr[kept++] = policy->msr[i];
	}
	policy->msr_count = kept;
}

/* A leaf that the counts reach is told, if only that there is nothing in it. */
static int add_zeros(struct cpu_policy *policy)
{
	for (unsigned row = 0; row < F_FIRST_MSR; row++) {
		const struct cpu_leaf empty = {.leaf = cpu_fields[row].leaf};
		int rc = 0;

		if ((row && cpu_fields[row - 1].leaf == empty.leaf) || empty.leaf == 0x40000000)
			continue;
		if (cpu_leaf_reached(policy, empty.leaf, 0) && !cpu_policy_leaf(policy, empty.leaf, 0))
			rc = cpu_policy_set(policy, &empty);
		if (rc)
			return rc;
	}
	return 0;
}

static int tidy_zeros(struct cpu_policy *policy)
{
	struct cpu_leaf *hypervisor = find_leaf(policy, 0x40000000);

	if (hypervisor && hypervisor->reg[CPU_EBX])
		hypervisor->reg[CPU_EAX] = 0x40000000;
	raise_levels(policy);
	drop_zeros(policy);
	return add_zeros(policy);
}

int cpu_policy_tidy(struct cpu_policy *policy)
{
	int rc = announce(policy, MSR_ARCH_CAPABILITIES, F_ARCH_CAPABILITIES);

	if (!rc)
		rc = announce(policy, MSR_CORE_CAPABILITIES, F_CORE_CAPABILITY);
	if (rc)
		return rc;
	if (policy->features_only) {
		cpu_needs_close(policy);
		drop_zeros(policy);
		return 0;
	}
	drop_half_told(policy, 0x15);
	drop_half_told(policy, 0x40000000);
	cpu_xsave_close(policy);
	drop_untold_vmx(policy);
	rc = close_vmx(policy);
	if (rc)
		return rc;
	cpu_needs_close(policy);
	cpu_xsave_close(policy);
	cpu_xsave_compute(policy);
	rc = close_vmx(policy);
	return rc ? rc : tidy_zeros(policy);
}

int cpu_policy_close(const struct cpu_policy *host, struct cpu_policy *out)
{
	copy_shown(host, out);
	return cpu_policy_tidy(out);
}

static void hide(struct cpu_policy *policy, enum cpu_row row)
{
	for (uint32_t i = 0; i < policy->msr_count; i++)
		if (policy->msr[i].number == cpu_fields[row].msr)
			policy->msr[i].value &= ~cpu_row_mask(&cpu_fields[row]);
}

void cpu_policy_as_features(struct cpu_policy *policy)
{
	policy->features_only = true;
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		struct cpu_leaf *leaf = &policy->leaf[i];
		const struct cpu_rows rows = cpu_rows_of_leaf(leaf->leaf, leaf->subleaf);

		for (unsigned r = 0; r < CPU_REGS; r++)
			leaf->reg[r] &= (uint32_t)shown_bits(rows, true, r);
	}
	for (uint32_t i = 0; i < policy->msr_count; i++)
		policy->msr[i].value &= shown_bits(cpu_rows_of_msr(policy->msr[i].number), true, CPU_EAX);
	/* at which rate it counts cannot be told any more */
	hide(policy, F_VMX_PREEMPTION_TIMER);
	hide(policy, F_VMX_EXIT_SAVE_PREEMPTION_TIMER);
	drop_zeros(policy);
}
