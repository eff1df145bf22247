/* SPDX-License-Identifier: MIT */
/*
 * Takes Bochs' own lines off its standard output: the banner and the debugger's first instruction
 * before the machine's first byte, the debugger's last instruction after its last. Pure.
 */
#ifndef EXPERIMENTS_BOCHS_OUTPUT_H
#define EXPERIMENTS_BOCHS_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "experiments/text.h"

struct bochs_output {
	enum { BOCHS_BANNER, BOCHS_FIRST_LINE, BOCHS_RUNNING } state;
	struct text line; /* of the banner */
	struct text held; /* may be the debugger's last line */
	struct text ready; /* the machine's bytes, for the caller to take */
};

void bochs_output_init(struct bochs_output *o);
void bochs_output_feed(struct bochs_output *o, const uint8_t *data, size_t size);
void bochs_output_end(struct bochs_output *o);
/* Moves at most `room` ready bytes to data; how many. */
size_t bochs_output_take(struct bochs_output *o, uint8_t *data, size_t room);
void bochs_output_free(struct bochs_output *o);

#endif
