/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arena.h"

#define KB 1024ull
#define MB (1024 * KB)
#define GB (1024 * MB)

static const struct ept_caps all_caps = {
	.maxphyaddr = 39, .page_2m = true, .page_1g = true, .ad = true, .exec_only = true};
static const struct ept_caps no_caps = {.maxphyaddr = 39};

/* ---- largest pages ---- */

static const struct {
	const char *name;
	bool page_2m, page_1g;
	uint64_t gpa, hpa, bytes;
	uint64_t probe, page; /* page size found at probe */
	size_t tables; /* root included */
} map_rows[] = {
	{"one page",                  true,  true,  0,                 0x5000,          4 * KB,          0,        EPT_PAGE_4K, 4},
	{"2M aligned in both",        true,  true,  2 * MB,            6 * MB,          2 * MB,          3 * MB,   EPT_PAGE_2M, 3},
	{"2M aligned in gpa alone",   true,  true,  2 * MB,            6 * MB + 4 * KB, 2 * MB,          3 * MB,   EPT_PAGE_4K, 4},
	{"2M without the capability", false, false, 2 * MB,            6 * MB,          2 * MB,          3 * MB,   EPT_PAGE_4K, 4},
	{"1G",			true,  true,  1 * GB,            3 * GB,          1 * GB,          GB + 5,   EPT_PAGE_1G, 2},
	{"1G without the capability", true,  false, 1 * GB,            3 * GB,          1 * GB,          GB + 5,   EPT_PAGE_2M, 3},
	{"1G by 2M shifted",          true,  true,  1 * GB,            3 * GB + 2 * MB, 1 * GB,          GB + 5,   EPT_PAGE_2M, 3},
	{"ragged start",              true,  true,  2 * MB - 4 * KB,   2 * MB - 4 * KB, 2 * MB + 4 * KB, 2 * MB,   EPT_PAGE_2M,
	 4														       },
	{"ragged end",                true,  true,  2 * MB,            2 * MB,          2 * MB + 4 * KB, 4 * MB,   EPT_PAGE_4K, 4},
	{"across 512G",               true,  true,  512 * GB - 4 * KB, 0,               8 * KB,          512 * GB, EPT_PAGE_4K, 7},
};

static void map_uses_largest_pages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(map_rows) / sizeof(map_rows[0]); i++) {
		struct arena *a = arena_new();
		struct ept_mem mem = arena_mem(a);
		struct ept_caps caps = all_caps;
		struct ept ept;
		struct ept_walk_result w;

		caps.page_2m = map_rows[i].page_2m;
		caps.page_1g = map_rows[i].page_1g;
		assert_int_equal(ept_init(&ept, &mem, &caps), 0);
		assert_int_equal(ept_map(&ept, &mem, map_rows[i].gpa, map_rows[i].hpa, map_rows[i].bytes,
					 EPT_RWX, EPT_WB),
				 0);
		if (ept_walk(&ept, &mem, map_rows[i].probe, EPT_R, &w) != EPT_MAPPED ||
		    w.page_bytes != map_rows[i].page || ept.tables != map_rows[i].tables)
			fail_msg("%s: page %#llx, %zu tables", map_rows[i].name,
				 (unsigned long long)w.page_bytes, ept.tables);
		assert_int_equal(w.pa, map_rows[i].hpa + (map_rows[i].probe - map_rows[i].gpa));
		assert_int_equal(a->in_use, ept.tables);
		assert_false(ept.stale);
		assert_int_equal(ept_unmap(&ept, &mem, map_rows[i].gpa, map_rows[i].bytes), 0);
		assert_true(ept.stale);
		assert_int_equal(ept_walk(&ept, &mem, map_rows[i].probe, EPT_R, &w), EPT_VIOLATION);
		ept_free(&ept, &mem);
		assert_int_equal(a->in_use, 0);
		arena_delete(a);
	}
}

/* ---- refused arguments ---- */

