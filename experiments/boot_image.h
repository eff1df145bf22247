/* SPDX-License-Identifier: MIT */
/* Lays a kernel, its command line and its modules out in a machine's RAM as boot.h says. */
#ifndef EXPERIMENTS_BOOT_IMAGE_H
#define EXPERIMENTS_BOOT_IMAGE_H

#include "experiments/machine.h"

struct boot_image {
	uint8_t table[NB_BOOT_TABLE_SIZE];
	struct blob pack; /* malloc'd: kernel and modules, each on a page of its own */
	uint32_t address; /* of the pack in RAM, page aligned */
};

/*
 * 0, -E2BIG (strings or modules exceed the table), -ENOSPC (RAM is too small) or -ENOMEM; *why (malloc'd)
 * tells a user.
 */
__attribute__((warn_unused_result)) int boot_image_make(struct boot_image *image,
							const struct machine_spec *spec, char **why);
void boot_image_free(struct boot_image *image);

#endif
