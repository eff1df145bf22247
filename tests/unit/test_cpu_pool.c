/* SPDX-License-Identifier: MIT */
/* cpu_baseline/pool.c against hosts with known pools, and against trying every set. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cpu_baseline/pool.h"

enum { INTEL, OTHER };

/* leaf 1 ECX; AVX with what it needs of SSE */
#define AVX    (1u << 28 | 1u << 20 | 1u << 19 | 1u << 9 | 1u << 0)
#define XSAVE  (1u << 26)
#define POPCNT (1u << 23)
#define MOVBE  (1u << 22)

static const uint32_t vendors[][3] = {
	{0x756e6547, 0x6c65746e, 0x49656e69}, /* GenuineIntel, as EBX, ECX, EDX */
	{0x68747541, 0x444d4163, 0x69746e65}, /* AuthenticAMD */
};

static struct cpu_policy policies[CPU_POOL_HOSTS];
static const struct cpu_policy *hosts[CPU_POOL_HOSTS];

static void leaf(struct cpu_policy *policy, uint32_t number, uint32_t sub, uint32_t a, uint32_t b, uint32_t c,
		 uint32_t d)
{
	assert_int_equal(cpu_policy_set(policy,
					&(struct cpu_leaf){
						number, sub, {a, b, c, d}
        }),
			 0);
}

static void make_host(unsigned at, unsigned vendor, uint32_t ecx, uint32_t khz)
{
	struct cpu_policy *policy = &policies[at];

	*policy = (struct cpu_policy){0};
	leaf(policy, 0, 0, 0x16, vendors[vendor][0], vendors[vendor][1], vendors[vendor][2]);
	leaf(policy, 1, 0, 0x306c3, 0x800, ecx, 0x078bfbff);
	if (ecx & XSAVE) {
		leaf(policy, 0xd, 0, 7, 832, 832, 0);
		leaf(policy, 0xd, 1, 0, 0, 0, 0);
		leaf(policy, 0xd, 2, 256, 576, 0, 0);
	}
	/* leaf 0x15: TSC over crystal, crystal in Hz */
	leaf(policy, 0x15, 0, 2, khz ? 200 : 0, khz * 10, 0);
	hosts[at] = policy;
}

/* clang-format off */
static const struct {
	const char *name;
	const char *want; /* NULL: nothing */
	struct { unsigned vendor; uint32_t ecx; } host[6];
	unsigned count;
	uint64_t pools[4]; /* expected, up to the first 0 */
	uint64_t none;
} rows[] = {
	{"no host",              NULL,     {{0}},                                          0, {0},        0},
	{"one host",             NULL,     {{INTEL, 0}},                                   1, {1},        0},
	{"all alike",            NULL,     {{INTEL, 0}, {INTEL, 0}, {INTEL, 0}},           3, {7},        0},
	{"two vendors",          NULL,     {{INTEL, 0}, {OTHER, 0}, {INTEL, 0}},           3, {5, 2},     0},
	{"the larger first",     NULL,     {{INTEL, 0}, {OTHER, 0}, {OTHER, 0}},           3, {6, 1},     0},
	{"a tie: lowest index",  NULL,     {{OTHER, 0}, {INTEL, 0}, {INTEL, 0}, {OTHER, 0}}, 4, {9, 6},   0},
	{"one lacks it",         "popcnt", {{INTEL, POPCNT}, {INTEL, 0}, {INTEL, POPCNT}}, 3, {5},        2},
	{"all lack it",          "popcnt", {{INTEL, 0}, {INTEL, MOVBE}},                   2, {0},        3},
	{"its base is lacking",  "avx",    {{INTEL, AVX | XSAVE}, {INTEL, AVX}},           2, {1},        2},
};
/* clang-format on */

static void known_pools(void **state)
{
	static const struct cpu_options options;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cpu_field *want = rows[i].want ? cpu_field_find(rows[i].want) : NULL;
		struct cpu_pools pools;
		unsigned n = 0;

		for (unsigned h = 0; h < rows[i].count; h++)
			make_host(h, rows[i].host[h].vendor, rows[i].host[h].ecx, 0);
		assert_int_equal(cpu_pools(hosts, rows[i].count, &want, want ? 1 : 0, &options, &pools), 0);
		while (n < 4 && rows[i].pools[n])
			n++;
		if (pools.count != n || pools.none != rows[i].none || !pools.exact)
			fail_msg("%s: %u pools, none 0x%llx", rows[i].name, pools.count,
				 (unsigned long long)pools.none);
		for (unsigned p = 0; p < n; p++)
			if (pools.pool[p].hosts != rows[i].pools[p])
				fail_msg("%s: pool %u is 0x%llx", rows[i].name, p,
					 (unsigned long long)pools.pool[p].hosts);
	}
}

