/* SPDX-License-Identifier: MIT */
/*
 * A peer that sends anything. The input is a list of steps: a raw frame, a frame with right headers and
 * checksum whose fields are the input's, bytes to push, a pull, time that passes. What the state machine
 * keeps must stay possible, and what it sends must be whole frames.
 */
#include <stdlib.h>
#include <string.h>

#include "l0hv/net/reliable.h"
#include "nestbed/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static uint32_t take(struct input *in, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes && in->size; i++, in->data++, in->size--)
		v |= (uint32_t)*in->data << 8 * i;
	return v;
}

static void check(struct reliable *r)
{
	if (r->next - r->unacked > NB_LINK_WINDOW || r->sealed - r->next > NB_LINK_WINDOW ||
	    r->sealed - r->unacked > NB_LINK_WINDOW || r->filled >= NB_LINK_PAYLOAD_MAX)
		abort();
	if (r->edge - r->taken > NB_LINK_WINDOW || r->missing - r->taken > r->edge - r->taken)
		abort();
	for (uint32_t q = r->taken; q != r->missing; q++)
		if (!r->in[q % NB_LINK_WINDOW].here)
			abort();
	for (uint32_t i = 0; i < NB_LINK_WINDOW; i++)
		if (r->in[i].size > NB_LINK_PAYLOAD_MAX || r->out[i].size > NB_LINK_PAYLOAD_MAX)
			abort();
}

static void forged(struct reliable *r, struct input *in, uint64_t now)
{
	uint8_t frame[NB_LINK_FRAME_MAX];
	const uint8_t type = (uint8_t)take(in, 1);
	uint16_t bytes = (uint16_t)(take(in, 2) % (NB_LINK_PAYLOAD_MAX + 1));
	const uint32_t near_ = take(in, 1);
	uint32_t words[3];
	uint32_t come[2];

	if (type % 8 == NB_LINK_ACK)
		bytes = sizeof(struct nb_link_ack);
	/* near what is expected, or anything */
	words[0] = near_ & 1 ? take(in, 4) : r->taken + take(in, 1) - 16;
	words[1] = near_ & 2 ? take(in, 4) : r->unacked + take(in, 1) % (NB_LINK_WINDOW + 2);
	words[2] = 0;
	memset(frame, 0, sizeof(frame));
	come[0] = take(in, 4);
	come[1] = take(in, 4);
	memcpy(frame + NB_LINK_HEAD, come, sizeof(come));
	(void)reliable_receive(
		r, frame, reliable_seal(frame, 1, 0, (enum nb_link_type)(type % 8), bytes, words, nb_crc32c),
		now);
}

static void raw(struct reliable *r, struct input *in, uint64_t now)
{
	uint8_t frame[NB_LINK_FRAME_MAX + 64];
	size_t n = take(in, 2) % sizeof(frame);

	n = n < in->size ? n : in->size;
	memcpy(frame, in->data, n);
	in->data += n;
	in->size -= n;
	(void)reliable_receive(r, frame, n, now);
}

static void send_all(struct reliable *r, uint64_t now)
{
	uint8_t frame[NB_LINK_FRAME_MAX];
	size_t n;

	for (unsigned i = 0; (n = reliable_send(r, frame, now)); i++)
		if (i > 3 * NB_LINK_WINDOW || reliable_open(frame, n, nb_crc32c) != RELIABLE_TAKEN)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reliable_config config = {
		.host = 0,
		.peer = 1,
		.crc = nb_crc32c,
		.timeout = 100,
		.timeout_least = 50,
		.timeout_most = 1000,
		.limit = 50000,
		.ack_delay = 5,
		.ack_every = 4,
	};
	static struct reliable r;
	static uint8_t bytes[4096];
	struct input in = {data, size};
	uint64_t now = 0;

	reliable_init(&r, &config, now);
	r.heard = size & 1;
	for (unsigned steps = 0; in.size && steps < 400; steps++) {
		switch (take(&in, 1) % 6) {
		case 0:
			raw(&r, &in, now);
			break;
		case 1:
			forged(&r, &in, now);
			break;
		case 2:
			(void)reliable_push(&r, bytes, take(&in, 2) % sizeof(bytes));
			break;
		case 3:
			reliable_flush(&r);
			break;
		case 4:
			(void)reliable_pull(&r, bytes, take(&in, 2) % sizeof(bytes));
			break;
		default:
			now += take(&in, 2);
			send_all(&r, now);
			break;
		}
		check(&r);
	}
	return 0;
}
