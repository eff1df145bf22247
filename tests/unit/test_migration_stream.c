/* SPDX-License-Identifier: MIT */
/* The reader's errors by name, and the rules of verify.h: a whole capture with one thing in it changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration/crc32c.h"
#include "tests/unit/migration_world.h"

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

/* Three frames of a source: two Commits and, between them, one that the test changes. */
static void test_reader_errors(void **state)
{
	static const struct {
		const char *name;
		size_t cut; /* bytes that are there, 0: all */
		unsigned at, value; /* this byte of the second frame is changed, */
		bool crc; /* and its CRC made right */
		enum frame_error error;
	} cases[] = {
		{"as it was",                0,              0,  'N',          false, FRAME_OK          },
		{"ends in a header",         FRAME_HEAD + 7, 0,  'N',          false, FRAME_TRUNCATED   },
		{"magic",                    0,              0,  'M',          true,  FRAME_BAD_MAGIC   },
		{"reserved flag",            0,              6,  9,            true,  FRAME_BAD_FLAGS   },
		{"fourth sender",            0,              6,  7,            true,  FRAME_BAD_FLAGS   },
		{"target",                   0,              6,  3,            true,  FRAME_WRONG_SENDER},
		{"too long",                 0,              11, 1,            true,  FRAME_TOO_LONG    },
		{"CRC",                      0,              16, 0xFF,         false, FRAME_BAD_CRC     },
		{"left out",                 0,              12, 2,            true,  FRAME_BAD_ORDER   },
		{"doubled",                  0,              12, 0,            true,  FRAME_BAD_ORDER   },
		{"unknown, mandatory",       0,              4,  200,          true,  FRAME_UNKNOWN     },
		{"source may not say Ready", 0,              4,  STREAM_READY, true,  FRAME_WRONG_SENDER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const Nestbed__Commit commit = NESTBED__COMMIT__INIT;
		uint8_t bytes[3 * FRAME_HEAD], buffer[FRAME_HEAD + 64], out[64];
		uint8_t *second = bytes + FRAME_HEAD;
		const uint8_t *p = bytes;
		size_t n = cases[i].cut ? cases[i].cut : sizeof(bytes);
		struct frame_writer w;
		struct frame_reader r;
		struct frame f;

		frame_writer_init(&w, out, sizeof(out), SENDER_SOURCE);
		for (unsigned k = 0; k < 3; k++) {
			assert_int_equal(frame_write(&w, STREAM_COMMIT, &commit.base), FRAME_HEAD);
			memcpy(bytes + (size_t)k * FRAME_HEAD, out, FRAME_HEAD);
		}
		second[cases[i].at] = (uint8_t)cases[i].value;
		if (cases[i].crc) {
			put32(second + 16, 0);
			put32(second + 16, crc32c(0, second, FRAME_HEAD));
		}
		frame_reader_init(&r, buffer, sizeof(buffer), 1u << SENDER_SOURCE);
		while (frame_read(&r, &p, &n, &f) > 0)
			assert_int_equal(f.type, STREAM_COMMIT);
		if (frame_finish(&r) != (cases[i].error ? -EBADMSG : 0) || r.error != cases[i].error ||
		    (r.error && r.offset != FRAME_HEAD))
			fail_msg("%s: %s at %llu", cases[i].name, frame_error_text(r.error),
				 (unsigned long long)r.offset);
	}
}

static void test_unknown_optional_is_skipped(void **state)
{
	uint8_t out[64], buffer[64];
	const uint8_t *p = out;
	struct frame_writer w;
	struct frame_reader r;
	struct frame f;
	size_t n = FRAME_HEAD;

	(void)state;
	frame_writer_init(&w, out, sizeof(out), SENDER_SOURCE);
	assert_int_equal(frame_write_packed(&w, (enum stream_type)99, 0), FRAME_HEAD);
	out[6] = 0;
	put32(out + 16, 0);
	put32(out + 16, crc32c(0, out, FRAME_HEAD));
	frame_reader_init(&r, buffer, sizeof(buffer), 1);
	assert_int_equal(frame_read(&r, &p, &n, &f), 0);
	assert_int_equal(frame_finish(&r), 0);
	assert_true(r.skipped == 1);
	assert_int_equal(frame_write_packed(&w, STREAM_COMMIT, 64), -EMSGSIZE);
}

/* Messages in memory, so that one can be changed. */
struct script {
	Nestbed__StreamHello hello;
	Nestbed__PageBatch batch;
	Nestbed__ZeroRun zero;
	Nestbed__RoundEnd end;
	Nestbed__VcpuState vcpu;
	uint32_t page[3];
	uint64_t gpr[16];
};

static uint8_t bytes_of_pages[3 * 4096];

static void script_init(struct script *s)
{
	memset(bytes_of_pages, 0x5A, sizeof(bytes_of_pages));
	nestbed__stream_hello__init(&s->hello);
	nestbed__page_batch__init(&s->batch);
	nestbed__zero_run__init(&s->zero);
	nestbed__round_end__init(&s->end);
	nestbed__vcpu_state__init(&s->vcpu);
	s->hello.version = STREAM_VERSION;
	s->hello.ram_bytes = 8ull * 4096;
	s->hello.vcpus = 1;
	for (uint32_t i = 0; i < 3; i++)
		s->page[i] = 2 * i;
	s->batch.page = s->page;
	s->batch.n_page = 3;
	s->batch.epoch = 1;
	s->batch.data.data = bytes_of_pages;
	s->batch.data.len = sizeof(bytes_of_pages);
	s->zero.epoch = 1;
	s->zero.first = 5;
	s->zero.count = 3;
	s->end.round = 1;
	s->end.epoch = 1;
	s->end.pages = 3;
	s->end.zero_pages = 3;
	s->vcpu.gpr = s->gpr;
	s->vcpu.n_gpr = 15;
}

static enum verify_error script_run(struct script *s)
{
	static uint32_t written[8], sent[8];
	static uint64_t digest[8];
	const Nestbed__Accept accept = NESTBED__ACCEPT__INIT;
	const struct {
		enum stream_type type;
		const void *message;
	} list[] = {
		{STREAM_HELLO,      &s->hello},
                {STREAM_ACCEPT,     &accept  },
                {STREAM_PAGE_BATCH, &s->batch},
		{STREAM_ZERO_RUN,   &s->zero },
                {STREAM_ROUND_END,  &s->end  },
                {STREAM_VCPU_STATE, &s->vcpu },
	};
	struct verify v;

	verify_init(&v, &(struct verify_config){.max_pages = 8,
						.max_vcpus = 2,
						.max_batch = 3,
						.written = written,
						.sent = sent,
						.page_digest = digest});
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		const struct frame f = {.type = (uint32_t)list[i].type};

		if (verify_message(&v, &f, list[i].message))
			break;
	}
	return v.error;
}

