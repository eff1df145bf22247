/* SPDX-License-Identifier: MIT */
/* nestbed agent: runs one machine for a nestbed on another computer, which speaks to it by its input and
 * output. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "experiments/agent.h"
#include "experiments/cli.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		argp_error(state, "what is '%s'? The machine comes by the input", arg);
	return ARGP_ERR_UNKNOWN;
}

int cmd_agent(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.doc = "Runs one machine for another nestbed, which speaks to it by its standard input and "
		       "output: "
		       "nestbed move --agent 'ssh HOST nestbed agent' (docs/agent.md).\v" CLI_EXIT_DOC,
	};
	int in, out, null;

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
		return CLI_USAGE;
	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO)) {
		fprintf(stderr, "%s: it speaks to another nestbed, not to a terminal; see --help\n", argv[0]);
		return CLI_USAGE;
	}
	/* Above 2, so that no child gets them. */
	in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in < 0 || out < 0 || null < 0) {
		fprintf(stderr, "%s: it needs its standard input and output\n", argv[0]);
		return CLI_USAGE;
	}
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	return agent_serve(&machine_bochs, in, out);
}
