/* SPDX-License-Identifier: MIT */
/*
 * A machine's folder: what QEMU, which another user may run, reads as it starts and connects to. It is gone
 * before the machine executes anything.
 */
#ifndef EXPERIMENTS_LIBVIRT_FOLDER_H
#define EXPERIMENTS_LIBVIRT_FOLDER_H

#include "experiments/own_folder.h"

enum folder_socket { FOLDER_CONSOLE, FOLDER_SHUTDOWN, FOLDER_COM1, FOLDER_SOCKETS };

struct folder {
	struct own_folder own;
	char **made; /* files and folders in it, as they were made */
	unsigned made_count;
	int listener[FOLDER_SOCKETS];
	char *socket_path[FOLDER_SOCKETS];
};

/* In $TMPDIR or /tmp, from where folders that killed processes left go. 0 or negative errno; *why (malloc'd)
 * names what could not be made. folder_remove() in any case. */
__attribute__((warn_unused_result)) int folder_make(struct folder *f, char **why);
/* A copy of a file: PATH/NUMBER/NAME, malloc'd; NULL with *why. */
char *folder_copy(struct folder *f, unsigned number, const char *name, const char *from, char **why);
/* Takes QEMU's connection to each socket, which is there once QEMU has started. 0 or negative errno. */
__attribute__((warn_unused_result)) int folder_accept(struct folder *f, int socket[FOLDER_SOCKETS]);
void folder_remove(struct folder *f);

#endif
