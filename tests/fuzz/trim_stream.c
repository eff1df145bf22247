/* SPDX-License-Identifier: MIT */
/*
 * A captured stream as a seed of fuzz_migration_stream: memory cut down to COUNT pages from page FIRST on,
 * with counts and digests as they then must be.
 *
 *   trim_stream FIRST COUNT <hop-0.stream >SEED
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migration/verify.h"
#include "tests/fuzz/mend.h"

#define PAGE      4096u
#define BODY_MAX  (1u << 20)
#define PAGES_MAX 65536u
#define LEFT      16u /* bytes of a batch */
#define MENDED    0xFF /* first byte of a seed, see the fuzzer */

struct trim {
	uint32_t first, count;
	struct frame_reader in, out;
	struct frame_writer writer[SENDERS];
	struct message_arena arena, check_arena;
	struct verify verify;
	uint32_t written[PAGES_MAX], sent[PAGES_MAX];
	uint64_t digest[PAGES_MAX];
	uint8_t in_buffer[FRAME_HEAD + BODY_MAX], out_buffer[FRAME_HEAD + BODY_MAX];
	uint8_t frame[FRAME_HEAD + BODY_MAX];
	uint8_t memory[4 * BODY_MAX] __attribute__((aligned(16)));
	uint8_t check_memory[4 * BODY_MAX] __attribute__((aligned(16)));
};

static void fail(const char *what)
{
	fprintf(stderr, "trim_stream: %s\n", what);
	exit(1);
}

/* False: none of its pages is left. */
static bool trim_batch(const struct trim *t, Nestbed__PageBatch *m)
{
	size_t n = 0;

	if (m->data.len != m->n_page * PAGE)
		fail("pages without their bytes");
	for (size_t i = 0; i < m->n_page; i++) {
		if (m->page[i] - t->first >= t->count)
			continue;
		memmove(m->data.data + n * PAGE, m->data.data + i * PAGE, PAGE);
		m->page[n++] = m->page[i] - t->first;
	}
	m->n_page = n;
	m->data.len = n * PAGE;
	return n;
}

static bool trim_run(const struct trim *t, Nestbed__ZeroRun *m)
{
	const uint64_t end = (uint64_t)t->first + t->count, last = (uint64_t)m->first + m->count;
	const uint64_t from = m->first < t->first ? t->first : m->first, to = last < end ? last : end;

	if (from >= to)
		return false;
	m->first = (uint32_t)(from - t->first);
	m->count = (uint32_t)(to - from);
	return true;
}

/* False: it goes. */
static bool trim_message(struct trim *t, uint32_t type, ProtobufCMessage *message)
{
	Nestbed__StreamHello *hello = (void *)message;

	if (type == STREAM_PAGE_BATCH)
		return trim_batch(t, (void *)message);
	if (type == STREAM_ZERO_RUN)
		return trim_run(t, (void *)message);
	if (type == STREAM_HELLO)
		hello->ram_bytes = (uint64_t)t->count * PAGE;
	mend(&t->verify, type, frame_writer_digest(&t->writer[SENDER_SOURCE]), message);
	return true;
}

static void check(struct trim *t, const uint8_t *bytes, size_t n)
{
	ProtobufCMessage *m;
	struct frame f;

	while (frame_read(&t->out, &bytes, &n, &f) > 0)
		if (stream_unpack(f.type, f.body, f.length, &t->check_arena, &m) ||
		    verify_message(&t->verify, &f, m))
			fail(verify_error_text(t->verify.error));
}

static long shorten(struct trim *t, Nestbed__PageBatch *m)
{
	struct frame_writer again = t->writer[SENDER_SOURCE];
	long n;

	m->data.len = LEFT;
	again.sequence--;
	n = frame_write(&again, STREAM_PAGE_BATCH, &m->base);
	return n < 0 ? 0 : n;
}

static void on_frame(struct trim *t, const struct frame *f)
{
	ProtobufCMessage *m;
	long n;

	if (stream_unpack(f->type, f->body, f->length, &t->arena, &m))
		fail("a frame that is no message");
	if (!trim_message(t, f->type, m))
		return;
	n = frame_write(&t->writer[f->sender], f->type, m);
	if (n < 0)
		fail("a message that does not fit");
	check(t, t->frame, (size_t)n);
	if (f->type == STREAM_PAGE_BATCH)
		n = shorten(t, (void *)m);
	fwrite(t->frame, 1, (size_t)n, stdout);
}

static void trim_init(struct trim *t)
{
	const uint8_t senders = (1u << SENDERS) - 1u;

	frame_reader_init(&t->in, t->in_buffer, sizeof(t->in_buffer), senders);
	frame_reader_init(&t->out, t->out_buffer, sizeof(t->out_buffer), senders);
	for (unsigned i = 0; i < SENDERS; i++)
		frame_writer_init(&t->writer[i], t->frame, sizeof(t->frame), i);
	message_arena_init(&t->arena, t->memory, sizeof(t->memory));
	message_arena_init(&t->check_arena, t->check_memory, sizeof(t->check_memory));
	verify_init(&t->verify, &(struct verify_config){.max_pages = PAGES_MAX,
							.max_vcpus = VERIFY_VCPUS_MAX,
							.max_batch = BODY_MAX / PAGE,
							.written = t->written,
							.sent = t->sent,
							.page_digest = t->digest});
}

int main(int argc, char **argv)
{
	static uint8_t data[BODY_MAX];
	static struct trim t;
	size_t n;

	if (argc != 3)
		fail("which page first, and how many?");
	t.first = (uint32_t)strtoul(argv[1], NULL, 0);
	t.count = (uint32_t)strtoul(argv[2], NULL, 0);
	trim_init(&t);
	putchar(MENDED);
	while ((n = fread(data, 1, sizeof(data), stdin)) > 0) {
		const uint8_t *p = data;
		struct frame f;

		while (frame_read(&t.in, &p, &n, &f) > 0)
			on_frame(&t, &f);
	}
	if (frame_finish(&t.in) || verify_finish(&t.verify))
		fail("it does not end as a move does");
	return 0;
}
