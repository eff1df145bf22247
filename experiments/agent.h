/* SPDX-License-Identifier: MIT */
/*
 * Machines on another computer (docs/agent.md). There an agent runs one machine for whoever speaks to it;
 * here the driver machine_remote makes of an agent a machine like any other.
 */
#ifndef EXPERIMENTS_AGENT_H
#define EXPERIMENTS_AGENT_H

#include "experiments/machine.h"

/* Serves one machine, then ends; takes both descriptors. An enum cli_exit, its reason on stderr. */
int agent_serve(const struct machine_driver *driver, int in, int out);

#define AGENT_WORD "COMMAND|fd:N"
/*
 * Whether `agent`, of --agent, can be one: a shell's command, or fd:N, an open stream socket, which then is
 * not handed to any child. 0, or -EINVAL with *why (malloc'd).
 */
__attribute__((warn_unused_result)) int agent_check(const char *agent, char **why);
/* It is a socket, and serves one machine only. */
int agent_is_single(const char *agent);

/* The driver of machines whose spec has an agent. */
extern const struct machine_driver machine_remote;

#endif
