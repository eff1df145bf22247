/* SPDX-License-Identifier: MIT */
#include "l0hv/net/reliable.h"

#include <string.h>

/* So many later frames must have come before one counts as lost: as much reordering costs nothing. */
#define REORDERED 3
/* A reader that took so many frames says so, though nothing else makes it. */
#define TELL_TAKEN (NB_LINK_WINDOW / 4)
#define TIMES_MOST 255u

/* Sequence numbers and stamps wrap: a is behind b by so many; negative: before it. */
static int32_t ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static struct reliable_slot *slot(struct reliable_slot *ring, uint32_t sequence)
{
	return &ring[sequence % NB_LINK_WINDOW];
}

void reliable_init(struct reliable *r, const struct reliable_config *config, uint64_t now)
{
	memset(r, 0, sizeof(*r));
	r->config = *config;
	r->timeout = config->timeout;
	r->heard_at = r->quiet_since = now;
}

/* ---- sending ---- */

static size_t put(struct reliable *r, void *frame, enum nb_link_type type, uint32_t sequence, uint16_t bytes)
{
	const uint32_t words[3] = {sequence, r->taken, r->round};
	const size_t n =
		reliable_seal(frame, r->config.host, r->config.peer, type, bytes, words, r->config.crc);

	r->count.frames++;
	r->count.bytes += n;
	r->told = r->taken;
	/* `acknowledge` alone tells all, if no frame waits for the reader. */
	if (type == NB_LINK_ACK || r->taken == r->edge) {
		r->untold = r->ack_now = false;
		r->untold_frames = 0;
	}
	return n;
}

static size_t put_ack(struct reliable *r, void *frame)
{
	struct nb_link_ack ack = {0};
	size_t n;

	for (uint32_t i = 0; i < NB_LINK_WINDOW; i++)
		ack.come |= (uint64_t)slot(r->in, r->taken + i)->here << i;
	memcpy((uint8_t *)frame + NB_LINK_HEAD, &ack, sizeof(ack));
	n = put(r, frame, NB_LINK_ACK, r->peer_probe, sizeof(ack));
	r->count.ack_frames++;
	r->count.ack_bytes += n;
	return n;
}

static size_t put_data(struct reliable *r, void *frame, uint32_t sequence, uint64_t now)
{
	struct reliable_slot *s = slot(r->out, sequence);

	memcpy((uint8_t *)frame + NB_LINK_HEAD, s->payload, s->size);
	if (s->times) {
		r->count.again_frames++;
		r->count.again_bytes += s->size;
	} else {
		r->count.data_frames++;
		r->count.payload_bytes += s->size;
	}
	s->times = (uint8_t)(s->times + (s->times < TIMES_MOST));
	s->lost = false;
	s->stamp = ++r->stamp;
	s->sent_at = r->quiet_since = now;
	return put(r, frame, NB_LINK_DATA, sequence, s->size);
}

static size_t put_probe(struct reliable *r, void *frame, uint64_t now)
{
	r->probe++;
	r->probe_stamp[r->probe % RELIABLE_PROBES] = ++r->stamp;
	r->quiet_since = now;
	r->doublings++;
	if (!r->unanswered++)
		r->probe_since = now;
	r->count.probe_frames++;
	return put(r, frame, NB_LINK_PROBE, r->probe, 0);
}

static bool probe_due(const struct reliable *r, uint64_t now)
{
	const bool owed = r->heard ? r->next != r->unacked : r->sealed != r->unacked;
	uint64_t wait = r->timeout, since = r->quiet_since;

	if (owed && !r->heard && !r->probe)
		return true;
	if (!owed) {
		since = r->heard_at > since ? r->heard_at : since;
		return r->config.keep_alive && now - since >= r->config.keep_alive;
	}
	for (uint32_t i = 0; i < r->doublings && wait < r->config.timeout_most; i++)
		wait *= 2;
	return now - since >= (wait < r->config.timeout_most ? wait : r->config.timeout_most);
}

