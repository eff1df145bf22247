/* SPDX-License-Identifier: MIT */
/* The way that a VM takes over hosts, and what each host's configuration must say for it. Pure. */
#ifndef EXPERIMENTS_MOVE_PATH_H
#define EXPERIMENTS_MOVE_PATH_H

#include <stdbool.h>

#include "experiments/text.h"
#include "nestbed/link.h"

#define MOVE_HOPS_MAX 32u
#define MOVE_NOWHERE  NB_LINK_HOSTS

struct move_host {
	const char *cpu; /* borrowed */
	unsigned to, from; /* hosts, or MOVE_NOWHERE */
	unsigned moves; /* times that the VM leaves it */
};

/* Hosts in the order in which they were named: the VM starts at host 0. Hop i goes from at[i] to at[i + 1].
 */
struct move_path {
	bool any_model; /* hosts may have others than Bochs' models */
	struct move_host host[NB_LINK_HOSTS];
	unsigned hosts, hops;
	unsigned at[MOVE_HOPS_MAX + 1];
};

/*
 * One more station: a CPU model, for a host that was not there yet, or the number of one that was. 0, or
 * -EINVAL with a sentence in *why (malloc'd): of a host, the VM always leaves to the same host, and comes
 * from the same one.
 */
__attribute__((warn_unused_result)) int move_path_add(struct move_path *path, const char *word, char **why);
/* Lines of the VM's section: image aside, where this host's VM comes from and goes to. */
void move_path_lines(const struct move_path *path, unsigned host, struct text *lines);
/* "0->1" */
char *move_path_hop(const struct move_path *path, unsigned hop);

#endif
