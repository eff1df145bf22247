/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bundle/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* A copy of exactly that size, so that ASan sees a byte too far; magic and alignment given for free.
	 */
	uint8_t *blob = aligned_alloc(8, (n + 15) & ~7ull);
	struct bundle bundle;

	if (!blob)
		return 0;
	memcpy(blob, data, n);
	if (n >= 8)
		memcpy(blob, &(uint64_t){NB_BUNDLE_MAGIC}, 8);
	if (!bundle_open(blob, n, &bundle, NULL)) {
		for (uint32_t i = 0; i < bundle.header->count; i++) {
			const void *p;
			size_t size;

			if (bundle_find(&bundle, bundle.header->entry[i].name, &p, &size))
				abort();
			if ((const uint8_t *)p < blob || (const uint8_t *)p + size > blob + n)
				abort();
		}
	}
	free(blob);
	return 0;
}