static const struct {
	const char *name;
	const struct ept_caps *caps;
	uint64_t gpa, hpa, bytes;
	unsigned flags, type;
} bad_rows[] = {
	{"gpa unaligned",                  &all_caps, 1,                   0,          4096,     EPT_RWX,         EPT_WB},
	{"hpa unaligned",                  &all_caps, 0,                   8,          4096,     EPT_RWX,         EPT_WB},
	{"bytes unaligned",                &all_caps, 0,                   0,          4095,     EPT_RWX,         EPT_WB},
	{"gpa beyond 48 bits",             &all_caps, 1ull << 48,          0,          4096,     EPT_RWX,         EPT_WB},
	{"end beyond 48 bits",             &all_caps, (1ull << 48) - 4096, 0,          8192,     EPT_RWX,         EPT_WB},
	{"hpa beyond MAXPHYADDR",          &all_caps, 0,                   1ull << 39, 4096,     EPT_RWX,         EPT_WB},
	{"sum wraps",		      &all_caps, 4096,                0,          ~4095ull, EPT_RWX,         EPT_WB},
	{"no permission",                  &all_caps, 0,                   0,          4096,     0,               EPT_WB},
	{"write without read",             &all_caps, 0,                   0,          4096,     EPT_W,           EPT_WB},
	{"write and execute without read", &all_caps, 0,                   0,          4096,     EPT_W | EPT_X,   EPT_WB},
	{"execute alone, not supported",   &no_caps,  0,                   0,          4096,     EPT_X,           EPT_WB},
	{"unknown flag",                   &all_caps, 0,                   0,          4096,     EPT_RWX | 0x100, EPT_WB},
	{"memory type 2",                  &all_caps, 0,                   0,          4096,     EPT_RWX,         2     },
	{"memory type 7",                  &all_caps, 0,                   0,          4096,     EPT_RWX,         7     },
};

static void map_refuses(void **state)
{
	struct arena *a = arena_new();
	struct ept_mem mem = arena_mem(a);

	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		struct ept ept;

		assert_int_equal(ept_init(&ept, &mem, bad_rows[i].caps), 0);
		if (ept_map(&ept, &mem, bad_rows[i].gpa, bad_rows[i].hpa, bad_rows[i].bytes,
			    bad_rows[i].flags, (enum ept_memtype)bad_rows[i].type) != -EINVAL)
			fail_msg("%s: taken", bad_rows[i].name);
		assert_int_equal(ept.tables, 1);
		ept_free(&ept, &mem);
	}
	arena_delete(a);
}

/* ---- what one entry does to a walk: SDM "EPT Misconfigurations" and "EPT Violations" ---- */

