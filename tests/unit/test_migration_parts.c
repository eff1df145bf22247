/* SPDX-License-Identifier: MIT */
/* CRC, digests, dirty sets, ledger, arena, pre-copy policy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration/arena.h"
#include "migration/crc32c.h"
#include "migration/digest.h"
#include "migration/dirty.h"
#include "migration/ledger.h"
#include "migration/precopy.h"
#include "nestbed/frame.h"

static uint64_t random_state = 7;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void random_bytes(uint8_t *p, size_t n)
{
	while (n--)
		*p++ = (uint8_t)next_random();
}

/* Vectors of RFC 3720, appendix B.4, and the bitwise CRC of records as a second opinion. */
static void test_crc32c(void **state)
{
	uint8_t bytes[300], up[32];

	(void)state;
	memset(bytes, 0, 32);
	assert_int_equal(crc32c(0, bytes, 32), 0x8A9136AA);
	memset(bytes, 0xFF, 32);
	assert_int_equal(crc32c(0, bytes, 32), 0x62A8AB43);
	for (unsigned i = 0; i < 32; i++)
		up[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, up, 32), 0x46DD794E);
	assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
	random_bytes(bytes, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		assert_int_equal(crc32c(0, bytes, n), nb_crc32c(bytes, n));
		assert_int_equal(crc32c(crc32c(0, bytes, n), bytes + n, sizeof(bytes) - n),
				 nb_crc32c(bytes, sizeof(bytes)));
	}
}

static uint64_t digest_of(const uint8_t *p, size_t n, size_t cut)
{
	struct digest d;

	digest_init(&d, 0);
	for (size_t at = 0; at < n; at += cut)
		digest_add(&d, p + at, n - at < cut ? n - at : cut);
	return digest_value(&d);
}

static void test_digest_is_the_same_however_cut(void **state)
{
	uint8_t bytes[517];

	(void)state;
	random_bytes(bytes, sizeof(bytes));
	for (size_t cut = 1; cut < 100; cut++)
		assert_true(digest_of(bytes, sizeof(bytes), cut) ==
			    digest_of(bytes, sizeof(bytes), sizeof(bytes)));
}

static void test_digest_sees_each_bit_and_the_length(void **state)
{
	uint8_t bytes[67] = {0};
	const uint64_t whole = digest_of(bytes, sizeof(bytes), 67);

	(void)state;
	for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(digest_of(bytes, sizeof(bytes), 67) != whole);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 1; n < sizeof(bytes); n++)
		assert_true(digest_of(bytes, n, 67) != whole);
}

static void test_digest_of_pages(void **state)
{
	uint8_t page[DIGEST_PAGE] = {0};

	(void)state;
	assert_true(page_is_zero(page));
	assert_true(digest_page(3, page) == 0);
	for (size_t at = 0; at < sizeof(page); at += 101) {
		page[at] = 1;
		assert_false(page_is_zero(page));
		assert_true(digest_page(3, page) != 0);
		assert_true(digest_page(3, page) !=
			    digest_page(4, page)); /* two pages that change places show */
		page[at] = 0;
	}
	page[DIGEST_PAGE - 1] = 0x80;
	assert_false(page_is_zero(page));
}

/* Against a set kept as an array of bytes. */
static void test_dirty_against_a_plain_set(void **state)
{
	static const uint32_t sizes[] = {1, 63, 64, 65, 200};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		const uint32_t pages = sizes[s];
		uint64_t words[4], other_words[4];
		uint8_t plain[200] = {0};
		struct dirty d, other;
		uint32_t count = 0, at = 0;

		dirty_init(&d, words, pages);
		dirty_init(&other, other_words, pages);
		for (unsigned i = 0; i < 300; i++) {
			const uint32_t page = (uint32_t)(next_random() % pages);

			if (i % 3) {
				assert_int_equal(dirty_mark(&d, page), !plain[page]);
				plain[page] = 1;
			} else {
				assert_int_equal(dirty_unmark(&d, page), plain[page]);
				plain[page] = 0;
			}
		}
		for (uint32_t page = 0; page < pages; page++) {
			assert_int_equal(dirty_has(&d, page), plain[page]);
			if (!plain[page])
				continue;
			count++;
			assert_int_equal(dirty_next(&d, at), page);
			at = page + 1;
		}
		assert_int_equal(dirty_next(&d, at), DIRTY_NONE);
		assert_int_equal(d.count, count);
		assert_false(dirty_mark(&d, pages));
		assert_false(dirty_has(&d, pages));
		dirty_mark(&other, 0);
		dirty_take_all(&other, &d);
		assert_int_equal(other.count, count + !plain[0]);
		assert_int_equal(d.count, 0);
		assert_int_equal(dirty_next(&d, 0), DIRTY_NONE);
		dirty_fill(&d);
		assert_int_equal(d.count, pages);
		assert_int_equal(dirty_next(&d, pages - 1), pages - 1);
		dirty_union(&other, &d);
		assert_true(dirty_equal(&other, &d));
	}
}

