/* SPDX-License-Identifier: MIT */
/* The end of a move that the VM leaves, what docs/migration.md calls the source: its session, and its steps.
 */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/move_impl.h"
#include "l0hv/migrate/source_impl.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"

struct source source;

/* How often L0 looks at the link while the guest runs. */
#define POLL_TICKS 20000u

static void *allocate(uint64_t bytes)
{
	const uint64_t pa = pages_alloc_contiguous(bytes, PAGE_SIZE);

	return pa ? phys_to_virt(pa) : NULL;
}

int source_prepare(uint32_t pages)
{
	struct source *s = &source;
	uint64_t *words = allocate(DIRTY_WORDS(pages) * sizeof(uint64_t));

	s->collected = allocate(DIRTY_WORDS(pages) * sizeof(uint64_t));
	s->since = allocate(pages * sizeof(uint32_t));
	s->ledger.written = allocate(pages * sizeof(uint32_t));
	s->ledger.sent = allocate(pages * sizeof(uint32_t));
	s->batch = allocate(CHANNEL_BATCH * PAGE_SIZE);
	if (!words || !s->collected || !s->since || !s->ledger.written || !s->ledger.sent || !s->batch)
		return -ENOMEM;
	dirty_init(&s->unsent, words, pages);
	session_source(&s->session);
	return channel_prepare(&s->channel, &move.config->move.fault);
}

bool source_active(void)
{
	return source.session.state != SOURCE_IDLE && !session_over(&source.session);
}

bool source_asked(void)
{
	return source.asked;
}

/* ---- the session ---- */

static void count_wire(void)
{
	struct source *s = &source;
	const struct reliable_counters *c = link_counters(s->channel.link);

	s->total.bytes = s->channel.bytes;
	s->total.wire_bytes = c->bytes - s->wire_then.bytes;
	s->total.again_bytes = c->again_bytes - s->wire_then.again_bytes;
	s->total.rounds = s->rounds ? s->rounds - 1 : 0;
	s->total.barriers = s->barriers;
}

static void record(void)
{
	static const uint8_t said[SESSION_RECORDS] = {
		[RECORD_COMMITTED] = NESTBED__MOVE__SAID__COMMITTED,
		[RECORD_KEPT] = NESTBED__MOVE__SAID__KEPT,
		[RECORD_IN_DOUBT] = NESTBED__MOVE__SAID__IN_DOUBT,
	};
	struct source *s = &source;
	const enum session_record what = session_record(&s->session);

	count_wire();
	if (what == RECORD_KEPT && s->refusal.count)
		move_say_refused(s->peer, s->why, s->refusal.list, s->refusal.count);
	else
		move_say((Nestbed__Move__Said)said[what], s->peer, s->why,
			 what == RECORD_KEPT ? &s->total : NULL, NULL);
}

/* The message under way, until then. The wire's owner may have told the peer already that all is over. */
static bool push_until(uint64_t limit)
{
	int pushed;

	while (!(pushed = channel_push(&source.channel)) && !move.over && rdtsc() < limit) {
		link_poll();
		(void)move_decision();
	}
	return pushed > 0;
}

/* The last word to a peer that may be dead: neither to go nor to arrive is it waited for longer than a sign
 * of life. If it does not get there, the peer finds out by the silence. */
static void send_abort(void)
{
	struct source *s = &source;
	Nestbed__Abort m = NESTBED__ABORT__INIT;
	uint64_t limit = rdtsc() + move_patience();

	m.reason = s->why;
	if (!push_until(limit))
		return;
	(void)channel_send(&s->channel, STREAM_ABORT, &m);
	if (!push_until(limit))
		return;
	limit = rdtsc() + move_patience();
	while (!link_idle(s->channel.link) && !link_dead(s->channel.link) && !move.over && rdtsc() < limit) {
		link_poll();
		(void)move_decision();
	}
}

static void send_commit(void)
{
	const Nestbed__Commit m = NESTBED__COMMIT__INIT;

	source_send(STREAM_COMMIT, &m);
	(void)source_flush();
}

