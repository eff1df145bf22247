/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ept02_world.h"

#define MB      0x100000ull
#define GB      0x40000000ull
#define PRESENT 7ull
#define WB      (6ull << 3)
#define LARGE   (1ull << 7)
#define AD_A    (1ull << 8)
#define AD_D    (1ull << 9)
#define ROOT    0x1000ull /* of EPT12, in L1's memory */
#define EPTP12  (ROOT | 0x1E)

static const struct ept_caps cpu = {
	.maxphyaddr = 39, .page_2m = true, .page_1g = true, .ad = true, .exec_only = true};

static struct world world; /* large */

/* L1 maps L2's first addresses: PML4 at 0x1000, PDPT 0x2000, PD 0x3000, PT 0x4000. */
static void simple_tables(struct world *w)
{
	w->l1[1][0] = 0x2000 | PRESENT;
	w->l1[2][0] = 0x3000 | PRESENT;
	w->l1[3][0] = 0x4000 | PRESENT;
}

static void start(const struct ept_caps *caps, const struct ept_caps *caps12, size_t budget, uint64_t eptp12)
{
	uint64_t eptp02;

	assert_true(world_init(&world, caps, caps12, budget));
	simple_tables(&world);
	assert_int_equal(ept02_use(&world.e, eptp12, &eptp02), 0);
	assert_int_equal(eptp02 & 0x3F, 0x1E);
}

static void map01(uint64_t gpa, uint64_t hpa, uint64_t bytes, unsigned flags, enum ept_memtype type)
{
	assert_int_equal(ept_map(&world.ept01, &world.mem, gpa, hpa, bytes, flags, type), 0);
}

/* ---- named rows: one EPT12 leaf, one EPT01 mapping, one access ---- */

#define L1_AT (5 * MB) /* where a 4-KByte leaf points */

