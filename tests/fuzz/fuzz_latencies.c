/* SPDX-License-Identifier: MIT */
/* A table of latencies that a user wrote is taken, or refused with a reason that names the line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/latencies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *why = NULL;
	struct latencies latencies;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (latencies_parse(text, "f", &latencies, &why)) {
		if (!why || strncmp(why, "f:", 2) != 0)
			abort();
	} else {
		for (enum trace_class c = 0; c < TRACE_CLASS_COUNT; c++)
			if (latencies.known[c] &&
			    (c == TRACE_OTHER || latencies.millicycles[c] >= 1000000000))
				abort();
	}
	free(why);
	free(text);
	return 0;
}
