/* SPDX-License-Identifier: MIT */
/* --matrix: what each pair of hosts has in common, as CSV; scripts/plots/cpu-matrix.gp draws it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/cli/cli.h"
#include "cpu_baseline/pool.h"

/* Features of the baseline of two hosts, which may be the same one; -1: they have none. */
static int features_of_pair(const struct cli_arguments *arguments, const struct cpu_policy *a,
			    const struct cpu_policy *b)
{
	struct cli_hosts pair = {
		.count = a == b ? 1 : 2, .host = {a, b}
        };
	struct cpu_findings findings = {0};
	struct cpu_policy baseline;
	int status = cli_baseline(arguments, &pair, &baseline, &findings);

	cpu_findings_free(&findings);
	return status ? -1 : (int)cpu_feature_count(&baseline);
}

struct row {
	const struct cpu_policy *host;
	int features; /* of it alone */
};

static int by_features(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->features != y->features ? (x->features < y->features ? -1 : 1)
					  : strcmp(x->host->name, y->host->name);
}

int cmd_matrix(const struct cli_arguments *arguments, FILE *out)
{
	struct row row[CLI_HOSTS_MAX];
	struct cli_hosts hosts = {0};
	int status = cli_read_all(arguments, &hosts);

	if (status)
		return status;
	for (unsigned i = 0; i < hosts.count; i++)
		row[i] = (struct row){hosts.host[i],
				      features_of_pair(arguments, hosts.host[i], hosts.host[i])};
	qsort(row, hosts.count, sizeof(row[0]), by_features);
	fprintf(out, "host,other,features,lost\n");
	for (unsigned i = 0; i < hosts.count; i++)
		for (unsigned j = 0; j < hosts.count; j++) {
			int common = features_of_pair(arguments, row[i].host, row[j].host);

			fprintf(out, "%s,%s,", row[i].host->name, row[j].host->name);
			if (common < 0 || row[i].features < 0)
				fprintf(out, "refused,refused\n");
			else
				fprintf(out, "%d,%d\n", common, row[i].features - common);
		}
	return CLI_YES;
}