static void test_ledger(void **state)
{
	uint32_t written[3], sent[3], page = 99;
	struct ledger l;

	(void)state;
	ledger_init(&l, written, sent, 3);
	assert_int_equal(ledger_check(&l, &page), -ESTALE); /* never sent */
	assert_int_equal(page, 0);
	for (uint32_t i = 0; i < 3; i++)
		ledger_sent(&l, i, 1);
	assert_int_equal(ledger_check(&l, NULL), 0);
	ledger_written(&l, 1, 1); /* in the epoch of its sending */
	assert_int_equal(ledger_check(&l, &page), -ESTALE);
	assert_int_equal(page, 1);
	ledger_sent(&l, 1, 2);
	ledger_written(&l, 1, 0);
	assert_int_equal(ledger_check(&l, NULL), 0);
	ledger_written(&l, 2, 5);
	ledger_sent(&l, 2, 5);
	assert_int_equal(ledger_check(&l, &page), -ESTALE);
	assert_int_equal(page, 2);
	ledger_written(&l, 3, 9);
	ledger_sent(&l, 3, 9);
}

static void test_arena(void **state)
{
	uint8_t memory[64] __attribute__((aligned(16)));
	struct message_arena a;

	(void)state;
	message_arena_init(&a, memory, sizeof(memory));
	assert_ptr_equal(a.allocator.alloc(&a, 1), memory);
	assert_ptr_equal(a.allocator.alloc(&a, 32), memory + 16);
	assert_null(a.allocator.alloc(&a, 17));
	assert_true(a.exhausted);
	assert_null(a.allocator.alloc(&a, SIZE_MAX));
	message_arena_reset(&a);
	assert_false(a.exhausted);
	assert_ptr_equal(a.allocator.alloc(&a, 64), memory);
	assert_int_equal(a.peak, 64);
}

static void test_precopy_ticks(void **state)
{
	(void)state;
	assert_true(precopy_ticks(125000000, 1000000000) == 1000000000ull); /* 1 Gbit at 1 Gbit/s */
	assert_true(precopy_ticks(1, 1000000000) == 8);
	assert_true(precopy_ticks(1, 3000000000ull) == 3); /* rounded up */
	assert_true(precopy_ticks(0, 1) == 0);
	assert_true(precopy_ticks(1ull << 40, 1ull << 43) == 1000000000ull);
	assert_true(precopy_ticks(UINT64_MAX, 1) == UINT64_MAX);
	assert_true(precopy_ticks(1ull << 60, 1) == UINT64_MAX);
}

