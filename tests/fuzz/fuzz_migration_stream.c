/* SPDX-License-Identifier: MIT */
/*
 * A stream from anybody: frames, messages in bounded memory, order and ranges. Read in pieces and whole, the
 * verdict is the same; pages that reach the memory's image are in range. Of the first byte bit 0 says that
 * lengths, CRCs and sequence numbers are made right, bit 1 digests, counts and missing bytes of pages, so
 * that the fuzzer gets behind them; the rest is the size of pieces.
 *
 * Seeds captured-* are real: docs/stream.md.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "migration/crc32c.h"
#include "migration/verify.h"
#include "tests/fuzz/mend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 16u
#define INPUT 262144u

struct image {
	const struct verify *verify;
	uint8_t bytes[PAGES * 4096u];
};

struct outcome {
	int frame, error;
	uint64_t offset, memory;
};

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

/* Where the frame behind this one begins: at a magic, so that bytes can be put in and taken out. */
static uint8_t *next_frame(uint8_t *p, size_t n)
{
	uint8_t *next = n > FRAME_HEAD ? memmem(p + FRAME_HEAD, n - FRAME_HEAD, FRAME_MAGIC, 4) : NULL;

	return next ? next : p + n;
}

static void repair(uint8_t *p, size_t n)
{
	uint32_t next[4] = {0};

	while (n >= FRAME_HEAD) {
		const size_t whole = (size_t)(next_frame(p, n) - p);

		put32(p + 8, (uint32_t)(whole - FRAME_HEAD));
		put32(p + 12, next[p[6] >> 1 & 3]++);
		put32(p + 16, 0);
		put32(p + 16, crc32c(0, p, whole));
		p += whole;
		n -= whole;
	}
}

/* A batch with too few bytes gets all: so pages need none in an input, and most of its bytes mean something.
 */
static void give_pages(uint32_t type, ProtobufCMessage *message)
{
	static uint8_t pages[PAGES * 4096u];
	Nestbed__PageBatch *m = (void *)message;

	if (type != STREAM_PAGE_BATCH || m->n_page > PAGES || m->data.len >= m->n_page * 4096u)
		return;
	for (size_t i = 0; i < m->n_page; i++)
		pages[i * 4096u] = m->data.len ? m->data.data[i % m->data.len] : 0;
	m->data.data = pages;
	m->data.len = m->n_page * 4096u;
}

/* What comes here was checked. */
static void store(void *context, uint32_t page, const uint8_t *data)
{
	struct image *image = context;
	uint8_t *memory = image->bytes;

	if (page >= PAGES || page >= image->verify->pages)
		abort();
	if (data)
		memcpy(memory + page * 4096u, data, 4096);
	else
		memset(memory + page * 4096u, 0, 4096);
}

static struct outcome read_in_parts(const uint8_t *data, size_t size, size_t part, bool mended)
{
	static uint8_t buffer[FRAME_HEAD + 16384], arena_memory[1u << 15] __attribute__((aligned(16)));
	static uint32_t written[PAGES], sent[PAGES];
	static uint64_t digest[PAGES];
	static struct image image;
	struct outcome o = {0};
	struct message_arena arena;
	struct frame_reader r;
	struct verify v;
	struct frame f;

	memset(&image, 0, sizeof(image));
	image.verify = &v;
	message_arena_init(&arena, arena_memory, sizeof(arena_memory));
	frame_reader_init(&r, buffer, sizeof(buffer), 7);
	verify_init(&v, &(struct verify_config){.max_pages = PAGES,
						.max_vcpus = 4,
						.max_batch = PAGES - 1,
						.written = written,
						.sent = sent,
						.page_digest = digest,
						.store = store,
						.context = &image});
	for (size_t at = 0; at < size && !r.error && !v.error; at += part) {
		const uint8_t *p = data + at;
		size_t n = size - at < part ? size - at : part;

		while (!v.error && frame_read(&r, &p, &n, &f) > 0) {
			ProtobufCMessage *m;

			if (stream_unpack(f.type, f.body, f.length, &arena, &m)) {
				v.error = VERIFY_ERRORS;
				continue;
			}
			if (mended) {
				give_pages(f.type, m);
				mend(&v, f.type, f.digest, m);
			}
			if (verify_message(&v, &f, m) && !v.error)
				abort();
		}
	}
	if (frame_finish(&r) && !r.error)
		abort();
	if (arena.peak > sizeof(arena_memory))
		abort();
	/* What was replayed page by page is what the image is. */
	for (uint32_t page = 0; page < PAGES; page++)
		o.memory += digest_page(page, image.bytes + page * 4096u);
	if (v.phase != PHASE_START && o.memory != v.memory_digest)
		abort();
	o.frame = (int)r.error;
	o.error = (int)v.error;
	o.offset = r.offset;
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t copy[INPUT];
	struct outcome whole, parts;

	if (!size || size > INPUT)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		repair(copy, size - 1);
	whole = read_in_parts(copy, size - 1, size, data[0] & 2);
	parts = read_in_parts(copy, size - 1, data[0] / 4 + 1u, data[0] & 2);
	if (whole.error != parts.error || whole.memory != parts.memory ||
	    (!whole.error && (whole.frame != parts.frame || whole.offset != parts.offset)))
		abort();
	return 0;
}
