/* SPDX-License-Identifier: MIT */
/* A cpio archive in the "new ASCII format" (cpio(5), newc): what Linux takes as its initramfs. Pure. */
#ifndef EXPERIMENTS_CPIO_H
#define EXPERIMENTS_CPIO_H

#include "experiments/text.h"

/* A file owned by root; `name` has no leading '/'. Its folders come first. */
void cpio_add_file(struct text *archive, const char *name, unsigned permissions, const void *data,
		   size_t size);
void cpio_add_folder(struct text *archive, const char *name);
void cpio_end(struct text *archive);

#endif
