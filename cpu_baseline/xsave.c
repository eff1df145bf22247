/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/xsave.h"

#include <stddef.h>

#define XSAVE_LEAF   0xDu
#define XSAVE_HEADER 576u /* the legacy region's 512 bytes and the header's 64 */
#define ALIGNED      2u /* ECX of a component's sub-leaf */
#define COMPONENTS   63u

uint64_t cpu_xsave_xcr0(const struct cpu_policy *policy)
{
	const struct cpu_leaf *leaf = cpu_policy_leaf(policy, XSAVE_LEAF, 0);

	return leaf ? (uint64_t)leaf->reg[CPU_EDX] << 32 | leaf->reg[CPU_EAX] : 0;
}

uint64_t cpu_xsave_xss(const struct cpu_policy *policy)
{
	const struct cpu_leaf *leaf = cpu_policy_leaf(policy, XSAVE_LEAF, 1);

	return leaf ? (uint64_t)leaf->reg[CPU_EDX] << 32 | leaf->reg[CPU_ECX] : 0;
}

uint32_t cpu_xsave_size(const struct cpu_policy *policy, uint64_t components)
{
	uint32_t size = XSAVE_HEADER;

	for (uint32_t i = 2; i < COMPONENTS; i++) {
		const struct cpu_leaf *leaf;

		if (!(components >> i & 1))
			continue;
		leaf = cpu_policy_leaf(policy, XSAVE_LEAF, i);
		if (leaf && leaf->reg[CPU_EBX] + leaf->reg[CPU_EAX] > size)
			size = leaf->reg[CPU_EBX] + leaf->reg[CPU_EAX];
	}
	return size;
}

uint32_t cpu_xsave_compacted_size(const struct cpu_policy *policy, uint64_t components)
{
	uint32_t size = XSAVE_HEADER;

	for (uint32_t i = 2; i < COMPONENTS; i++) {
		const struct cpu_leaf *leaf;

		if (!(components >> i & 1))
			continue;
		leaf = cpu_policy_leaf(policy, XSAVE_LEAF, i);
		if (!leaf)
			continue;
		if (leaf->reg[CPU_ECX] & ALIGNED)
			size = (size + 63u) & ~63u;
		size += leaf->reg[CPU_EAX];
	}
	return size;
}

uint64_t cpu_xsave_untold(const struct cpu_policy *policy)
{
	const uint64_t offered = cpu_xsave_xcr0(policy) | cpu_xsave_xss(policy);
	uint64_t untold = 0;

	/* x87 and SSE lie in the legacy region */
	for (uint32_t i = 2; i < COMPONENTS; i++)
		if (offered >> i & 1 && !cpu_policy_reg(policy, XSAVE_LEAF, i, CPU_EAX))
			untold |= 1ull << i;
	return untold;
}

static struct cpu_leaf *row_of(struct cpu_policy *policy, uint32_t subleaf)
{
	for (uint32_t i = 0; i < policy->leaf_count; i++)
		if (policy->leaf[i].leaf == XSAVE_LEAF && policy->leaf[i].subleaf == subleaf)
			return &policy->leaf[i];
	return NULL;
}

void cpu_xsave_close(struct cpu_policy *policy)
{
	const uint64_t untold = cpu_xsave_untold(policy);
	struct cpu_leaf *xcr0 = row_of(policy, 0), *xss = row_of(policy, 1);
	uint64_t offered;

	if (xcr0) {
		xcr0->reg[CPU_EAX] &= (uint32_t)~untold;
		xcr0->reg[CPU_EDX] &= (uint32_t)(~untold >> 32);
	}
	if (xss) {
		xss->reg[CPU_ECX] &= (uint32_t)~untold;
		xss->reg[CPU_EDX] &= (uint32_t)(~untold >> 32);
	}
	offered = cpu_xsave_xcr0(policy) | cpu_xsave_xss(policy);
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		struct cpu_leaf *leaf = &policy->leaf[i];

		if (leaf->leaf != XSAVE_LEAF || leaf->subleaf < 2)
			continue;
		if (leaf->subleaf < COMPONENTS && offered >> leaf->subleaf & 1)
			continue;
		for (unsigned r = 0; r < CPU_REGS; r++)
			leaf->reg[r] = 0;
	}
}

void cpu_xsave_compute(struct cpu_policy *policy)
{
	struct cpu_leaf *standard = row_of(policy, 0), *compacted = row_of(policy, 1);
	const uint64_t xcr0 = cpu_xsave_xcr0(policy);
	const uint64_t has = 1u << 1 | 1u << 3; /* XSAVEC, XSAVES */

	if (standard) {
		standard->reg[CPU_ECX] = xcr0 ? cpu_xsave_size(policy, xcr0) : 0;
		standard->reg[CPU_EBX] = standard->reg[CPU_ECX];
	}
	if (compacted)
		compacted->reg[CPU_EBX] =
			compacted->reg[CPU_EAX] & has
				? cpu_xsave_compacted_size(policy, xcr0 | cpu_xsave_xss(policy))
				: 0;
}
