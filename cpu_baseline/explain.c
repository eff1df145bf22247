/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/explain.h"
#include "cpu_baseline/close.h"
#include "cpu_baseline/meet.h"
#include "cpu_baseline/places.h"
#include "cpu_baseline/rows.h"

#include <stddef.h>

/* What is told of one field: where it is, and what each host says there. */
struct subject {
	const struct cpu_pool *pool;
	const struct cpu_field *field;
	uint32_t subleaf;
	uint64_t got;
};

static uint64_t told(const struct subject *s, unsigned host)
{
	return cpu_told(s->pool->hosts[host], s->field, s->subleaf);
}

static struct cpu_finding finding_of(const struct subject *s, enum cpu_verdict verdict)
{
	const struct cpu_field *field = s->field;

	return (struct cpu_finding){
		.verdict = verdict,
		.field = field,
		.msr = field->msr,
		.leaf = field->leaf,
		.subleaf = s->subleaf,
		.reg = field->reg,
		.low = field->low,
		.got = s->got,
	};
}

static void tell(const struct subject *s, enum cpu_verdict verdict, unsigned host, unsigned other)
{
	struct cpu_finding finding = finding_of(s, verdict);

	finding.host = host;
	finding.other = other;
	finding.had = told(s, other);
	if (verdict == CPU_LACKED && cpu_is_untold(s->pool->hosts[host], s->field))
		finding.verdict = CPU_UNTOLD;
	s->pool->tell(s->pool->context, &finding);
}

/* Every host has it, the result has not. */
static void tell_fallen(const struct subject *s, unsigned other)
{
	struct cpu_finding finding = finding_of(s, CPU_DEPENDS);

	finding.other = other;
	finding.had = told(s, other);
	cpu_blame(s->pool, &finding);
	s->pool->tell(s->pool->context, &finding);
}

/* The first host that has all of these bits, or lacks one; count where there is none. */
static unsigned first_host(const struct subject *s, uint64_t bits, bool has)
{
	unsigned host = 0;

	while (host < s->pool->count && ((told(s, host) & bits) == bits) != has)
		host++;
	return host;
}

static uint64_t lowest(uint64_t bits)
{
	return bits & (0 - bits);
}

static void explain_and(const struct subject *s)
{
	uint64_t any = 0, all = ~0ull, gone;

	for (unsigned host = 0; host < s->pool->count; host++) {
		any |= told(s, host);
		all &= told(s, host);
	}
	gone = any & ~s->got;
	if (gone & ~all)
		tell(s, CPU_LACKED, first_host(s, lowest(gone & ~all), false),
		     first_host(s, lowest(gone & ~all), true));
	else if (gone)
		tell_fallen(s, first_host(s, lowest(gone), true));
}

static void explain_or(const struct subject *s)
{
	uint64_t any = 0, all = ~0ull;

	for (unsigned host = 0; host < s->pool->count; host++) {
		any |= told(s, host);
		all &= told(s, host);
	}
	if (s->got & any & ~all)
		tell(s, CPU_NEEDED, first_host(s, lowest(s->got & any & ~all), true),
		     first_host(s, lowest(s->got & any & ~all), false));
	if (any & ~s->got)
		tell_fallen(s, first_host(s, lowest(any & ~s->got), true));
}

static void explain_min(const struct subject *s)
{
	unsigned least = 0, most = 0;

	for (unsigned host = 1; host < s->pool->count; host++) {
		if (told(s, host) < told(s, least))
			least = host;
		if (told(s, host) > told(s, most))
			most = host;
	}
	if (s->got > told(s, least)) /* a leaf count, for what another host needs */
		tell(s, CPU_RECOMPUTED, least, least);
	else if (s->got < told(s, least))
		tell_fallen(s, most);
	else if (s->got < told(s, most))
		tell(s, CPU_LACKED, least, most);
}

static bool agree(const struct subject *s, unsigned a, unsigned b)
{
	const unsigned group = cpu_same_group(s->field->leaf);

	if (told(s, a) != told(s, b))
		return false;
	return s->field->msr || !group || cpu_same_agrees(group, s->pool->hosts[a], s->pool->hosts[b]);
}

