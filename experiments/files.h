/* SPDX-License-Identifier: MIT */
/* Files that nestbed reads, and those it writes: whole or not at all. */
#ifndef EXPERIMENTS_FILES_H
#define EXPERIMENTS_FILES_H

#include "experiments/machine.h"

/* 0 or negative errno; the blob is malloc'd and has a NUL behind its last byte. */
__attribute__((warn_unused_result)) int file_read(const char *path, struct blob *blob);
/* By a temporary file beside it and rename(). 0 or negative errno. */
__attribute__((warn_unused_result)) int file_write(const char *path, const void *data, size_t size);

/* A folder and what leads to it; those that are there already are fine. 0 or negative errno. */
__attribute__((warn_unused_result)) int make_folders(const char *path);
/* With all that is in it. */
void remove_folder(const char *path);

/* malloc'd: names in a folder with that ending, not hidden, sorted; NULL where it can't be read. */
char **folder_names(const char *dir, const char *ending, unsigned *count);
void names_free(char **names, unsigned count);

/* Where ROM, L0 and guests lie: $NESTBED_BUILD, or beside this program. */
const char *build_dir(void);
/* Reads build_dir()/name, which the build makes; says on stderr what is missing. 0 or negative errno. */
__attribute__((warn_unused_result)) int build_file_read(const char *name, struct blob *blob);
/* A guest image: a path, or the name of one that the build makes. Says on stderr what is missing. */
__attribute__((warn_unused_result)) int guest_read(const char *image, struct blob *blob);
/* malloc'd: the file's name without folder and ending, in characters that a VM's name may have. */
char *guest_name(const char *image);

#endif
