/* SPDX-License-Identifier: MIT */
/*
 * A stream from anybody: frames, messages in bounded memory, order and ranges. Read in pieces and whole, the
 * verdict is the same; pages that reach the memory's image are in range. An input that begins with 1 has its
 * CRCs and sequence numbers made right, so that the fuzzer gets behind them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "migration/crc32c.h"
#include "migration/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 16u
#define INPUT 262144u

struct outcome {
	int frame, error;
	uint64_t offset, memory;
};

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static void repair(uint8_t *p, size_t n)
{
	uint32_t next[4] = {0};

	while (n >= FRAME_HEAD) {
		uint32_t length;

		memcpy(&length, p + 8, 4);
		if (length > n - FRAME_HEAD)
			return;
		put32(p + 12, next[p[6] >> 1 & 3]++);
		put32(p + 16, 0);
		put32(p + 16, crc32c(0, p, FRAME_HEAD + length));
		p += FRAME_HEAD + length;
		n -= FRAME_HEAD + length;
	}
}

static void store(void *context, uint32_t page, const uint8_t *data)
{
	uint8_t *memory = context;

	if (page >= PAGES)
		abort();
	if (data)
		memcpy(memory + page * 4096u, data, 4096);
	else
		memset(memory + page * 4096u, 0, 4096);
}

static struct outcome read_in_parts(const uint8_t *data, size_t size, size_t part)
{
	static uint8_t buffer[FRAME_HEAD + 16384], arena_memory[1u << 18] __attribute__((aligned(16)));
	static uint32_t written[PAGES], sent[PAGES];
	static uint64_t digest[PAGES];
	static uint8_t memory[PAGES * 4096];
	struct outcome o = {0};
	struct message_arena arena;
	struct frame_reader r;
	struct verify v;
	struct frame f;

	memset(memory, 0, sizeof(memory));
	message_arena_init(&arena, arena_memory, sizeof(arena_memory));
	frame_reader_init(&r, buffer, sizeof(buffer), 7);
	verify_init(&v, &(struct verify_config){.max_pages = PAGES,
						.max_vcpus = 4,
						.max_batch = 3,
						.written = written,
						.sent = sent,
						.page_digest = digest,
						.store = store,
						.context = memory});
	for (size_t at = 0; at < size && !r.error && !v.error; at += part) {
		const uint8_t *p = data + at;
		size_t n = size - at < part ? size - at : part;

		while (!v.error && frame_read(&r, &p, &n, &f) > 0) {
			ProtobufCMessage *m;

			if (stream_unpack(f.type, f.body, f.length, &arena, &m))
				v.error = VERIFY_ERRORS;
			else if (verify_message(&v, &f, m) && !v.error)
				abort();
		}
	}
	if (frame_finish(&r) && !r.error)
		abort();
	if (arena.peak > sizeof(arena_memory))
		abort();
	/* What was replayed page by page is what the image is. */
	for (uint32_t page = 0; page < PAGES; page++)
		o.memory += digest_page(page, memory + page * 4096u);
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
	whole = read_in_parts(copy, size - 1, size);
	parts = read_in_parts(copy, size - 1, data[0] / 2 + 1u);
	if (whole.error != parts.error || whole.memory != parts.memory ||
	    (!whole.error && (whole.frame != parts.frame || whole.offset != parts.offset)))
		abort();
	return 0;
}
