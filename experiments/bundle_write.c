/* SPDX-License-Identifier: MIT */
#include "experiments/bundle_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

static size_t page_up(size_t n)
{
	return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static int check_name(const struct bundle_image *images, unsigned at)
{
	const char *name = images[at].name;

	if (!*name || strpbrk(name, " \t\r\n"))
		return -EINVAL;
	if (strlen(name) >= NB_BUNDLE_NAME_MAX)
		return -ENAMETOOLONG;
	if (!strcmp(name, "config"))
		return -EEXIST;
	for (unsigned i = 0; i < at; i++)
		if (!strcmp(name, images[i].name))
			return -EEXIST;
	return 0;
}

static void put(uint8_t *bundle, struct nb_bundle_header *header, const char *name, const void *data,
		size_t size, size_t *at)
{
	struct nb_bundle_entry *e = &header->entry[header->count++];

	memcpy(e->name, name, strlen(name) + 1); /* check_name: it fits */
	e->offset = *at;
	e->size = size;
	if (size)
		memcpy(bundle + *at, data, size);
	*at += page_up(size);
}

int bundle_write(const char *config, const struct bundle_image *images, unsigned count, struct blob *bundle,
		 unsigned *bad)
{
	struct nb_bundle_header header = {.magic = NB_BUNDLE_MAGIC};
	size_t size = page_up(sizeof(header)) + page_up(strlen(config));
	size_t at = page_up(sizeof(header));
	uint8_t *bytes;

	*bad = count;
	if (count + 1 > NB_BUNDLE_ENTRIES_MAX)
		return -E2BIG;
	for (unsigned i = 0; i < count; i++) {
		int err = check_name(images, i);

		if (err) {
			*bad = i;
			return err;
		}
		size += page_up(images[i].bytes.size);
	}
	bytes = calloc(1, size);
	if (!bytes)
		return -ENOMEM;
	put(bytes, &header, "config", config, strlen(config), &at);
	for (unsigned i = 0; i < count; i++)
		put(bytes, &header, images[i].name, images[i].bytes.data, images[i].bytes.size, &at);
	memcpy(bytes, &header, sizeof(header));
	*bundle = (struct blob){bytes, size};
	return 0;
}
