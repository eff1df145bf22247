/* SPDX-License-Identifier: MIT */
/* Published latencies of slow instructions: a table that is read, and cycles that are modelled from it. Pure.
 */
#ifndef EXPERIMENTS_LATENCIES_H
#define EXPERIMENTS_LATENCIES_H

#include <stdbool.h>
#include <stdint.h>

#include "experiments/trace.h"

/* The first line of such a file. "none" as cycles: nothing is published. */
#define LATENCIES_HEAD "class,cycles,processor,source,verified,remark"

struct latencies {
	bool known[TRACE_CLASS_COUNT];
	uint32_t millicycles[TRACE_CLASS_COUNT];
};

/* `name` is the file's, for messages. 0; or -EINVAL with *why (malloc'd), which names the line. */
__attribute__((warn_unused_result)) int latencies_parse(const char *text, const char *name,
							struct latencies *latencies, char **why);
/* A decimal number below a million with at most three decimals, in thousandths. 0 or -EINVAL. */
__attribute__((warn_unused_result)) int millis_parse(const char *word, uint32_t *millis);

/* Cycles of one who's instructions, in thousandths. The parts make up the whole. */
struct modelled {
	uint64_t transitions; /* VM entries, each with the exit before it */
	uint64_t vmx; /* other VMX instructions */
	uint64_t slow; /* other classes with a latency */
	uint64_t plain; /* all else, at so many cycles an instruction: also classes without a latency */
	uint64_t all;
	bool left_out[TRACE_CLASS_COUNT]; /* classes without a latency that were executed */
};

struct modelled latencies_model(const struct latencies *latencies, uint32_t milli_cpi,
				const struct trace_counts *counts, enum trace_who who);

#endif
