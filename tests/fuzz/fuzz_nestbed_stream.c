/* SPDX-License-Identifier: MIT */
/*
 * Anything may come out of a machine. The frame reader must lose no byte, add none, and find the same
 * frames however the bytes are cut; the decoder and the printer behind it must take whatever it finds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/decode.h"
#include "experiments/printer.h"
#include "experiments/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct text bytes; /* all that was reported, in order */
	struct text frames; /* where each frame begins and ends in it */
};

static void on_text(void *ctx, const uint8_t *data, size_t size)
{
	text_add(&((struct seen *)ctx)->bytes, data, size);
}

static void on_frame(void *ctx, const struct stream_frame *frame)
{
	struct seen *seen = ctx;

	text_add(&seen->frames, &seen->bytes.size, sizeof(seen->bytes.size));
	text_add(&seen->frames, &frame->raw_size, sizeof(frame->raw_size));
	text_add(&seen->bytes, frame->raw, frame->raw_size);
}

static void read_in_parts(const uint8_t *data, size_t size, size_t part, struct seen *seen)
{
	struct stream s;

	stream_init(&s, (struct stream_sink){on_text, on_frame, seen});
	for (size_t at = 0; at < size; at += part)
		if (stream_feed(&s, data + at, size - at < part ? size - at : part))
			abort();
	stream_end(&s);
	stream_free(&s);
	if (seen->bytes.size != size || (size && memcmp(seen->bytes.data, data, size) != 0))
		abort();
}

static void decode_and_print(const uint8_t *data, size_t size, size_t part, bool json)
{
	static FILE *null;
	struct printer printer = {.json = json};
	const struct decode_sink sink = {
		.text = printer_text, .record = printer_record, .bad = printer_bad, .ctx = &printer};
	struct decode *d = decode_new(&sink);

	if (!null)
		null = fopen("/dev/null", "we");
	if (!null)
		abort();
	printer.out = null;
	for (size_t at = 0; at < size; at += part)
		decode_feed(d, data + at, size - at < part ? size - at : part);
	decode_end(d);
	printer_end(&printer);
	decode_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = {0}, parts = {0};
	size_t part;

	if (!size)
		return 0;
	part = data[0] % 32 + 1u; /* the first byte says how the others are cut */
	data++;
	size--;
	read_in_parts(data, size, size ? size : 1, &whole);
	read_in_parts(data, size, part, &parts);
	if (whole.frames.size != parts.frames.size ||
	    (whole.frames.size && memcmp(whole.frames.data, parts.frames.data, whole.frames.size) != 0))
		abort();
	decode_and_print(data, size, part, part & 1);
	text_free(&whole.bytes);
	text_free(&whole.frames);
	text_free(&parts.bytes);
	text_free(&parts.frames);
	return 0;
}
