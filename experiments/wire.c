/* SPDX-License-Identifier: MIT */
#include "experiments/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "experiments/text.h"
#include "nestbed/frame.h"

#define QUEUE_MAX  4096u /* frames on the wire */
#define TURN_MOST  256u /* frames taken of one host at a time */
#define HELD_BACK  2000000u /* ns, of a frame that others are to overtake, beside the delay */
#define TIMES_ROOM 4096u
#define SECOND     1000000000u

struct flying {
	uint64_t due, order;
	unsigned to;
	size_t size;
	uint8_t frame[NB_LINK_FRAME_MAX];
};

/* How often a DATA frame was seen: each time it has another fate, which does not hang on other frames. */
struct times {
	uint32_t sequence, count;
};

struct end {
	int fd; /* -1: none */
	uint64_t free_at[NB_LINK_HOSTS]; /* when the way to a host has sent all */
	uint64_t others[NB_LINK_HOSTS]; /* frames to a host that are not DATA */
	struct times *times[NB_LINK_HOSTS]; /* TIMES_ROOM each */
	struct wire_counters count;
};

struct wire {
	struct wire_script script;
	struct end end[NB_LINK_HOSTS];
	struct wire_pcap *pcap;
	struct flying **queue; /* a heap: the first is due first */
	unsigned count;
	uint64_t order, started;
	bool cut_done[WIRE_CUTS_MAX];
	uint64_t cut_until;
	bool (*tap)(void *ctx, const uint8_t *frame, size_t n);
	void *tap_ctx;
};

static const uint8_t mac_head[5] = NB_LINK_MAC_HEAD;

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

struct wire *wire_new(const struct wire_script *script, const char *pcap)
{
	struct wire *w = zalloc(sizeof(*w));

	w->script = *script;
	w->started = clock_ns();
	for (unsigned i = 0; i < NB_LINK_HOSTS; i++)
		w->end[i].fd = -1;
	w->queue = zalloc(QUEUE_MAX * sizeof(struct flying *));
	w->pcap = pcap ? wire_pcap_new(pcap) : NULL;
	if (!pcap || w->pcap)
		return w;
	free(w->queue);
	free(w);
	return NULL;
}

void wire_attach(struct wire *w, unsigned host, int fd)
{
	wire_detach(w, host);
	w->end[host].fd = fd;
}

void wire_detach(struct wire *w, unsigned host)
{
	if (w->end[host].fd >= 0)
		close(w->end[host].fd);
	w->end[host].fd = -1;
}

unsigned wire_poll(const struct wire *w, struct pollfd *fds)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NB_LINK_HOSTS; i++)
		if (w->end[i].fd >= 0)
			fds[n++] = (struct pollfd){.fd = w->end[i].fd, .events = POLLIN};
	return n;
}

/* ---- the queue ---- */

