/* SPDX-License-Identifier: MIT */
/* Any text: a script within its limits, or one sentence. */
#include <stdlib.h>
#include <string.h>

#include "experiments/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_script script;
	char *text = malloc(size + 1);
	char *why = NULL;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (wire_script_parse(text, &script, &why)) {
		if (!why || !*why)
			abort();
	} else if (why || script.loss > WIRE_SCALE || script.twice > WIRE_SCALE ||
		   script.reorder > WIRE_SCALE || script.corrupt > WIRE_SCALE ||
		   script.cuts > WIRE_CUTS_MAX) {
		abort();
	}
	free(why);
	free(text);
	return 0;
}
