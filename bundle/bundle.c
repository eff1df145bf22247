/* SPDX-License-Identifier: MIT */
#include "bundle/bundle.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ALIGNMENT 4096u

static bool has_nul(const char *name)
{
	size_t i = 0;

	while (i < NB_BUNDLE_NAME_MAX && name[i])
		i++;
	return i < NB_BUNDLE_NAME_MAX;
}

static const char *fault_of(const struct nb_bundle_header *h, size_t n)
{
	if (n < sizeof(*h))
		return "the bundle is shorter than its header";
	if (h->magic != NB_BUNDLE_MAGIC)
		return "this is no bundle: wrong magic";
	if (h->count == 0 || h->count > NB_BUNDLE_ENTRIES_MAX)
		return "the bundle's count of entries is out of range";
	if (h->reserved)
		return "the bundle's reserved word is not 0";
	for (uint32_t i = 0; i < h->count; i++) {
		const struct nb_bundle_entry *e = &h->entry[i];

		if (!has_nul(e->name) || !e->name[0])
			return "a bundle entry's name is empty or has no end";
		if (e->offset < sizeof(*h) || e->offset % ALIGNMENT)
			return "a bundle entry's offset is not aligned, or inside the header";
		if (e->offset > n || e->size > n - e->offset)
			return "a bundle entry lies outside the bundle";
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(h->entry[j].name, e->name))
				return "two bundle entries have the same name";
	}
	if (strcmp(h->entry[0].name, "config") != 0)
		return "the bundle's first entry is not named 'config'";
	return NULL;
}

int bundle_open(const void *blob, size_t n, struct bundle *bundle, const char **why)
{
	const char *fault = fault_of(blob, n);

	if (why)
		*why = fault;
	if (fault)
		return -EINVAL;
	*bundle = (struct bundle){.header = blob, .size = n};
	return 0;
}

int bundle_find(const struct bundle *bundle, const char *name, const void **data, size_t *size)
{
	const struct nb_bundle_header *h = bundle->header;

	for (uint32_t i = 0; i < h->count; i++) {
		if (strcmp(h->entry[i].name, name) != 0)
			continue;
		*data = (const char *)h + h->entry[i].offset;
		*size = (size_t)h->entry[i].size;
		return 0;
	}
	return -ENOENT;
}
