/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arena.h"
#include "l0hv/mm/ept_dirty.h"

#define MB    (1024 * 1024ull)
#define BYTES (6 * MB) /* three tables */
#define PAGES (BYTES / EPT_PAGE_4K)
#define HPA   (16 * MB)

static const struct ept_caps caps = {.maxphyaddr = 39, .page_2m = true, .page_1g = true, .ad = true};

struct fixture {
	struct arena *arena;
	struct ept_mem mem;
	struct ept ept;
	uint64_t set[PAGES / 64];
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){.arena = arena_new()};
	f->mem = arena_mem(f->arena);
	assert_int_equal(ept_init(&f->ept, &f->mem, &caps), 0);
	assert_int_equal(ept_map(&f->ept, &f->mem, 0, HPA, BYTES, EPT_RWX, EPT_WB), 0);
}

static void end(struct fixture *f)
{
	ept_free(&f->ept, &f->mem);
	assert_int_equal(f->arena->in_use, 0);
	arena_delete(f->arena);
}

static struct ept_walk_result walk(const struct fixture *f, uint64_t gpa)
{
	struct ept_walk_result w;

	assert_int_equal(ept_walk(&f->ept, &f->mem, gpa, 0, &w), EPT_MAPPED);
	return w;
}

/* As a processor with the flags on writes a page. */
static void write_as_processor(struct fixture *f, uint64_t gpa)
{
	const struct ept_walk_result w = walk(f, gpa);

	for (unsigned i = 0; i < w.levels; i++)
		arena_table(f->arena, w.entry_pa[i] & ~4095ull)[w.entry_pa[i] % 4096 / 8] |=
			EPT_ENTRY_ACCESSED | (i + 1 == w.levels ? EPT_ENTRY_DIRTY : 0);
}

static unsigned count(const struct fixture *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < PAGES; i++)
		n += (unsigned)(f->set[i / 64] >> i % 64) & 1;
	return n;
}

static bool has(const struct fixture *f, uint64_t gpa)
{
	return f->set[gpa / EPT_PAGE_4K / 64] >> gpa / EPT_PAGE_4K % 64 & 1;
}

static void split_keeps_the_mapping(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	/* one page of the first table read-only, as a watch leaves it */
	assert_int_equal(ept_map(&f.ept, &f.mem, 0x5000, HPA + 0x5000, EPT_PAGE_4K, EPT_R | EPT_X, EPT_WB),
			 0);
	f.ept.stale = false;
	assert_int_equal(ept_dirty_split(&f.ept, &f.mem, 0, BYTES), 0);
	assert_true(f.ept.stale);
	for (uint64_t gpa = 0; gpa < BYTES; gpa += EPT_PAGE_4K) {
		const struct ept_walk_result w = walk(&f, gpa);

		assert_int_equal(w.page_bytes, EPT_PAGE_4K);
		assert_int_equal(w.pa, HPA + gpa);
		assert_int_equal(w.perms, gpa == 0x5000 ? EPT_R | EPT_X : EPT_RWX);
		assert_int_equal(w.type, EPT_WB);
	}
	assert_int_equal(ept_dirty_split(&f.ept, &f.mem, 1, BYTES), -EINVAL);
	end(&f);
}

static void split_without_memory(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.arena->limit = f.arena->in_use + 1;
	assert_int_equal(ept_dirty_split(&f.ept, &f.mem, 0, BYTES), -ENOMEM);
	assert_int_equal(walk(&f, 5 * MB).page_bytes, EPT_PAGE_2M);
	end(&f);
}

static void write_permission(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(ept_dirty_split(&f.ept, &f.mem, 0, BYTES), 0);
	ept_dirty_sweep(&f.ept, &f.mem, 0, BYTES, EPT_W, NULL);
	for (uint64_t gpa = 0; gpa < BYTES; gpa += EPT_PAGE_4K)
		assert_int_equal(walk(&f, gpa).perms, EPT_R | EPT_X);
	f.ept.stale = false;
	assert_true(ept_dirty_set(&f.ept, &f.mem, 3 * MB, EPT_W));
	assert_false(ept_dirty_set(&f.ept, &f.mem, 3 * MB, EPT_W));
	assert_false(ept_dirty_set(&f.ept, &f.mem, BYTES, EPT_W)); /* not mapped */
	assert_false(f.ept.stale); /* rights were only given */
	assert_int_equal(walk(&f, 3 * MB).perms, EPT_RWX);
	ept_dirty_sweep(&f.ept, &f.mem, 0, BYTES, EPT_W, f.set);
	assert_true(f.ept.stale);
	assert_int_equal(count(&f), 1);
	assert_true(has(&f, 3 * MB));
	assert_false(ept_dirty_clear(&f.ept, &f.mem, 3 * MB, EPT_W));
	end(&f);
}

