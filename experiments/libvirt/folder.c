/* SPDX-License-Identifier: MIT */
#include "experiments/libvirt/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "experiments/text.h"

#define FOLDER_PREFIX "nestbed-libvirt."
#define ACCEPT_MS     10000

static void remember(struct folder *f, const char *path)
{
	f->made = array_grow(f->made, f->made_count, sizeof(*f->made));
	f->made[f->made_count++] = text_copy(path);
}

static int failed(char **why, const char *path, int error)
{
	*why = text_format("%s: %s", path, strerror(error));
	return -error;
}

/* Whoever runs QEMU may connect; others don't know the folder's name, and one connection is taken. */
static int listen_at(struct folder *f, enum folder_socket which, const char *name, char **why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *path = text_format("%s/%s", f->own.path, name);
	int fd;

	f->socket_path[which] = path;
	if (strlen(path) >= sizeof(address.sun_path))
		return failed(why, path, ENAMETOOLONG);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	f->listener[which] = fd;
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return failed(why, path, errno);
	remember(f, path);
	if (chmod(path, 0666) || listen(fd, 1))
		return failed(why, path, errno);
	return 0;
}

int folder_make(struct folder *f, char **why)
{
	static const char *const names[FOLDER_SOCKETS] = {"console", "shutdown", "com1"};
	int err;

	*f = (struct folder){
		.own = {.lock = -1},
                  .listener = { -1, -1, -1}
        };
	err = own_folder_make(&f->own, FOLDER_PREFIX);
	if (err)
		return failed(why, "a temporary folder in $TMPDIR, or /tmp", -err);
	if (chmod(f->own.path, 0711))
		return failed(why, f->own.path, errno);
	for (unsigned i = 0; i < FOLDER_SOCKETS && !err; i++)
		err = listen_at(f, (enum folder_socket)i, names[i], why);
	return err;
}

static int copy(int to, int from)
{
	struct stat st;
	off_t at = 0;

	if (fstat(from, &st))
		return -errno;
	while (at < st.st_size) {
		const ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n <= 0)
			return n ? -errno : -EIO;
	}
	return fchmod(to, 0644) ? -errno : 0;
}

char *folder_copy(struct folder *f, unsigned number, const char *name, const char *from, char **why)
{
	char *inner = text_format("%s/%u", f->own.path, number);
	char *path = text_format("%s/%s", inner, name);
	const int in = open(from, O_RDONLY | O_CLOEXEC);
	int err = 0, out = -1;

	if (in < 0)
		err = failed(why, from, errno);
	if (!err && (mkdir(inner, 0711) || chmod(inner, 0711)))
		err = failed(why, inner, errno);
	if (!err) {
		remember(f, inner);
		out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		err = out < 0 ? failed(why, path, errno) : 0;
	}
	if (!err) {
		remember(f, path);
		err = copy(out, in);
		if (err)
			failed(why, path, -err);
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(inner);
	if (err) {
		free(path);
		path = NULL;
	}
	return path;
}

int folder_accept(struct folder *f, int socket[FOLDER_SOCKETS])
{
	for (int i = 0; i < FOLDER_SOCKETS; i++) {
		struct pollfd p = {.fd = f->listener[i], .events = POLLIN};

		if (poll(&p, 1, ACCEPT_MS) != 1)
			return -ETIMEDOUT;
		socket[i] = accept4(f->listener[i], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (socket[i] < 0)
			return -errno;
	}
	return 0;
}

void folder_remove(struct folder *f)
{
	for (unsigned i = 0; i < f->made_count; i++)
		free(f->made[i]);
	for (int i = 0; i < FOLDER_SOCKETS; i++) {
		if (f->own.path && f->listener[i] >= 0)
			close(f->listener[i]);
		free(f->socket_path[i]);
	}
	own_folder_remove(&f->own);
	free(f->made);
	*f = (struct folder){
		.own = {.lock = -1},
                  .listener = { -1, -1, -1}
        };
}
