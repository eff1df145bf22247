/* SPDX-License-Identifier: MIT */
/* Two ends of the link over a simulated way that loses, doubles, reorders, spoils and is cut, by a seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "l0hv/net/reliable.h"
#include "nestbed/frame.h"

#define FLIGHT_MAX 4096u
#define FRAME_TIME 1000u /* ticks that a frame of full length takes on the way's rate */
#define DELAY      20000u
#define MIB        (1u << 20)

struct way {
	unsigned loss, twice, reorder, corrupt; /* of 10000 frames */
	uint64_t cut_from, cut_to; /* nothing passes */
};

struct flying {
	uint64_t at;
	uint64_t order;
	unsigned to;
	size_t size;
	uint8_t frame[NB_LINK_FRAME_MAX];
};

struct net {
	struct reliable end[2];
	struct way way;
	uint64_t seed, now, order, free_at[2];
	struct flying *flying[FLIGHT_MAX];
	unsigned count;
	/* what each end sends, and has read */
	uint64_t to_send[2], sent[2], came[2];
	uint64_t reads_from[2]; /* an end does not read before this time */
	uint64_t asleep_from, asleep_to; /* end 1 is not even asked */
};

/* As nb_crc32c, which the tests of the frames compare with: by a table, since here are many frames. */
static uint32_t fast_crc(const uint8_t *p, uint64_t size)
{
	static uint32_t table[256];
	uint32_t crc = ~0u;

	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			const uint8_t byte = (uint8_t)~i;

			/* of a state of all ones: what is left of it is 24 ones */
			table[i] = ~nb_crc32c(&byte, 1) ^ 0x00FFFFFFu;
		}
	while (size--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
	return ~crc;
}

static uint64_t draw(struct net *n)
{
	n->seed ^= n->seed << 13;
	n->seed ^= n->seed >> 7;
	n->seed ^= n->seed << 17;
	return n->seed;
}

static bool chance(struct net *n, unsigned of_10000)
{
	return draw(n) % 10000 < of_10000;
}

static uint8_t byte_at(unsigned end, uint64_t at)
{
	return (uint8_t)((at * 0x9E3779B97F4A7C15ull >> 32) + end);
}

static struct reliable_config config_of(unsigned end)
{
	return (struct reliable_config){
		.host = (uint8_t)end,
		.peer = (uint8_t)!end,
		.crc = fast_crc,
		.timeout = 200000,
		.timeout_least = 50000,
		.timeout_most = 1000000,
		.limit = 50000000,
		.ack_delay = 5000,
		.ack_every = 4,
	};
}

static struct net *net_new(struct way way, uint64_t seed, uint64_t bytes0, uint64_t bytes1)
{
	struct net *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->way = way;
	n->seed = seed * 2 + 1;
	n->to_send[0] = bytes0;
	n->to_send[1] = bytes1;
	for (unsigned i = 0; i < 2; i++) {
		const struct reliable_config config = config_of(i);

		reliable_init(&n->end[i], &config, 0);
	}
	return n;
}

static void net_free(struct net *n)
{
	for (unsigned i = 0; i < n->count; i++)
		free(n->flying[i]);
	free(n);
}

static void fly(struct net *n, unsigned to, const uint8_t *frame, size_t size, uint64_t at)
{
	struct flying *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_true(n->count < FLIGHT_MAX);
	memcpy(f->frame, frame, size);
	f->size = size;
	f->to = to;
	f->at = at;
	f->order = n->order++;
	n->flying[n->count++] = f;
}

static void throw(struct net * n, unsigned from, uint8_t *frame, size_t size)
{
	const uint64_t took = (uint64_t)FRAME_TIME * size / NB_LINK_FRAME_MAX;
	uint64_t at = n->free_at[from] > n->now ? n->free_at[from] : n->now;

	n->free_at[from] = at + took;
	at += took + DELAY;
	if ((n->now >= n->way.cut_from && n->now < n->way.cut_to) || chance(n, n->way.loss))
		return;
	if (chance(n, n->way.corrupt))
		frame[draw(n) % size] ^= (uint8_t)(1u << draw(n) % 8);
	if (chance(n, n->way.reorder))
		at += draw(n) % (20 * FRAME_TIME);
	if (chance(n, n->way.twice))
		fly(n, !from, frame, size, at + draw(n) % DELAY);
	fly(n, !from, frame, size, at);
}