static const struct {
	const char *name;
	unsigned level; /* of EPT12's leaf: 1 PDPTE, 2 PDE, 3 PTE */
	uint64_t leaf;
	uint64_t gpa01, bytes01; /* EPT01: one mapping of gpa01 to EPT01_HPA + gpa01; bytes 0: none */
	unsigned flags01;
	enum ept_memtype type01;
	unsigned access;
	enum ept02_verdict want;
	uint64_t qualification;
	uint64_t page;
	unsigned perms;
	unsigned type; /* of EPT02's leaf; bit 3: IPAT */
} rows[] = {
	{"4K over 2M, read",			      3, L1_AT | 7 | WB,                 4 * MB, 2 * MB, 7,            EPT_WB, 1, EPT02_MAPPED,            0,          4096,   7, 6},
	{"2M over 2M",				    2, 4 * MB | 7 | WB | LARGE,        4 * MB, 2 * MB, 7,            EPT_WB, 2, EPT02_MAPPED,            0,          2 * MB, 7,
	 6																					     },
	{"2M over 1G",				    2, 4 * MB | 7 | WB | LARGE,        0,      GB,     7,            EPT_WB, 2, EPT02_MAPPED,            0,          2 * MB, 7, 6},
	{"1G over 1G",				    1, 7 | WB | LARGE,                 0,      GB,     7,            EPT_WB, 4, EPT02_MAPPED,            0,          GB,     7, 6},
	{"1G over 2M",				    1, 7 | WB | LARGE,                 0,      2 * MB, 7,            EPT_WB, 4, EPT02_MAPPED,            0,          2 * MB, 7, 6},
	{"1G over 4K",				    1, 7 | WB | LARGE,                 0,      4096,   7,            EPT_WB, 4, EPT02_MAPPED,            0,          4096,   7, 6},
	{"L1's read-only, read",                          3, L1_AT | 1 | WB,                 4 * MB, 2 * MB, 7,            EPT_WB, 1, EPT02_MAPPED,            0,          4096,   1,
	 6																					     },
	{"L1's read-only, write",                         3, L1_AT | 1 | WB,                 4 * MB, 2 * MB, 7,            EPT_WB, 2, EPT02_REFLECT_VIOLATION,
	 2 | 1 << 3,																		       0,      0, 0},
	{"L1's read-only, read and write of a page walk", 3, L1_AT | 1 | WB,                 4 * MB, 2 * MB, 7,            EPT_WB, 3,
	 EPT02_REFLECT_VIOLATION,															      3 | 1 << 3, 0,      0, 0},
	{"L1's no-execute, fetch",                        3, L1_AT | 3 | WB,                 4 * MB, 2 * MB, 7,            EPT_WB, 4, EPT02_REFLECT_VIOLATION,
	 4 | 3 << 3,																		       0,      0, 0},
	{"L1 has none",				   3, 0,			      4 * MB, 2 * MB, 7,            EPT_WB, 1, EPT02_REFLECT_VIOLATION, 1,          0,      0, 0},
	{"L1 has none, nor has EPT01",                    3, 0,                              0,      0,      7,            EPT_WB, 2, EPT02_REFLECT_VIOLATION, 2,          0,      0, 0},
	{"execute-only",				  3, L1_AT | 4 | WB,                 4 * MB, 2 * MB, 7,            EPT_WB, 4, EPT02_MAPPED,            0,          4096,   4, 6},
	{"EPT01 read-only, read",                         3, L1_AT | 7 | WB,                 4 * MB, 2 * MB, 1,            EPT_WB, 1, EPT02_MAPPED,            0,          4096,   1,
	 6																					     },
	{"EPT01 read-only, write",                        3, L1_AT | 7 | WB,                 4 * MB, 2 * MB, 1,            EPT_WB, 2, EPT02_L0_OWN,            0,          0,      1, 0},
	{"both lack something",                           3, L1_AT | 3 | WB,                 4 * MB, 2 * MB, 5,            EPT_WB, 1, EPT02_MAPPED,            0,          4096,   1, 6},
	{"nothing in common",                             3, L1_AT | 4 | WB,                 4 * MB, 2 * MB, 3,            EPT_WB, 0, EPT02_L0_OWN,            0,          0,      3, 0},
	{"device of L0",				  3, 0xFEB00000ull | 7 | WB,         4 * MB, 2 * MB, 7,            EPT_WB, 2, EPT02_L0_OWN,            0,          0,      0, 0},
	{"type of RAM is L1's",                           3, L1_AT | 7 | 1 << 3,             4 * MB, 2 * MB, 7,            EPT_WB, 1, EPT02_MAPPED,            0,          4096,   7,
	 1																					     },
	{"IPAT of RAM is L1's",                           3, L1_AT | 7 | 1 << 6,             4 * MB, 2 * MB, 7,            EPT_WB, 1, EPT02_MAPPED,            0,          4096,   7,
	 8																					     },
	{"type of a device is EPT01's",                   3, L1_AT | 7 | WB,                 4 * MB, 2 * MB, 7 | EPT_IPAT, EPT_UC, 1,
	 EPT02_MAPPED,																	 0,          4096,   7, 8},
	{"misconfigured type",                            3, L1_AT | 7 | 2 << 3,             4 * MB, 2 * MB, 7,            EPT_WB, 1, EPT02_REFLECT_MISCONFIG,
	 0,																				0,      0, 0},
	{"write-only",				    3, L1_AT | 2 | WB,                 4 * MB, 2 * MB, 7,            EPT_WB, 2, EPT02_REFLECT_MISCONFIG, 0,          0,      0, 0},
	{"leaf beyond MAXPHYADDR",                        3, 1ull << 39 | 7 | WB,            0,      0,      7,            EPT_WB, 1, EPT02_REFLECT_MISCONFIG, 0,          0,
	 0,																					   0},
	{"leaf beyond EPT01's reach",                     3, 1ull << 38 | 7 | WB,            0,      0,      7,            EPT_WB, 1, EPT02_L0_OWN,            0,          0,      0, 0},
	{"table outside L1's memory reads as ones",       2, 1ull << 38 | 7,                 0,      0,      7,            EPT_WB, 1,
	 EPT02_REFLECT_MISCONFIG,															      0,          0,      0, 0},
	{"2M with address bits below",                    2, 4 * MB | 4096 | 7 | WB | LARGE, 4 * MB, 2 * MB, 7,            EPT_WB, 1,
	 EPT02_REFLECT_MISCONFIG,															      0,          0,      0, 0},
};