size_t reliable_send(struct reliable *r, void *frame, uint64_t now)
{
	if (r->unanswered >= RELIABLE_PROBES_LEAST && now - r->probe_since >= r->config.limit)
		r->dead = true;
	if (r->dead)
		return 0;
	if (r->ack_now || (r->untold && now >= r->ack_at))
		return put_ack(r, frame);
	for (uint32_t q = r->unacked; q != r->next; q++)
		if (slot(r->out, q)->lost)
			return put_data(r, frame, q, now);
	if (r->heard && r->next != r->sealed)
		return put_data(r, frame, r->next++, now);
	return probe_due(r, now) ? put_probe(r, frame, now) : 0;
}

static void seal(struct reliable *r)
{
	struct reliable_slot *s = slot(r->out, r->sealed);

	s->size = (uint16_t)r->filled;
	s->here = s->lost = false;
	s->times = 0;
	r->filled = 0;
	r->sealed++;
}

size_t reliable_push(struct reliable *r, const void *data, size_t n)
{
	size_t done = 0;

	while (done < n && r->sealed - r->unacked < NB_LINK_WINDOW) {
		const size_t room = NB_LINK_PAYLOAD_MAX - r->filled;
		const size_t part = n - done < room ? n - done : room;

		memcpy(slot(r->out, r->sealed)->payload + r->filled, (const uint8_t *)data + done, part);
		done += part;
		r->filled += (uint32_t)part;
		if (r->filled == NB_LINK_PAYLOAD_MAX)
			seal(r);
	}
	return done;
}

void reliable_flush(struct reliable *r)
{
	if (r->filled)
		seal(r);
}

/* ---- what the peer acknowledges ---- */

/* Could a peer that follows the protocol have said this? Bits behind what was sent: no. */
static bool ack_possible(const struct reliable *r, uint32_t acknowledge, uint64_t come)
{
	const int32_t sent = ahead(r->next, acknowledge);

	if (sent < 0)
		return false;
	return sent >= (int32_t)NB_LINK_WINDOW || !(come >> sent);
}

static void measure(struct reliable *r, uint64_t took)
{
	const uint64_t off = took > r->mean ? took - r->mean : r->mean - took;
	uint64_t wait;

	if (!r->mean) {
		r->mean = took;
		r->deviation = took / 2;
	} else {
		r->mean = r->mean - r->mean / 8 + took / 8;
		r->deviation = r->deviation - r->deviation / 4 + off / 4;
	}
	wait = r->mean + 4 * r->deviation + r->config.ack_delay;
	if (wait < r->config.timeout_least)
		wait = r->config.timeout_least;
	r->timeout = wait < r->config.timeout_most ? wait : r->config.timeout_most;
}

/* A frame that the peer has: the order and the time of one sent only once are known. */
static bool came_through(struct reliable *r, uint32_t sequence, uint64_t now)
{
	struct reliable_slot *s = slot(r->out, sequence);

	if (s->here)
		return false;
	s->here = true;
	s->lost = false;
	if (s->times == 1) {
		if (ahead(s->stamp, r->delivered) > 0)
			r->delivered = s->stamp;
		measure(r, now - s->sent_at);
	}
	return true;
}

/* All that was sent so much before a frame that has come is lost. */
static void find_lost(struct reliable *r, uint32_t stamp, int32_t reordered)
{
	for (uint32_t q = r->unacked; q != r->next; q++) {
		struct reliable_slot *s = slot(r->out, q);

		if (!s->here && !s->lost && ahead(stamp, s->stamp) >= reordered)
			s->lost = true;
	}
}