/* The largest set by trying each: the reference. 0: no host fits. */
static uint64_t largest(unsigned count, uint64_t left, const struct cpu_field *want,
			const struct cpu_options *options)
{
	uint64_t best = 0;

	for (uint64_t set = 1; set < 1ull << count; set++) {
		const struct cpu_policy *chosen[CPU_POOL_HOSTS];
		struct cpu_policy baseline;
		unsigned n = 0;

		if ((set & ~left) || __builtin_popcountll(set) <= __builtin_popcountll(best))
			continue;
		for (unsigned i = 0; i < count; i++)
			if (set >> i & 1)
				chosen[n++] = hosts[i];
		if (!cpu_baseline(chosen, n, options, &baseline, NULL, NULL) &&
		    cpu_field_get(&baseline, want))
			best = set;
	}
	return best;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Vendors, features and TSC frequencies at random: sizes of all pools are those of the reference. */
static void every_set_tried(void **state)
{
	static const uint32_t words[] = {POPCNT, POPCNT | MOVBE, POPCNT | XSAVE | AVX, MOVBE};
	const struct cpu_field *want = cpu_field_find("popcnt");
	uint32_t seed = 1;
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		const struct cpu_options options = {.tsc_scaled = round & 1};
		unsigned count = 1 + next_random(&seed) % 8;
		uint64_t left = 0;
		struct cpu_pools pools;

		for (unsigned h = 0; h < count; h++)
			make_host(h, next_random(&seed) % 2, words[next_random(&seed) % 4],
				  next_random(&seed) % 3 * 1000000);
		assert_int_equal(cpu_pools(hosts, count, &want, 1, &options, &pools), 0);
		assert_true(pools.exact);
		left = ((1ull << count) - 1) & ~pools.none;
		for (unsigned p = 0; p < pools.count; p++) {
			uint64_t best = largest(count, left, want, &options);

			if (pools.pool[p].count != (unsigned)__builtin_popcountll(best) ||
			    (unsigned)__builtin_popcountll(pools.pool[p].hosts) != pools.pool[p].count ||
			    (pools.pool[p].hosts & ~left))
				fail_msg("round %u, pool %u: 0x%llx, wanted as many as 0x%llx", round, p,
					 (unsigned long long)pools.pool[p].hosts, (unsigned long long)best);
			left &= ~pools.pool[p].hosts;
		}
		assert_int_equal(left, 0);
		assert_int_equal(largest(count, pools.none, want, &options), 0);
		refused += pools.count > 1;
	}
	assert_true(refused > 10); /* else the rounds were no test */
}

static void as_many_as_there_may_be(void **state)
{
	static const struct cpu_options options;
	struct cpu_pools pools;

	(void)state;
	for (unsigned h = 0; h < CPU_POOL_HOSTS; h++)
		make_host(h, h & 1, POPCNT, 0);
	assert_int_equal(cpu_pools(hosts, CPU_POOL_HOSTS, NULL, 0, &options, &pools), 0);
	assert_int_equal(pools.count, 2);
	assert_false(pools.exact); /* it is, but nothing says so */
	assert_int_equal(pools.pool[0].hosts, 0x5555555555555555);
	assert_int_equal(pools.pool[0].count, 32);
	assert_int_equal(pools.none, 0);
	assert_true(pools.pool[0].features > 10);
	for (unsigned h = 0; h < CPU_POOL_HOSTS; h++)
		make_host(h, INTEL, POPCNT, 0);
	assert_int_equal(cpu_pools(hosts, CPU_POOL_HOSTS, NULL, 0, &options, &pools), 0);
	assert_int_equal(pools.count, 1);
	assert_int_equal(pools.pool[0].count, CPU_POOL_HOSTS);
	assert_true(pools.exact);
	assert_int_equal(cpu_pools(hosts, CPU_POOL_HOSTS + 1, NULL, 0, &options, &pools), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_pools),
		cmocka_unit_test(every_set_tried),
		cmocka_unit_test(as_many_as_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