static void explain_same(const struct subject *s)
{
	unsigned host = 0, other = 0;

	while (other < s->pool->count && told(s, other) == s->got)
		other++;
	if (other == s->pool->count)
		return;
	while (host < s->pool->count && agree(s, host, other))
		host++;
	if (host == s->pool->count)
		tell_fallen(s, other);
	else
		tell(s, CPU_LACKED, host, other);
}

static void explain_own(const struct subject *s, enum cpu_verdict verdict)
{
	for (unsigned host = 0; host < s->pool->count; host++) {
		if (told(s, host) == s->got)
			continue;
		tell(s, verdict, host, host);
		return;
	}
}

/* Bits that announce an MSR: a host may announce it and not tell it. */
static void explain_announced(const struct subject *s)
{
	unsigned host = 0;

	while (host < s->pool->count && !(told(s, host) && cpu_is_untold(s->pool->hosts[host], s->field)))
		host++;
	if (s->got || host == s->pool->count)
		explain_own(s, CPU_RECOMPUTED);
	else
		tell(s, CPU_UNTOLD, host, host);
}

/* A policy of features only has taken all else away. */
static bool explain_featureless(const struct subject *s)
{
	unsigned row = (unsigned)(s->field - cpu_fields), host = 0, other = 0;

	if (!s->pool->result->features_only || cpu_row_is_feature(row))
		return false;
	/* those that tell it say the same */
	if (cpu_row_is_vendor(row))
		return true;
	while (other < s->pool->count && !told(s, other))
		other++;
	while (host < s->pool->count && !s->pool->hosts[host]->features_only)
		host++;
	if (other < s->pool->count && host < s->pool->count)
		tell(s, CPU_UNTOLD, host, other);
	return true;
}

static void explain(const struct subject *s)
{
	if (s->field->rule == CPU_HIDE) {
		explain_own(s, CPU_HIDDEN);
		return;
	}
	if (explain_featureless(s))
		return;
	switch (s->field->rule) {
	case CPU_AND:
		explain_and(s);
		break;
	case CPU_OR:
		explain_or(s);
		break;
	case CPU_MIN:
		explain_min(s);
		break;
	case CPU_EQUAL:
	case CPU_SAME:
		explain_same(s);
		break;
	case CPU_COMPUTED:
		explain_announced(s);
		break;
	case CPU_SHAPE:
		explain_own(s, CPU_RECOMPUTED);
		break;
	case CPU_HIDE:
	case CPU_RULES:
	default:
		break;
	}
}

/* Bits that no row covers, once for each register. */
static void explain_unknown(const struct cpu_pool *pool, const struct cpu_place *place)
{
	const unsigned regs = place->msr ? 1 : CPU_REGS;

	for (unsigned r = 0; r < regs; r++) {
		struct cpu_finding finding = {
			.verdict = CPU_UNKNOWN,
			.msr = place->msr,
			.leaf = place->leaf,
			.subleaf = place->subleaf,
			.reg = (enum cpu_reg)r,
		};

		for (unsigned host = pool->count; host-- > 0;) {
			const uint64_t bits = cpu_place_unknown(pool->hosts[host], place, (enum cpu_reg)r);

			if (bits)
				finding.host = finding.other = host;
			finding.had |= bits;
		}
		if (!finding.had)
			continue;
		while (!(finding.had >> finding.low & 1))
			finding.low++;
		pool->tell(pool->context, &finding);
	}
}

void cpu_tell_differences(const struct cpu_pool *pool)
{
	struct cpu_place place = {.first = true};

	while (cpu_next_place(pool->hosts, pool->count, pool->result, &place)) {
		const struct cpu_rows rows = cpu_place_rows(&place);

		for (unsigned row = rows.first; row < rows.end; row++) {
			struct subject s = {pool, &cpu_fields[row], place.subleaf, 0};

			s.got = cpu_told(pool->result, s.field, s.subleaf);
			explain(&s);
		}
		explain_unknown(pool, &place);
	}
}
