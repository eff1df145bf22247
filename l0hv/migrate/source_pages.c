/* SPDX-License-Identifier: MIT */
/* A source's clock, what it sends, and its rounds. */
#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/source_impl.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"

/* ---- the clock ---- */

/*
 * One clock for the guest and the modelled link. While the guest runs it counts with the processor's; while
 * L0 works it stands still in virtual time, and goes on by what the model says.
 */
static uint64_t busy_for(uint64_t bytes)
{
	const uint64_t frames = (bytes + NB_LINK_PAYLOAD_MAX - 1) / NB_LINK_PAYLOAD_MAX;

	return precopy_ticks(bytes + frames * NB_LINK_HEAD, move.config->move.rate);
}

uint64_t source_now(void)
{
	return move.config->move.virtual_time ? source.clock : rdtsc() - source.offset;
}

/* Of L0's own work, or of what the model says: real time passes by itself. */
void source_spend(uint64_t ticks)
{
	if (move.config->move.virtual_time)
		source.clock += ticks;
}

/* A message of so many bytes is on its way, over the modelled link too. */
static void under_way(uint64_t bytes)
{
	struct source *s = &source;

	s->taken_at = rdtsc();
	if (!move.config->move.virtual_time)
		return;
	if (s->busy_until < s->clock)
		s->busy_until = s->clock;
	s->busy_until += busy_for(bytes);
}

/* The guest stands still until the modelled link is free. */
void source_stand_until_free(void)
{
	if (move.config->move.virtual_time && source.busy_until > source.clock)
		source.clock = source.busy_until;
}

/* ---- sending ---- */

bool source_standing(void)
{
	return move.config->move.virtual_time || source.held;
}

void source_send(enum stream_type type, const void *message)
{
	under_way(channel_send(&source.channel, type, message));
}

void source_send_packed(enum stream_type type, const struct state_part *part)
{
	under_way(channel_send_packed(&source.channel, type, part->bytes, part->length));
}

/* A peer that answers the link's questions and reads nothing keeps the link alive, and full. */
int source_push(void)
{
	struct source *s = &source;
	const size_t at = s->channel.out_at;
	const int pushed = channel_push(&s->channel);

	if (pushed || s->channel.out_at != at)
		s->taken_at = rdtsc();
	else if (rdtsc() - s->taken_at > ANSWER_PATIENCE * move_patience())
		source_event(EVENT_TIMEOUT, "the other host does not take in time what is sent to it");
	return pushed;
}

/* All of the message is in the link's hands; false: the move is over, or in doubt. A peer that has given up
 * reads nothing, so the link stays full: what it says is heard here. */
bool source_flush(void)
{
	int pushed;

	while (!(pushed = source_push())) {
		source_hear();
		if (source.session.state >= SOURCE_DOUBT)
			return false;
	}
	if (pushed < 0)
		source_event(EVENT_LINK_DEAD, "the link is dead: no answer from the other host");
	return pushed > 0;
}

/* Page `at` and those behind it that are zeros too: how many of the set, from `at` on in a row. */
static uint32_t zeros_from(uint32_t at)
{
	const struct source *s = &source;
	uint32_t n = 0;

	while (at + n < s->unsent.pages && dirty_has(&s->unsent, at + n) &&
	       s->since[at + n] == s->since[at] &&
	       page_is_zero(vm_memory(move.vm, (uint64_t)(at + n) * PAGE_SIZE, PAGE_SIZE)))
		if (!(++n % 1024))
			link_poll();
	return n;
}

static void sent(uint32_t page)
{
	struct source *s = &source;

	dirty_unmark(&s->unsent, page);
	ledger_written(&s->ledger, page, s->since[page]);
	ledger_sent(&s->ledger, page, s->epoch);
	s->epoch_pages++;
}

static void send_zeros(uint32_t first, uint32_t count)
{
	struct source *s = &source;
	Nestbed__ZeroRun m = NESTBED__ZERO_RUN__INIT;

	m.epoch = s->epoch;
	m.first = first;
	m.count = count;
	m.written = s->since[first];
	for (uint32_t i = 0; i < count; i++)
		sent(first + i);
	s->round.zero_pages += count;
	s->total.pages_zero += count;
	source_send(STREAM_ZERO_RUN, &m);
}

