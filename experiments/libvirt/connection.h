/* SPDX-License-Identifier: MIT */
/* A libvirt connection, and what its computer can do. */
#ifndef EXPERIMENTS_LIBVIRT_CONNECTION_H
#define EXPERIMENTS_LIBVIRT_CONNECTION_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

struct connection {
	virConnectPtr libvirt;
	bool relabels; /* the daemon gives a domain's files to QEMU's user */
	char *version; /* of all that runs a machine there: a line */
};

/* 0; or -1, and *why (malloc'd) says what its computer lacks. */
__attribute__((warn_unused_result)) int connection_open(struct connection *c, const char *uri, bool kvm,
							char **why);
void connection_close(struct connection *c);
/* libvirt's words for what went wrong last. */
const char *connection_error(void);

#endif
