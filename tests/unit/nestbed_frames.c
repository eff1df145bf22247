/* SPDX-License-Identifier: MIT */
#include "tests/unit/nestbed_frames.h"

#include <stdlib.h>

#include "nestbed/frame.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

static void add_u32(struct text *out, uint32_t v)
{
	const uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

	text_add(out, bytes, sizeof(bytes));
}

void frame_add(struct text *out, const void *payload, size_t size)
{
	text_add(out, NB_FRAME_MAGIC, 4);
	add_u32(out, (uint32_t)size);
	text_add(out, payload, size);
	add_u32(out, nb_crc32c(payload, size));
}

void record_add(struct text *out, const Nestbed__Record *record)
{
	size_t size = nestbed__record__get_packed_size(record);
	uint8_t *bytes = zalloc(size);

	nestbed__record__pack(record, bytes);
	frame_add(out, bytes, size);
	free(bytes);
}

void output_add(struct text *out, const char *vm, Nestbed__Output__Channel channel, const void *data,
		size_t size)
{
	Nestbed__Output output = NESTBED__OUTPUT__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;

	output.vm = TEXT(vm);
	output.channel = channel;
	output.data.data = (uint8_t *)(uintptr_t)data;
	output.data.len = size;
	record.body_case = NESTBED__RECORD__BODY_OUTPUT;
	record.output = &output;
	record_add(out, &record);
}

void stop_add(struct text *out, const char *vm, Nestbed__Stop__Cause cause)
{
	Nestbed__Stop stop = NESTBED__STOP__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;

	stop.vm = TEXT(vm);
	stop.cause = cause;
	record.body_case = NESTBED__RECORD__BODY_STOP;
	record.stop = &stop;
	record_add(out, &record);
}

void sample_add(struct text *out, uint32_t mark, const char *op, uint64_t iterations, uint64_t ticks,
		uint64_t check, const char *why)
{
	Nestbed__Sample sample = NESTBED__SAMPLE__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;

	sample.mark = mark;
	sample.op = TEXT(op);
	sample.iterations = iterations;
	sample.ticks = ticks;
	sample.check = check;
	sample.skipped = why != NULL;
	sample.why = TEXT(why ? why : "");
	record.body_case = NESTBED__RECORD__BODY_SAMPLE;
	record.sample = &sample;
	record_add(out, &record);
}

void hello_add(struct text *out, const char *unit, const char *capability, uint64_t value)
{
	Nestbed__Capability one = NESTBED__CAPABILITY__INIT, *list = &one;
	Nestbed__Hello hello = NESTBED__HELLO__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;

	one.name = TEXT(capability);
	one.value = value;
	hello.producer = TEXT("l0");
	hello.unit = TEXT(unit);
	hello.n_capability = 1;
	hello.capability = &list;
	record.body_case = NESTBED__RECORD__BODY_HELLO;
	record.hello = &hello;
	record_add(out, &record);
}