static void fault_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ept02_result r;
		struct reference_answer a;
		enum ept02_verdict v;

		start(&cpu, &cpu, 64, EPTP12);
		world.l1[1 + rows[i].level][0] = rows[i].leaf;
		map01(rows[i].gpa01, EPT01_HPA + rows[i].gpa01, rows[i].bytes01, rows[i].flags01,
		      rows[i].type01);
		v = ept02_fault(&world.e, 0x10, rows[i].access, &r);
		if (v != rows[i].want || r.qualification != rows[i].qualification ||
		    r.page_bytes != rows[i].page || r.perms != rows[i].perms)
			fail_msg("%s: verdict %d, qualification %#llx, page %#llx, permissions %u",
				 rows[i].name, (int)v, (unsigned long long)r.qualification,
				 (unsigned long long)r.page_bytes, r.perms);
		a = world_walk_own(&world, world.e.current->ept.root, 0x10, rows[i].access);
		assert_int_equal(a.outcome, v == EPT02_MAPPED ? REF_OK : REF_VIOLATION);
		if (v == EPT02_MAPPED && (a.type | (a.ignore_pat ? 8u : 0u)) != rows[i].type)
			fail_msg("%s: type %u, ignore PAT %d", rows[i].name, a.type, a.ignore_pat);
		if (v == EPT02_MAPPED || v == EPT02_L0_OWN)
			assert_int_equal(r.l1_gpa, (rows[i].leaf & 0xFFFFFFFFFF000ull) + 0x10);
		world_end(&world);
	}
}

/* ---- random tables against the reference ---- */

/* Few index values, so that random addresses often hit an entry. */
static const uint64_t indexes[] = {0, 1, 255, 511};

static uint64_t random_l2(uint64_t *seed)
{
	uint64_t gpa = next_random(seed) & 0xFFF;

	for (unsigned shift = 12; shift < 48; shift += 9)
		gpa |= indexes[random_below(seed, 4)] << shift;
	return gpa;
}

static uint64_t random_entry(uint64_t *seed, unsigned level)
{
	static const unsigned perms[] = {7, 7, 7, 7, 3, 5, 1, 4, 2, 6, 0};
	static const unsigned types[] = {6, 6, 6, 6, 0, 1, 4, 5, 2, 7};
	const bool leaf = level == 3 || (level > 0 && random_below(seed, 3) == 0);
	uint64_t e = perms[random_below(seed, 11)];

	if (leaf) {
		const unsigned shift = level == 3 ? 12 : level == 2 ? 21 : 30;

		e |= (random_below(seed, L1_SPAN) >> shift) << shift;
		e |= (uint64_t)types[random_below(seed, 10)] << 3 | (level != 3 ? LARGE : 0);
		e |= random_below(seed, 8) == 0 ? EPT_IPAT : 0;
	} else {
		e |= random_below(seed, L1_PAGES + 1) << 12;
	}
	if (random_below(seed, 30) == 0)
		e ^= 1ull << random_below(seed, 64); /* anything */
	return e;
}

static void random_ept12(struct world *w, uint64_t *seed)
{
	/* A page's level is its number mod 4; tables point anywhere, so levels mix and cycles occur. */
	for (unsigned page = 0; page < L1_PAGES; page++)
		for (unsigned i = 0; i < 4; i++)
			w->l1[page][indexes[i]] = random_entry(seed, page % 4);
	/* Most walks should get to the end: a table of level n points to one of level n + 1. */
	for (unsigned page = 0; page < L1_PAGES; page++)
		for (unsigned i = 0; i < 4; i++) {
			uint64_t *e = &w->l1[page][indexes[i]];

			if (page % 4 < 3 && !(*e & LARGE) && random_below(seed, 10))
				*e = (*e & 0xFFF) | (page % 4 + 1 + 4 * random_below(seed, L1_PAGES / 4))
							    << 12;
		}
}