static void gone(void)
{
	move.here = false;
	move.hop++;
	track_stop(move.vm);
	move_park();
	move_say(NESTBED__MOVE__SAID__MOVED, source.peer, "", &source.total, NULL);
	if (move.config->move.from == CONFIG_NO_HOST)
		move.vm->stopped = true;
	else
		target_expect();
}

void source_event(enum session_event event, const char *why)
{
	struct source *s = &source;
	uint32_t actions;

	if (!session_expects(&s->session, event))
		return;
	actions = session_event(&s->session, event);
	if (why[0])
		snprintf(s->why, sizeof(s->why), "%s", why);
	if (actions & ACT_STOP_GUEST)
		s->held = true;
	if (actions & ACT_RECORD)
		record();
	if (actions & ACT_SEND_HELLO)
		source_send_hello();
	if (actions & ACT_SEND_HELLO && !source_flush())
		return;
	if (actions & ACT_SEND_PAGES)
		source_begin_pages();
	if (actions & ACT_SEND_COMMIT) {
		send_commit(); /* while it waits it hears, and the session goes on */
		return;
	}
	if (actions & ACT_SEND_ABORT)
		send_abort();
	if (actions & ACT_TO_BARRIER)
		source_barrier_applied();
	if (s->session.state == SOURCE_KEPT && actions) {
		track_stop(move.vm);
		s->held = false;
		source_barrier_cancel();
	}
	if (actions & ACT_FORGET)
		gone();
}

/* One that has no place in this state is bad; sequence numbers have kept out what only came twice. */
static void message_event(enum session_event event, const char *why)
{
	char misplaced[MOVE_WHY_MAX];

	if (session_expects(&source.session, event)) {
		source_event(event, why);
		return;
	}
	snprintf(misplaced, sizeof(misplaced), "the other host sent %s, which has no place in state '%s'",
		 session_event_name(event), session_state_name(&source.session));
	source_event(EVENT_BAD, misplaced);
}

static void take_message(const struct frame *frame, const ProtobufCMessage *message)
{
	struct source *s = &source;
	const Nestbed__Refuse *refuse = (const void *)message;
	const Nestbed__Ready *ready = (const void *)message;
	const Nestbed__Abort *abort = (const void *)message;
	const int plain = session_plain_event((enum stream_type)frame->type);
	bool same;

	switch (frame->type) {
	case STREAM_REFUSE:
		if (s->session.state == SOURCE_OFFERED)
			reasons_take(&s->refusal, refuse->reason, refuse->n_reason);
		message_event(EVENT_REFUSE, "the other host refuses it");
		s->refusal.count = 0;
		return;
	case STREAM_READY:
		same = ready->memory_digest == s->total.memory_digest;
		message_event(same ? EVENT_READY : EVENT_READY_BAD,
			      same ? "" : "the other host has another memory digest");
		return;
	case STREAM_BARRIER_APPLIED:
		s->applied = ((const Nestbed__BarrierApplied *)(const void *)message)->epoch;
		message_event(EVENT_APPLIED, "");
		return;
	case STREAM_ABORT:
		message_event(EVENT_ABORT, abort->reason[0] ? abort->reason : "the other host gave it up");
		return;
	default:
		if (plain < 0)
			source_event(EVENT_BAD, "the other host sent a message that is not its to send");
		else
			message_event((enum session_event)plain, "");
	}
}

/* What has come, or has not for too long. */
void source_hear(void)
{
	struct source *s = &source;
	const char *why;
	enum session_event decision;
	ProtobufCMessage *message;
	struct frame frame;
	int got = 0;

	link_poll();
	while (!session_over(&s->session) && (got = channel_receive(&s->channel, &frame, &message, &why)) > 0)
		take_message(&frame, message);
	if (session_over(&s->session))
		return;
	if (got < 0 && !s->deaf) {
		s->deaf = true; /* the reader stays in its error */
		source_event(EVENT_BAD, why);
	}
	if (link_dead(s->channel.link) && s->session.state != SOURCE_DOUBT)
		source_event(EVENT_LINK_DEAD, "the link is dead: no answer from the other host");
	decision = move_decision();
	if (decision != SESSION_EVENTS)
		source_event(decision, "so it was decided");
}

