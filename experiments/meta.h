/* SPDX-License-Identifier: MIT */
/* meta.json: how a result came to be. */
#ifndef EXPERIMENTS_META_H
#define EXPERIMENTS_META_H

#include <jansson.h>

#include "experiments/run.h"

/* Versions, computer, settings; a new reference, which holds command_line's. */
json_t *meta_new(const struct run *run, json_t *command_line);
/* What this program and the tools that it uses are, a driver's (or NULL) among them; what this computer is.
 * New references. */
json_t *meta_versions(const struct machine_driver *driver);
json_t *meta_computer(void);
/* One machine run. */
json_t *meta_machine(const struct launch *launch, const struct machine_result *result, int status,
		     const char *why);
/* malloc'd: the first line of what a command prints, or NULL when there is no such command. */
char *first_line_of(const char *command);

#endif