#define CASE(change, wanted)                                                                                 \
	do {                                                                                                 \
		struct script s;                                                                             \
		enum verify_error got;                                                                       \
                                                                                                             \
		script_init(&s);                                                                             \
		change;                                                                                      \
		got = script_run(&s);                                                                        \
		if (got != (wanted))                                                                         \
			fail_msg(#change ": %s", verify_error_text(got));                                    \
	} while (0)

static void test_rules(void **state)
{
	(void)state;
	CASE((void)0, VERIFY_OK);
	CASE(s.hello.version = 2, VERIFY_VERSION);
	CASE(s.hello.ram_bytes = 9ull * 4096, VERIFY_RAM_SIZE);
	CASE(s.hello.ram_bytes = 4097, VERIFY_RAM_SIZE);
	CASE(s.hello.ram_bytes = 0, VERIFY_RAM_SIZE);
	CASE(s.hello.vcpus = 3, VERIFY_VCPU_COUNT);
	CASE(s.hello.vcpus = 0, VERIFY_VCPU_COUNT);
	CASE(s.batch.n_page = 0, VERIFY_EMPTY_BATCH);
	CASE(s.batch.n_page = 4, VERIFY_EMPTY_BATCH);
	CASE(s.batch.data.len--, VERIFY_BATCH_BYTES);
	CASE(s.page[2] = 8, VERIFY_PAGE_RANGE);
	CASE(s.page[1] = 0, VERIFY_PAGE_ORDER);
	CASE(s.page[1] = 5, VERIFY_PAGE_ORDER);
	CASE(s.batch.epoch = 0, VERIFY_EPOCH);
	CASE(s.batch.epoch = 2, VERIFY_EPOCH);
	CASE(s.batch.written = 1, VERIFY_WRITTEN);
	CASE(s.zero.first = 4, VERIFY_PAGE_TWICE);
	CASE(s.zero.count = 0, VERIFY_RUN);
	CASE(s.zero.count = 4, VERIFY_RUN);
	CASE(s.zero.first = UINT32_MAX, VERIFY_RUN);
	CASE(s.end.round = 2, VERIFY_ROUND);
	CASE(s.end.pages = 2, VERIFY_ROUND_PAGES);
	CASE(s.end.zero_pages = 2, VERIFY_ROUND_ZERO_PAGES);
	CASE(s.end.digest = 1, VERIFY_STREAM_DIGEST);
	CASE(s.vcpu.id = 1, VERIFY_VCPU);
	CASE(s.vcpu.n_gpr = 14, VERIFY_VCPU_FORM);
	CASE(s.vcpu.sipi_vector = 256, VERIFY_VCPU_FORM);
	for (size_t n = 0; n < 16400; n++) /* FXSAVE's, or one that XSAVE can have written */
		CASE(s.vcpu.xsave.len = n,
		     !n || n == 512 || (n >= 576 && n <= 16384) ? VERIFY_OK : VERIFY_VCPU_FORM);
}

/* A whole capture cut anywhere is never taken for a whole move. */
static void test_cut_anywhere(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_true(world_run(w));
	for (size_t n = 0; n < w->captured - 2 * FRAME_HEAD; n += 997) {
		const struct world_verdict v = world_verify(w->capture, n, true);

		assert_true(v.frame == FRAME_TRUNCATED || v.error == VERIFY_UNFINISHED);
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_errors),
		cmocka_unit_test(test_unknown_optional_is_skipped),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