static void random_ept01(struct world *w, uint64_t *seed)
{
	static const unsigned perms[] = {7, 7, 7, 1, 3, 5};

	for (unsigned n = 0; n < 24; n++) {
		static const uint64_t sizes[] = {4096, 16 * 4096, 2 * MB, 64 * MB, GB};
		const uint64_t bytes = sizes[random_below(seed, 5)];
		const uint64_t gpa = random_below(seed, L1_SPAN / bytes) * bytes;
		/* Sometimes not congruent, which forces small pages: only for small pieces */
		const uint64_t shift =
			bytes <= 2 * MB && random_below(seed, 4) == 0 ? 4096 * random_below(seed, 512) : 0;
		const bool device = random_below(seed, 6) == 0;

		assert_int_equal(ept_map(&w->ept01, &w->mem, gpa, EPT01_HPA + gpa + shift, bytes,
					 perms[random_below(seed, 6)] | (device ? EPT_IPAT : 0),
					 device ? EPT_UC : EPT_WB),
				 0);
	}
}

struct composed {
	enum ept02_verdict verdict;
	uint64_t l1_gpa, hpa, qualification, page;
	unsigned perms, type;
	bool ignore_pat;
};

/* What the processor would do with a walk of EPT12 followed by one of EPT01. */
static struct composed compose(struct world *w, uint64_t eptp12, uint64_t l2_gpa, unsigned access)
{
	const struct reference_answer a = world_walk12(w, eptp12, l2_gpa, access);
	struct reference_answer b;
	struct composed c = {0};
	unsigned bits;

	if (a.outcome == REF_MISCONFIG) {
		c.verdict = EPT02_REFLECT_MISCONFIG;
		return c;
	}
	if (a.outcome == REF_VIOLATION) {
		c.verdict = EPT02_REFLECT_VIOLATION;
		c.qualification = access | (a.r ? 8u : 0u) | (a.w ? 16u : 0u) | (a.x ? 32u : 0u);
		return c;
	}
	c.l1_gpa = a.address;
	b = world_walk_own(w, w->ept01.root, a.address, access);
	c.perms = (a.r && b.r ? 1u : 0u) | (a.w && b.w ? 2u : 0u) | (a.x && b.x ? 4u : 0u);
	if (b.outcome != REF_OK) {
		c.verdict = EPT02_L0_OWN;
		return c;
	}
	bits = a.page_bits < b.page_bits ? a.page_bits : b.page_bits;
	c.verdict = EPT02_MAPPED;
	c.hpa = b.address;
	c.page = 1ull << bits;
	c.type = b.type == 6 ? a.type : b.type;
	c.ignore_pat = b.type == 6 ? a.ignore_pat : b.ignore_pat;
	return c;
}

/* Whatever EPT02 says of an address now, without asking for a fault, must be what the composition says. */
static void check_silent(struct world *w, uint64_t eptp12, uint64_t l2_gpa)
{
	const struct reference_answer got = world_walk_own(w, w->e.current->ept.root, l2_gpa, 0);
	struct composed want;

	if (got.outcome == REF_VIOLATION)
		return;
	want = compose(w, eptp12, l2_gpa, 0);
	assert_int_equal(got.outcome, REF_OK);
	assert_int_equal(want.verdict, EPT02_MAPPED);
	assert_int_equal(got.address, want.hpa);
	assert_int_equal((got.r ? 1u : 0u) | (got.w ? 2u : 0u) | (got.x ? 4u : 0u), want.perms);
	assert_int_equal(got.type, want.type);
	assert_int_equal(got.ignore_pat, want.ignore_pat);
}

