/* SPDX-License-Identifier: MIT */
/* vmcs-explain's parser: any bytes are accepted or refused with a line number in the text. */
#include <stdint.h>
#include <stdlib.h>

#include "vmcs_merge/explain/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct explain_input input;
	struct explain_error error;
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (explain_parse((const char *)data, size, &input, &error)) {
		if (error.line < 1 || error.line > lines || !error.text[0])
			abort();
	}
	return 0;
}
