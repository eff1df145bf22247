/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/baseline.h"
#include "cpu_baseline/close.h"
#include "cpu_baseline/explain.h"
#include "cpu_baseline/places.h"
#include "cpu_baseline/rows.h"
#include "cpu_baseline/vmx.h"
#include "cpu_baseline/xsave.h"

#include <errno.h>
#include <stddef.h>

struct check {
	const struct cpu_policy *policy, *host, *closed; /* closed: what of the host a guest may use */
	const struct cpu_options *options;
	cpu_finding_fn *tell;
	void *context;
	bool refused;
};

static void refuse(struct check *check, struct cpu_finding *finding)
{
	check->refused = true;
	if (check->tell)
		check->tell(check->context, finding);
}

/* The host lacks it, or it cannot be used there: it does not tell it, or lacks what it needs. */
static void lacked(struct check *check, struct cpu_finding *finding)
{
	const struct cpu_policy *const hosts[] = {check->host};
	const struct cpu_pool pool = {hosts, 1, check->options, check->closed, NULL, NULL};

	const uint64_t raw = cpu_told(check->host, finding->field, finding->subleaf);
	const bool has = finding->field->rule == CPU_MIN ? raw >= finding->had : !(finding->had & ~raw);

	finding->verdict = CPU_LACKED;
	if (has || cpu_is_untold(check->host, finding->field))
		cpu_blame(&pool, finding);
	refuse(check, finding);
}

/* The row means something to the guest. */
static bool matters(const struct check *check, unsigned row, uint32_t subleaf)
{
	const uint16_t gate = cpu_row_gate[row];

	if (gate == F_NONE)
		return true;
	if (gate == F_COMPONENT)
		return subleaf < 64 &&
		       (cpu_xsave_xcr0(check->policy) | cpu_xsave_xss(check->policy)) >> subleaf & 1;
	if (gate != F_SELF)
		return cpu_field_get(check->policy, &cpu_fields[gate]) != 0;
	if (cpu_fields[row].leaf == 0x15 && check->options && check->options->tsc_scaled)
		return false;
	return cpu_is_enumerated(check->policy, cpu_fields[row].leaf);
}

/* A leaf count that was raised for what another host needs: up to the last leaf that tells such a thing. */
static bool is_raised(const struct check *check, unsigned row, uint64_t level)
{
	if (row != F_LEVEL || level != 7)
		return false;
	for (unsigned r = F_LEVEL_7; cpu_fields[r].leaf == 7; r++)
		if ((cpu_fields[r].rule == CPU_OR || r == F_ARCH_CAPABILITIES) &&
		    cpu_field_get(check->policy, &cpu_fields[r]))
			return true;
	return false;
}

static void check_row(struct check *check, unsigned row, uint32_t subleaf)
{
	const struct cpu_field *field = &cpu_fields[row];
	const uint64_t ours = cpu_told(check->policy, field, subleaf);
	const uint64_t theirs = cpu_told(check->closed, field, subleaf);
	struct cpu_finding finding = {
		.field = field,
		.msr = field->msr,
		.leaf = field->leaf,
		.subleaf = subleaf,
		.reg = field->reg,
		.low = field->low,
		.had = ours,
		.got = theirs,
	};

	if ((check->policy->features_only || check->host->features_only) && !cpu_row_is_feature(row) &&
	    !(cpu_row_is_vendor(row) && ours && theirs))
		return;
	switch (row == F_VMX_TIMER_RATE ? CPU_EQUAL : field->rule) {
	case CPU_AND:
		if (ours & ~theirs)
			lacked(check, &finding);
		break;
	case CPU_MIN:
		if (ours > theirs && !is_raised(check, row, ours))
			lacked(check, &finding);
		break;
	case CPU_OR:
		if (!matters(check, row, subleaf))
			break;
		finding.verdict = CPU_NEEDED;
		if (theirs & ~ours)
			refuse(check, &finding);
		finding.verdict = CPU_REFUSED;
		finding.got = cpu_row_is_must(row) ? cpu_vmx_allowed(check->closed, field) : ours;
		if (ours & ~finding.got)
			refuse(check, &finding);
		break;
	case CPU_EQUAL:
		finding.verdict = CPU_REFUSED;
		finding.got = cpu_told(check->host, field, subleaf);
		if (ours != finding.got && matters(check, row, subleaf))
			refuse(check, &finding);
		break;
	case CPU_HIDE:
		finding.verdict = CPU_HIDDEN;
		if (ours)
			refuse(check, &finding);
		break;
	case CPU_SAME: /* no guest fails for these */
	case CPU_COMPUTED:
	case CPU_SHAPE:
	case CPU_RULES:
	default:
		break;
	}
}

static void check_unknown(struct check *check, const struct cpu_place *place)
{
	const unsigned regs = place->msr ? 1 : CPU_REGS;

	for (unsigned r = 0; r < regs; r++) {
		struct cpu_finding finding = {
			.verdict = CPU_UNKNOWN,
			.msr = place->msr,
			.leaf = place->leaf,
			.subleaf = place->subleaf,
			.reg = (enum cpu_reg)r,
			.had = cpu_place_unknown(check->policy, place, (enum cpu_reg)r),
		};

		if (!finding.had)
			continue;
		while (!(finding.had >> finding.low & 1))
			finding.low++;
		refuse(check, &finding);
	}
}

int cpu_check(const struct cpu_policy *policy, const struct cpu_policy *host,
	      const struct cpu_options *options, cpu_finding_fn *tell, void *context)
{
	const struct cpu_policy *const both[] = {policy, host};
	struct cpu_place place = {.first = true};
	struct cpu_policy closed;
	struct check check = {policy, host, &closed, options, tell, context, false};
	int rc = cpu_policy_close(host, &closed);

	if (rc)
		return rc;
	while (cpu_next_place(both, 2, &closed, &place)) {
		const struct cpu_rows rows = cpu_place_rows(&place);

		for (unsigned row = rows.first; row < rows.end; row++)
			check_row(&check, row, place.subleaf);
		check_unknown(&check, &place);
	}
	return check.refused ? -EPERM : 0;
}