static void test_precopy_policy(void **state)
{
	/* 1 Gbit/s, 1 ms: 125,000 bytes, which are 31 pages of 4,000 */
	static const struct precopy_config base = {.link_rate = 1000000000,
						   .down_ticks = 1000000,
						   .max_rounds = 5,
						   .min_progress = 10,
						   .page_bytes = 4000};
	static const struct {
		const char *name;
		bool converge, stop_at_limit;
		uint32_t dirty[6];
		enum precopy_verdict last;
		enum precopy_reason reason;
		uint32_t rounds, throttle;
	} cases[] = {
		{"idle guest",           false, false, {0},            PRECOPY_STOP, PRECOPY_SMALL_ENOUGH, 1, 0 },
		{"just fits",            false, false, {1000, 31},     PRECOPY_STOP, PRECOPY_SMALL_ENOUGH, 2, 0 },
		{"one page too many",    false, false, {1000, 32, 31}, PRECOPY_STOP, PRECOPY_SMALL_ENOUGH, 3, 0 },
		{"exactly the progress",
		 false,			 false,
		 {1000, 900, 901},
		 PRECOPY_GIVE_UP,						    PRECOPY_NO_PROGRESS,
		 3,											   0 },
		{"no progress, forced",  false, true,  {1000, 1000},   PRECOPY_STOP, PRECOPY_NO_PROGRESS,  2, 0 },
		{"round limit",
		 false,			 false,
		 {1000, 800, 600, 400, 300},
		 PRECOPY_GIVE_UP,						    PRECOPY_ROUND_LIMIT,
		 5,											   0 },
		{"round limit, forced",
		 false,			 true,
		 {1000, 800, 600, 400, 300},
		 PRECOPY_STOP,						       PRECOPY_ROUND_LIMIT,
		 5,											   0 },
		{"slowed down",
		 true,			  false,
		 {1000, 1000, 1000, 30},
		 PRECOPY_STOP,						       PRECOPY_SMALL_ENOUGH,
		 4,											   40},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct precopy_config config = base;
		enum precopy_verdict verdict;
		struct precopy p;

		config.auto_converge = cases[i].converge;
		config.stop_at_limit = cases[i].stop_at_limit;
		precopy_init(&p, &config);
		do
			verdict = precopy_round(&p, cases[i].dirty[p.rounds]);
		while (verdict == PRECOPY_GO_ON || verdict == PRECOPY_THROTTLE);
		if (verdict != cases[i].last || p.reason != cases[i].reason || p.rounds != cases[i].rounds ||
		    p.throttle != cases[i].throttle)
			fail_msg("%s: verdict %d, %s, %u rounds, throttle %u", cases[i].name, (int)verdict,
				 precopy_reason_text(p.reason), p.rounds, p.throttle);
	}
}

/* Where the state alone takes longer than the down time, a round that leaves no page is the last. */
static void test_precopy_state(void **state)
{
	static const struct {
		uint64_t state_bytes; /* 125,000 are a ms */
		bool stop_at_limit;
		enum precopy_verdict verdict;
		enum precopy_reason reason;
	} rows[] = {
		{125000, false, PRECOPY_STOP,    PRECOPY_SMALL_ENOUGH   },
		{125001, true,  PRECOPY_STOP,    PRECOPY_STATE_TOO_LARGE},
		{125001, false, PRECOPY_GIVE_UP, PRECOPY_STATE_TOO_LARGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct precopy_config config = {.link_rate = 1000000000,
						.down_ticks = 1000000,
						.max_rounds = 5,
						.page_bytes = 4000,
						.auto_converge = true};
		struct precopy p;

		config.state_bytes = rows[i].state_bytes;
		config.stop_at_limit = rows[i].stop_at_limit;
		precopy_init(&p, &config);
		assert_int_equal(precopy_round(&p, 100), PRECOPY_GO_ON);
		assert_int_equal(precopy_round(&p, 0), rows[i].verdict);
		assert_int_equal(p.reason, rows[i].reason);
		assert_int_equal(p.throttle, 0);
	}
}

static void test_precopy_ends(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		const struct precopy_config config = {.link_rate = 1 + next_random() % 10000000000ull,
						      .down_ticks = next_random() % 100000000,
						      .max_rounds = 1 + (uint32_t)(next_random() % 30),
						      .min_progress = (uint32_t)(next_random() % 100),
						      .auto_converge = next_random() & 1,
						      .stop_at_limit = next_random() & 1,
						      .page_bytes = 4120};
		struct precopy p;
		enum precopy_verdict verdict;

		precopy_init(&p, &config);
		do
			verdict = precopy_round(&p, (uint32_t)(next_random() % 16384));
		while (verdict == PRECOPY_GO_ON || verdict == PRECOPY_THROTTLE);
		assert_true(p.rounds <= config.max_rounds);
		assert_true(p.throttle <= PRECOPY_THROTTLE_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_digest_is_the_same_however_cut),
		cmocka_unit_test(test_digest_sees_each_bit_and_the_length),
		cmocka_unit_test(test_digest_of_pages),
		cmocka_unit_test(test_dirty_against_a_plain_set),
		cmocka_unit_test(test_ledger),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_precopy_ticks),
		cmocka_unit_test(test_precopy_policy),
		cmocka_unit_test(test_precopy_state),
		cmocka_unit_test(test_precopy_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