/* The frame that comes first, if it is due. */
static struct flying *land(struct net *n)
{
	unsigned first = 0;
	struct flying *f;

	if (!n->count)
		return NULL;
	for (unsigned i = 1; i < n->count; i++)
		if (n->flying[i]->at < n->flying[first]->at ||
		    (n->flying[i]->at == n->flying[first]->at &&
		     n->flying[i]->order < n->flying[first]->order))
			first = i;
	f = n->flying[first];
	if (f->at > n->now || (f->to && n->now >= n->asleep_from && n->now < n->asleep_to))
		return NULL;
	n->flying[first] = n->flying[--n->count];
	return f;
}

static void read_all(struct net *n, unsigned end)
{
	uint8_t data[5000];
	size_t got;

	if (n->now < n->reads_from[end])
		return;
	while ((got = reliable_pull(&n->end[end], data, sizeof(data) - draw(n) % 4000))) {
		for (size_t i = 0; i < got; i++)
			if (data[i] != byte_at(!end, n->came[end] + i))
				fail_msg("byte %llu differs", (unsigned long long)(n->came[end] + i));
		n->came[end] += got;
	}
}

static void write_some(struct net *n, unsigned end)
{
	uint8_t data[3000];
	size_t size =
		n->to_send[end] - n->sent[end] < sizeof(data) ? n->to_send[end] - n->sent[end] : sizeof(data);
	size_t took;

	if (!size)
		return;
	for (size_t i = 0; i < size; i++)
		data[i] = byte_at(end, n->sent[end] + i);
	took = reliable_push(&n->end[end], data, size);
	n->sent[end] += took;
	if (n->sent[end] == n->to_send[end])
		reliable_flush(&n->end[end]);
}

static bool end_turn(struct net *n, unsigned end)
{
	uint8_t frame[NB_LINK_FRAME_MAX];
	size_t size;

	if (end && n->now >= n->asleep_from && n->now < n->asleep_to)
		return false;
	read_all(n, end);
	write_some(n, end);
	if (n->free_at[end] > n->now + 4 * FRAME_TIME) /* the device is busy */
		return true;
	size = reliable_send(&n->end[end], frame, n->now);
	if (!size)
		return false;
	throw(n, end, frame, size);
	return true;
}

static bool done(const struct net *n)
{
	return n->came[0] == n->to_send[1] && n->came[1] == n->to_send[0] && reliable_idle(&n->end[0]) &&
	       reliable_idle(&n->end[1]) && n->sent[0] == n->to_send[0] && n->sent[1] == n->to_send[1];
}

/* Until all has come, an end is dead, or `ticks` have passed. */
static bool net_run(struct net *n, uint64_t ticks)
{
	const uint64_t until = n->now + ticks;
	uint64_t step = 100;

	while (n->now < until && !done(n) && !reliable_dead(&n->end[0]) && !reliable_dead(&n->end[1])) {
		struct flying *f;
		bool busy = false;

		n->now += step;
		while ((f = land(n))) {
			busy = true;
			reliable_receive(&n->end[f->to], f->frame, f->size, n->now);
			free(f);
		}
		busy |= end_turn(n, 0);
		busy |= end_turn(n, 1);
		step = busy ? 100 : step < 5000 ? step * 2 : step;
	}
	return done(n);
}

static uint64_t sum_bytes(const struct net *n)
{
	return n->end[0].count.bytes + n->end[1].count.bytes;
}

