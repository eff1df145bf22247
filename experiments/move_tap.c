/* SPDX-License-Identifier: MIT */
#include "experiments/move_tap.h"

#include <stdlib.h>
#include <string.h>

#include "migration/frame.h"
#include "nestbed/frame.h"
#include "nestbed/link.h"

#define LENGTH_MOST (64u << 20) /* a header that says more is none */

struct slot {
	bool used;
	uint32_t sequence, size;
	uint8_t data[NB_LINK_PAYLOAD_MAX];
};

/* Of a target: waits until the source has taken the link's frame that it ends in. */
struct waiting {
	uint32_t sequence;
	struct text frame;
};

/* The bytes from one host to another. */
struct flow {
	unsigned from, to;
	uint32_t next; /* sequence number of the link's frame to come */
	struct slot slot[NB_LINK_WINDOW];
	struct text part; /* of a message that is not whole yet */
	bool begun; /* its header is there, and was told */
	bool stray; /* it belongs to no move that was seen */
	bool lost; /* what came is no message: from here on bytes are bytes */
	bool moves; /* `move` holds */
	unsigned move;
	uint32_t number; /* of the next message in it */
	struct waiting *waiting;
	unsigned waiting_count;
};

struct seen {
	unsigned source;
	bool over; /* the source gave up: it takes nothing any more */
	struct text stream;
};

struct move_tap {
	void (*begins)(void *ctx, const struct move_tap_message *m);
	void *ctx;
	struct flow *flow[NB_LINK_HOSTS][NB_LINK_HOSTS];
	struct seen *move;
	unsigned moves;
};

struct move_tap *move_tap_new(void (*begins)(void *ctx, const struct move_tap_message *m), void *ctx)
{
	struct move_tap *t = zalloc(sizeof(*t));

	t->begins = begins;
	t->ctx = ctx;
	return t;
}

static struct flow *flow_of(struct move_tap *t, unsigned from, unsigned to)
{
	struct flow **f = &t->flow[from][to];

	if (!*f) {
		*f = zalloc(sizeof(**f));
		(*f)->from = from;
		(*f)->to = to;
	}
	return *f;
}

static uint32_t get_u32(const char *data)
{
	uint32_t v;

	memcpy(&v, data, sizeof(v)); /* little endian, as all that this runs on */
	return v;
}

static uint32_t type_of(const struct flow *f)
{
	return get_u32(f->part.data + 4) & 0xFFFF;
}

static bool by_target(const struct move_tap *t, const struct flow *f)
{
	return f->moves && t->move[f->move].source != f->from;
}

/* Messages that the flow's reader has taken go behind what their reader had sent until then. */
static void take(struct move_tap *t, struct flow *f, uint32_t taken, bool all)
{
	unsigned n = 0;

	while (n < f->waiting_count && (all || f->waiting[n].sequence < taken)) {
		if (!t->move[f->move].over)
			text_add(&t->move[f->move].stream, f->waiting[n].frame.data,
				 f->waiting[n].frame.size);
		text_free(&f->waiting[n++].frame);
	}
	f->waiting_count -= n;
	if (n && f->waiting_count)
		memmove(f->waiting, f->waiting + n, f->waiting_count * sizeof(*f->waiting));
}

static void new_move(struct move_tap *t, struct flow *f)
{
	struct flow *back = flow_of(t, f->to, f->from);

	take(t, f, 0, true);
	take(t, back, 0, true);
	t->move = array_grow(t->move, t->moves, sizeof(*t->move));
	t->move[t->moves] = (struct seen){.source = f->from};
	f->move = back->move = t->moves++;
	f->moves = back->moves = true;
	f->number = back->number = 0;
}

static void keep(struct move_tap *t, struct flow *f, uint32_t sequence, const char *data, size_t size)
{
	struct waiting *w;

	if (!f->moves || f->stray)
		return; /* nobody's */
	if (!by_target(t, f)) {
		text_add(&t->move[f->move].stream, data, size);
		if (f->begun && type_of(f) == STREAM_ABORT)
			t->move[f->move].over = true;
		return;
	}
	f->waiting = array_grow(f->waiting, f->waiting_count, sizeof(*f->waiting));
	w = &f->waiting[f->waiting_count++];
	*w = (struct waiting){.sequence = sequence};
	text_add(&w->frame, data, size);
}

static void drop_part(struct flow *f, size_t size)
{
	f->part.size -= size;
	memmove(f->part.data, f->part.data + size, f->part.size);
	f->begun = f->stray = false;
}

/* The first word of another role: of a target that gives up before its source has said anything. */
static bool is_stray(const struct move_tap *t, const struct flow *f)
{
	const uint32_t sender = get_u32(f->part.data + 4) >> 17 & 3;

	return f->moves && f->number && !get_u32(f->part.data + 12) &&
	       sender == (by_target(t, f) ? SENDER_SOURCE : SENDER_TARGET);
}