static void take_ack(struct reliable *r, uint32_t acknowledge, uint64_t come, uint64_t now)
{
	bool news = false;

	while (ahead(acknowledge, r->unacked) > 0) {
		came_through(r, r->unacked, now);
		r->unacked++;
		news = true;
	}
	for (uint32_t i = 0; come; i++, come >>= 1)
		if (come & 1 && ahead(acknowledge + i, r->unacked) >= 0)
			news |= came_through(r, acknowledge + i, now);
	if (!news)
		return;
	r->quiet_since = now;
	r->doublings = 0;
	find_lost(r, r->delivered, REORDERED);
}

/* The peer heard the PROBE of this number: what was sent before it and has not come will not come. */
static void take_echo(struct reliable *r, uint32_t number)
{
	if (number && number <= r->probe && r->probe - number < RELIABLE_PROBES)
		find_lost(r, r->probe_stamp[number % RELIABLE_PROBES], 1);
}

/* ---- receiving ---- */

static void tell_later(struct reliable *r, uint64_t now)
{
	if (!r->untold)
		r->ack_at = now + r->config.ack_delay;
	r->untold = true;
}

static enum reliable_taken take_data(struct reliable *r, const struct nb_link_frame *f, uint64_t now)
{
	const int32_t at = ahead(f->sequence, r->taken);
	struct reliable_slot *s = slot(r->in, f->sequence);
	const bool gap = r->missing != r->edge;

	if (at >= (int32_t)NB_LINK_WINDOW || !f->payload_bytes)
		return RELIABLE_BAD;
	if (at < 0 || s->here) {
		r->count.double_frames++;
		r->ack_now = true; /* the peer does not know, or the way doubles */
		return RELIABLE_TAKEN;
	}
	memcpy(s->payload, (const uint8_t *)f + NB_LINK_HEAD, f->payload_bytes);
	s->size = f->payload_bytes;
	s->here = true;
	if (ahead(f->sequence, r->edge) >= 0)
		r->edge = f->sequence + 1;
	while (r->missing != r->edge && slot(r->in, r->missing)->here)
		r->missing++;
	r->count.come_frames++;
	r->count.come_payload_bytes += f->payload_bytes;
	if (++r->untold_frames >= r->config.ack_every || gap || r->missing != r->edge)
		r->ack_now = true;
	tell_later(r, now);
	return RELIABLE_TAKEN;
}

static enum reliable_taken take(struct reliable *r, const struct nb_link_frame *f, uint64_t now)
{
	struct nb_link_ack ack = {0};
	enum reliable_taken taken = RELIABLE_TAKEN;

	if (f->type == NB_LINK_ACK) {
		if (f->payload_bytes != sizeof(ack))
			return RELIABLE_BAD;
		memcpy(&ack, (const uint8_t *)f + NB_LINK_HEAD, sizeof(ack));
	} else if (f->type != NB_LINK_DATA && (f->type != NB_LINK_PROBE || f->payload_bytes)) {
		return RELIABLE_BAD;
	}
	if (!ack_possible(r, f->acknowledge, ack.come))
		return RELIABLE_BAD;
	if (f->type == NB_LINK_DATA)
		taken = take_data(r, f, now);
	if (taken != RELIABLE_TAKEN)
		return taken;
	r->heard = true;
	r->heard_at = now;
	r->unanswered = 0;
	take_ack(r, f->acknowledge, ack.come, now);
	if (f->type == NB_LINK_ACK)
		take_echo(r, f->sequence);
	if (f->type == NB_LINK_PROBE) {
		if (ahead(f->sequence, r->peer_probe) > 0)
			r->peer_probe = f->sequence;
		r->ack_now = true;
	}
	return RELIABLE_TAKEN;
}

enum reliable_taken reliable_receive(struct reliable *r, void *frame, size_t n, uint64_t now)
{
	enum reliable_taken taken = reliable_open(frame, n, r->config.crc);
	const struct nb_link_frame *f = frame;

