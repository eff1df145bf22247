/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/pool.h"

#include <errno.h>
#include <stddef.h>

/* Sets looked at for one pool of many hosts. Hosts that refuse each other form few blocks in practice, so
 * that a search ends after about as many steps as there are hosts; graphs made to be hard do not. */
#define SEARCH_LIMIT 2000u

struct search {
	const struct cpu_policy *const *hosts;
	const struct cpu_field *const *wanted;
	const struct cpu_options *options;
	unsigned count, wanted_count;
	uint64_t fits[CPU_POOL_HOSTS]; /* bit j of [i]: hosts i and j have a baseline with all wanted ones */
	struct cpu_pool best;
	unsigned steps;
	int error;
};

static uint64_t bit(unsigned i)
{
	return 1ull << i;
}

static unsigned bits_of(uint64_t set)
{
	unsigned n = 0;

	for (; set; set &= set - 1)
		n++;
	return n;
}

unsigned cpu_feature_count(const struct cpu_policy *policy)
{
	unsigned n = 0;

	for (size_t i = 0; i < cpu_field_count; i++) {
		const struct cpu_field *field = &cpu_fields[i];

		if (field->rule == CPU_AND && field->width == 1 && field->subleaf != CPU_ANY_SUBLEAF)
			n += cpu_field_get(policy, field) != 0;
	}
	return n;
}

/* Has the set a baseline with all wanted features? Then *features is their count. */
static bool good(struct search *s, uint64_t set, unsigned *features)
{
	const struct cpu_policy *chosen[CPU_POOL_HOSTS];
	struct cpu_policy baseline;
	unsigned n = 0;
	int status;

	for (unsigned i = 0; i < s->count; i++)
		if (set & bit(i))
			chosen[n++] = s->hosts[i];
	status = cpu_baseline(chosen, n, s->options, &baseline, NULL, NULL);
	if (status) {
		if (status != -EPERM)
			s->error = status;
		return false;
	}
	for (unsigned i = 0; i < s->wanted_count; i++)
		if (!cpu_field_get(&baseline, s->wanted[i]))
			return false;
	*features = cpu_feature_count(&baseline);
	return true;
}

/*
 * Grows `set` by hosts of `open`, each of which fits each host of `set`, the lowest one first, so that of
 * sets of one size the first one found is the one that is wanted. That all pairs fit does not make the set
 * fit, so each that would be the best is tried. The lowest open host is taken or left: depth is at most
 * count.
 */
static void grow(struct search *s, uint64_t set, uint64_t open)
{
	unsigned features = 0;

	while (!s->error && bits_of(set) + bits_of(open) > s->best.count) {
		unsigned next;

		if (++s->steps > SEARCH_LIMIT)
			return;
		if (!open) {
			if (good(s, set, &features))
				s->best = (struct cpu_pool){set, bits_of(set), features};
			return;
		}
		next = (unsigned)__builtin_ctzll(open);
		open &= open - 1;
		grow(s, set | bit(next), open & s->fits[next]);
	}
}

static void try_set(struct search *s, uint64_t set)
{
	unsigned features = 0;

	if (good(s, set, &features))
		s->best = (struct cpu_pool){set, bits_of(set), features};
}

/* Every set of few hosts, the larger and then the one with the lower indices first, until one is good. */
static void try_all(struct search *s, uint64_t left)
{
	unsigned host[CPU_POOL_EXACT], n = 0;

	for (unsigned i = 0; i < s->count; i++)
		if (left & bit(i))
			host[n++] = i;
	for (unsigned size = n; size && !s->best.count && !s->error; size--)
		for (uint64_t choice = bit(n) - 1; choice && !s->best.count && !s->error; choice--) {
			uint64_t set = 0;

			if (bits_of(choice) != size)
				continue;
			for (unsigned i = 0; i < n; i++)
				if (choice & bit(n - 1 - i))
					set |= bit(host[i]);
			try_set(s, set);
		}
}

/* Of many hosts: all; else the largest whose pairs fit, and whoever can be added to it. */
static void try_some(struct search *s, uint64_t left)
{
	try_set(s, left);
	grow(s, 0, left);
	if (!s->best.count) /* the search was cut short before the first set */
		try_set(s, left & -left);
	for (unsigned i = 0; i < s->count; i++)
		if (left & ~s->best.hosts & bit(i))
			try_set(s, s->best.hosts | bit(i));
}

/* Hosts that are good by themselves, and the pairs of them that are. */
static uint64_t find_pairs(struct search *s)
{
	unsigned features;
	uint64_t alone = 0;

	for (unsigned i = 0; i < s->count && !s->error; i++)
		if (good(s, bit(i), &features))
			alone |= bit(i);
	if (bits_of(alone) <= CPU_POOL_EXACT)
		return alone;
	for (unsigned i = 0; i < s->count; i++)
		for (unsigned j = i + 1; j < s->count && (alone & bit(i)); j++)
			if ((alone & bit(j)) && good(s, bit(i) | bit(j), &features)) {
				s->fits[i] |= bit(j);
				s->fits[j] |= bit(i);
			}
	return alone;
}

int cpu_pools(const struct cpu_policy *const hosts[], unsigned count, const struct cpu_field *const wanted[],
	      unsigned wanted_count, const struct cpu_options *options, struct cpu_pools *out)
{
	struct search s = {.hosts = hosts,
			   .wanted = wanted,
			   .options = options,
			   .count = count,
			   .wanted_count = wanted_count};
	uint64_t left;

	*out = (struct cpu_pools){.exact = true};
	if (count > CPU_POOL_HOSTS)
		return -EINVAL;
	left = find_pairs(&s);
	out->none = (count == CPU_POOL_HOSTS ? ~0ull : bit(count) - 1) & ~left;
	while (left && !s.error) {
		s.best = (struct cpu_pool){0};
		s.steps = 0;
		if (bits_of(left) <= CPU_POOL_EXACT)
			try_all(&s, left);
		else
			try_some(&s, left);
		if (bits_of(left) > CPU_POOL_EXACT && s.best.hosts != left)
			out->exact = false;
		out->pool[out->count++] = s.best;
		left &= ~s.best.hosts;
	}
	return s.error;
}
