/* SPDX-License-Identifier: MIT */
/* A table of durations is taken, and then written as it can be read again; or refused with its line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cluster/durations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = zalloc(size + 1), *why = NULL;
	struct durations first, again;
	struct text table = {0};

	memcpy(text, data, size);
	if (durations_read(&first, "f", text, &why)) {
		if (!why || strncmp(why, "f:", 2) != 0)
			abort();
	} else {
		durations_write(&first, &table);
		if (durations_read(&again, "f", table.data, &why) || again.count != first.count)
			abort();
		durations_free(&again);
		durations_free(&first);
	}
	text_free(&table);
	free(why);
	free(text);
	return 0;
}
