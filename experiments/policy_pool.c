/* SPDX-License-Identifier: MIT */
#include "experiments/policy_pool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/write/program.h"
#include "experiments/files.h"

static bool named_before(const struct move_path *path, unsigned host)
{
	for (unsigned i = 0; i < host; i++)
		if (!strcmp(path->host[i].cpu, path->host[host].cpu))
			return true;
	return false;
}

int policy_pool(const struct move_path *path, struct policy_file *policy, char **why)
{
	char *words[NB_LINK_HOSTS + 4] = {text_format("%s/cpu-baseline", build_dir()),
					  text_copy("--format=bundle"), text_copy("--name=" POLICY_POOL)};
	unsigned count = 3;
	char failed[256], *text;

	for (unsigned i = 0; i < path->hosts; i++)
		if (!named_before(path, i))
			words[count++] = text_format("%s/hosts/%s.txt", build_dir(), path->host[i].cpu);
	text = program_output(words, failed, sizeof(failed));
	while (count)
		free(words[--count]);
	if (text)
		return policy_text_read("the baseline of the hosts", text, policy, why);
	*why = text_format("the baseline of the hosts: %s", failed);
	return -EINVAL;
}