static bool sooner(const struct flying *a, const struct flying *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void push(struct wire *w, unsigned from, unsigned to, const uint8_t *frame, size_t size, uint64_t due)
{
	struct flying *f;
	unsigned i = w->count;

	if (w->count == QUEUE_MAX) {
		w->end[from].count.crowded++;
		return;
	}
	f = zalloc(sizeof(*f));
	f->due = due;
	f->order = w->order++;
	f->to = to;
	f->size = size;
	memcpy(f->frame, frame, size);
	for (w->count++; i && sooner(f, w->queue[(i - 1) / 2]); i = (i - 1) / 2)
		w->queue[i] = w->queue[(i - 1) / 2];
	w->queue[i] = f;
}

static struct flying *pop(struct wire *w)
{
	struct flying *first = w->queue[0], *last = w->queue[--w->count];
	unsigned i = 0;

	for (unsigned child; (child = 2 * i + 1) < w->count; i = child) {
		if (child + 1 < w->count && sooner(w->queue[child + 1], w->queue[child]))
			child++;
		if (sooner(last, w->queue[child]))
			break;
		w->queue[i] = w->queue[child];
	}
	w->queue[i] = last;
	return first;
}

uint64_t wire_wait(const struct wire *w)
{
	const uint64_t now = clock_ns();

	if (!w->count)
		return UINT64_MAX;
	return w->queue[0]->due > now ? w->queue[0]->due - now : 0;
}

/* ---- fate of a frame ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a ^ b) * 0x9E3779B97F4A7C15u;
	a ^= a >> 32;
	a *= 0xD6E8FEB86659FD93u;
	return a ^ a >> 29;
}

/* A number that hangs on the seed, the pair, and the frame: for DATA on its place in the stream, so that
 * another order of acknowledgements leads to no other losses. */
static uint64_t fate(struct wire *w, unsigned from, unsigned to, const struct nb_link_frame *f)
{
	struct end *e = &w->end[from];
	uint64_t key = mix(mix(w->script.seed, from * NB_LINK_HOSTS + to), f->type);
	struct times *t;

	if (f->type != NB_LINK_DATA)
		return mix(key, e->others[to]++);
	if (!e->times[to])
		e->times[to] = zalloc(TIMES_ROOM * sizeof(struct times));
	t = &e->times[to][f->sequence % TIMES_ROOM];
	if (t->sequence != f->sequence)
		*t = (struct times){.sequence = f->sequence};
	return mix(mix(key, f->sequence), t->count++);
}

static bool happens(uint64_t *number, uint32_t chance)
{
	*number = mix(*number, 1);
	return *number % WIRE_SCALE < chance;
}

static bool is_cut(struct wire *w, uint32_t round, uint64_t now)
{
	for (unsigned i = 0; i < w->script.cuts; i++)
		if (!w->cut_done[i] && round >= w->script.cut[i].round) {
			w->cut_done[i] = true;
			w->cut_until = now + w->script.cut[i].length;
		}
	return now < w->cut_until;
}

static void carry(struct wire *w, unsigned from, unsigned to, uint8_t *frame, size_t size)
{
	const struct wire_script *s = &w->script;
	struct end *e = &w->end[from];
	const uint64_t now = clock_ns();
	struct nb_link_frame head;
	uint64_t due, number;

	memcpy(&head, frame, sizeof(head));
	number = fate(w, from, to, &head);
	if (is_cut(w, head.round, now)) {
		e->count.cut++;
		return;
	}
	due = e->free_at[to] > now ? e->free_at[to] : now;
	if (s->rate)
		due += (uint64_t)size * 8 * SECOND / s->rate;
	e->free_at[to] = due;
	due += s->delay;
	if (happens(&number, s->loss)) {
		e->count.lost++;
		return;
	}
	if (happens(&number, s->corrupt)) {
		e->count.corrupted++;
		/* behind the destination's MAC: else it would only be lost */
		frame[6 + (number >> 20) % (size - 6)] ^= (uint8_t)(1u << (number >> 60) % 8);
	}
	if (happens(&number, s->twice)) {
		e->count.doubled++;
		push(w, from, to, frame, size, due);
	}
	if (happens(&number, s->reorder)) {
		e->count.reordered++;
		due += HELD_BACK;
	}
	push(w, from, to, frame, size, due);
}

/* ---- ends ---- */

static void take(struct wire *w, unsigned from, uint8_t *frame, size_t size)
{
	struct end *e = &w->end[from];
	struct nb_link_frame head = {0};

	e->count.frames++;
	e->count.bytes += size;
	if (size >= sizeof(head))
		memcpy(&head, frame, sizeof(head));
	if (size < sizeof(head) || size > NB_LINK_FRAME_MAX ||
	    memcmp(head.destination, mac_head, sizeof(mac_head)) != 0 ||
	    head.destination[5] >= NB_LINK_HOSTS || head.destination[5] == from ||
	    memcmp(head.source, mac_head, sizeof(mac_head)) != 0 || head.source[5] != from ||
	    w->end[head.destination[5]].fd < 0) {
		e->count.astray++;
		return;
	}
	if (w->tap && w->tap(w->tap_ctx, frame, size)) {
		e->count.lost++;
		return;
	}
	carry(w, from, head.destination[5], frame, size);
}

static void give(struct wire *w, unsigned to, const uint8_t *frame, size_t size)
{
	if (w->end[to].fd < 0 || !wire_end_send(w->end[to].fd, frame, size))
		return;
	w->end[to].count.delivered++;
	if (w->pcap)
		wire_pcap_frame(w->pcap, clock_ns() - w->started, frame, size);
}

void wire_turn(struct wire *w)
{
	uint8_t frame[NB_LINK_FRAME_MAX + 1];

	for (unsigned i = 0; i < NB_LINK_HOSTS; i++)
		for (unsigned n = 0; w->end[i].fd >= 0 && n < TURN_MOST; n++) {
			const ssize_t size = recv(w->end[i].fd, frame, sizeof(frame), MSG_DONTWAIT);

			if (size < 0)
				break;
			take(w, i, frame, (size_t)size);
		}
	while (w->count && w->queue[0]->due <= clock_ns()) {
		struct flying *f = pop(w);

		give(w, f->to, f->frame, f->size);
		free(f);
	}
}

void wire_control(struct wire *w, unsigned host, uint32_t decision)
{
	uint8_t frame[NB_LINK_FRAME_LEAST] = {0};
	struct nb_link_frame head = {
		.ethertype = {NB_LINK_ETHERTYPE >> 8, NB_LINK_ETHERTYPE & 0xFF},
		.version = NB_LINK_VERSION,
		.type = NB_LINK_CONTROL,
		.payload_bytes = sizeof(decision),
	};

	memcpy(head.destination, mac_head, sizeof(mac_head));
	memcpy(head.source, mac_head, sizeof(mac_head));
	head.destination[5] = (uint8_t)host;
	head.source[5] = NB_LINK_WIRE;
	memcpy(frame, &head, sizeof(head));
	memcpy(frame + sizeof(head), &decision, sizeof(decision));
	head.crc = nb_crc32c(frame, sizeof(head) + sizeof(decision));
	memcpy(frame, &head, sizeof(head));
	give(w, host, frame, sizeof(frame));
}

void wire_tap(struct wire *w, bool (*tap)(void *ctx, const uint8_t *frame, size_t n), void *ctx)
{
	w->tap = tap;
	w->tap_ctx = ctx;
}

const struct wire_counters *wire_counters(const struct wire *w, unsigned host)
{
	return &w->end[host].count;
}

int wire_free(struct wire *w)
{
	int err = 0;

	if (!w)
		return 0;
	while (w->count)
		free(pop(w));
	for (unsigned i = 0; i < NB_LINK_HOSTS; i++) {
		wire_detach(w, i);
		for (unsigned to = 0; to < NB_LINK_HOSTS; to++)
			free(w->end[i].times[to]);
	}
	if (w->pcap)
		err = wire_pcap_close(w->pcap);
	free(w->queue);
	free(w);
	return err;
}
