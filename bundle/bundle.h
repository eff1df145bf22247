/* SPDX-License-Identifier: MIT */
/* Reading a boot bundle (include/nestbed/bundle.h) that somebody else wrote: every field is checked. Pure. */
#ifndef BUNDLE_BUNDLE_H
#define BUNDLE_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "nestbed/bundle.h"

struct bundle {
	const struct nb_bundle_header *header; /* the blob's first byte */
	size_t size;
};

/*
 * The blob stays the caller's, 8-byte aligned, and unchanged while the bundle is used. 0; -EINVAL, and then
 * *why (may be NULL) is a sentence for the user.
 */
__attribute__((warn_unused_result)) int bundle_open(const void *blob, size_t n, struct bundle *bundle,
						    const char **why);

/* Bytes of the entry of that name; -ENOENT. */
__attribute__((warn_unused_result)) int bundle_find(const struct bundle *bundle, const char *name,
						    const void **data, size_t *size);

#endif
