/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "experiments/peers/kvm/vmm/sets.h"

#define ENTRIES 8u
#define PAGES   100u
#define SLOT    0u

#define DIRTY KVM_DIRTY_GFN_F_DIRTY
#define RESET KVM_DIRTY_GFN_F_RESET

struct world {
	struct kvm_dirty_gfn ring[ENTRIES];
	uint32_t next;
	uint64_t words[DIRTY_WORDS(PAGES)];
	struct dirty set;
};

static void start(struct world *w)
{
	*w = (struct world){.next = 0};
	dirty_init(&w->set, w->words, PAGES);
}

static void put(struct world *w, unsigned at, uint32_t slot, uint64_t page)
{
	w->ring[at] = (struct kvm_dirty_gfn){.flags = DIRTY, .slot = slot, .offset = page};
}

static uint32_t take(struct world *w)
{
	return sets_take_ring(w->ring, ENTRIES, &w->next, SLOT, &w->set);
}

static void takes_what_is_dirty(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	assert_int_equal(take(&w), 0);
	put(&w, 0, SLOT, 5);
	put(&w, 1, SLOT, 99);
	put(&w, 3, SLOT, 7); /* behind one that is not dirty: its time has not come */
	assert_int_equal(take(&w), 2);
	assert_int_equal(w.next, 2);
	assert_int_equal(w.set.count, 2);
	assert_true(dirty_has(&w.set, 5) && dirty_has(&w.set, 99));
	assert_int_equal(w.ring[0].flags, RESET);
	assert_int_equal(w.ring[1].flags, RESET);
	assert_int_equal(w.ring[3].flags, DIRTY);
	assert_int_equal(take(&w), 0);
}

static void goes_round(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.next = ENTRIES - 1;
	put(&w, ENTRIES - 1, SLOT, 1);
	put(&w, 0, SLOT, 2);
	assert_int_equal(take(&w), 2);
	assert_int_equal(w.next, 1);
}

static void stops_when_all_is_taken(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	for (unsigned i = 0; i < ENTRIES; i++)
		put(&w, i, SLOT, i);
	w.next = 3;
	assert_int_equal(take(&w), ENTRIES);
	assert_int_equal(w.next, 3);
	assert_int_equal(w.set.count, ENTRIES);
}

/* KVM has not yet been told to look at what was given back. */
static void leaves_what_is_being_reset(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	put(&w, 0, SLOT, 1);
	w.ring[0].flags = DIRTY | RESET;
	assert_int_equal(take(&w), 0);
	assert_int_equal(w.set.count, 0);
}

static void leaves_out_what_is_not_memory(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	put(&w, 0, SLOT + 1, 1);
	put(&w, 1, SLOT, PAGES);
	put(&w, 2, SLOT, 1ull << 32);
	assert_int_equal(take(&w), 3);
	assert_int_equal(w.set.count, 0);
}

/* The first numbers of a SplitMix64 that begins with 0, as its authors publish it. */
static void digests_are_sums(void **state)
{
	static const uint64_t first[] = {0xE220A8397B1DCDAFull, 0x6E789E6AA1B965F4ull, 0x06C45D188009454Full};
	struct world w;

	(void)state;
	start(&w);
	assert_true(sets_digest(&w.set) == 0);
	for (uint32_t page = 0; page < 3; page++) {
		dirty_clear(&w.set);
		(void)dirty_mark(&w.set, page);
		assert_true(sets_digest(&w.set) == first[page]);
	}
	(void)dirty_mark(&w.set, 0);
	assert_true(sets_digest(&w.set) == first[0] + first[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_dirty),           cmocka_unit_test(goes_round),
		cmocka_unit_test(stops_when_all_is_taken),       cmocka_unit_test(leaves_what_is_being_reset),
		cmocka_unit_test(leaves_out_what_is_not_memory), cmocka_unit_test(digests_are_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
