/* SPDX-License-Identifier: MIT */
#include "experiments/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nestbed/frame.h"

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void stream_init(struct stream *s, struct stream_sink sink)
{
	memset(s, 0, sizeof(*s));
	s->sink = sink;
}

static void emit_text(const struct stream *s, size_t from, size_t to)
{
	if (to > from && s->sink.text)
		s->sink.text(s->sink.ctx, s->data + from, to - from);
}

/* First position at or after `from` where a magic begins, or could begin once more bytes are there. */
static size_t find_magic(const struct stream *s, size_t from)
{
	while (from < s->size) {
		const uint8_t *p = memchr(s->data + from, NB_FRAME_MAGIC[0], s->size - from);
		size_t there;

		if (!p)
			return s->size;
		from = (size_t)(p - s->data);
		there = s->size - from;
		if (!memcmp(p, NB_FRAME_MAGIC, there < 4 ? there : 4))
			return from;
		from++;
	}
	return s->size;
}

enum look { WHOLE, TOO_SHORT, NOT_A_FRAME };

/* Judges the magic at `at`. */
static enum look look_at(const struct stream *s, size_t at, struct stream_frame *frame)
{
	const uint8_t *p = s->data + at;
	size_t there = s->size - at;
	uint32_t length;

	if (there < NB_FRAME_HEAD)
		return TOO_SHORT;
	length = get_u32(p + 4);
	if (length > NB_FRAME_MAX)
		return NOT_A_FRAME;
	if (there < NB_FRAME_HEAD + length + NB_FRAME_TAIL)
		return TOO_SHORT;
	if (nb_crc32c(p + NB_FRAME_HEAD, length) != get_u32(p + NB_FRAME_HEAD + length))
		return NOT_A_FRAME;
	*frame = (struct stream_frame){
		.raw = p,
		.raw_size = NB_FRAME_HEAD + length + NB_FRAME_TAIL,
		.payload = p + NB_FRAME_HEAD,
		.payload_size = length,
	};
	return WHOLE;
}

static void scan(struct stream *s, bool ended)
{
	size_t text = 0; /* first byte not yet reported */
	size_t at = 0; /* where the next magic is looked for */

	while ((at = find_magic(s, at)) < s->size) {
		struct stream_frame frame;
		enum look look = look_at(s, at, &frame);

		if (look == TOO_SHORT && !ended)
			break;
		if (look != WHOLE) {
			at++;
			continue;
		}
		emit_text(s, text, at);
		if (s->sink.frame)
			s->sink.frame(s->sink.ctx, &frame);
		at += frame.raw_size;
		text = at;
	}
	emit_text(s, text, at);
	s->size -= at;
	memmove(s->data, s->data + at, s->size);
}

int stream_feed(struct stream *s, const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (s->room - s->size < size) {
		size_t room = (s->size + size) * 2;
		uint8_t *bigger = realloc(s->data, room);

		if (!bigger)
			return -ENOMEM;
		s->data = bigger;
		s->room = room;
	}
	memcpy(s->data + s->size, data, size);
	s->size += size;
	scan(s, false);
	return 0;
}

void stream_end(struct stream *s)
{
	if (s->size)
		scan(s, true);
}

void stream_free(struct stream *s)
{
	free(s->data);
	memset(s, 0, sizeof(*s));
}