static const struct {
	const char *name;
	unsigned page_level; /* level of the leaf that is mapped: 1, 2 or 3 as walked */
	unsigned level; /* entry that is changed */
	uint64_t clear, set;
	bool page_2m, page_1g, exec_only;
	unsigned access;
	enum ept_outcome want;
	unsigned perms; /* of the result; 8: not looked at */
} entry_rows[] = {
	{"untouched, read",                  3, 3, 0,      0,                                    1, 1, 1, EPT_R, EPT_MAPPED,    7},
	{"PTE not present",                  3, 3, 7,      0,                                    1, 1, 1, EPT_R, EPT_VIOLATION, 0},
	{"PTE not present hides a bad type", 3, 3, 7,      7 << 3,                               1, 1, 1, EPT_R, EPT_VIOLATION, 0},
	{"PDE not present",                  3, 2, 7,      0,                                    1, 1, 1, EPT_R, EPT_VIOLATION, 0},
	{"PML4E not present",                3, 0, 7,      0,                                    1, 1, 1, EPT_R, EPT_VIOLATION, 0},
	{"PTE read-only, read",              3, 3, 6,      0,                                    1, 1, 1, EPT_R, EPT_MAPPED,    1},
	{"PTE read-only, write",             3, 3, 6,      0,                                    1, 1, 1, EPT_W, EPT_VIOLATION, 1},
	{"PDE read-only, write",             3, 2, 6,      0,                                    1, 1, 1, EPT_W, EPT_VIOLATION, 1},
	{"PML4E without execute, fetch",     3, 0, 4,      0,                                    1, 1, 1, EPT_X, EPT_VIOLATION, 3},
	{"execute alone, fetch",             3, 3, 3,      0,                                    1, 1, 1, EPT_X, EPT_MAPPED,    4},
	{"execute alone, read",              3, 3, 3,      0,                                    1, 1, 1, EPT_R, EPT_VIOLATION, 4},
	{"execute alone unsupported",        3, 3, 3,      0,                                    1, 1, 0, EPT_X, EPT_MISCONFIG, 8},
	{"write alone",                      3, 3, 5,      0,				    1, 1, 1, EPT_W, EPT_MISCONFIG, 8},
	{"write and execute",                3, 3, 1,      0,                                    1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PDE write alone",                  3, 2, 5,      0,                                    1, 1, 1, EPT_W, EPT_MISCONFIG, 8},
	{"PTE type 2",		       3, 3, 7 << 3, 2 << 3,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PTE type 3",		       3, 3, 7 << 3, 3 << 3,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PTE type 7",		       3, 3, 7 << 3, 7 << 3,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PTE type UC",                      3, 3, 7 << 3, 0,                                    1, 1, 1, EPT_R, EPT_MAPPED,    7},
	{"PTE type WP",                      3, 3, 7 << 3, 5 << 3,                               1, 1, 1, EPT_R, EPT_MAPPED,    7},
	{"PTE bit 7 is ignored",             3, 3, 0,      1 << 7,                               1, 1, 1, EPT_R, EPT_MAPPED,    7},
	{"PTE bit 11 and 63 are ignored",    3, 3, 0,      1ull << 11 | 1ull << 63 | 1ull << 52, 1, 1, 1, EPT_R,
	 EPT_MAPPED,													    7},
	{"PTE address beyond MAXPHYADDR",    3, 3, 0,      1ull << 39,                           1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PTE address bit 51",               3, 3, 0,      1ull << 51,                           1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PDE table address bit 51",         3, 2, 0,      1ull << 51,                           1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PDE table with bit 3",             3, 2, 0,      1 << 3,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PDE table with bit 6",             3, 2, 0,      1 << 6,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PDPTE table with bit 5",           3, 1, 0,      1 << 5,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PML4E with bit 7",                 3, 0, 0,      1 << 7,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PML4E with bit 4",                 3, 0, 0,      1 << 4,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"PML4E accessed flag is no fault",  3, 0, 0,      1 << 8,                               1, 1, 1, EPT_R, EPT_MAPPED,    7},
	{"2M page",			  2, 2, 0,      0,				    1, 1, 1, EPT_W, EPT_MAPPED,    7},
	{"2M page unsupported",              2, 2, 0,      0,                                    0, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"2M page with bit 12",              2, 2, 0,      1 << 12,                              1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"2M page with bit 20",              2, 2, 0,      1 << 20,                              1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"2M page type 3",                   2, 2, 7 << 3, 3 << 3,                               1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"1G page",			  1, 1, 0,      0,				    1, 1, 1, EPT_W, EPT_MAPPED,    7},
	{"1G page unsupported",              1, 1, 0,      0,                                    1, 0, 1, EPT_R, EPT_MISCONFIG, 8},
	{"1G page with bit 29",              1, 1, 0,      1 << 29,                              1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
	{"1G page with bit 12",              1, 1, 0,      1 << 12,                              1, 1, 1, EPT_R, EPT_MISCONFIG, 8},
};

static void walk_judges_entries(void **state)
{
	static const uint64_t page_of[] = {0, EPT_PAGE_1G, EPT_PAGE_2M, EPT_PAGE_4K};
	struct arena *a = arena_new();
	struct ept_mem mem = arena_mem(a);

	(void)state;
	for (size_t i = 0; i < sizeof(entry_rows) / sizeof(entry_rows[0]); i++) {
		struct ept ept;
		struct ept_walk_result w;
		uint64_t *entry;
		enum ept_outcome out;

		assert_int_equal(ept_init(&ept, &mem, &all_caps), 0);
		assert_int_equal(
			ept_map(&ept, &mem, 0, 0, page_of[entry_rows[i].page_level], EPT_RWX, EPT_WB), 0);
		assert_int_equal(ept_walk(&ept, &mem, 0, EPT_R, &w), EPT_MAPPED);
		entry = &arena_table(a, w.entry_pa[entry_rows[i].level] & ~0xFFFull)[0];
		*entry = (*entry & ~entry_rows[i].clear) | entry_rows[i].set;
		ept.caps.page_2m = entry_rows[i].page_2m;
		ept.caps.page_1g = entry_rows[i].page_1g;
		ept.caps.exec_only = entry_rows[i].exec_only;
		out = ept_walk(&ept, &mem, 0x123, entry_rows[i].access, &w);
		if (out != entry_rows[i].want || (entry_rows[i].perms != 8 && w.perms != entry_rows[i].perms))
			fail_msg("%s: outcome %d, permissions %u", entry_rows[i].name, (int)out, w.perms);
		*entry = (*entry & ~entry_rows[i].set) | 7; /* so that freeing finds the tables again */
		ept.caps = all_caps;
		ept_free(&ept, &mem);
	}
	assert_int_equal(a->in_use, 0);
	arena_delete(a);
}

/* ---- random maps and unmaps against a flat array ---- */

#define SPACE_PAGES (4u * 512u + 16u)

struct flat {
	uint64_t hpa; /* 0: none */
	unsigned perms;
};

static void compare_with_flat(struct ept *ept, struct ept_mem *mem, const struct flat *flat, uint64_t base)
{
	for (uint64_t p = 0; p < SPACE_PAGES; p++) {
		struct ept_walk_result w;
		enum ept_outcome out = ept_walk(ept, mem, base + p * 4096 + 7, 0, &w);

		if (flat[p].hpa ? out != EPT_MAPPED || w.pa != flat[p].hpa + 7 || w.perms != flat[p].perms
				: out != EPT_VIOLATION || w.perms != 0)
			fail_msg("page %llu: outcome %d, pa %#llx, permissions %u, want %#llx %u",
				 (unsigned long long)p, (int)out, (unsigned long long)w.pa, w.perms,
				 (unsigned long long)flat[p].hpa, flat[p].perms);
	}
}

static void random_maps_agree_with_a_flat_array(void **state)
{
	static const unsigned perm_choice[] = {EPT_R, EPT_R | EPT_W, EPT_R | EPT_X, EPT_RWX, EPT_X};
	struct arena *a = arena_new();
	struct ept_mem mem = arena_mem(a);
	uint64_t seed = 42;

	(void)state;
	for (unsigned round = 0; round < 12; round++) {
		static struct flat flat[SPACE_PAGES];
		const uint64_t base = 1 * GB - 2 * MB;
		struct ept_caps caps = all_caps;
		struct ept ept;

		memset(flat, 0, sizeof(flat));
		caps.page_2m = round % 4 != 3;
		assert_int_equal(ept_init(&ept, &mem, &caps), 0);
		for (unsigned step = 0; step < 40; step++) {
			uint64_t first = random_below(&seed, SPACE_PAGES);
			uint64_t n = 1 + random_below(&seed, SPACE_PAGES - first);
			uint64_t hpa = 8 * GB + first * 4096; /* congruent, so that large pages can be used */
			const unsigned perms = perm_choice[random_below(&seed, 5)];

			if (random_below(&seed, 2)) {
				first &= ~511ull;
				n = n > 512 ? n & ~511ull : n;
				hpa = 8 * GB + first * 4096 + base % (2 * MB);
			}
			if (random_below(&seed, 3) == 0) {
				assert_int_equal(ept_unmap(&ept, &mem, base + first * 4096, n * 4096), 0);
				memset(&flat[first], 0, n * sizeof(flat[0]));
			} else {
				assert_int_equal(ept_map(&ept, &mem, base + first * 4096, hpa, n * 4096,
							 perms, EPT_WB),
						 0);
				for (uint64_t p = 0; p < n; p++)
					flat[first + p] = (struct flat){hpa + p * 4096, perms};
			}
			assert_int_equal(a->in_use, ept.tables);
			compare_with_flat(&ept, &mem, flat, base);
		}
		ept_clear(&ept, &mem);
		assert_int_equal(a->in_use, 1);
		ept_free(&ept, &mem);
		assert_int_equal(a->in_use, 0);
	}
	arena_delete(a);
}

/* ---- the rest ---- */

static void split_keeps_the_other_pages(void **state)
{
	struct arena *a = arena_new();
	struct ept_mem mem = arena_mem(a);
	struct ept ept;
	struct ept_walk_result w;

	(void)state;
	assert_int_equal(ept_init(&ept, &mem, &all_caps), 0);
	assert_int_equal(ept_map(&ept, &mem, 0, 4 * GB, GB, EPT_R | EPT_X | EPT_IPAT, EPT_WT), 0);
	assert_int_equal(ept_unmap(&ept, &mem, 6 * MB + 4096, 4096), 0);
	assert_true(ept.stale);
	assert_int_equal(ept_walk(&ept, &mem, 6 * MB + 4096, EPT_R, &w), EPT_VIOLATION);
	assert_int_equal(ept_walk(&ept, &mem, 6 * MB + 8192 + 1, EPT_R, &w), EPT_MAPPED);
	assert_int_equal(w.pa, 4 * GB + 6 * MB + 8192 + 1);
	assert_int_equal(w.page_bytes, EPT_PAGE_4K);
	assert_int_equal(w.type, EPT_WT);
	assert_true(w.ipat);
	assert_int_equal(w.perms, EPT_R | EPT_X);
	assert_int_equal(ept_walk(&ept, &mem, 9 * MB, EPT_R, &w), EPT_MAPPED);
	assert_int_equal(w.page_bytes, EPT_PAGE_2M);
	assert_int_equal(w.pa, 4 * GB + 9 * MB);
	assert_int_equal(w.type, EPT_WT);
	ept_free(&ept, &mem);
	arena_delete(a);
}

static void stale_says_when_invept_is_due(void **state)
{
	struct arena *a = arena_new();
	struct ept_mem mem = arena_mem(a);
	struct ept ept;

	(void)state;
	assert_int_equal(ept_init(&ept, &mem, &all_caps), 0);
	assert_int_equal(ept_map(&ept, &mem, 0, 0, 8192, EPT_R, EPT_WB), 0);
	assert_false(ept.stale);
	assert_int_equal(ept_map(&ept, &mem, 0, 0, 4096, EPT_RWX, EPT_WB), 0);
	assert_false(ept.stale); /* raised */
	assert_int_equal(ept_map(&ept, &mem, 0, 0, 4096, EPT_R | EPT_X, EPT_WB), 0);
	assert_true(ept.stale); /* lowered */
	ept.stale = false;
	assert_int_equal(ept_map(&ept, &mem, 0, 4096, 4096, EPT_RWX, EPT_WB), 0);
	assert_true(ept.stale); /* moved */
	ept.stale = false;
	assert_int_equal(ept_map(&ept, &mem, 0, 4096, 4096, EPT_RWX, EPT_UC), 0);
	assert_true(ept.stale); /* another type */
	ept_free(&ept, &mem);
	arena_delete(a);
}

static void running_out_is_enomem_and_leaks_nothing(void **state)
{
	(void)state;
	for (size_t limit = 0; limit < 8; limit++) {
		struct arena *a = arena_new();
		struct ept_mem mem = arena_mem(a);
		struct ept ept;
		int err;

		a->limit = limit;
		err = ept_init(&ept, &mem, &all_caps);
		assert_int_equal(err, limit ? 0 : -ENOMEM);
		if (!err) {
			err = ept_map(&ept, &mem, 512 * GB - 4096, 0, 8192, EPT_RWX, EPT_WB);
			assert_int_equal(err, limit >= 7 ? 0 : -ENOMEM);
			ept_free(&ept, &mem);
		}
		assert_int_equal(a->in_use, 0);
		arena_delete(a);
	}
}

static void capabilities_come_from_the_msr(void **state)
{
	struct ept_caps c;

	(void)state;
	assert_true(ept_caps_from_msr(0x06114141, 40, &c));
	assert_true(c.page_2m && c.exec_only && !c.page_1g && !c.ad && c.maxphyaddr == 40);
	assert_true(ept_caps_from_msr(0x06334141, 39, &c));
	assert_true(c.page_2m && c.exec_only && c.page_1g && c.ad);
	assert_false(ept_caps_from_msr(0, 39, &c));
	assert_false(ept_caps_from_msr(0x06334141 & ~(1u << 6), 39, &c));
	assert_false(ept_caps_from_msr(0x06334141 & ~(1u << 14), 39, &c));
	assert_int_equal(ept_eptp(0x1234000, true), 0x1234000 | 0x5E);
	assert_int_equal(ept_eptp(0x1234000, false), 0x1234000 | 0x1E);
}

static void beyond_48_bits_is_a_violation(void **state)
{
	struct arena *a = arena_new();
	struct ept_mem mem = arena_mem(a);
	struct ept ept;
	struct ept_walk_result w;

	(void)state;
	assert_int_equal(ept_init(&ept, &mem, &all_caps), 0);
	assert_int_equal(ept_map(&ept, &mem, 0, 0, GB, EPT_RWX, EPT_WB), 0);
	assert_int_equal(ept_walk(&ept, &mem, 1ull << 48, EPT_R, &w), EPT_VIOLATION);
	assert_int_equal(w.perms, 0);
	ept_free(&ept, &mem);
	arena_delete(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_uses_largest_pages),
		cmocka_unit_test(map_refuses),
		cmocka_unit_test(walk_judges_entries),
		cmocka_unit_test(random_maps_agree_with_a_flat_array),
		cmocka_unit_test(split_keeps_the_other_pages),
		cmocka_unit_test(stale_says_when_invept_is_due),
		cmocka_unit_test(running_out_is_enomem_and_leaks_nothing),
		cmocka_unit_test(capabilities_come_from_the_msr),
		cmocka_unit_test(beyond_48_bits_is_a_violation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
