/* SPDX-License-Identifier: MIT */
#include "experiments/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "experiments/isolate.h"
#include "experiments/machine.h"

int cli_usage(char *why)
{
	fprintf(stderr, "nestbed: %s\n", why);
	free(why);
	return CLI_USAGE;
}

int cli_machines(const struct machine_driver *driver)
{
	const char *lacks = driver->lacks();

	if (!lacks)
		return CLI_OK;
	fprintf(stderr, "nestbed: %s\n", lacks);
	return CLI_REFUSED;
}

int cli_namespaces(void)
{
	const enum isolation isolation = isolate_probe();

	if (isolation == ISOLATE_NAMESPACE || isolation == ISOLATE_USER_NAMESPACE)
		return CLI_OK;
	fprintf(stderr,
		"nestbed: no link is possible here: each machine with a NIC needs a network namespace of its "
		"own, "
		"and this computer allows neither that nor a user namespace (isolation: %s)\n",
		isolation_name(isolation));
	return CLI_REFUSED;
}
