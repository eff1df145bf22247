/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/stream.h"
#include "experiments/text.h"
#include "nestbed/frame.h"

/* Frames of one-letter payloads, checksums by RFC 3720's polynomial from an independent program. */
#define MAGIC "\x1eNBR"
#define FRAME_A                                                                                              \
	MAGIC "\x01\0\0\0"                                                                                   \
	      "a"                                                                                            \
	      "\x30\x43\xd0\xc1"
#define FRAME_B                                                                                              \
	MAGIC "\x01\0\0\0"                                                                                   \
	      "b"                                                                                            \
	      "\xc4\xb0\x80\xd2"
#define EMPTY                                                                                                \
	MAGIC "\0\0\0\0"                                                                                     \
	      "\0\0\0\0"
#define BAD_CRC                                                                                              \
	MAGIC "\x01\0\0\0"                                                                                   \
	      "a"                                                                                            \
	      "\x31\x43\xd0\xc1"
#define HUGE MAGIC "\x01\0\x10\0" /* NB_FRAME_MAX + 1 */

#define ROW(name, in, out)                                                                                   \
	{                                                                                                    \
		name, in, sizeof(in) - 1, out, sizeof(out) - 1                                               \
	}

/* What comes out: text as it is, a frame as <payload>. */
static const struct {
	const char *name, *in;
	size_t in_size;
	const char *out;
	size_t out_size;
} rows[] = {
	ROW("nothing", "", ""),
	ROW("text", "hello\n", "hello\n"),
	ROW("text with NUL and high bytes", "a\0b\xff", "a\0b\xff"),
	ROW("one frame", FRAME_A, "<a>"),
	ROW("empty payload", EMPTY, "<>"),
	ROW("two frames", FRAME_A FRAME_B, "<a><b>"),
	ROW("text around frames", "x" FRAME_A "y" FRAME_B "z", "x<a>y<b>z"),
	ROW("wrong checksum is text", BAD_CRC, BAD_CRC),
	ROW("wrong checksum, then a frame", BAD_CRC FRAME_A, BAD_CRC "<a>"),
	ROW("frame inside a frame that is none", MAGIC "\x0d\0\0\0" FRAME_A "\0\0\0\0",
	    MAGIC "\x0d\0\0\0"
		  "<a>"
		  "\0\0\0\0"),
	ROW("too long", HUGE FRAME_A, HUGE "<a>"),
	ROW("longest length of all", MAGIC "\xff\xff\xff\xff" FRAME_A,
	    MAGIC "\xff\xff\xff\xff"
		  "<a>"),
	ROW("magic begun twice", "\x1e" FRAME_A,
	    "\x1e"
	    "<a>"),
	ROW("magic begun and dropped", "\x1eNB" FRAME_A,
	    "\x1eNB"
	    "<a>"),
	ROW("ends in a magic", "x" MAGIC, "x" MAGIC),
	ROW("ends in half a magic", "x\x1eN", "x\x1eN"),
	ROW("ends in a head", MAGIC "\x01\0", MAGIC "\x01\0"),
	ROW("ends in a payload",
	    MAGIC "\x09\0\0\0"
		  "abc",
	    MAGIC "\x09\0\0\0"
		  "abc"),
	ROW("frame behind a head that never fills", MAGIC "\x40\0\0\0" FRAME_B,
	    MAGIC "\x40\0\0\0"
		  "<b>"),
	ROW("ends before the last byte of a checksum",
	    "q" MAGIC "\x01\0\0\0"
	    "a"
	    "\x30\x43\xd0",
	    "q" MAGIC "\x01\0\0\0"
	    "a"
	    "\x30\x43\xd0"),
};

static void on_text(void *ctx, const uint8_t *data, size_t size)
{
	assert_true(size > 0);
	text_add(ctx, data, size);
}

static void on_frame(void *ctx, const struct stream_frame *frame)
{
	assert_memory_equal(frame->raw, NB_FRAME_MAGIC, 4);
	assert_ptr_equal(frame->payload, frame->raw + NB_FRAME_HEAD);
	assert_int_equal(frame->raw_size, NB_FRAME_HEAD + frame->payload_size + NB_FRAME_TAIL);
	text_add(ctx, "<", 1);
	text_add(ctx, frame->payload, frame->payload_size);
	text_add(ctx, ">", 1);
}

/* Feeds a row in two parts, the second byte by byte if asked, and compares. */
static void feed_row(size_t row, size_t first, int bytewise)
{
	const uint8_t *in = (const uint8_t *)rows[row].in;
	struct text out = {0};
	struct stream s;

	stream_init(&s, (struct stream_sink){on_text, on_frame, &out});
	assert_int_equal(stream_feed(&s, in, first), 0);
	for (size_t at = first; at < rows[row].in_size; at += bytewise ? 1 : rows[row].in_size - first)
		assert_int_equal(stream_feed(&s, in + at, bytewise ? 1 : rows[row].in_size - first), 0);
	stream_end(&s);
	if (out.size != rows[row].out_size || (out.size && memcmp(out.data, rows[row].out, out.size) != 0))
		fail_msg("%s, split at %zu%s", rows[row].name, first, bytewise ? ", byte by byte" : "");
	stream_free(&s);
	text_free(&out);
}

static void every_row_at_every_split(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		for (size_t at = 0; at <= rows[row].in_size; at++) {
			feed_row(row, at, 0);
			feed_row(row, at, 1);
		}
}

static void text_is_not_held_back(void **state)
{
	struct text out = {0};
	struct stream s;

	(void)state;
	stream_init(&s, (struct stream_sink){on_text, on_frame, &out});
	assert_int_equal(stream_feed(&s, (const uint8_t *)"prompt> ", 8), 0);
	assert_int_equal(out.size, 8);
	stream_free(&s);
	text_free(&out);
}

static void largest_frame(void **state)
{
	struct text in = {0}, out = {0};
	uint8_t *payload = malloc(NB_FRAME_MAX);
	struct stream s;
	uint32_t crc;

	(void)state;
	assert_non_null(payload);
	memset(payload, 0x1e, NB_FRAME_MAX);
	crc = nb_crc32c(payload, NB_FRAME_MAX);
	text_add(&in, MAGIC "\0\0\x10\0", 8);
	text_add(&in, payload, NB_FRAME_MAX);
	text_add(&in, &crc, 4); /* the tests' computers are little endian */
	stream_init(&s, (struct stream_sink){on_text, on_frame, &out});
	assert_int_equal(stream_feed(&s, (const uint8_t *)in.data, in.size), 0);
	assert_int_equal(out.size, NB_FRAME_MAX + 2);
	stream_free(&s);
	text_free(&in);
	text_free(&out);
	free(payload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_at_every_split),
		cmocka_unit_test(text_is_not_held_back),
		cmocka_unit_test(largest_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
