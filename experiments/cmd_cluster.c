/* SPDX-License-Identifier: MIT */
/* nestbed cluster: a program of its own, so that no other command needs MPI. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/text.h"

int cmd_cluster(int argc, char **argv)
{
	char *program = text_format("%s/nestbed-cluster", build_dir());

	(void)argc;
	execv(program, argv);
	if (errno == ENOENT)
		fprintf(stderr,
			"nestbed: no %s: it is built where OpenMPI and libyaml are (packages "
			"libopenmpi-dev, openmpi-bin and libyaml-dev; then make)\n",
			program);
	else
		fprintf(stderr, "nestbed: %s: %s\n", program, strerror(errno));
	free(program);
	return CLI_REFUSED;
}