/* For a state that only the peer ends. */
static void wait_for_peer(void)
{
	struct source *s = &source;
	const uint8_t state = s->session.state;
	const uint64_t since = rdtsc();

	while (s->session.state == state) {
		source_hear();
		if (state == SOURCE_DOUBT && s->channel.out_at != s->channel.out_end)
			(void)source_push(); /* Commit may be half out, and end the doubt */
		if (s->session.state == state && state != SOURCE_DOUBT &&
		    rdtsc() - since > ANSWER_PATIENCE * move_patience())
			source_event(EVENT_TIMEOUT, "the other host does not answer in time");
	}
}

/* The VM that the peer waits for will not come. */
void source_guest_ended(void)
{
	struct source *s = &source;

	if (source_active()) {
		source_event(EVENT_CANCEL, "the guest ended while it moved");
		return;
	}
	if (!move.left || move.told || s->session.state == SOURCE_KEPT)
		return;
	s->peer = (uint8_t)move.config->move.to;
	snprintf(s->why, sizeof(s->why), "the guest ended before it moved");
	channel_open(&s->channel, link_to(s->peer), SENDER_SOURCE);
	link_set_limit(s->channel.link, move_patience(), 0);
	send_abort();
	move.left = 0;
}

/* ---- steps ---- */

/* The TSC at which the guest's turn ends, in virtual time: what the link is busy for, less what a throttled
 * guest must stand still of it. */
static uint64_t guests_turn(void)
{
	const struct source *s = &source;
	const uint64_t busy = s->busy_until > s->clock ? s->busy_until - s->clock : 0;

	return busy * (100 - s->policy.throttle) / 100;
}

/* The same in real time: the guest has had POLL_TICKS. */
static void stand_back(void)
{
	const uint64_t until =
		rdtsc() + POLL_TICKS * source.policy.throttle / (100u - source.policy.throttle);

	while (source.policy.throttle && rdtsc() < until)
		link_poll();
}

/* One thing of a round. */
static void go_on(struct vcpu *current)
{
	struct source *s = &source;

	if (s->unsent.count)
		source_send_some();
	else
		source_end_round(current);
	if (s->session.state == SOURCE_ROUNDS && source_standing())
		(void)source_flush();
}

/* Ticks from now on after which it wants to go on. Not inlined: what its caller does before it reads the TSC
 * is time of the guest's, which must not hang on how many registers this needs. */
static __attribute__((noinline)) uint64_t work(struct vcpu *current)
{
	struct source *s = &source;

	if (move.vm->stopped) { /* others run on */
		source_guest_ended();
		return 0;
	}
	if (s->session.state == SOURCE_IDLE || session_over(&s->session))
		source_start(current);
	for (;;) {
		if (session_over(&s->session))
			return 0;
		if (s->session.state == SOURCE_OFFERED || s->session.state >= SOURCE_ENDED) {
			wait_for_peer();
			continue;
		}
		if (s->session.state != SOURCE_ROUNDS)
			continue;
		source_hear();
		if (s->session.state != SOURCE_ROUNDS)
			continue;
		if (s->asked) {
			if (!source_flush())
				continue; /* in real time a message may be half out */
			source_stand_until_free();
			source_barrier_drive();
			if (s->asked)
				return guests_turn() + POLL_TICKS;
			continue;
		}
		if (move.config->move.virtual_time) {
			source_stand_until_free();
			go_on(current);
			if (s->session.state == SOURCE_ROUNDS && guests_turn())
				return guests_turn();
			continue;
		}
		if (source_push() == 1) {
			go_on(current);
			continue;
		}
		if (session_over(&s->session))
			continue;
		stand_back();
		return POLL_TICKS;
	}
}

uint64_t source_step(struct vcpu *current)
{
	struct source *s = &source;
	const bool virtual_time = move.config->move.virtual_time;
	uint64_t ticks, now;

	s->step_began = rdtsc();
	if (virtual_time && source_active())
		s->clock = s->step_began - s->offset;
	ticks = work(current);
	now = rdtsc();
	if (virtual_time && move.here) {
		vm_shift_ticks(move.vm, current, now - s->step_began);
		now = rdtsc();
	}
	s->offset = virtual_time ? now - s->clock : s->offset;
	return ticks ? now + ticks : 0;
}
