/* SPDX-License-Identifier: MIT */
/* --pool: the hosts of a folder in the largest pools for the features of --want. */
#include "cpu_baseline/pool.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cpu_baseline/cli/cli.h"
#include "cpu_baseline/write/json.h"
#include "cpu_baseline/write/text.h"

static int no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int read_file(const struct cli_arguments *arguments, const char *name, struct cli_hosts *hosts)
{
	struct stat about;
	char *path;
	int status = 0;

	if (asprintf(&path, "%s/%s", arguments->pool, name) < 0)
		return -ENOMEM;
	if (stat(path, &about)) {
		status = -errno;
		cli_wrong("%s: %s", path, strerror(errno));
	} else if (S_ISREG(about.st_mode)) {
		status = cli_read(arguments, path, hosts);
	}
	free(path);
	return status;
}

/* Each file of the folder, by name; 0 or an exit status. */
static int read_folder(const struct cli_arguments *arguments, struct cli_hosts *hosts)
{
	struct dirent **entry = NULL;
	int n = scandir(arguments->pool, &entry, no_dot, alphasort), status = 0;

	if (n < 0)
		return cli_wrong("%s: %s", arguments->pool, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (!status && read_file(arguments, entry[i]->d_name, hosts))
			status = CLI_USAGE;
		free(entry[i]);
	}
	free(entry);
	if (!status && !hosts->count)
		return cli_wrong("%s: no file of a host in it", arguments->pool);
	return status;
}

/* The baseline of the chosen ones; what was found into *findings, whose hosts are those of *chosen. */
static int of_set(const struct cli_arguments *arguments, const struct cli_hosts *hosts, uint64_t set,
		  struct cli_hosts *chosen, struct cpu_policy *baseline, struct cpu_findings *findings)
{
	*chosen = (struct cli_hosts){0};
	for (unsigned i = 0; i < hosts->count; i++)
		if (set >> i & 1)
			chosen->host[chosen->count++] = hosts->host[i];
	return cpu_baseline(chosen->host, chosen->count, &arguments->options, baseline, cpu_findings_add,
			    findings);
}

/* Each wanted feature that a host's own baseline lacks. */
static void why_none(const struct cli_arguments *arguments, const struct cli_hosts *hosts, unsigned host,
		     FILE *to)
{
	struct cpu_findings findings = {0};
	struct cpu_policy baseline;
	struct cli_hosts one;
	const char *comma = "";
	int status = of_set(arguments, hosts, 1ull << host, &one, &baseline, &findings);

	if (status)
		fprintf(to, "it contradicts itself: %s",
			findings.count && findings.row[0].field ? findings.row[0].field->name : "leaves");
	for (unsigned i = 0; !status && i < arguments->want.count; i++) {
		const struct cpu_field *field = arguments->want.field[i], *because = NULL;

		if (cpu_field_get(&baseline, field))
			continue;
		for (size_t f = 0; f < findings.count; f++)
			if (findings.row[f].field == field && findings.row[f].because)
				because = findings.row[f].because;
		fprintf(to, "%slacks %s", comma, field->name);
		if (because)
			fprintf(to, " (has it, but not %s, which it needs)", because->name);
		comma = ", ";
	}
	cpu_findings_free(&findings);
}

/* The first thing that keeps a host out of an earlier pool. */
static void why_apart(const struct cli_arguments *arguments, const struct cli_hosts *hosts, uint64_t pool,
		      unsigned host, FILE *to)
{
	struct cpu_findings findings = {0};
	struct cpu_policy baseline;
	struct cli_hosts set;
	int status = of_set(arguments, hosts, pool | 1ull << host, &set, &baseline, &findings);

	for (size_t i = 0; status && i < findings.count; i++)
		if (findings.row[i].verdict == CPU_REFUSED && findings.row[i].field) {
			fprintf(to, "%s: %s", findings.row[i].field->name, findings.row[i].field->reason);
			break;
		}
	if (!status)
		fprintf(to, "together they lack a wanted feature");
	cpu_findings_free(&findings);
}

