/* SPDX-License-Identifier: MIT */
#include "experiments/cpio.h"

#include <string.h>
#include <sys/stat.h>

#define TRAILER "TRAILER!!!"

static void pad(struct text *archive)
{
	while (archive->size % 4)
		text_add(archive, "", 1);
}

/* Inodes of linked files alone must differ, and nothing is linked: all are 0. So is every time. */
static void add(struct text *archive, const char *name, unsigned mode, const void *data, size_t size)
{
	const unsigned links = S_ISDIR(mode) ? 2 : 1;

	text_addf(archive, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 0, mode, 0, 0,
		  links, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0);
	text_add(archive, name, strlen(name) + 1);
	pad(archive);
	text_add(archive, data, size);
	pad(archive);
}

void cpio_add_file(struct text *archive, const char *name, unsigned permissions, const void *data,
		   size_t size)
{
	add(archive, name, S_IFREG | permissions, data, size);
}

void cpio_add_folder(struct text *archive, const char *name)
{
	add(archive, name, S_IFDIR | 0755, "", 0);
}

void cpio_end(struct text *archive)
{
	add(archive, TRAILER, 0, "", 0);
}
