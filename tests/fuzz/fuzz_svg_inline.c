/* SPDX-License-Identifier: MIT */
/* A drawing that anyone may have made is refused with a reason, or has no element that does anything. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "experiments/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const never[] = {"<script",  "<image", "<a ",    "<foreign", "<set",
					    "<animate", "<style", "<title", "<!",       "<?"};
	char *svg = malloc(size + 1), *why = NULL;
	struct text out = {0};

	if (!svg)
		abort();
	memcpy(svg, data, size);
	svg[size] = '\0';
	if (svg_inline(&out, svg, "p-", "label", &why)) {
		if (!why || !*why || out.size)
			abort();
	} else if (!strstr(out.data, "<svg role=\"img\" aria-label=\"label\"")) {
		abort();
	}
	for (size_t i = 0; out.size && i < sizeof(never) / sizeof(never[0]); i++)
		if (strcasestr(out.data, never[i]))
			abort();
	free(why);
	free(svg);
	text_free(&out);
	return 0;
}
