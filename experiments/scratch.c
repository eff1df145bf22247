/* SPDX-License-Identifier: MIT */
#include "experiments/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "experiments/text.h"

static int write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int scratch_make(struct scratch_file *file, const char *dir, const char *name, const void *data, size_t size)
{
	int err;

	file->fd = -1;
	if (dir) {
		char *path = text_format("%s/%s", dir, name);

		file->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		free(path);
		snprintf(file->path, sizeof(file->path), "%s", name);
	} else {
		file->fd = memfd_create(name, MFD_CLOEXEC);
		snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
	}
	if (file->fd < 0)
		return -errno;
	err = write_all(file->fd, data, size);
	if (err)
		scratch_close(file);
	return err;
}

void scratch_inherit(const struct scratch_file *file)
{
	if (file->fd >= 0)
		fcntl(file->fd, F_SETFD, 0);
}

char *scratch_tail(const struct scratch_file *file, size_t size, unsigned lines)
{
	off_t end = lseek(file->fd, 0, SEEK_END);
	off_t from = end > (off_t)size ? end - (off_t)size : 0;
	char *data = zalloc(size + 1);
	ssize_t n = pread(file->fd, data, size, from);
	char *start;

	if (n < 0)
		n = 0;
	while (n && data[n - 1] == '\n')
		n--;
	data[n] = '\0';
	for (start = data + n; start > data; start--)
		if (start[-1] == '\n' && !--lines)
			break;
	memmove(data, start, strlen(start) + 1);
	return data;
}

void scratch_close(struct scratch_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
