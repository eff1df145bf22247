/* SPDX-License-Identifier: MIT */
#include "experiments/peer_split.h"

#include <stdio.h>
#include <stdlib.h>

struct peer_split {
	struct stream stream;
	struct capture **capture;
	unsigned count, begun;
};

static void on_frame(void *ctx, const struct stream_frame *frame)
{
	struct peer_split *s = ctx;
	Nestbed__Record *record = nestbed__record__unpack(NULL, frame->payload_size, frame->payload);

	if (record && record->body_case == NESTBED__RECORD__BODY_HELLO)
		s->begun++;
	if (record)
		nestbed__record__free_unpacked(record, NULL);
	if (s->begun && s->begun <= s->count)
		capture_output(s->capture[s->begun - 1], frame->raw, frame->raw_size);
}

struct peer_split *peer_split_new(struct capture *const *capture, unsigned count)
{
	struct peer_split *s = zalloc(sizeof(*s));

	s->capture = zalloc(count * sizeof(struct capture *));
	for (unsigned i = 0; i < count; i++)
		s->capture[i] = capture[i];
	s->count = count;
	stream_init(&s->stream, (struct stream_sink){NULL, on_frame, s});
	return s;
}

void peer_split_output(void *ctx, const uint8_t *data, size_t size)
{
	struct peer_split *s = ctx;

	if (size) {
		if (stream_feed(&s->stream, data, size))
			fputs("nestbed: out of memory: output lost\n", stderr);
		return;
	}
	stream_end(&s->stream);
	for (unsigned i = 0; i < s->count; i++)
		capture_output(s->capture[i], NULL, 0);
}

unsigned peer_split_begun(const struct peer_split *s)
{
	return s->begun < s->count ? s->begun : s->count;
}

void peer_split_free(struct peer_split *s)
{
	if (!s)
		return;
	stream_free(&s->stream);
	free(s->capture);
	free(s);
}