static void tell_begin(struct move_tap *t, struct flow *f)
{
	const uint32_t type = type_of(f);

	if (type == STREAM_HELLO)
		new_move(t, f);
	f->begun = true;
	f->stray = is_stray(t, f);
	if (f->stray)
		return;
	if (t->begins && f->moves)
		t->begins(t->ctx, &(struct move_tap_message){f->move, f->from, f->to, by_target(t, f),
							     f->number, type});
	f->number++;
}

static void cut(struct move_tap *t, struct flow *f, uint32_t sequence)
{
	while (!f->lost && f->part.size >= FRAME_HEAD) {
		const uint32_t length = get_u32(f->part.data + 8);

		if (memcmp(f->part.data, FRAME_MAGIC, 4) != 0 || length > LENGTH_MOST) {
			f->lost = true;
			break;
		}
		if (!f->begun)
			tell_begin(t, f);
		if (f->part.size < FRAME_HEAD + length)
			return;
		keep(t, f, sequence, f->part.data, FRAME_HEAD + length);
		drop_part(f, FRAME_HEAD + length);
	}
	if (f->lost && f->part.size) {
		keep(t, f, sequence, f->part.data, f->part.size);
		drop_part(f, f->part.size);
	}
}

static void data(struct move_tap *t, struct flow *f, uint32_t sequence, const uint8_t *payload, uint32_t size)
{
	struct slot *s = &f->slot[sequence % NB_LINK_WINDOW];

	if (sequence - f->next >= NB_LINK_WINDOW) /* seen before, or nothing that its sender may send */
		return;
	*s = (struct slot){.used = true, .sequence = sequence, .size = size};
	memcpy(s->data, payload, size);
	for (s = &f->slot[f->next % NB_LINK_WINDOW]; s->used && s->sequence == f->next;
	     s = &f->slot[f->next % NB_LINK_WINDOW]) {
		s->used = false;
		text_add(&f->part, s->data, s->size);
		cut(t, f, f->next++);
	}
}

static bool sound(const uint8_t *frame, size_t n, struct nb_link_frame *head)
{
	uint8_t copy[NB_LINK_FRAME_MAX];
	uint32_t crc;

	if (n < NB_LINK_HEAD || n > NB_LINK_FRAME_MAX)
		return false;
	memcpy(head, frame, sizeof(*head));
	if (head->ethertype[0] != NB_LINK_ETHERTYPE >> 8 ||
	    head->ethertype[1] != (NB_LINK_ETHERTYPE & 0xFF) || head->version != NB_LINK_VERSION ||
	    head->payload_bytes > n - NB_LINK_HEAD || head->source[5] >= NB_LINK_HOSTS ||
	    head->destination[5] >= NB_LINK_HOSTS || head->source[5] == head->destination[5])
		return false;
	crc = head->crc;
	memcpy(copy, frame, n);
	memset(copy + offsetof(struct nb_link_frame, crc), 0, sizeof(crc));
	return nb_crc32c(copy, NB_LINK_HEAD + head->payload_bytes) == crc;
}

void move_tap_frame(struct move_tap *t, const uint8_t *frame, size_t n)
{
	struct nb_link_frame head;
	struct flow *back;

	if (!sound(frame, n, &head) ||
	    (head.type != NB_LINK_DATA && head.type != NB_LINK_ACK && head.type != NB_LINK_PROBE))
		return;
	back = t->flow[head.destination[5]][head.source[5]];
	if (back && back->moves)
		take(t, back, head.acknowledge, false);
	if (head.type == NB_LINK_DATA)
		data(t, flow_of(t, head.source[5], head.destination[5]), head.sequence, frame + NB_LINK_HEAD,
		     head.payload_bytes);
}

void move_tap_end(struct move_tap *t)
{
	for (unsigned from = 0; from < NB_LINK_HOSTS; from++)
		for (unsigned to = 0; to < NB_LINK_HOSTS; to++) {
			struct flow *f = t->flow[from][to];

			if (!f || !f->moves)
				continue;
			take(t, f, 0, true);
			if (f->part.size)
				text_add(&t->move[f->move].stream, f->part.data, f->part.size);
			f->part.size = 0;
		}
}

unsigned move_tap_moves(const struct move_tap *t)
{
	return t->moves;
}

const struct text *move_tap_stream(const struct move_tap *t, unsigned move)
{
	return &t->move[move].stream;
}

void move_tap_free(struct move_tap *t)
{
	for (unsigned i = 0; t && i < NB_LINK_HOSTS * NB_LINK_HOSTS; i++) {
		struct flow *f = t->flow[i / NB_LINK_HOSTS][i % NB_LINK_HOSTS];

		if (!f)
			continue;
		for (unsigned w = 0; w < f->waiting_count; w++)
			text_free(&f->waiting[w].frame);
		free(f->waiting);
		text_free(&f->part);
		free(f);
	}
	for (unsigned i = 0; t && i < t->moves; i++)
		text_free(&t->move[i].stream);
	if (t)
		free(t->move);
	free(t);
}