static void no_loss_costs_little(void **state)
{
	static const struct {
		const char *name;
		uint64_t bytes0, bytes1;
	} rows[] = {
		{"one way",   4 * MIB, 0      },
		{"both ways", 2 * MIB, 2 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct net *n = net_new((struct way){0}, 1, rows[i].bytes0, rows[i].bytes1);
		const uint64_t payload = rows[i].bytes0 + rows[i].bytes1;

		if (!net_run(n, 100000000))
			fail_msg("%s: not done", rows[i].name);
		for (unsigned end = 0; end < 2; end++) {
			assert_int_equal(n->end[end].count.again_frames, 0);
			assert_int_equal(n->end[end].count.double_frames, 0);
			/* is the peer there? */
			assert_int_equal(n->end[end].count.probe_frames, !!n->to_send[end]);
			assert_int_equal(n->end[end].count.payload_bytes, n->to_send[end]);
			assert_int_equal(n->end[end].count.come_payload_bytes, n->came[end]);
		}
		print_message("%s: headers and acks %.2f %% of the bytes, %llu ticks\n", rows[i].name,
			      100.0 * (double)(sum_bytes(n) - payload) / (double)sum_bytes(n),
			      (unsigned long long)n->now);
		if ((sum_bytes(n) - payload) * 20 >= sum_bytes(n))
			fail_msg("%s: %llu bytes for %llu", rows[i].name, (unsigned long long)sum_bytes(n),
				 (unsigned long long)payload);
		net_free(n);
	}
}

static void loss_of_one_percent(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct net *n = net_new((struct way){.loss = 100}, seed, 4 * MIB, 0);
		const struct reliable_counters *c = &n->end[0].count;

		if (!net_run(n, 400000000))
			fail_msg("seed %llu: not done", (unsigned long long)seed);
		print_message("seed %llu: sent again %.2f %%, %llu ticks\n", (unsigned long long)seed,
			      100.0 * (double)c->again_bytes / (double)c->payload_bytes,
			      (unsigned long long)n->now);
		assert_true(c->again_frames);
		/* what is missing is told by what comes after it: no waiting */
		assert_true(c->probe_frames * 4 < c->again_frames);
		if (c->again_bytes * 100 >= c->payload_bytes * 3)
			fail_msg("seed %llu: %llu bytes again", (unsigned long long)seed,
				 (unsigned long long)c->again_bytes);
		net_free(n);
	}
}

static void faults_are_survived(void **state)
{
	static const struct {
		const char *name;
		struct way way;
	} rows[] = {
		{"loss 10 %",       {.loss = 1000}						 },
		{"loss 40 %",       {.loss = 4000}						 },
		{"doubling 20 %",   {.twice = 2000}                                                },
		{"reordering 20 %", {.reorder = 2000}                                              },
		{"corruption 10 %", {.corrupt = 1000}                                              },
		{"a bit of all",    {.loss = 200, .twice = 200, .reorder = 200, .corrupt = 200}    },
		{"much of all",     {.loss = 1000, .twice = 1000, .reorder = 1000, .corrupt = 1000}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct net *n = net_new(rows[i].way, seed, MIB / 2, MIB / 4);
			const struct reliable_counters *c0 = &n->end[0].count, *c1 = &n->end[1].count;

			if (!net_run(n, 4000000000ull))
				fail_msg("%s, seed %llu: %llu and %llu came", rows[i].name,
					 (unsigned long long)seed, (unsigned long long)n->came[0],
					 (unsigned long long)n->came[1]);
			assert_int_equal(c0->bad_frames + c1->bad_frames, 0);
			assert_int_equal(!!rows[i].way.corrupt, !!(c0->corrupt_frames + c1->corrupt_frames));
			if (rows[i].way.twice)
				assert_true(c0->double_frames + c1->double_frames);
			net_free(n);
		}
}

static void cuts_are_survived(void **state)
{
	const uint64_t limit = config_of(0).limit;
	static const uint64_t percent[] = {0, 1, 3, 10, 30, 60, 90, 97};

	(void)state;
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++)
		for (unsigned from = 0; from < 3; from++) {
			struct net *n = net_new((struct way){0}, i + 1, MIB, 0);

			n->way.cut_from = 100000 + from * 250000;
			n->way.cut_to = n->way.cut_from + limit * percent[i] / 100;
			if (!net_run(n, 3 * limit))
				fail_msg("cut of %llu: %s",
					 (unsigned long long)(n->way.cut_to - n->way.cut_from),
					 reliable_dead(&n->end[0]) ? "dead" : "not done");
			/* at most a window again, and again for what the first answers did not tell */
			assert_true(n->end[0].count.again_frames <= 2 * NB_LINK_WINDOW);
			net_free(n);
		}
}

