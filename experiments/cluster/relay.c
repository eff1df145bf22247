/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "experiments/cluster/post.h"

#define PIECE      (64u << 10)
#define UNSENT_MAX 16u /* pieces that the partner has not taken: no more are read until it has */

void relay_none(struct relay *r)
{
	*r = (struct relay){.fd = -1};
}

int relay_open(struct relay *r, unsigned partner, uint32_t serial)
{
	int ends[2];

	relay_none(r);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	r->fd = ends[0];
	r->partner = partner;
	r->serial = serial;
	return ends[1];
}

void relay_close(struct relay *r)
{
	if (r->fd >= 0)
		close(r->fd);
	text_free(&r->waiting);
	relay_none(r);
}

void relay_message(struct relay *r, const uint8_t *data, size_t size)
{
	uint32_t serial;

	if (size < sizeof(serial))
		return;
	memcpy(&serial, data, sizeof(serial));
	if (r->fd < 0 || serial != r->serial)
		return;
	if (size == sizeof(serial))
		r->partner_ended = true;
	else
		text_add(&r->waiting, data + sizeof(serial), size - sizeof(serial));
}

/* `size` 0: the end. */
static void tell_partner(const struct relay *r, const uint8_t *data, size_t size)
{
	uint8_t piece[sizeof(r->serial) + PIECE];

	memcpy(piece, &r->serial, sizeof(r->serial));
	if (size)
		memcpy(piece + sizeof(r->serial), data, size);
	post_send(r->partner, POST_RELAY, piece, sizeof(r->serial) + size);
}

static void from_socket(struct relay *r, unsigned unsent_max)
{
	uint8_t piece[PIECE];

	while (!r->ended && post_unsent() < unsent_max) {
		const ssize_t n = recv(r->fd, piece, sizeof(piece), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		tell_partner(r, piece, n > 0 ? (size_t)n : 0);
		r->ended = n <= 0;
	}
}

static void to_socket(struct relay *r)
{
	while (r->sent < r->waiting.size) {
		const ssize_t n =
			send(r->fd, r->waiting.data + r->sent, r->waiting.size - r->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* nobody reads any more */
			r->sent = r->waiting.size;
			break;
		}
		r->sent += (size_t)n;
	}
	r->sent = r->waiting.size = 0;
	if (r->partner_ended)
		shutdown(r->fd, SHUT_WR);
}

void relay_turn(struct relay *r)
{
	if (r->fd < 0)
		return;
	to_socket(r);
	from_socket(r, UNSENT_MAX);
}

void relay_end(struct relay *r)
{
	if (r->fd < 0)
		return;
	from_socket(r, UINT_MAX);
	if (!r->ended)
		tell_partner(r, NULL, 0);
	r->ended = true;
}

void relay_refuse(const struct relay *r)
{
	tell_partner(r, NULL, 0);
}

short relay_events(const struct relay *r)
{
	short events = 0;

	if (r->fd < 0)
		return 0;
	if (!r->ended)
		events |= POLLIN;
	if (r->sent < r->waiting.size)
		events |= POLLOUT;
	return events;
}
