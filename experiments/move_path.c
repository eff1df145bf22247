/* SPDX-License-Identifier: MIT */
#include "experiments/move_path.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "experiments/cpu_models.h"
#include "experiments/setting.h"

/* The host that a word names: its number, or -EINVAL. A new one is not added yet. */
static int host_of(const struct move_path *path, const char *word, char **why)
{
	uint64_t number;

	if (isdigit((unsigned char)*word)) {
		if (!path->hosts) {
			*why = text_format("'%s': the first host must be a CPU model", word);
			return -EINVAL;
		}
		return number_parse(word, 0, path->hosts - 1, &number, why) ? -EINVAL : (int)number;
	}
	if (!path->any_model && !cpu_model_find(word)) {
		*why = cpu_model_unknown(word);
		return -EINVAL;
	}
	if (path->hosts == NB_LINK_HOSTS) {
		*why = text_format("more than %u hosts", NB_LINK_HOSTS);
		return -EINVAL;
	}
	return (int)path->hosts;
}

static int refuse(char **why, const char *what, unsigned host, unsigned other)
{
	*why = text_format("a VM that %s host %u always does so by host %u", what, host, other);
	return -EINVAL;
}

int move_path_add(struct move_path *path, const char *word, char **why)
{
	const int number = host_of(path, word, why);
	const unsigned host = (unsigned)number, last = path->at[path->hops];
	struct move_host *to, *from;

	if (number < 0)
		return number;
	to = &path->host[host];
	from = &path->host[last];
	if (path->hosts && path->hops == MOVE_HOPS_MAX) {
		*why = text_format("more than %u moves", MOVE_HOPS_MAX);
		return -EINVAL;
	}
	if (path->hosts && host == last) {
		*why = text_format("the VM is at host %u already", host);
		return -EINVAL;
	}
	if (path->hosts && from->to != MOVE_NOWHERE && from->to != host)
		return refuse(why, "leaves", last, from->to);
	if (host < path->hosts && to->from != MOVE_NOWHERE && to->from != last)
		return refuse(why, "comes to", host, to->from);
	if (host == path->hosts) {
		*to = (struct move_host){word, MOVE_NOWHERE, MOVE_NOWHERE, 0};
		if (!path->hosts++)
			return 0; /* it starts here */
	}
	from->to = host;
	from->moves++;
	to->from = last;
	path->at[++path->hops] = host;
	return 0;
}

void move_path_lines(const struct move_path *path, unsigned host, struct text *lines)
{
	const struct move_host *h = &path->host[host];

	if (h->to != MOVE_NOWHERE)
		text_addf(lines, "migrate.to = %u\n", h->to);
	if (h->from != MOVE_NOWHERE)
		text_addf(lines, "migrate.from = %u\n", h->from);
	if (h->moves > 1)
		text_addf(lines, "migrate.moves = %u\n", h->moves);
}

char *move_path_hop(const struct move_path *path, unsigned hop)
{
	return text_format("%u->%u", path->at[hop], path->at[hop + 1]);
}