static void silence_is_death(void **state)
{
	struct net *n = net_new((struct way){.cut_from = 200000, .cut_to = UINT64_MAX}, 1, MIB, 0);
	const uint64_t limit = config_of(0).limit;
	uint8_t frame[NB_LINK_FRAME_MAX];

	(void)state;
	assert_false(net_run(n, 3 * limit));
	assert_true(reliable_dead(&n->end[0]));
	assert_true(n->now > limit && n->now < limit + limit / 4);
	/* asked rarer and rarer, but at least each timeout_most */
	assert_true(n->end[0].count.probe_frames > 40 && n->end[0].count.probe_frames < 70);
	assert_int_equal(reliable_send(&n->end[0], frame, n->now), 0);
	net_free(n);
}

static void late_caller_is_no_silence(void **state)
{
	struct net *n = net_new((struct way){0}, 1, MIB, 0);
	uint8_t frame[NB_LINK_FRAME_MAX];

	(void)state;
	assert_false(net_run(n, 300000));
	assert_false(reliable_idle(&n->end[0]));
	/* the caller ran something else for ten times the limit */
	for (unsigned i = 0; i < RELIABLE_PROBES_LEAST - 1; i++) {
		n->now += 10 * config_of(0).limit;
		while (reliable_send(&n->end[0], frame, n->now))
			;
		assert_false(reliable_dead(&n->end[0]));
	}
	net_free(n);
}

static void keep_alive_hears_death(void **state)
{
	struct net *n = net_new((struct way){.cut_from = 0, .cut_to = UINT64_MAX}, 1, 0, 0);
	const uint64_t limit = config_of(0).limit;
	uint8_t frame[NB_LINK_FRAME_MAX];

	(void)state;
	for (uint64_t now = 0; now < 2 * limit; now += 100000)
		assert_int_equal(reliable_send(&n->end[0], frame, now), 0);
	assert_false(reliable_dead(&n->end[0]));
	n->end[0].config.keep_alive = limit / 10;
	for (uint64_t now = 2 * limit; now < 4 * limit; now += 100000)
		(void)reliable_send(&n->end[0], frame, now);
	assert_true(reliable_dead(&n->end[0]));
	net_free(n);
}

static void slow_reader_closes_the_window(void **state)
{
	static const unsigned losses[] = {0, 2000};

	(void)state;
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		struct net *n = net_new((struct way){.loss = losses[i]}, 7, MIB / 2, 0);

		n->reads_from[1] = 3 * config_of(0).limit; /* it answers, so the link lives */
		assert_false(net_run(n, n->reads_from[1]));
		assert_false(reliable_dead(&n->end[0]));
		assert_int_equal(n->end[0].count.data_frames, NB_LINK_WINDOW);
		assert_true(net_run(n, 4000000000ull));
		if (!losses[i])
			assert_int_equal(n->end[0].count.again_frames, 0);
		net_free(n);
	}
}

static void slow_peer_costs_no_payload(void **state)
{
	struct net *n = net_new((struct way){0}, 7, MIB, 0);

	(void)state;
	n->asleep_from = 300000;
	n->asleep_to = n->asleep_from + config_of(0).limit / 2;
	assert_true(net_run(n, 3 * config_of(0).limit));
	assert_int_equal(n->end[0].count.again_frames, 0);
	assert_true(n->end[0].count.probe_frames > 3);
	net_free(n);
}