static bool fits_batch(uint32_t page, uint32_t first)
{
	return source.since[page] == source.since[first] &&
	       (page == first || !page_is_zero(vm_memory(move.vm, (uint64_t)page * PAGE_SIZE, PAGE_SIZE)));
}

static void send_batch(uint32_t first)
{
	struct source *s = &source;
	Nestbed__PageBatch m = NESTBED__PAGE_BATCH__INIT;
	uint32_t list[CHANNEL_BATCH];

	for (uint32_t at = first; at != DIRTY_NONE && m.n_page < s->batch_most && fits_batch(at, first);
	     at = dirty_next(&s->unsent, at + 1)) {
		memcpy(s->batch + m.n_page * PAGE_SIZE,
		       vm_memory(move.vm, (uint64_t)at * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
		list[m.n_page++] = at;
	}
	for (size_t i = 0; i < m.n_page; i++)
		sent(list[i]);
	m.epoch = s->epoch;
	m.page = list;
	m.data.data = s->batch;
	m.data.len = m.n_page * PAGE_SIZE;
	m.written = s->since[first];
	s->round.pages += m.n_page;
	s->total.pages_sent += m.n_page;
	source_send(STREAM_PAGE_BATCH, &m);
}

/* The next pages of those that wait: one message. There are some. */
void source_send_some(void)
{
	const uint32_t at = dirty_next(&source.unsent, 0), zeros = zeros_from(at);

	if (zeros)
		send_zeros(at, zeros);
	else
		send_batch(at);
}

/* ---- rounds ---- */

/* What `take` has written since the last time is to be sent, and a new epoch begins. Pages of it. */
uint32_t source_collect(uint64_t (*take)(struct vm *vm, uint64_t *bitmap))
{
	struct source *s = &source;
	uint32_t count = 0;

	take(move.vm, s->collected);
	for (uint32_t w = 0; w < DIRTY_WORDS(s->unsent.pages); w++)
		for (uint64_t bits = s->collected[w]; bits; bits &= bits - 1) {
			const uint32_t page = w * 64 + (unsigned)__builtin_ctzll(bits);

			count++;
			if (dirty_mark(&s->unsent, page))
				s->since[page] = s->epoch_began;
		}
	source_late_collect();
	s->epoch_began = ++s->epoch;
	s->epoch_pages = 0;
	return count;
}

void source_begin_round(void)
{
	struct source *s = &source;

	nestbed__move_round__init(&s->round);
	s->round.vm = (char *)(uintptr_t)move.config->name;
	s->round.hop = move.hop;
	s->round.round = ++s->rounds;
	s->round.throttle = s->policy.throttle;
	s->round_bytes = s->channel.bytes;
	s->round_began = source_now();
	s->round_barriers = s->barriers;
	link_set_round(s->channel.link, s->rounds);
}

/* Its end is told to the peer; the record comes once it is known what became dirty. */
void source_send_round_end(void)
{
	struct source *s = &source;
	Nestbed__RoundEnd m = NESTBED__ROUND_END__INIT;

	s->round.epoch = s->epoch;
	m.round = s->rounds;
	m.epoch = s->epoch;
	m.pages = s->round.pages;
	m.zero_pages = s->round.zero_pages;
	m.digest = channel_digest(&s->channel);
	source_send(STREAM_ROUND_END, &m);
}

void source_record_round(uint32_t dirty, const char *verdict)
{
	struct source *s = &source;

	s->round.bytes = s->channel.bytes - s->round_bytes;
	s->round.ticks = source_now() - s->round_began;
	s->round.dirty = dirty;
	s->round.set = dirty ? track_set_digest(move.vm, s->collected) : 0;
	s->round.barriers = s->barriers - s->round_barriers;
	s->round.verdict = (char *)(uintptr_t)verdict;
	record_emit(NESTBED__RECORD__BODY_MOVE_ROUND, &s->round);
}
