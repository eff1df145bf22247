/* SPDX-License-Identifier: MIT */
#include "experiments/agent_link.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536u

/* That of a socket stays as it is: other processes may have it too, and each call says that it won't wait. */
static void never_wait(int fd)
{
	int type;
	socklen_t size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void agent_link_open(struct agent_link *l, int in, int out, enum agent_side from)
{
	*l = (struct agent_link){.in = in, .out = out, .reader = {.from = from}};
	never_wait(in);
	never_wait(out);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void agent_link_close(struct agent_link *l)
{
	close_one(&l->in);
	close_one(&l->out);
	agent_reader_free(&l->reader);
	text_free(&l->waiting);
}

bool agent_link_waits(const struct agent_link *l)
{
	return l->waiting.size;
}

bool agent_link_crowded(const struct agent_link *l)
{
	return l->waiting.size - l->sent > AGENT_CROWDED;
}

/* A socket's peer that is gone raises no signal. */
static ssize_t write_some(int fd, const void *data, size_t size)
{
	const ssize_t n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n < 0 && errno == ENOTSOCK ? write(fd, data, size) : n;
}

static ssize_t read_some(int fd, void *data, size_t size)
{
	const ssize_t n = recv(fd, data, size, MSG_DONTWAIT);

	return n < 0 && errno == ENOTSOCK ? read(fd, data, size) : n;
}

int agent_link_send(struct agent_link *l)
{
	while (l->sent < l->waiting.size) {
		const ssize_t n = write_some(l->out, l->waiting.data + l->sent, l->waiting.size - l->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0)
			break;
		l->sent += (size_t)n;
	}
	agent_text_drop(&l->waiting, &l->sent);
	return 0;
}

int agent_link_receive(struct agent_link *l)
{
	uint8_t data[CHUNK];
	const ssize_t n = read_some(l->in, data, sizeof(data));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	agent_reader_add(&l->reader, data, (size_t)n);
	return n > 0;
}
