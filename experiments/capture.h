/* SPDX-License-Identifier: MIT */
/* What one machine run reported, kept for the tables made from it. */
#ifndef EXPERIMENTS_CAPTURE_H
#define EXPERIMENTS_CAPTURE_H

#include <stdint.h>

#include "experiments/decode.h"
#include "experiments/text.h"
#include "experiments/verdict.h"

struct sample {
	uint32_t mark; /* 0: not measured */
	char *op;
	uint64_t iterations, ticks, check;
	char *why; /* it was skipped; else NULL */
};

struct capture {
	unsigned depth; /* asked: where the workload runs; 0 bare, 1 a VM of L0, 2 a VM of that VM */
	struct verdict verdict;
	struct decode *decode;
	struct text raw; /* the machine's frames as received */
	struct text printed; /* text of the workload's console */
	Nestbed__Record **record; /* Hello, Log and Window records of the machine itself: L0's */
	unsigned record_count;
	struct sample *sample;
	unsigned sample_count;
};

void capture_init(struct capture *c, unsigned depth);
/* Output of the machine; size 0: its end. For struct job. */
void capture_output(void *ctx, const uint8_t *data, size_t size);
/* L0's, or NULL when it said none. */
const Nestbed__Hello *capture_hello(const struct capture *c);
/* L0's unit of time, or NULL when it said none. */
const char *capture_unit(const struct capture *c);
/* A capability from L0's Hello; 0 when it is not there. */
uint64_t capture_capability(const struct capture *c, const char *name);
/* The next window of this mark from *at on; *at moves behind it. NULL when there is none. */
const Nestbed__Window *capture_window(const struct capture *c, uint32_t mark, unsigned *at);
void capture_free(struct capture *c);

#endif
