/* SPDX-License-Identifier: MIT */
/* Where hosts contradict each other so that there is no baseline. */
#include "cpu_baseline/close.h"
#include "cpu_baseline/explain.h"
#include "cpu_baseline/places.h"
#include "cpu_baseline/rows.h"
#include "cpu_baseline/vmx.h"
#include "cpu_baseline/xsave.h"

#include <stddef.h>

static bool refuse(const struct cpu_pool *pool, const struct cpu_finding *finding)
{
	if (pool->tell)
		pool->tell(pool->context, finding);
	return true;
}

/* A row means something in the result, so that all hosts that tell it must agree. */
static bool matters(const struct cpu_pool *pool, unsigned row, uint32_t subleaf)
{
	const uint16_t gate = cpu_row_gate[row];

	if (gate == F_NONE)
		return true;
	if (gate == F_COMPONENT)
		return subleaf < 64 &&
		       (cpu_xsave_xcr0(pool->result) | cpu_xsave_xss(pool->result)) >> subleaf & 1;
	if (gate != F_SELF)
		return cpu_field_get(pool->result, &cpu_fields[gate]) != 0;
	if (cpu_fields[row].leaf == 0x15 && pool->options && pool->options->tsc_scaled)
		return false;
	for (unsigned host = 0; host < pool->count; host++) {
		const struct cpu_policy *policy = pool->hosts[host];

		if (policy->features_only || !cpu_is_enumerated(policy, cpu_fields[row].leaf))
			return false;
	}
	return true;
}

/* A list of features may tell the vendor, and no other such row. */
static bool tells(const struct cpu_policy *host, unsigned row)
{
	return !host->features_only || (cpu_row_is_vendor(row) && cpu_field_get(host, &cpu_fields[row]));
}

/* The result is no witness here: it holds what the first host says. */
static bool refuse_row(const struct cpu_pool *pool, unsigned row, uint32_t subleaf)
{
	const struct cpu_field *field = &cpu_fields[row];
	unsigned first = 0, host;
	struct cpu_finding finding = {
		.verdict = CPU_REFUSED,
		.field = field,
		.msr = field->msr,
		.leaf = field->leaf,
		.subleaf = subleaf,
		.reg = field->reg,
		.low = field->low,
	};

	while (first < pool->count && !tells(pool->hosts[first], row))
		first++;
	for (host = first; host < pool->count; host++)
		if (tells(pool->hosts[host], row) && cpu_told(pool->hosts[host], field, subleaf) !=
							     cpu_told(pool->hosts[first], field, subleaf))
			break;
	if (host >= pool->count || !matters(pool, row, subleaf))
		return false;
	finding.host = host;
	finding.other = first;
	finding.had = cpu_told(pool->hosts[first], field, subleaf);
	finding.got = cpu_told(pool->hosts[host], field, subleaf);
	return refuse(pool, &finding);
}

/* A row of bits that must be 1: one host demands what another forbids. */
static bool refuse_contradiction(const struct cpu_pool *pool, unsigned row)
{
	const struct cpu_field *field = &cpu_fields[row];
	struct cpu_finding finding = {.verdict = CPU_REFUSED, .field = field, .msr = field->msr};
	uint64_t msr[NB_VMX_MSR_COUNT], bits;
	struct cpu_policy closed;

	if (pool->result->features_only || !cpu_field_get(pool->result, &cpu_fields[F_VMX]))
		return false;
	cpu_vmx_from_policy(pool->result, msr);
	bits = cpu_vmx_contradiction(msr, field->msr - NB_VMX_MSR_FIRST);
	if (!bits)
		return false;
	while (!(bits >> finding.low & 1))
		finding.low++;
	for (unsigned host = pool->count; host-- > 0;) {
		/* closed: what a host allows hangs on what else it has */
		const uint64_t may =
			cpu_policy_close(pool->hosts[host], &closed) ? 0 : cpu_vmx_allowed(&closed, field);

		if (cpu_field_get(pool->hosts[host], field) >> finding.low & 1)
			finding.host = host;
		if (!(may >> finding.low & 1)) {
			finding.other = host;
			finding.had = may;
		}
	}
	finding.got = cpu_field_get(pool->hosts[finding.host], field);
	return refuse(pool, &finding);
}

bool cpu_tell_refusals(const struct cpu_pool *pool)
{
	struct cpu_place place = {.first = true};
	bool refused = false;

	while (cpu_next_place(pool->hosts, pool->count, NULL, &place)) {
		const struct cpu_rows rows = cpu_place_rows(&place);

		for (unsigned row = rows.first; row < rows.end; row++) {
			if (cpu_fields[row].rule == CPU_EQUAL)
				refused |= refuse_row(pool, row, place.subleaf);
			else if (row >= F_FIRST_VMX && cpu_fields[row].rule == CPU_OR &&
				 cpu_fields[row].low == 0)
				refused |= refuse_contradiction(pool, row);
		}
	}
	return refused;
}
