/* SPDX-License-Identifier: MIT */
/* Hosts as named by the user, and the host that stands for --without. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/cli/cli.h"
#include "cpu_baseline/read/read.h"

int cli_wrong(const char *format, ...)
{
	va_list args;

	fputs("cpu-baseline: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CLI_USAGE;
}

int cli_read(const struct cli_arguments *arguments, const char *source, struct cli_hosts *hosts)
{
	/* --check reads one more than the hosts */
	static struct cpu_policy policies[CLI_HOSTS_MAX + 1];
	static unsigned used;
	const struct cpu_read_options options = {.map_dir = arguments->write.cpu_map};
	struct cpu_read_report report;
	int status;

	if (hosts->count == CLI_HOSTS_MAX) {
		cli_wrong("%s: at most %u hosts", source, CLI_HOSTS_MAX);
		return -EINVAL;
	}
	status = cpu_read(source, &options, &policies[used], &report);
	if (status) {
		cli_wrong("%s", report.error);
		return status;
	}
	hosts->host[hosts->count++] = &policies[used++];
	for (char *note = report.notes, *end; *note; note = end) {
		end = note + strcspn(note, "\n");
		fprintf(stderr, "cpu-baseline: note: %.*s\n", (int)(end - note), note);
		end += *end == '\n';
	}
	return 0;
}

int cli_read_all(const struct cli_arguments *arguments, struct cli_hosts *hosts)
{
	for (unsigned i = 0; i < arguments->sources; i++)
		if (cli_read(arguments, arguments->source[i], hosts))
			return CLI_USAGE;
	return 0;
}

static void clear(struct cpu_policy *policy, const struct cpu_field *field)
{
	uint64_t mask = (field->width == 64 ? 0 : 1ull << field->width) - 1;
	const struct cpu_leaf *leaf = cpu_policy_leaf(policy, field->leaf, field->subleaf);
	const struct cpu_msr *msr = cpu_policy_msr(policy, field->msr);
	int status = 0;

	if (field->msr && msr) {
		status = cpu_policy_set_msr(policy, field->msr, msr->value & ~(mask << field->low));
	} else if (!field->msr && leaf) {
		struct cpu_leaf less = *leaf;

		less.reg[field->reg] &= ~(uint32_t)(mask << field->low);
		status = cpu_policy_set(policy, &less);
	}
	if (status)
		abort(); /* the row is there, so it needs no room */
}

/* Who wants features hidden adds a host that lacks them: what depends on them goes with them by the rules. */
int cli_baseline(const struct cli_arguments *arguments, struct cli_hosts *hosts, struct cpu_policy *out,
		 struct cpu_findings *findings)
{
	if (arguments->without.count) {
		struct cpu_policy *less = &hosts->without;

		*less = *hosts->host[0];
		snprintf(less->name, sizeof(less->name), "--without");
		for (unsigned i = 0; i < arguments->without.count; i++)
			clear(less, arguments->without.field[i]);
		hosts->host[hosts->count++] = less;
	}
	return cpu_baseline(hosts->host, hosts->count, &arguments->options, out, cpu_findings_add, findings);
}