	if (taken == RELIABLE_TAKEN && (reliable_host_of(f->source) != r->config.peer ||
					reliable_host_of(f->destination) != r->config.host))
		taken = RELIABLE_FOREIGN;
	if (taken == RELIABLE_TAKEN && !r->dead)
		taken = take(r, f, now);
	r->count.corrupt_frames += taken == RELIABLE_CORRUPT;
	r->count.bad_frames += taken == RELIABLE_BAD;
	r->count.foreign_frames += taken == RELIABLE_FOREIGN;
	return taken;
}

size_t reliable_pull(struct reliable *r, void *data, size_t room)
{
	size_t done = 0;

	while (done < room && r->taken != r->missing) {
		struct reliable_slot *s = slot(r->in, r->taken);
		const size_t left = s->size - r->taken_bytes;
		const size_t part = room - done < left ? room - done : left;

		memcpy((uint8_t *)data + done, s->payload + r->taken_bytes, part);
		done += part;
		r->taken_bytes += (uint32_t)part;
		if (r->taken_bytes < s->size)
			break;
		s->here = false;
		r->taken_bytes = 0;
		r->taken++;
		tell_later(r, r->heard_at);
		if (r->taken - r->told >= TELL_TAKEN)
			r->ack_now = true;
	}
	return done;
}

bool reliable_idle(const struct reliable *r)
{
	return r->unacked == r->sealed && !r->filled;
}

bool reliable_dead(const struct reliable *r)
{
	return r->dead;
}

void reliable_set_round(struct reliable *r, uint32_t round)
{
	r->round = round;
}

/* ---- frames ---- */

static const uint8_t mac_head[5] = NB_LINK_MAC_HEAD;

static void put_mac(uint8_t mac[6], uint8_t host)
{
	memcpy(mac, mac_head, sizeof(mac_head));
	mac[5] = host;
}

unsigned reliable_host_of(const uint8_t mac[6])
{
	return memcmp(mac, mac_head, sizeof(mac_head)) ? NB_LINK_WIRE + 1 : mac[5];
}

size_t reliable_seal(void *frame, uint8_t from, uint8_t to, enum nb_link_type type, uint16_t payload_bytes,
		     const uint32_t words[3], uint32_t (*crc)(const uint8_t *data, uint64_t n))
{
	struct nb_link_frame *f = frame;
	const size_t n = NB_LINK_HEAD + payload_bytes;

	put_mac(f->destination, to);
	put_mac(f->source, from);
	f->ethertype[0] = NB_LINK_ETHERTYPE >> 8;
	f->ethertype[1] = NB_LINK_ETHERTYPE & 0xFF;
	f->version = NB_LINK_VERSION;
	f->type = (uint8_t)type;
	f->payload_bytes = payload_bytes;
	f->sequence = words[0];
	f->acknowledge = words[1];
	f->round = words[2];
	f->crc = 0;
	f->crc = crc(frame, n);
	if (n >= NB_LINK_FRAME_LEAST)
		return n;
	memset((uint8_t *)frame + n, 0, NB_LINK_FRAME_LEAST - n);
	return NB_LINK_FRAME_LEAST;
}

enum reliable_taken reliable_open(void *frame, size_t n, uint32_t (*crc)(const uint8_t *data, uint64_t n))
{
	struct nb_link_frame *f = frame;
	uint32_t said, is;
	size_t length;

	if (n < NB_LINK_HEAD || n > NB_LINK_FRAME_MAX)
		return RELIABLE_CORRUPT;
	if (f->ethertype[0] != NB_LINK_ETHERTYPE >> 8 || f->ethertype[1] != (NB_LINK_ETHERTYPE & 0xFF))
		return RELIABLE_FOREIGN;
	length = NB_LINK_HEAD + (size_t)f->payload_bytes;
	if (f->version != NB_LINK_VERSION || length > n || (length < n && n != NB_LINK_FRAME_LEAST))
		return RELIABLE_CORRUPT;
	said = f->crc;
	f->crc = 0;
	is = crc(frame, length);
	f->crc = said;
	return is == said ? RELIABLE_TAKEN : RELIABLE_CORRUPT;
}
