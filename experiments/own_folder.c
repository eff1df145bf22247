/* SPDX-License-Identifier: MIT */
#include "experiments/own_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/files.h"
#include "experiments/text.h"

#define RANDOM "XXXXXX"
#define TRIES  100u

/* malloc'd, absolute where it exists */
static char *temporary(void)
{
	const char *told = getenv("TMPDIR");
	char *resolved;

	told = told && *told ? told : "/tmp";
	resolved = realpath(told, NULL);
	return resolved ? resolved : text_copy(told);
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Nobody else can lock what a living process uses; who died left it unlocked. */
static void remove_if_left(const char *path)
{
	const int fd = open_folder(path);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && st.st_uid == geteuid() && !flock(fd, LOCK_EX | LOCK_NB))
		remove_folder(path);
	if (fd >= 0)
		close(fd);
}

static void remove_left(const char *under, const char *prefix)
{
	DIR *dir = opendir(under);

	for (const struct dirent *e; dir && (e = readdir(dir));) {
		char *path;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
		    strlen(e->d_name) != strlen(prefix) + strlen(RANDOM))
			continue;
		path = text_format("%s/%s", under, e->d_name);
		remove_if_left(path);
		free(path);
	}
	if (dir)
		closedir(dir);
}

/* Locked, and there still: another process may have taken it for one that was left, until it was locked. */
static bool is_mine(const struct own_folder *f)
{
	struct stat named, locked;

	if (flock(f->lock, LOCK_EX | LOCK_NB))
		return errno != EWOULDBLOCK; /* no locks on this file system: nobody removes what is left */
	return !lstat(f->path, &named) && !fstat(f->lock, &locked) && named.st_ino == locked.st_ino;
}

int own_folder_make(struct own_folder *f, const char *prefix)
{
	char *under = temporary();
	int err = -EAGAIN;

	*f = (struct own_folder){.lock = -1};
	remove_left(under, prefix);
	for (unsigned i = 0; i < TRIES && err == -EAGAIN; i++) {
		f->path = text_format("%s/%s" RANDOM, under, prefix);
		if (!mkdtemp(f->path)) {
			err = -errno;
			break;
		}
		f->lock = open_folder(f->path);
		if (f->lock >= 0 && is_mine(f))
			err = 0;
		else
			own_folder_remove(f);
	}
	free(under);
	if (err && f->path) {
		free(f->path);
		f->path = NULL;
	}
	return err;
}

void own_folder_remove(struct own_folder *f)
{
	if (f->path)
		remove_folder(f->path);
	if (f->lock >= 0)
		close(f->lock);
	free(f->path);
	*f = (struct own_folder){.lock = -1};
}