static void numbers_wrap(void **state)
{
	struct net *n = net_new((struct way){.loss = 300, .reorder = 300}, 3, MIB / 2, MIB / 2);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct reliable *r = &n->end[i];

		r->unacked = r->next = r->sealed = 0xFFFFFFC0u;
		r->stamp = r->delivered = 0xFFFFFFE0u;
		r->taken = r->missing = r->edge = r->told = 0xFFFFFFC0u;
	}
	assert_true(net_run(n, 4000000000ull));
	assert_true(n->end[0].unacked < 0x10000);
	net_free(n);
}

/* ---- frames that nobody honest sends ---- */

struct forged {
	uint8_t from, to;
	unsigned type;
	uint16_t payload;
	uint32_t sequence, acknowledge;
	uint64_t come;
};

static size_t forge(uint8_t *frame, const struct forged *f)
{
	const uint32_t words[3] = {f->sequence, f->acknowledge, 0};

	memset(frame, 0, NB_LINK_FRAME_MAX);
	memcpy(frame + NB_LINK_HEAD, &f->come, sizeof(f->come));
	return reliable_seal(frame, f->from, f->to, (enum nb_link_type)f->type, f->payload, words, nb_crc32c);
}

static void impossible_frames_change_nothing(void **state)
{
	static const struct {
		const char *name;
		struct forged forged;
		enum reliable_taken want;
	} rows[] = {
		{"from another host",               {2, 0, NB_LINK_ACK, 8, 0, 0, 0},               RELIABLE_FOREIGN},
		{"for another host",                {1, 3, NB_LINK_ACK, 8, 0, 0, 0},               RELIABLE_FOREIGN},
		{"type 0",                          {1, 0, 0, 0, 0, 0, 0},                         RELIABLE_BAD    },
		{"type CONTROL",                    {1, 0, NB_LINK_CONTROL, 4, 0, 0, 0},           RELIABLE_BAD    },
		{"type 255",                        {1, 0, 255, 8, 0, 0, 0},                       RELIABLE_BAD    },
		{"an ACK without a bitmap",         {1, 0, NB_LINK_ACK, 7, 0, 0, 0},               RELIABLE_BAD    },
		{"an ACK with more than a bitmap",  {1, 0, NB_LINK_ACK, 9, 0, 0, 0},               RELIABLE_BAD    },
		{"an ACK of what was not sent",     {1, 0, NB_LINK_ACK, 8, 0, 4, 0},               RELIABLE_BAD    },
		{"a bit of what was not sent",      {1, 0, NB_LINK_ACK, 8, 0, 0, 8},               RELIABLE_BAD    },
		{"a bit behind what was sent",      {1, 0, NB_LINK_ACK, 8, 0, 3, 1},               RELIABLE_BAD    },
		{"the last bit",                    {1, 0, NB_LINK_ACK, 8, 0, 0, 1ull << 63},      RELIABLE_BAD    },
		{"a PROBE with payload",            {1, 0, NB_LINK_PROBE, 1, 1, 0, 0},             RELIABLE_BAD    },
		{"a PROBE that acknowledges ahead", {1, 0, NB_LINK_PROBE, 0, 1, 9, 0},             RELIABLE_BAD    },
		{"DATA without payload",            {1, 0, NB_LINK_DATA, 0, 0, 0, 0},              RELIABLE_BAD    },
		{"DATA behind the window",          {1, 0, NB_LINK_DATA, 1, NB_LINK_WINDOW, 0, 0}, RELIABLE_BAD    },
		{"DATA far behind the window",      {1, 0, NB_LINK_DATA, 1, 0x7FFFFFFF, 0, 0},     RELIABLE_BAD    },
		{"DATA that acknowledges ahead",    {1, 0, NB_LINK_DATA, 1, 0, 4, 0},              RELIABLE_BAD    },
		{"an ACK",                          {1, 0, NB_LINK_ACK, 8, 0, 0, 0},               RELIABLE_TAKEN  },
		{"an ACK of all",                   {1, 0, NB_LINK_ACK, 8, 0, 3, 0},               RELIABLE_TAKEN  },
		{"a bit of what was sent",          {1, 0, NB_LINK_ACK, 8, 0, 0, 4},               RELIABLE_TAKEN  },
		{"an echo of a PROBE not sent",     {1, 0, NB_LINK_ACK, 8, 5, 0, 0},               RELIABLE_TAKEN  },
		{"DATA at the window's end",
		 {1, 0, NB_LINK_DATA, 1, NB_LINK_WINDOW - 1, 0, 0},
		 RELIABLE_TAKEN										    },
	};
	static struct reliable r, before;
	uint8_t frame[NB_LINK_FRAME_MAX];
	const struct reliable_config config = config_of(0);

	(void)state;
	reliable_init(&r, &config, 0);
	r.heard = true;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(reliable_push(&r, "abc", 3), 3);
		reliable_flush(&r);
		assert_true(reliable_send(&r, frame, 1));
	}
	before = r;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t size = forge(frame, &rows[i].forged);
		enum reliable_taken got;

		r = before;
		got = reliable_receive(&r, frame, size, 2);
		if (got != rows[i].want)
			fail_msg("%s: %d instead of %d", rows[i].name, got, rows[i].want);
		assert_int_equal(r.count.bad_frames, got == RELIABLE_BAD);
		assert_int_equal(r.count.foreign_frames, got == RELIABLE_FOREIGN);
		r.count = before.count;
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): one was copied from the other */
		if (got != RELIABLE_TAKEN && memcmp(&r, &before, sizeof(r)) != 0)
			fail_msg("%s: changed something", rows[i].name);
	}
}

