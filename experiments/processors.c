/* SPDX-License-Identifier: MIT */
#include "experiments/processors.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/text.h"

/* Moves *word behind the number at its start; PROCESSORS_MAX: there is none, or it is too large. */
static unsigned number(const char **word)
{
	unsigned n = 0;

	if (!isdigit((unsigned char)**word))
		return PROCESSORS_MAX;
	for (; isdigit((unsigned char)**word); ++*word)
		n = n < PROCESSORS_MAX ? n * 10 + (unsigned)(**word - '0') : n;
	return n < PROCESSORS_MAX ? n : PROCESSORS_MAX;
}

/* Adds "4" or "4-5" at *word, and moves it behind. */
static bool add_range(const char **word, struct processors *set)
{
	const unsigned first = number(word);
	unsigned last = first;

	if (first < PROCESSORS_MAX && **word == '-') {
		++*word;
		last = number(word);
	}
	if (last == PROCESSORS_MAX || last < first)
		return false;
	for (unsigned i = first; i <= last; i++)
		set->has[i] = true;
	return true;
}

static void add_text(struct text *out, const struct processors *set)
{
	for (unsigned i = 0, last; i < PROCESSORS_MAX; i = last + 1) {
		last = i;
		if (!set->has[i])
			continue;
		while (last + 1 < PROCESSORS_MAX && set->has[last + 1])
			last++;
		text_addf(out, last > i ? "%s%u-%u" : "%s%u", out->size ? "," : "", i, last);
	}
}

static int outside(const char *word, const struct processors *all, unsigned lacking, char **why)
{
	struct text there = {0};
	unsigned count = 0;

	for (unsigned i = 0; i < PROCESSORS_MAX; i++)
		count += all->has[i];
	add_text(&there, all);
	*why = text_format("'%s': there is no processor %u; this computer has %u: %s", word, lacking, count,
			   there.data ? there.data : "");
	text_free(&there);
	return -EINVAL;
}

int processors_parse(const char *word, const struct processors *all, struct processors *set, char **why)
{
	const char *p = word;
	bool whole;

	*set = (struct processors){0};
	while ((whole = add_range(&p, set)) && *p == ',')
		p++;
	if (!whole || *p) {
		*why = text_format("'%s' is not a set of processors, such as 2,4-5", word);
		return -EINVAL;
	}
	for (unsigned i = 0; all && i < PROCESSORS_MAX; i++)
		if (set->has[i] && !all->has[i])
			return outside(word, all, i, why);
	return 0;
}

char *processors_others(const struct processors *all, const struct processors *set)
{
	struct processors others = *all;
	struct text out = {0};

	for (unsigned i = 0; i < PROCESSORS_MAX; i++)
		others.has[i] = all->has[i] && !set->has[i];
	add_text(&out, &others);
	return out.data;
}

void processors_online(struct processors *all)
{
	FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	const long count = sysconf(_SC_NPROCESSORS_ONLN);
	char line[4096] = "", *why = NULL;
	bool read = f && fgets(line, sizeof(line), f);

	if (f)
		(void)fclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (read && !processors_parse(line, NULL, all, &why))
		return;
	free(why);
	*all = (struct processors){0};
	for (unsigned i = 0; i < PROCESSORS_MAX && i < (unsigned long)count; i++)
		all->has[i] = true;
}
