/* SPDX-License-Identifier: MIT */
/*
 * Boot bundle: what L0 is told to run. One file, given to L0 as its first multiboot module:
 * this header, then entries' bytes. Entry 0 is named "config" and holds text (docs/bundle.md);
 * the others are guest images and modules that the text refers to by name.
 */
#ifndef NESTBED_BUNDLE_H
#define NESTBED_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#define NB_BUNDLE_MAGIC       0x31304C444E42424Eull /* "NBBNDL01" */
#define NB_BUNDLE_ENTRIES_MAX 32u
#define NB_BUNDLE_NAME_MAX    48u /* NUL included */

struct nb_bundle_entry {
	char name[NB_BUNDLE_NAME_MAX];
	uint64_t offset; /* from the header's first byte; multiple of 4096 */
	uint64_t size; /* bytes */
};

struct nb_bundle_header {
	uint64_t magic;
	uint32_t count;
	uint32_t reserved;
	struct nb_bundle_entry entry[NB_BUNDLE_ENTRIES_MAX];
};

_Static_assert(sizeof(struct nb_bundle_entry) == 64, "bundle layout");
_Static_assert(sizeof(struct nb_bundle_header) == 16 + 64 * NB_BUNDLE_ENTRIES_MAX, "bundle layout");

#endif
