/* SPDX-License-Identifier: MIT */
/*
 * A machine's files. Kept ones lie in a directory; others have no name in any file system, so that
 * nothing is left behind however nestbed ends.
 */
#ifndef EXPERIMENTS_SCRATCH_H
#define EXPERIMENTS_SCRATCH_H

#include <stddef.h>

#define SCRATCH_PATH_MAX 64

struct scratch_file {
	int fd; /* -1: none */
	char path[SCRATCH_PATH_MAX]; /* by which the machine's process, which inherits fd and runs in dir,
					opens it */
};

/* Holds `size` bytes of `data`; dir NULL means nameless. 0 or negative errno. */
__attribute__((warn_unused_result)) int scratch_make(struct scratch_file *file, const char *dir,
						     const char *name, const void *data, size_t size);
/* In the machine's process, between fork and exec: keep the descriptor open. */
void scratch_inherit(const struct scratch_file *file);
/* malloc'd: the file's last lines, at most `lines`, from its last `size` bytes. */
char *scratch_tail(const struct scratch_file *file, size_t size, unsigned lines);
void scratch_close(struct scratch_file *file);

#endif
