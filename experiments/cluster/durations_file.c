/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/durations_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/files.h"

int durations_file_read(const char *path, struct durations *known)
{
	struct blob blob;
	char *why;
	int err = file_read(path, &blob);

	*known = (struct durations){0};
	if (err == -ENOENT)
		return CLI_OK;
	if (err)
		return cli_usage(text_format("%s: %s", path, strerror(-err)));
	err = durations_read(known, path, blob.data, &why);
	free(blob.data);
	return err ? cli_usage(why) : CLI_OK;
}

/* The folder that it is in, and a lock beside it: other runs have this file too. Its descriptor, or negative
 * errno. */
static int lock_beside(const char *path)
{
	char *name = text_format("%s.lock", path), *slash = strrchr(name, '/');
	int err = 0, fd = -1;

	if (slash && slash != name) {
		*slash = '\0';
		err = make_folders(name);
		*slash = '/';
	}
	if (!err)
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (!err && (fd < 0 || flock(fd, LOCK_EX)))
		err = -errno;
	free(name);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int durations_file_add(const char *path, const struct durations *fresh)
{
	struct durations all;
	struct text table = {0};
	int lock, err;

	if (!fresh->count)
		return 0;
	lock = lock_beside(path);
	if (lock < 0)
		return lock;
	err = durations_file_read(path, &all) ? -EINVAL : 0;
	for (unsigned i = 0; i < fresh->count && !err; i++)
		durations_add(&all, fresh->row[i].key, fresh->row[i].host, fresh->row[i].ms);
	if (!err) {
		durations_write(&all, &table);
		err = file_write(path, table.data, table.size);
	}
	durations_free(&all);
	text_free(&table);
	close(lock);
	return err;
}