static void random_tables_agree_with_the_reference(void **state)
{
	unsigned counts[5] = {0};
	uint64_t seed = 2024;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct ept_caps caps12 = cpu;
		const uint64_t now = (round % 8 * 4ull) << 12 | 0x1E; /* a page of level 0 */

		caps12.exec_only = round % 3 != 0;
		caps12.page_1g = round % 4 != 0;
		start(&cpu, &caps12, round % 2 ? 20 : 400, now);
		random_ept12(&world, &seed);
		random_ept01(&world, &seed);
		for (unsigned n = 0; n < 3000; n++) {
			static const unsigned accesses[] = {1, 2, 3, 4};
			const uint64_t l2 = random_l2(&seed);
			const unsigned access = accesses[random_below(&seed, 4)];
			const struct composed want = compose(&world, now, l2, access);
			struct ept02_result r;
			enum ept02_verdict v = ept02_fault(&world.e, l2, access, &r);

			counts[v]++;
			assert_int_equal(v, want.verdict);
			assert_int_equal(r.qualification, want.qualification);
			assert_int_equal(r.l1_gpa, want.l1_gpa);
			if (v == EPT02_MAPPED) {
				const struct reference_answer got =
					world_walk_own(&world, world.e.current->ept.root, l2, access);

				assert_int_equal(got.outcome, REF_OK);
				assert_int_equal(r.hpa, want.hpa);
				assert_int_equal(r.page_bytes, want.page);
				assert_int_equal(1ull << got.page_bits, want.page);
				check_silent(&world, now, l2 ^ (next_random(&seed) & (want.page - 1)));
			}
			check_silent(&world, now, random_l2(&seed));
			if (n % 500 == 499) { /* L1 changes its tables, and says so */
				random_ept12(&world, &seed);
				if (n % 1000 == 999)
					ept02_invept_single(&world.e, now);
				else
					ept02_invept_all(&world.e);
				assert_true(world.e.stale);
			}
		}
		world_end(&world);
	}
	/* A comparison that never met a case has not tested it. */
	for (unsigned v = EPT02_MAPPED; v <= EPT02_L0_OWN; v++)
		assert_true(counts[v] > 1000);
}

/* ---- contexts, budget, invalidation ---- */

static void contexts_are_kept_and_the_oldest_goes(void **state)
{
	uint64_t eptp[EPT02_SLOTS + 1], again;

	(void)state;
	start(&cpu, &cpu, 64, EPTP12);
	map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
	world.l1[4][0] = 4 * MB | 7 | WB;
	for (uint64_t i = 0; i < EPT02_SLOTS; i++) {
		struct ept02_result r;

		/* The same tables under other memory types of the EPT pointer: contexts of their own */
		world.l1[8 + i][0] = world.l1[1][0];
		assert_int_equal(ept02_use(&world.e, (8 + i) << 12 | 0x1E, &eptp[i]), 0);
		assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
		for (uint64_t j = 0; j < i; j++)
			assert_true(eptp[i] != eptp[j]);
	}
	world.e.stale = false;
	for (uint64_t i = 0; i < EPT02_SLOTS; i++) {
		assert_int_equal(ept02_use(&world.e, (8 + i) << 12 | 0x1E, &again), 0);
		assert_int_equal(again, eptp[i]);
		assert_int_equal(world_walk_own(&world, again, 0, 1).outcome, REF_OK);
	}
	assert_false(world.e.stale);
	assert_int_equal(ept02_use(&world.e, 20 << 12 | 0x1E, &eptp[EPT02_SLOTS]), 0);
	assert_true(world.e.stale); /* a root was given up */
	assert_int_equal(ept02_use(&world.e, 9 << 12 | 0x1E, &again), 0);
	assert_int_equal(again, eptp[1]); /* 8 was the oldest, 9 is still there */
	assert_int_equal(world_walk_own(&world, again, 0, 1).outcome, REF_OK);
	world_end(&world);
}

