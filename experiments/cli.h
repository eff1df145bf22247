/* SPDX-License-Identifier: MIT */
/* What the commands of `nestbed` share. */
#ifndef EXPERIMENTS_CLI_H
#define EXPERIMENTS_CLI_H

#include <argp.h>

struct machine_driver;

#define CLI_DEFAULT_CPU    "corei7_skylake_x"
#define CLI_DEFAULT_MEMORY (256ull << 20)

/* Exit status, the same for every command. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* an experiment's own check failed, or a result could not be written */
	CLI_USAGE = 2,
	CLI_STOPPED = 3, /* L0 stopped a VM for what it did */
	CLI_REFUSED = 4, /* this computer or this CPU model cannot do what was asked */
	CLI_DIED = 5, /* a machine died or ran out of time */
	CLI_INTERRUPTED = 128, /* plus the signal's number */
};

#define CLI_EXIT_DOC                                                                                         \
	"Exit status:\n"                                                                                     \
	"  0  it worked; a VM that ran shut down by itself\n"                                                \
	"  1  a check failed, or a result could not be written\n"                                            \
	"  2  wrong usage\n"                                                                                 \
	"  3  a VM was stopped for what it did; the record says why\n"                                       \
	"  4  refused: the CPU model, the configuration or this computer can't do it\n"                      \
	"  5  a machine died or ran out of time\n"                                                           \
	"  128+N  ended by signal N"

struct command {
	const char *name;
	const char *what; /* one line for `nestbed --help` */
	int (*run)(int argc, char **argv); /* argv[0] is "nestbed NAME"; an exit status */
};

int cmd_agent(int argc, char **argv);
int cmd_boot(int argc, char **argv);
int cmd_cluster(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_link(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_move(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_records(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_stream(int argc, char **argv);

/* CLI_OK, or CLI_REFUSED: this computer can't run machines, and stderr says why. */
int cli_machines(const struct machine_driver *driver);
/* The same of machines with a NIC. */
int cli_namespaces(void);
/* Prints "nestbed: why" and frees it; CLI_USAGE. */
int cli_usage(char *why);

extern const char nestbed_version[]; /* git describe */
extern const char nestbed_compiler[];

#endif
