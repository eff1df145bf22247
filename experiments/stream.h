/* SPDX-License-Identifier: MIT */
/*
 * Splits a byte stream into text and frames (include/nestbed/frame.h). Bytes may arrive in pieces of
 * any size. What is no whole, valid frame is text: no byte is lost, none is reported twice.
 */
#ifndef EXPERIMENTS_STREAM_H
#define EXPERIMENTS_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* What a frame held; `raw` is the whole frame as received, `payload` lies inside it. */
struct stream_frame {
	const uint8_t *raw;
	size_t raw_size;
	const uint8_t *payload;
	size_t payload_size;
};

/* Pointers are valid during the call only. The callbacks may not touch the stream that calls them. */
struct stream_sink {
	void (*text)(void *ctx, const uint8_t *data, size_t size);
	void (*frame)(void *ctx, const struct stream_frame *frame);
	void *ctx;
};

struct stream {
	struct stream_sink sink;
	uint8_t *data; /* bytes that may still become a frame */
	size_t size, room;
};

void stream_init(struct stream *s, struct stream_sink sink);
/* 0 or -ENOMEM; after an error the stream is unchanged. */
__attribute__((warn_unused_result)) int stream_feed(struct stream *s, const uint8_t *data, size_t size);
/* The stream has ended: what is held back is text, or frames behind a false start. */
void stream_end(struct stream *s);
void stream_free(struct stream *s);

#endif
