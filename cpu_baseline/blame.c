/* SPDX-License-Identifier: MIT */
/* Whose fault it is that a field of a baseline is gone though every host has it. */
#include "cpu_baseline/close.h"
#include "cpu_baseline/explain.h"
#include "cpu_baseline/places.h"
#include "cpu_baseline/rows.h"
#include "cpu_baseline/xsave.h"
#include "nestbed/vmx_msrs.h"

#include <stddef.h>

#define MSR_VMX_PINBASED      0x481u
#define MSR_VMX_TRUE_PINBASED 0x48Du

/* More prerequisites, and theirs, than any field has. */
#define WAY_MAX 32

static bool is_component(const struct cpu_field *field)
{
	return field->leaf == 0xD && ((field->subleaf == 0 && field->reg == CPU_EAX) ||
				      (field->subleaf == 1 && field->reg == CPU_ECX));
}

bool cpu_is_untold(const struct cpu_policy *host, const struct cpu_field *field)
{
	if (host->features_only)
		return !cpu_row_is_feature((unsigned)(field - cpu_fields));
	if (field == &cpu_fields[F_VMX])
		return cpu_told(host, field, 0) && !cpu_policy_msr(host, NB_VMX_MSR_FIRST);
	if (field == &cpu_fields[F_ARCH_CAPABILITIES] || field->msr == 0x10A)
		return cpu_told(host, &cpu_fields[F_ARCH_CAPABILITIES], 0) && !cpu_policy_msr(host, 0x10A);
	if (field == &cpu_fields[F_CORE_CAPABILITY] || field->msr == 0xCF)
		return cpu_told(host, &cpu_fields[F_CORE_CAPABILITY], 0) && !cpu_policy_msr(host, 0xCF);
	if (field->msr)
		return field->msr >= NB_VMX_MSR_FIRST && cpu_is_untold(host, &cpu_fields[F_VMX]);
	if (is_component(field) && cpu_xsave_untold(host) >> field->low & 1)
		return true;
	if (field->leaf == 0x40000000 && !cpu_field_get(host, &cpu_fields[F_HYPERVISOR]))
		return false;
	return cpu_leaf_reached(host, field->leaf, 0) && !cpu_policy_leaf(host, field->leaf, 0);
}

/* The XCR0 or IA32_XSS row of the state component whose sub-leaf this is. */
static const struct cpu_field *component_row(uint32_t subleaf)
{
	for (unsigned row = F_XCR0_X87; row < F_COMPONENT_SIZE; row++)
		if (is_component(&cpu_fields[row]) && cpu_fields[row].low == subleaf)
			return &cpu_fields[row];
	return NULL;
}

/* The row of a leaf, told in full or not at all, that some host does not tell. */
static const struct cpu_field *half_told(const struct cpu_pool *pool, uint32_t leaf)
{
	const struct cpu_rows rows = cpu_rows_of_leaf(leaf, 0);

	for (unsigned row = rows.first; row < rows.end; row++)
		for (unsigned host = 0; host < pool->count && cpu_row_gate[row] == F_SELF; host++)
			if (!cpu_told(pool->hosts[host], &cpu_fields[row], 0))
				return &cpu_fields[row];
	return NULL;
}

/* What is there beside the table's prerequisites; NULL: nothing. */
static const struct cpu_field *other_reason(const struct cpu_pool *pool, const struct cpu_field *field,
					    uint32_t subleaf)
{
	const unsigned row = (unsigned)(field - cpu_fields);

	if (cpu_row_gate[row] == F_COMPONENT)
		return component_row(subleaf);
	if (cpu_row_gate[row] == F_SELF)
		return half_told(pool, field->leaf);
	if (field == &cpu_fields[F_VMX_PREEMPTION_TIMER])
		return &cpu_fields[F_VMX_TIMER_RATE];
	/* of a control word: the TRUE one does not allow it */
	if (field->msr - MSR_VMX_PINBASED < 4)
		return &cpu_fields
			[cpu_rows_of_msr(field->msr - MSR_VMX_PINBASED + MSR_VMX_TRUE_PINBASED).end - 1];
	return NULL;
}

/* The i-th prerequisite that the result lacks. */
static const struct cpu_field *missing(const struct cpu_pool *pool, const struct cpu_field *field,
				       uint32_t subleaf, unsigned i)
{
	const struct cpu_field *need;

	for (unsigned n = 0; (need = cpu_field_needs(field, n)); n++)
		if (!cpu_field_get(pool->result, need) && i-- == 0)
			return need;
	return i == 0 ? other_reason(pool, field, subleaf) : NULL;
}

static unsigned who_lacks(const struct cpu_pool *pool, const struct cpu_field *field)
{
	const bool rate = field == &cpu_fields[F_VMX_TIMER_RATE];

	for (unsigned host = 0; host < pool->count; host++) {
		const uint64_t has = cpu_field_get(pool->hosts[host], field);

		if (rate ? has != cpu_field_get(pool->hosts[0], field)
			 : !cpu_told(pool->hosts[host], field, field->subleaf))
			return host;
	}
	for (unsigned host = 0; host < pool->count; host++)
		if (cpu_is_untold(pool->hosts[host], field))
			return host;
	return pool->count;
}

/* The host that lacks something on the way from field down its prerequisites, the nearest first. */
static unsigned whose_fault(const struct cpu_pool *pool, const struct cpu_field *field)
{
	const struct cpu_field *way[WAY_MAX] = {field};
	unsigned end = 1;

	for (unsigned at = 0; at < end; at++) {
		const unsigned host = who_lacks(pool, way[at]);
		const struct cpu_field *need;

		if (host < pool->count)
			return host;
		for (unsigned i = 0; (need = missing(pool, way[at], way[at]->subleaf, i)); i++) {
			bool known = end == WAY_MAX;

			for (unsigned seen = 0; seen < end; seen++)
				known |= way[seen] == need;
			if (!known)
				way[end++] = need;
		}
	}
	return pool->count;
}

void cpu_blame(const struct cpu_pool *pool, struct cpu_finding *finding)
{
	unsigned host;

	for (host = 0; host < pool->count; host++)
		if (cpu_is_untold(pool->hosts[host], finding->field)) {
			finding->verdict = CPU_UNTOLD;
			finding->host = host;
			return;
		}
	finding->verdict = CPU_DEPENDS;
	finding->because = missing(pool, finding->field, finding->subleaf, 0);
	host = finding->because ? whose_fault(pool, finding->because) : pool->count;
	finding->host = host < pool->count ? host : finding->other;
}
