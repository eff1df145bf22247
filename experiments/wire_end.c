/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "experiments/wire.h"

#define RECEIVE_BUFFER (1 << 20)

union rights {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* A new namespace's loopback is down. */
static int loopback_up(int fd)
{
	struct ifreq request = {.ifr_name = "lo"};

	if (ioctl(fd, SIOCGIFFLAGS, &request))
		return -errno;
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
}

static int open_end(void)
{
	const struct sockaddr_in here = {
		.sin_family = AF_INET,
		.sin_port = htons(WIRE_NIC_PORT + 1),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int room = RECEIVE_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = loopback_up(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)); /* as much of it as is allowed */
	if (!err && bind(fd, (const struct sockaddr *)&here, sizeof(here)))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

static struct msghdr message(struct iovec *byte, union rights *rights)
{
	return (struct msghdr){
		.msg_iov = byte,
		.msg_iovlen = 1,
		.msg_control = rights->room,
		.msg_controllen = sizeof(rights->room),
	};
}

int wire_end_give(int channel)
{
	char nothing = 0;
	struct iovec byte = {&nothing, 1};
	union rights rights = {0};
	struct msghdr m = message(&byte, &rights);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = open_end();
	int err = 0;

	if (fd < 0)
		return fd;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(channel, &m, MSG_NOSIGNAL) != 1)
		err = -errno;
	close(fd);
	return err;
}

int wire_end_take(int channel)
{
	char nothing;
	struct iovec byte = {&nothing, 1};
	union rights rights;
	struct msghdr m = message(&byte, &rights);
	const struct cmsghdr *c;
	ssize_t n;
	int fd;

	do {
		n = recvmsg(channel, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c = n ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -ENOTCONN; /* it ended before it could give one */
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/*
 * An end that is connected goes there: to another process (experiments/machine_remote.c), or to a NIC outside
 * of any namespace (experiments/libvirt.c).
 */
bool wire_end_send(int fd, const uint8_t *frame, size_t size)
{
	const struct sockaddr_in nic = {
		.sin_family = AF_INET,
		.sin_port = htons(WIRE_NIC_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	const ssize_t sent = send(fd, frame, size, 0);

	if (sent >= 0 || errno != EDESTADDRREQ)
		return sent == (ssize_t)size;
	return sendto(fd, frame, size, 0, (const struct sockaddr *)&nic, sizeof(nic)) == (ssize_t)size;
}