/* Why the host is not in the pool, or with pool 0 in none; malloc'd. */
static char *reason(const struct cli_arguments *arguments, const struct cli_hosts *hosts, uint64_t pool,
		    unsigned host)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to) {
		cli_wrong("out of memory");
		abort();
	}
	if (pool)
		why_apart(arguments, hosts, pool, host, to);
	else
		why_none(arguments, hosts, host, to);
	fclose(to);
	return text;
}

static void print_table(const struct cli_arguments *arguments, const struct cli_hosts *hosts,
			const struct cpu_pools *pools, FILE *out)
{
	for (unsigned i = 0; i < pools->count; i++) {
		const struct cpu_pool *pool = &pools->pool[i];
		struct paragraph p = {out, 2, 0};

		fprintf(out, "pool %u: %u host%s, %u features\n ", i + 1, pool->count,
			pool->count == 1 ? "" : "s", pool->features);
		p.column = 1;
		for (unsigned h = 0; h < hosts->count; h++)
			if (pool->hosts >> h & 1)
				paragraph_word(&p, hosts->host[h]->name);
		paragraph_end(&p);
		if (i) {
			char *why = reason(arguments, hosts, pools->pool[0].hosts,
					   (unsigned)__builtin_ctzll(pool->hosts));

			fprintf(out, "  not with pool 1 - %s\n", why);
			free(why);
		}
	}
	if (pools->none)
		fprintf(out, "no pool:\n");
	for (unsigned h = 0; h < hosts->count; h++)
		if (pools->none >> h & 1) {
			char *why = reason(arguments, hosts, 0, h);

			fprintf(out, "  %s %s\n", hosts->host[h]->name, why);
			free(why);
		}
	if (!pools->exact)
		fprintf(out, "The search was cut short: larger pools may exist.\n");
}

static json_t *reason_json(const struct cli_arguments *arguments, const struct cli_hosts *hosts,
			   uint64_t pool, unsigned host)
{
	char *why = reason(arguments, hosts, pool, host);
	json_t *json = json_string(why);

	free(why);
	return json;
}

static void print_json(const struct cli_arguments *arguments, const struct cli_hosts *hosts,
		       const struct cpu_pools *pools, FILE *out)
{
	json_t *top = put_object(), *list = put_array(), *none = put_array(), *want = put_array();

	for (unsigned i = 0; i < arguments->want.count; i++)
		put_at_end(want, json_string(arguments->want.field[i]->name));
	for (unsigned i = 0; i < pools->count; i++) {
		const struct cpu_pool *pool = &pools->pool[i];
		json_t *row = put_object(), *names = put_array();

		for (unsigned h = 0; h < hosts->count; h++)
			if (pool->hosts >> h & 1)
				put_at_end(names, json_string(hosts->host[h]->name));
		put_in(row, "hosts", names);
		put_in(row, "features", json_integer(pool->features));
		if (i)
			put_in(row, "not_with_first",
			       reason_json(arguments, hosts, pools->pool[0].hosts,
					   (unsigned)__builtin_ctzll(pool->hosts)));
		put_at_end(list, row);
	}
	for (unsigned h = 0; h < hosts->count; h++)
		if (pools->none >> h & 1) {
			json_t *row = put_object();

			put_in(row, "host", json_string(hosts->host[h]->name));
			put_in(row, "reason", reason_json(arguments, hosts, 0, h));
			put_at_end(none, row);
		}
	put_in(top, "want", want);
	put_in(top, "pools", list);
	put_in(top, "no_pool", none);
	put_in(top, "exact", json_boolean(pools->exact));
	put_out(out, top);
}

int cmd_pool(const struct cli_arguments *arguments, FILE *out)
{
	struct cli_hosts hosts = {0};
	struct cpu_pools pools;
	int status = read_folder(arguments, &hosts);

	if (status)
		return status;
	status = cpu_pools(hosts.host, hosts.count, arguments->want.field, arguments->want.count,
			   &arguments->options, &pools);
	if (status)
		return cli_wrong("%s", strerror(-status));
	if (arguments->json)
		print_json(arguments, &hosts, &pools, out);
	else
		print_table(arguments, &hosts, &pools, out);
	return pools.none ? CLI_NO : CLI_YES;
}
