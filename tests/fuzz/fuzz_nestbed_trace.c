/* SPDX-License-Identifier: MIT */
/*
 * Anything may stand on the emulator's output. However it is cut, the same bytes are the machine's and the
 * same instructions are counted; nothing is lost but the emulator's own lines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/bochs_output.h"
#include "experiments/text.h"
#include "experiments/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct text bytes;
	struct trace trace;
};

static void take_all(struct bochs_output *o, struct text *bytes)
{
	uint8_t got[256];
	size_t n;

	while ((n = bochs_output_take(o, got, sizeof(got))))
		text_add(bytes, got, n);
}

/* Each part in memory of its own size: what reads behind it is found. */
static void read_in_parts(const uint8_t *data, size_t size, size_t part, struct seen *seen)
{
	const struct trace_l0 l0 = {
		.range = {{0x100000, 0x200000}}, .ranges = 1, .selector = {0x10}, .selectors = 1};
	struct bochs_output o;
	struct machine_trace sink;

	trace_init(&seen->trace, &l0);
	sink = trace_sink(&seen->trace);
	bochs_output_init(&o, &sink);
	for (size_t at = 0; at < size; at += part) {
		size_t n = size - at < part ? size - at : part;
		uint8_t *copy = malloc(n);

		if (!copy)
			abort();
		memcpy(copy, data + at, n);
		bochs_output_feed(&o, copy, n);
		free(copy);
		take_all(&o, &seen->bytes);
	}
	bochs_output_end(&o);
	take_all(&o, &seen->bytes);
	bochs_output_free(&o);
}

static int differ(const struct seen *a, const struct seen *b)
{
	const struct trace *s = &a->trace, *t = &b->trace;

	return a->bytes.size != b->bytes.size || s->sections != t->sections ||
	       (a->bytes.size && memcmp(a->bytes.data, b->bytes.data, a->bytes.size) != 0) ||
	       memcmp(&s->now, &t->now, sizeof(s->now)) != 0 ||
	       (s->sections && memcmp(s->section, t->section, s->sections * sizeof(*s->section)) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = {0}, parts = {0};

	if (!size)
		return 0;
	read_in_parts(data + 1, size - 1, size, &whole);
	read_in_parts(data + 1, size - 1, data[0] % 32 + 1u,
		      &parts); /* the first byte says how the others are cut */
	if (differ(&whole, &parts) || whole.bytes.size > size)
		abort();
	text_free(&whole.bytes);
	text_free(&parts.bytes);
	trace_free(&whole.trace);
	trace_free(&parts.trace);
	return 0;
}
