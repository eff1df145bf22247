/* SPDX-License-Identifier: MIT */
/* A temporary folder that lives as long as its process: who dies without removing it leaves it to the next.
 */
#ifndef EXPERIMENTS_OWN_FOLDER_H
#define EXPERIMENTS_OWN_FOLDER_H

struct own_folder {
	char *path; /* absolute, malloc'd; NULL: none */
	int lock; /* of the folder, held while it lives; or -1 */
};

/*
 * $TMPDIR/PREFIXxxxxxx, or below /tmp; removes first those of this prefix and user whose process is gone. 0
 * or negative errno; own_folder_remove() in any case. Inherited by no program that this one becomes.
 */
__attribute__((warn_unused_result)) int own_folder_make(struct own_folder *folder, const char *prefix);
/* With all that is in it. */
void own_folder_remove(struct own_folder *folder);

#endif
