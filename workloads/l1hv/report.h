/* SPDX-License-Identifier: MIT */
/* Records that l1hv sends. L2's FPU and SSE state is kept around each, as packing uses SSE registers. */
#ifndef L1HV_REPORT_H
#define L1HV_REPORT_H

#include "hv.h"
#include "output.h"

#define MISSING_MAX 16u
struct missing {
	unsigned int count;
	const char *name[MISSING_MAX];
};

static inline void missing_add(struct missing *missing, const char *name)
{
	if (missing->count < MISSING_MAX)
		missing->name[missing->count++] = name;
}

struct named_value {
	const char *name;
	uint64_t value;
};

void report_hello(const struct capability *cap, const char *unit);
/* As text too, for who reads the console. Ends the machine. */
_Noreturn void report_refusal(const char *reason, const struct missing *missing);
void report_output(enum output_channel channel, const uint8_t *bytes, size_t count);
void report_counters(const char *unit);
void report_stop(enum stop_cause cause, const char *reason, const struct named_value *regs, size_t count);

#endif
