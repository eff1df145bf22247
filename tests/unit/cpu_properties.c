/* SPDX-License-Identifier: MIT */
#include "tests/unit/cpu_properties.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cpu_baseline/places.h"

bool same_policies(const struct cpu_policy *a, const struct cpu_policy *b)
{
	if (a->features_only != b->features_only || a->leaf_count != b->leaf_count ||
	    a->msr_count != b->msr_count)
		return false;
	for (uint32_t i = 0; i < a->leaf_count; i++)
		if (memcmp(&a->leaf[i], &b->leaf[i], sizeof(a->leaf[i])) != 0)
			return false;
	for (uint32_t i = 0; i < a->msr_count; i++)
		if (a->msr[i].number != b->msr[i].number || a->msr[i].value != b->msr[i].value)
			return false;
	return true;
}

struct trial {
	const struct cpu_policy *const *hosts;
	const struct cpu_options *options;
	struct cpu_policy all, two; /* baselines of three hosts and of the first two */
	int all_rc, two_rc;
	char *where;
	size_t size;
};

static void note_place(struct trial *t, const struct cpu_place *place, const char *name)
{
	snprintf(t->where, t->size, "msr %#x leaf %#x.%#x %s", place->msr, place->leaf, place->subleaf, name);
}

/* First difference of two policies, for the message. */
static bool note_difference(struct trial *t, const struct cpu_policy *a, const struct cpu_policy *b)
{
	const struct cpu_policy *const both[] = {a, b};
	struct cpu_place place = {.first = true};

	if (same_policies(a, b))
		return false;
	snprintf(t->where, t->size, "presence of a row, or features only");
	while (cpu_next_place(both, 2, NULL, &place)) {
		const struct cpu_msr *ma = cpu_policy_msr(a, place.msr), *mb = cpu_policy_msr(b, place.msr);
		const struct cpu_leaf *la = cpu_policy_leaf(a, place.leaf, place.subleaf);
		const struct cpu_leaf *lb = cpu_policy_leaf(b, place.leaf, place.subleaf);
		const bool differ = place.msr ? !ma || !mb || ma->value != mb->value
					      : !la || !lb || memcmp(la, lb, sizeof(*la)) != 0;

		if (!differ)
			continue;
		if (place.msr)
			snprintf(t->where, t->size, "msr %#x: %llx %llx", place.msr,
				 ma ? (unsigned long long)ma->value : 0,
				 mb ? (unsigned long long)mb->value : 0);
		else
			snprintf(t->where, t->size,
				 "leaf %#x.%#x: %s %08x %08x %08x %08x, %s %08x %08x %08x %08x", place.leaf,
				 place.subleaf, la ? "" : "none", la ? la->reg[0] : 0, la ? la->reg[1] : 0,
				 la ? la->reg[2] : 0, la ? la->reg[3] : 0, lb ? "" : "none",
				 lb ? lb->reg[0] : 0, lb ? lb->reg[1] : 0, lb ? lb->reg[2] : 0,
				 lb ? lb->reg[3] : 0);
		break;
	}
	return true;
}

static const char *order_does_not_matter(struct trial *t)
{
	static const uint8_t orders[][3] = {
		{0, 2, 1},
                {1, 0, 2},
                {1, 2, 0},
                {2, 0, 1},
                {2, 1, 0}
        };
	struct cpu_policy out;

	for (unsigned i = 0; i < 5; i++) {
		const struct cpu_policy *const turned[] = {t->hosts[orders[i][0]], t->hosts[orders[i][1]],
							   t->hosts[orders[i][2]]};
		const int rc = cpu_baseline(turned, 3, t->options, &out, NULL, NULL);

		if (rc != t->all_rc)
			return "commutative: refused in one order only";
		if (!rc && note_difference(t, &out, &t->all))
			return "commutative";
	}
	return NULL;
}

static const char *nesting_does_not_matter(struct trial *t, struct property_counts *counts)
{
	const struct cpu_policy *const nested[] = {&t->two, t->hosts[2]};
	struct cpu_policy out;

	if (t->all_rc || t->two_rc)
		return NULL;
	if (cpu_baseline(nested, 2, t->options, &out, NULL, NULL) != 0)
		return "associative: the nested baseline is refused";
	counts->nested++;
	return note_difference(t, &out, &t->all) ? "associative" : NULL;
}

static const char *again_is_the_same(struct trial *t)
{
	const struct cpu_policy *const twice[] = {&t->all, &t->all};
	struct cpu_policy out;

	if (t->all_rc)
		return NULL;
	if (cpu_baseline(twice, 1, t->options, &out, NULL, NULL) != 0 || note_difference(t, &out, &t->all))
		return "idempotent, of one";
	if (cpu_baseline(twice, 2, t->options, &out, NULL, NULL) != 0 || note_difference(t, &out, &t->all))
		return "idempotent, of two";
	return NULL;
}