static void budget_is_kept(void **state)
{
	const size_t budget = EPT02_SLOTS + 4;
	uint64_t seed = 7, eptp;

	(void)state;
	start(&cpu, &cpu, budget, EPTP12);
	map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
	for (unsigned n = 0; n < 2000; n++) {
		const uint64_t l2 = random_l2(&seed);
		struct ept02_result r;
		size_t held = 0;

		/* Every index of every level leads to the same tables. */
		for (unsigned page = 1; page < 4; page++)
			for (unsigned i = 0; i < 512; i++)
				world.l1[page][i] = (page + 1ull) << 12 | PRESENT;
		for (unsigned i = 0; i < 512; i++)
			world.l1[4][i] = 4 * MB | 7 | WB;
		if (n % 100 == 0)
			assert_int_equal(ept02_use(&world.e, EPTP12 ^ (n % 200 ? 6 : 0), &eptp), 0);
		assert_int_equal(ept02_fault(&world.e, l2, 2, &r), EPT02_MAPPED);
		assert_int_equal(world_walk_own(&world, world.e.current->ept.root, l2, 2).outcome, REF_OK);
		for (unsigned i = 0; i < EPT02_SLOTS; i++)
			held += world.e.slot[i].ept.tables;
		assert_true(held <= budget);
	}
	assert_true(world.e.stats.drops > 100);
	world_end(&world);
}

static void running_out_of_pages(void **state)
{
	uint64_t eptp;
	struct ept02_result r;

	(void)state;
	start(&cpu, &cpu, 64, EPTP12);
	map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
	world.l1[4][0] = 4 * MB | 7 | WB;
	world.arena->limit = world.arena->in_use + 2; /* one fewer than the mapping needs */
	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_NO_MEMORY);
	world.arena->limit++;
	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
	assert_int_equal(ept02_use(&world.e, 8 << 12 | 0x1E, &eptp), 0); /* takes the other's pages */
	assert_true(world.e.stale);
	world_end(&world);
	assert_true(world_init(&world, &cpu, &cpu, 64));
	world.arena->limit = world.arena->in_use;
	assert_int_equal(ept02_use(&world.e, EPTP12, &eptp), -ENOMEM);
	world_end(&world);
	assert_true(world_init(&world, &cpu, &cpu, 64));
	assert_int_equal(ept02_init(&world.e, &world.ept01, &world.mem, &world.e.l1, &cpu, EPT02_SLOTS),
			 -EINVAL);
	world_end(&world);
}

