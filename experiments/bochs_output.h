/* SPDX-License-Identifier: MIT */
/*
 * Takes Bochs' own lines off its standard output: the banner and the debugger's first instruction
 * before the machine's first byte, the debugger's last instruction after its last, and the trace of
 * instructions between, for whoever wants it. Pure.
 */
#ifndef EXPERIMENTS_BOCHS_OUTPUT_H
#define EXPERIMENTS_BOCHS_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "experiments/machine.h"
#include "experiments/text.h"

struct bochs_output {
	enum { BOCHS_BANNER, BOCHS_FIRST_LINE, BOCHS_RUNNING, BOCHS_TRACING } state;
	const struct machine_trace *trace; /* NULL: the machine is not traced */
	struct text line; /* of the banner */
	struct text held; /* may be lines of the debugger */
	struct text ready; /* the machine's bytes, for the caller to take */
};

/* Borrows trace. */
void bochs_output_init(struct bochs_output *o, const struct machine_trace *trace);
void bochs_output_feed(struct bochs_output *o, const uint8_t *data, size_t size);
void bochs_output_end(struct bochs_output *o);
/* Moves at most `room` ready bytes to data; how many. */
size_t bochs_output_take(struct bochs_output *o, uint8_t *data, size_t room);
void bochs_output_free(struct bochs_output *o);

#endif