static void note_finding(void *context, const struct cpu_finding *finding)
{
	struct trial *t = context;

	snprintf(t->where, t->size, "%s: verdict %u msr %#x leaf %#x.%#x had %llx got %llx",
		 finding->field ? finding->field->name : "unknown", (unsigned)finding->verdict, finding->msr,
		 finding->leaf, finding->subleaf, (unsigned long long)finding->had,
		 (unsigned long long)finding->got);
}

static const char *runs_where_it_came_from(struct trial *t)
{
	for (unsigned i = 0; i < 3 && !t->all_rc; i++)
		if (cpu_check(&t->all, t->hosts[i], t->options, note_finding, t) != 0)
			return "runs on each host that it came from";
	return NULL;
}

static bool holds_gate(const struct cpu_policy *policy, unsigned row)
{
	return cpu_row_gate[row] >= F_ROWS || cpu_field_get(policy, &cpu_fields[cpu_row_gate[row]]);
}

/* From two hosts to three no and-bit comes and no or-bit goes, and no least value grows. */
static const char *more_hosts_have_less(struct trial *t)
{
	const struct cpu_policy *const both[] = {&t->all, &t->two};
	struct cpu_place place = {.first = true};

	if (t->all_rc || t->two_rc)
		return NULL;
	while (cpu_next_place(both, 2, NULL, &place)) {
		const struct cpu_rows rows = cpu_place_rows(&place);

		for (unsigned row = rows.first; row < rows.end; row++) {
			const struct cpu_field *field = &cpu_fields[row];
			const uint64_t more = cpu_told(&t->all, field, place.subleaf);
			const uint64_t fewer = cpu_told(&t->two, field, place.subleaf);

			note_place(t, &place, field->name);
			if (field->rule == CPU_AND && more & ~fewer)
				return "a host more adds no and-bit";
			if (field->rule == CPU_MIN && more > fewer && row != F_LEVEL)
				return "a host more adds to no least value";
			if (field->rule == CPU_OR && fewer & ~more && holds_gate(&t->all, row) &&
			    (cpu_row_is_feature(row) || !t->all.features_only))
				return "a host more takes no or-bit away";
		}
	}
	return NULL;
}

/* Bits that must be 1 stay though what they need is gone. */
static bool is_forced(const struct cpu_policy *policy, const struct cpu_field *field)
{
	const uint32_t exact = field->msr - 0x481 < 4 ? field->msr + 0xC : field->msr;
	const struct cpu_msr *plain = cpu_policy_msr(policy, field->msr),
			     *other = cpu_policy_msr(policy, exact);
	const uint64_t must = (plain ? plain->value : 0) | (other ? other->value : 0);

	return (field->msr - 0x481 < 4 || field->msr == 0x48B) && field->low >= 32 &&
	       must >> (field->low - 32) & 1;
}

static const char *nothing_lacks_what_it_needs(struct trial *t)
{
	if (t->all_rc)
		return NULL;
	for (unsigned row = 0; row < F_ROWS; row++) {
		const struct cpu_field *field = &cpu_fields[row], *need;

		if (field->subleaf == CPU_ANY_SUBLEAF || !cpu_field_get(&t->all, field) ||
		    is_forced(&t->all, field))
			continue;
		for (unsigned i = 0; (need = cpu_field_needs(field, i)); i++) {
			const unsigned needed = (unsigned)(need - cpu_fields);

			if (t->all.features_only &&
			    (!cpu_row_is_feature(needed) || (row >= F_FIRST_VMX && needed >= F_FIRST_VMX)))
				continue;
			snprintf(t->where, t->size, "%s needs %s", field->name, need->name);
			if (!cpu_field_get(&t->all, need))
				return "closed";
		}
	}
	return NULL;
}

static const char *shows_what_it_knows(struct trial *t)
{
	const struct cpu_policy *const one[] = {&t->all};
	struct cpu_place place = {.first = true};

	while (!t->all_rc && cpu_next_place(one, 1, NULL, &place)) {
		const struct cpu_rows rows = cpu_place_rows(&place);

		note_place(t, &place, "");
		for (unsigned r = 0; r < CPU_REGS; r++)
			if (cpu_place_unknown(&t->all, &place, (enum cpu_reg)r))
				return "shows no bit without a row";
		for (unsigned row = rows.first; row < rows.end; row++)
			if ((cpu_fields[row].rule == CPU_HIDE || cpu_fields[row].rule == CPU_SHAPE) &&
			    cpu_told(&t->all, &cpu_fields[row], place.subleaf))
				return "shows nothing of one host or of a shape";
	}
	return NULL;
}