static void spoiled_frames_are_told(void **state)
{
	static struct reliable r;
	const struct reliable_config config = config_of(0);
	const struct forged good = {1, 0, NB_LINK_DATA, 100, 0, 0, 0};
	uint8_t frame[NB_LINK_FRAME_MAX + 1], copy[NB_LINK_FRAME_MAX + 1];
	const size_t size = forge(frame, &good);

	(void)state;
	assert_int_equal(size, NB_LINK_HEAD + 100);
	reliable_init(&r, &config, 0);
	for (size_t bit = 0; bit < size * 8; bit++) { /* each single bit */
		memcpy(copy, frame, sizeof(copy));
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(reliable_receive(&r, copy, size, 1), RELIABLE_TAKEN);
	}
	for (size_t n = 0; n <= NB_LINK_FRAME_MAX + 1; n++) { /* each other length */
		memcpy(copy, frame, sizeof(copy));
		if (n != size)
			assert_int_equal(reliable_receive(&r, copy, n, 1), RELIABLE_CORRUPT);
	}
	assert_int_equal(r.count.come_frames, 0);
	assert_int_equal(reliable_receive(&r, frame, size, 1), RELIABLE_TAKEN);
	assert_int_equal(r.count.come_frames, 1);
	assert_int_equal(reliable_receive(&r, frame, size, 1), RELIABLE_TAKEN);
	assert_int_equal(r.count.double_frames, 1);
}

/* What an end answers at once to the frames of these places, in this order; 0: nothing. */
static unsigned answer(struct reliable *r, const uint32_t *places, unsigned count)
{
	uint8_t frame[NB_LINK_FRAME_MAX];
	const struct reliable_config config = config_of(0);

	reliable_init(r, &config, 0);
	for (unsigned i = 0; i < count; i++) {
		const struct forged f = {1, 0, NB_LINK_DATA, 10, places[i], 0, 0};
		const size_t size = forge(frame, &f);

		assert_int_equal(reliable_receive(r, frame, size, 1), RELIABLE_TAKEN);
	}
	return reliable_send(r, frame, 1) ? frame[offsetof(struct nb_link_frame, type)] : 0;
}