static void invept_drops_what_it_names(void **state)
{
	static const struct {
		const char *name;
		unsigned how; /* 0 single, 1 all, 2 EPT01 changed */
		uint64_t eptp;
		bool dropped;
	} cases[] = {
		{"single",			    0, EPTP12,        true },
		{"single, other bits of the pointer", 0, ROOT | 0x18,   true },
		{"single, another root",              0, 0x9000 | 0x1E, false},
		{"all",			       1, 0,             true },
		{"EPT01 changed",                     2, 0,             true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ept02_result r;
		uint64_t before, after;
		bool gone;

		start(&cpu, &cpu, 64, EPTP12);
		map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
		world.l1[4][0] = 4 * MB | 7 | WB;
		assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
		assert_false(world.e.stale);
		before = world.e.current->ept.root;
		if (cases[i].how == 0)
			ept02_invept_single(&world.e, cases[i].eptp);
		else if (cases[i].how == 1)
			ept02_invept_all(&world.e);
		else
			ept02_ept01_changed(&world.e);
		gone = world_walk_own(&world, world.e.current->ept.root, 0, 1).outcome == REF_VIOLATION;
		if (gone != cases[i].dropped || world.e.stale != cases[i].dropped)
			fail_msg("%s: dropped %d, stale %d", cases[i].name, gone, world.e.stale);
		assert_int_equal(ept02_use(&world.e, EPTP12, &after), 0);
		assert_int_equal(after & ~0xFFFull, before); /* the pointer in vmcs02 stays right */
		world_end(&world);
	}
}

/* ---- accessed and dirty flags of EPT12 ---- */

static void flags_of_ept12_are_set(void **state)
{
	struct ept02_result r;
	uint64_t eptp02;

	(void)state;
	assert_true(world_init(&world, &cpu, &cpu, 64));
	simple_tables(&world);
	map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
	world.l1[4][0] = 4 * MB | 7 | WB;
	assert_int_equal(ept02_use(&world.e, EPTP12 | EPT_EPTP_AD, &eptp02), 0);
	assert_true(eptp02 & EPT_EPTP_AD);

	assert_int_equal(ept02_translate(&world.e, 0, 2, &r), EPT02_MAPPED);
	assert_int_equal(world.l1[1][0] & AD_A, 0); /* L0's own look leaves no trace */

	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
	assert_int_equal(r.perms, EPT_R | EPT_X); /* the first write has to be seen */
	for (unsigned page = 1; page <= 4; page++)
		assert_int_equal(world.l1[page][0] & (AD_A | AD_D), AD_A);
	assert_int_equal(ept02_fault(&world.e, 0, 2, &r), EPT02_MAPPED);
	assert_int_equal(r.perms, EPT_RWX);
	for (unsigned page = 1; page <= 4; page++)
		assert_int_equal(world.l1[page][0] & (AD_A | AD_D), page == 4 ? AD_A | AD_D : AD_A);
	ept02_invept_all(&world.e);
	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
	assert_int_equal(r.perms, EPT_RWX); /* dirty already */

	world.l1[4][0] = 4 * MB | 7 | WB;
	world.failing_updates = 3;
	assert_int_equal(ept02_fault(&world.e, 0, 2, &r), EPT02_MAPPED);
	assert_int_equal(world.failing_updates, 0);
	assert_int_equal(world.l1[4][0] & (AD_A | AD_D), AD_A | AD_D);
	world.l1[4][0] = 4 * MB | 7 | WB;
	world.failing_updates = 1000; /* read-only memory: L2 goes on all the same */
	assert_int_equal(ept02_fault(&world.e, 0, 2, &r), EPT02_MAPPED);
	assert_int_equal(r.perms, EPT_RWX);
	world_end(&world);
}

/* What page-modification logging hangs on: SDM "Page-Modification Logging" */
static void first_write_is_told(void **state)
{
	struct ept02_result r;
	uint64_t eptp02;

	(void)state;
	assert_true(world_init(&world, &cpu, &cpu, 64));
	simple_tables(&world);
	map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
	world.l1[4][0] = 4 * MB | 7 | WB;
	assert_int_equal(ept02_use(&world.e, EPTP12 | EPT_EPTP_AD, &eptp02), 0);
	world.e.log_full = true;
	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_LOG_FULL);
	assert_int_equal(world.l1[4][0] & AD_A, 0);
	world.e.log_full = false;
	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
	assert_false(r.dirtied);
	world.e.log_full = true;
	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
	assert_int_equal(ept02_fault(&world.e, 0, 2, &r), EPT02_LOG_FULL);
	assert_int_equal(world.l1[4][0] & AD_D, 0);
	world.e.log_full = false;
	assert_int_equal(ept02_fault(&world.e, 0, 2, &r), EPT02_MAPPED);
	assert_true(r.dirtied);
	world.e.log_full = true;
	assert_int_equal(ept02_fault(&world.e, 0, 2, &r), EPT02_MAPPED);
	assert_false(r.dirtied);
	world_end(&world);
}

