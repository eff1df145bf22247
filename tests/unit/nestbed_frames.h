/* SPDX-License-Identifier: MIT */
/* Frames and records for tests of the host program. */
#ifndef TESTS_UNIT_NESTBED_FRAMES_H
#define TESTS_UNIT_NESTBED_FRAMES_H

#include <nestbed/record.pb-c.h>

#include "experiments/text.h"

/* Adds a frame around size bytes. */
void frame_add(struct text *out, const void *payload, size_t size);
void record_add(struct text *out, const Nestbed__Record *record);

void output_add(struct text *out, const char *vm, Nestbed__Output__Channel channel, const void *data,
		size_t size);
void stop_add(struct text *out, const char *vm, Nestbed__Stop__Cause cause);
/* why NULL: measured. */
void sample_add(struct text *out, uint32_t mark, const char *op, uint64_t iterations, uint64_t ticks,
		uint64_t check, const char *why);
void hello_add(struct text *out, const char *unit, const char *capability, uint64_t value);

#endif
