/* SPDX-License-Identifier: MIT */
/* What the parts of `cpu-baseline` share. Hosts that were read last as long as the program. */
#ifndef CPU_BASELINE_CLI_CLI_H
#define CPU_BASELINE_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "cpu_baseline/baseline.h"
#include "cpu_baseline/write/write.h"

enum cli_exit {
	CLI_YES = 0, /* the answer, or: may run */
	CLI_NO = 1, /* no baseline, may not run, differences that nothing explains */
	CLI_USAGE = 2, /* wrong use, bad input */
	CLI_FAILED = 3, /* this computer could not do it: standard output, libvirt, gnuplot */
};

#define CLI_HOSTS_MAX    64u
#define CLI_FEATURES_MAX 256u /* in one list */

struct cli_hosts {
	unsigned count;
	const struct cpu_policy *host[CLI_HOSTS_MAX + 1]; /* room for --without's */
	struct cpu_policy without; /* the one that lacks what --without names */
};

struct cli_features {
	unsigned count;
	const struct cpu_field *field[CLI_FEATURES_MAX]; /* of the table */
};

struct cli_arguments {
	struct cpu_options options;
	struct write_options write;
	write_fn *format;
	bool json; /* format is JSON */
	bool explain;
	const char *check, *pool, *libvirt;
	struct cli_features want, without;
	char **source; /* HOST… */
	unsigned sources;
};

/* Reads what `source` names and appends it. 0, or a negative errno after one line on standard error. */
__attribute__((warn_unused_result)) int cli_read(const struct cli_arguments *arguments, const char *source,
						 struct cli_hosts *hosts);

/* Each of arguments->source; 0, or CLI_USAGE. */
__attribute__((warn_unused_result)) int cli_read_all(const struct cli_arguments *arguments,
						     struct cli_hosts *hosts);

/*
 * The baseline of hosts without the features of --without into *out, what was found into *findings, which may
 * be about a host behind the last one of *hosts: the one that lacks them. It is appended. As cpu_baseline().
 */
__attribute__((warn_unused_result)) int cli_baseline(const struct cli_arguments *arguments,
						     struct cli_hosts *hosts, struct cpu_policy *out,
						     struct cpu_findings *findings);

/* Each writes its answer to `out`; an exit status. */
int cmd_baseline(const struct cli_arguments *arguments, FILE *out);
int cmd_check(const struct cli_arguments *arguments, FILE *out);
int cmd_pool(const struct cli_arguments *arguments, FILE *out);
int cmd_libvirt(const struct cli_arguments *arguments, FILE *out);
int cmd_matrix(const struct cli_arguments *arguments, FILE *out);
int cmd_list_fields(const struct cli_arguments *arguments, FILE *out);

/* "cpu-baseline: …" on standard error; CLI_USAGE. */
__attribute__((format(printf, 1, 2))) int cli_wrong(const char *format, ...);

#endif