static void acks_go_when_they_should(void **state)
{
	static const uint32_t places[NB_LINK_WINDOW] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	static const uint32_t gap[] = {0, 2}, twice[] = {0, 0};
	static struct reliable r;
	uint8_t frame[NB_LINK_FRAME_MAX], data[1000];

	(void)state;
	assert_int_equal(answer(&r, places, 1), 0);
	assert_int_equal(reliable_send(&r, frame, config_of(0).ack_delay), 0);
	assert_int_equal(reliable_send(&r, frame, config_of(0).ack_delay + 1), NB_LINK_FRAME_LEAST);
	assert_int_equal(answer(&r, places, 3), 0);
	assert_int_equal(answer(&r, places, 4), NB_LINK_ACK);
	assert_int_equal(answer(&r, gap, 2), NB_LINK_ACK);
	assert_int_equal(answer(&r, twice, 2), NB_LINK_ACK);
	assert_int_equal(answer(&r, places, NB_LINK_WINDOW / 4), NB_LINK_ACK);
	assert_int_equal(reliable_send(&r, frame, 1), 0);
	assert_int_equal(reliable_pull(&r, data, sizeof(data)), NB_LINK_WINDOW / 4 * 10);
	assert_true(reliable_send(&r, frame, 1)); /* there is room again */
}

static void a_little_disorder_costs_nothing(void **state)
{
	static const struct {
		const char *name;
		uint64_t come; /* of five frames sent */
		bool again;
	} rows[] = {
		{"the second came",        0x02, false},
		{"the third came",         0x04, false},
		{"the fourth came",        0x08, true },
		{"all but the first came", 0x1E, true },
	};
	const struct reliable_config config = config_of(0);
	static struct reliable r;
	uint8_t frame[NB_LINK_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct forged ack = {1, 0, NB_LINK_ACK, 8, 0, 0, rows[i].come};
		size_t size;

		reliable_init(&r, &config, 0);
		r.heard = true;
		for (unsigned k = 0; k < 5; k++) {
			assert_int_equal(reliable_push(&r, "abc", 3), 3);
			reliable_flush(&r);
			assert_true(reliable_send(&r, frame, 1));
		}
		size = forge(frame, &ack);
		assert_int_equal(reliable_receive(&r, frame, size, 2), RELIABLE_TAKEN);
		if (!!reliable_send(&r, frame, 2) != rows[i].again)
			fail_msg("%s: sent again: %d", rows[i].name, !rows[i].again);
	}
}

static void rounds_stand_in_frames(void **state)
{
	static struct reliable r;
	const struct reliable_config config = config_of(0);
	struct nb_link_frame head;
	uint8_t frame[NB_LINK_FRAME_MAX];

	(void)state;
	reliable_init(&r, &config, 0);
	reliable_set_round(&r, 7);
	assert_int_equal(reliable_push(&r, "x", 1), 1);
	assert_int_equal(reliable_send(&r, frame, 0), 0); /* not flushed */
	assert_false(reliable_idle(&r));
	reliable_flush(&r);
	assert_int_equal(reliable_send(&r, frame, 0),
			 NB_LINK_FRAME_LEAST); /* a PROBE: the peer was not heard */
	assert_int_equal(frame[15], NB_LINK_PROBE);
	assert_int_equal(reliable_send(&r, frame, 0), 0);
	r.heard = true;
	assert_int_equal(reliable_send(&r, frame, 0), NB_LINK_FRAME_LEAST);
	memcpy(&head, frame, sizeof(head));
	assert_int_equal(head.round, 7);
	assert_int_equal(head.payload_bytes, 1);
	assert_int_equal(head.destination[5], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_loss_costs_little),
		cmocka_unit_test(loss_of_one_percent),
		cmocka_unit_test(faults_are_survived),
		cmocka_unit_test(cuts_are_survived),
		cmocka_unit_test(silence_is_death),
		cmocka_unit_test(late_caller_is_no_silence),
		cmocka_unit_test(keep_alive_hears_death),
		cmocka_unit_test(slow_reader_closes_the_window),
		cmocka_unit_test(slow_peer_costs_no_payload),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(impossible_frames_change_nothing),
		cmocka_unit_test(spoiled_frames_are_told),
		cmocka_unit_test(acks_go_when_they_should),
		cmocka_unit_test(a_little_disorder_costs_nothing),
		cmocka_unit_test(rounds_stand_in_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