static void dirty_flags(void **state)
{
	static const uint64_t written[] = {0, 0x7000, 2 * MB - EPT_PAGE_4K, 4 * MB, BYTES - EPT_PAGE_4K};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(ept_dirty_split(&f.ept, &f.mem, 0, BYTES), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
			write_as_processor(&f, written[i]);
		memset(f.set, 0, sizeof(f.set));
		f.ept.stale = false;
		ept_dirty_sweep(&f.ept, &f.mem, 0, BYTES, EPT_ENTRY_DIRTY, f.set);
		assert_true(f.ept.stale);
		assert_int_equal(count(&f), sizeof(written) / sizeof(written[0]));
		for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
			assert_true(has(&f, written[i]));
		memset(f.set, 0, sizeof(f.set));
		ept_dirty_sweep(&f.ept, &f.mem, 0, BYTES, EPT_ENTRY_DIRTY, f.set);
		assert_int_equal(count(&f), 0);
	}
	write_as_processor(&f, 0x7000);
	assert_true(ept_dirty_clear(&f.ept, &f.mem, 0x7000, EPT_ENTRY_DIRTY));
	assert_false(ept_dirty_clear(&f.ept, &f.mem, 0x7000, EPT_ENTRY_DIRTY));
	end(&f);
}

/* A sweep of a part of a table must not hide what the rest of it holds. */
static void part_of_a_table(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(ept_dirty_split(&f.ept, &f.mem, 0, BYTES), 0);
	write_as_processor(&f, 0x1000);
	write_as_processor(&f, 0x9000);
	ept_dirty_sweep(&f.ept, &f.mem, 0, 0x4000, EPT_ENTRY_DIRTY, f.set);
	assert_int_equal(count(&f), 1);
	ept_dirty_sweep(&f.ept, &f.mem, 0x4000, BYTES - 0x4000, EPT_ENTRY_DIRTY, f.set);
	assert_int_equal(count(&f), 2);
	assert_true(has(&f, 0x9000));
	end(&f);
}

/* What a bitmap names, and nothing else; its last table is not whole. */
static void a_set(void **state)
{
	static const uint64_t named[] = {0, 0x3F000, 2 * MB - EPT_PAGE_4K, 4 * MB, 5 * MB - EPT_PAGE_4K};
	struct fixture f;
	uint64_t left = 0;

	(void)state;
	begin(&f);
	assert_int_equal(ept_dirty_split(&f.ept, &f.mem, 0, BYTES), 0);
	f.ept.stale = false;
	ept_dirty_clear_set(&f.ept, &f.mem, f.set, PAGES / 64, EPT_W);
	assert_false(f.ept.stale);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		f.set[named[i] / EPT_PAGE_4K / 64] |= 1ull << named[i] / EPT_PAGE_4K % 64;
	ept_dirty_clear_set(&f.ept, &f.mem, f.set, 5 * MB / EPT_PAGE_4K / 64, EPT_W);
	assert_true(f.ept.stale);
	for (uint64_t gpa = 0; gpa < BYTES; gpa += EPT_PAGE_4K) {
		assert_int_equal(walk(&f, gpa).perms, has(&f, gpa) ? EPT_R | EPT_X : EPT_RWX);
		left += !has(&f, gpa);
	}
	assert_int_equal(left, PAGES - sizeof(named) / sizeof(named[0]));
	f.ept.stale = false;
	ept_dirty_clear_set(&f.ept, &f.mem, f.set, 5 * MB / EPT_PAGE_4K / 64, EPT_W);
	assert_false(f.ept.stale);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_keeps_the_mapping), cmocka_unit_test(split_without_memory),
		cmocka_unit_test(write_permission),        cmocka_unit_test(dirty_flags),
		cmocka_unit_test(part_of_a_table),         cmocka_unit_test(a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
