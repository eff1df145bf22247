/* SPDX-License-Identifier: MIT */
#include "experiments/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/text.h"

int file_read(const char *path, struct blob *blob)
{
	FILE *f = fopen(path, "re");
	struct text text = {0};
	char part[65536];
	struct stat st;
	size_t n;
	int err;

	if (!f)
		return -errno;
	if (!fstat(fileno(f), &st) && S_ISDIR(st.st_mode)) {
		fclose(f);
		return -EISDIR;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		text_add(&text, part, n);
	err = ferror(f) ? -EIO : 0;
	fclose(f);
	if (err) {
		text_free(&text);
		return err;
	}
	text_add(&text, "", 0);
	*blob = (struct blob){text.data, text.size};
	return 0;
}

static int write_and_close(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
		data += n;
		size -= (size_t)n;
	}
	if (fchmod(fd, 0644) | fsync(fd) | close(fd))
		return -errno;
	return 0;
}

int file_write(const char *path, const void *data, size_t size)
{
	char *temporary = text_format("%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);
	int err = fd < 0 ? -errno : write_and_close(fd, data, size);

	if (!err && rename(temporary, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(temporary);
	free(temporary);
	return err;
}

int make_folders(const char *path)
{
	char *copy = text_format("%s/", path);
	struct stat st;
	int err = 0;

	for (char *p = strchr(copy + 1, '/'); p && !err; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755))
			err = errno != EEXIST                            ? -errno
			      : !stat(copy, &st) && !S_ISDIR(st.st_mode) ? -ENOTDIR
									 : 0;
		*p = '/';
	}
	free(copy);
	return err;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void remove_folder(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with(const char *name, const char *ending)
{
	const size_t n = strlen(name), m = strlen(ending);

	return n > m && !strcmp(name + n - m, ending);
}

char **folder_names(const char *dir, const char *ending, unsigned *count)
{
	DIR *d = opendir(dir);
	char **names;
	const struct dirent *e;

	*count = 0;
	if (!d)
		return NULL;
	names = zalloc(sizeof(*names));
	while ((e = readdir(d))) {
		if (*e->d_name == '.' || !ends_with(e->d_name, ending))
			continue;
		names = array_grow(names, *count, sizeof(*names));
		names[(*count)++] = text_copy(e->d_name);
	}
	closedir(d);
	if (*count)
		qsort(names, *count, sizeof(*names), by_name);
	return names;
}

void names_free(char **names, unsigned count)
{
	for (unsigned i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
}

const char *build_dir(void)
{
	static char dir[PATH_MAX];
	const char *told = getenv("NESTBED_BUILD");
	ssize_t n;
	char *slash;

	if (told && *told)
		return told;
	if (*dir)
		return dir;
	n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	else
		strcpy(dir, ".");
	return dir;
}

int build_file_read(const char *name, struct blob *blob)
{
	char *path = text_format("%s/%s", build_dir(), name);
	int err = file_read(path, blob);

	if (err)
		fprintf(stderr, "nestbed: %s: %s%s\n", path, strerror(-err),
			err == -ENOENT ? " (build it: make; or name its folder: NESTBED_BUILD=DIR)" : "");
	free(path);
	return err;
}

int guest_read(const char *image, struct blob *blob)
{
	int err = file_read(image, blob);
	char *path;

	if (!err)
		return 0;
	if (strchr(image, '/') || err != -ENOENT) {
		fprintf(stderr, "nestbed: %s: %s\n", image, strerror(-err));
		return err;
	}
	path = text_format("%s/guests/%s.elf", build_dir(), image);
	err = file_read(path, blob);
	if (err)
		fprintf(stderr, "nestbed: %s: no such file, and no guest of this name: %s: %s\n", image, path,
			strerror(-err));
	free(path);
	return err;
}

char *guest_name(const char *image)
{
	const char *slash = strrchr(image, '/');
	char *name = text_copy(slash ? slash + 1 : image);
	char *dot = strrchr(name, '.');

	if (dot && dot != name)
		*dot = '\0';
	for (char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p))
			*p = '-';
	return name;
}