/* Places that a finding was told of, in order. */
struct told_places {
	unsigned count;
	struct {
		const struct cpu_field *field;
		uint32_t msr, leaf, subleaf;
		enum cpu_reg reg;
	} place[8192];
};

static void note_told(void *context, const struct cpu_finding *finding)
{
	struct told_places *told = context;

	if (told->count < sizeof(told->place) / sizeof(told->place[0])) {
		told->place[told->count].field = finding->field;
		told->place[told->count].msr = finding->msr;
		told->place[told->count].leaf = finding->leaf;
		told->place[told->count].subleaf = finding->subleaf;
		told->place[told->count].reg = finding->reg;
	}
	told->count++;
}

static bool was_told(const struct told_places *told, const struct cpu_field *field,
		     const struct cpu_place *place, enum cpu_reg reg)
{
	for (unsigned i = 0; i < told->count; i++)
		if (told->place[i].field == field && told->place[i].msr == place->msr &&
		    told->place[i].leaf == place->leaf && told->place[i].subleaf == place->subleaf &&
		    (field || told->place[i].reg == reg))
			return true;
	return false;
}

/* Each difference between a host and the result is told; what is the same everywhere is not. */
static const char *every_difference_is_told(struct trial *t)
{
	static struct told_places told;
	struct cpu_place place = {.first = true};
	struct cpu_policy out;

	told.count = 0;
	if (t->all_rc || cpu_baseline(t->hosts, 3, t->options, &out, note_told, &told) != 0)
		return NULL;
	while (cpu_next_place(t->hosts, 3, &out, &place)) {
		const struct cpu_rows rows = cpu_place_rows(&place);

		for (unsigned row = rows.first; row < rows.end; row++) {
			const struct cpu_field *field = &cpu_fields[row];
			const uint64_t got = cpu_told(&out, field, place.subleaf);
			bool differs = false;

			for (unsigned i = 0; i < 3; i++)
				/* a list of features need not tell the vendor */
				differs |= cpu_told(t->hosts[i], field, place.subleaf) != got &&
					   !(out.features_only && cpu_row_is_vendor(row));
			note_place(t, &place, field->name);
			if (differs != was_told(&told, field, &place, CPU_EAX))
				return differs ? "a difference is not told" : "what is told is no difference";
		}
		for (unsigned r = 0; r < (place.msr ? 1 : CPU_REGS); r++) {
			uint64_t unknown = 0;

			for (unsigned i = 0; i < 3; i++)
				unknown |= cpu_place_unknown(t->hosts[i], &place, (enum cpu_reg)r);
			note_place(t, &place, "unknown bits");
			if (!unknown == was_told(&told, NULL, &place, (enum cpu_reg)r))
				return "unknown bits are told, and only those";
		}
	}
	return NULL;
}

/* One that refuses says why. */
static const char *a_refusal_has_reasons(struct trial *t)
{
	static struct told_places told;
	struct cpu_policy out;

	told.count = 0;
	if (t->all_rc != -EPERM)
		return NULL;
	if (cpu_baseline(t->hosts, 3, t->options, &out, note_told, &told) != -EPERM || !told.count)
		return "a refusal has reasons";
	return NULL;
}

const char *broken_property(const struct cpu_policy *const hosts[3], const struct cpu_options *options,
			    struct property_counts *counts, char *where, size_t size)
{
	const char *broken;
	struct trial t = {.hosts = hosts, .options = options, .where = where, .size = size};

	where[0] = 0;
	t.all_rc = cpu_baseline(hosts, 3, options, &t.all, NULL, NULL);
	t.two_rc = cpu_baseline(hosts, 2, options, &t.two, NULL, NULL);
	counts->sets++;
	counts->refused += t.all_rc == -EPERM;
	if (t.all_rc && t.all_rc != -EPERM)
		return t.all_rc == -ENOSPC ? NULL : "an error that is none of its own";
	if (!(broken = order_does_not_matter(&t)) && !(broken = nesting_does_not_matter(&t, counts)) &&
	    !(broken = again_is_the_same(&t)) && !(broken = runs_where_it_came_from(&t)) &&
	    !(broken = more_hosts_have_less(&t)) && !(broken = nothing_lacks_what_it_needs(&t)) &&
	    !(broken = shows_what_it_knows(&t)) && !(broken = every_difference_is_told(&t)))
		broken = a_refusal_has_reasons(&t);
	return broken;
}
