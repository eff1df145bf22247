/* SPDX-License-Identifier: MIT */
/* Multiboot-1 loader: from l1hv's modules to L2's memory, which ept_build() made. */
#ifndef L1HV_LOADER_H
#define L1HV_LOADER_H

#include <stdint.h>

/*
 * Module 0 is L2's kernel and brings its command line; the others become L2's modules. NULL and where to
 * start, or what is wrong with the image.
 */
const char *l2_load(uint64_t memory, uint32_t *entry_point, uint32_t *info);

#endif
