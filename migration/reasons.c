/* SPDX-License-Identifier: MIT */
#include "migration/reasons.h"

static void take(char to[REASON_BYTES], const char *from)
{
	size_t n = 0;

	for (; n + 1 < REASON_BYTES && from[n]; n++)
		to[n] = from[n] >= ' ' && from[n] <= '~' ? from[n] : '?';
	to[n] = '\0';
}

void reasons_take(struct reasons *r, char *const *list, size_t n)
{
	r->count = n < REASONS_MAX ? n : REASONS_MAX;
	for (size_t i = 0; i < r->count; i++) {
		take(r->text[i], list[i]);
		r->list[i] = r->text[i];
	}
}