/* The APIC-access page: mapped by 4 KBytes where L1 says, whatever EPT01 has there. */
static void special_page(void **state)
{
	const uint64_t page = 4 * MB + 0x3000, host = 0x7000;
	struct ept02_result r;
	uint64_t eptp02;

	(void)state;
	assert_true(world_init(&world, &cpu, &cpu, 64));
	map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
	assert_int_equal(ept02_use(&world.e, EPT02_IDENTITY, &eptp02), 0);
	assert_int_equal(ept02_fault(&world.e, page, 2, &r), EPT02_MAPPED);
	assert_int_equal(r.page_bytes, 2 * MB);
	world.e.stale = false;
	ept02_special(&world.e, page, host);
	assert_true(world.e.stale);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(ept02_fault(&world.e, 4 * MB + 0x1000 * i, 2, &r), EPT02_MAPPED);
		assert_int_equal(r.page_bytes, 4096);
		assert_int_equal(r.hpa, i == 3 ? host : EPT01_HPA + 0x1000 * i);
	}
	ept02_special(&world.e, 0xFEE00000, host); /* where EPT01 has nothing */
	assert_int_equal(ept02_fault(&world.e, 0xFEE00080, 1, &r), EPT02_MAPPED);
	assert_int_equal(r.hpa, host | 0x80);
	assert_int_equal(ept02_fault(&world.e, 0xFEE01000, 1, &r), EPT02_L0_OWN);
	ept02_special(&world.e, EPT02_NO_PAGE, 0);
	assert_int_equal(ept02_fault(&world.e, 0xFEE00080, 1, &r), EPT02_L0_OWN);
	assert_int_equal(ept02_fault(&world.e, page, 2, &r), EPT02_MAPPED);
	assert_int_equal(r.page_bytes, 2 * MB);
	world_end(&world);
}

static void no_flags_without_the_bit(void **state)
{
	struct ept02_result r;
	uint64_t eptp02;

	(void)state;
	start(&cpu, &cpu, 64, EPTP12);
	map01(4 * MB, EPT01_HPA, 2 * MB, 7, EPT_WB);
	world.l1[4][0] = 4 * MB | 7 | WB;
	assert_int_equal(ept02_fault(&world.e, 0, 1, &r), EPT02_MAPPED);
	assert_int_equal(r.perms, EPT_RWX);
	assert_int_equal(world.l1[4][0] & (AD_A | AD_D), 0);
	assert_int_equal(ept02_use(&world.e, EPTP12, &eptp02), 0);
	assert_false(eptp02 & EPT_EPTP_AD);
	world_end(&world);
}

static void translate_rows(void **state)
{
	struct ept02_result r;

	(void)state;
	start(&cpu, &cpu, 64, EPTP12);
	world.l1[4][0] = 0xFEB00000ull | 1 | WB;
	world.l1[3][1] = 6 * MB | 5 | WB | LARGE;
	assert_int_equal(ept02_translate(&world.e, 0x123, 1, &r), EPT02_MAPPED);
	assert_int_equal(r.l1_gpa, 0xFEB00123ull);
	assert_int_equal(r.page_bytes, 4096);
	assert_int_equal(ept02_translate(&world.e, 2 * MB + 0x2345, 4, &r), EPT02_MAPPED);
	assert_int_equal(r.l1_gpa, 6 * MB + 0x2345);
	assert_int_equal(r.page_bytes, 2 * MB);
	assert_int_equal(r.perms, 5);
	assert_int_equal(ept02_translate(&world.e, 0x123, 2, &r), EPT02_REFLECT_VIOLATION);
	assert_int_equal(r.qualification, 2 | 1 << 3);
	assert_int_equal(ept02_translate(&world.e, 0x1000, 1, &r), EPT02_REFLECT_VIOLATION);
	assert_int_equal(r.qualification, 1);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_rows),
		cmocka_unit_test(random_tables_agree_with_the_reference),
		cmocka_unit_test(contexts_are_kept_and_the_oldest_goes),
		cmocka_unit_test(budget_is_kept),
		cmocka_unit_test(running_out_of_pages),
		cmocka_unit_test(invept_drops_what_it_names),
		cmocka_unit_test(flags_of_ept12_are_set),
		cmocka_unit_test(first_write_is_told),
		cmocka_unit_test(special_page),
		cmocka_unit_test(no_flags_without_the_bit),
		cmocka_unit_test(translate_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
