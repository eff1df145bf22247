/* SPDX-License-Identifier: MIT */
/* The end of a move that the VM leaves: what docs/migration.md calls the source. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/move_impl.h"
#include "l0hv/migrate/source_impl.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/record/record.h"
#include "l0hv/vm/bound.h"

struct source source;

#define BOUND_BYTES 64u
/* How often L0 looks at the link while the guest runs. */
#define POLL_TICKS 20000u
/* A message that the peer must answer is waited for so many times as long as a sign of life. */
#define ANSWER_PATIENCE 4u

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

/* The modelled link takes so many bytes more. */
static void occupy(uint64_t bytes)
{
	struct source *s = &source;

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
	occupy(channel_send(&source.channel, type, message));
}

/* All of the message is in the link's hands; false: the move is over. A peer that has given up reads nothing,
 * so the link stays full: what it says is heard here. */
bool source_flush(void)
{
	const uint8_t *state = &source.session.state;
	int pushed;

	while (!(pushed = channel_push(&source.channel))) {
		link_poll();
		if (*state == SOURCE_ROUNDS || *state == SOURCE_STOPPED)
			source_hear();
		if (session_over(&source.session))
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

static void begin_round(void)
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
static void send_round_end(void)
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

static void record_round(uint32_t dirty, const char *verdict)
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

/* ---- the end of it ---- */

uint64_t source_memory_digest(void)
{
	uint64_t digest = 0;

	source.total.pages_nonzero = 0;
	for (uint32_t page = 0; page < source.unsent.pages; page++) {
		const uint64_t one =
			digest_page(page, vm_memory(move.vm, (uint64_t)page * PAGE_SIZE, PAGE_SIZE));

		digest += one;
		source.total.pages_nonzero += one != 0;
		if (!(page % 256))
			link_poll();
	}
	return digest;
}

/* What devices have been asked to write, and to print. */
void source_drain_devices(void)
{
	vm_drain_devices(move.vm);
	vm_flush_output(move.vm);
}

static bool send_rest(void)
{
	while (source.unsent.count) {
		source_send_some();
		if (!source_flush())
			return false;
	}
	send_round_end();
	return source_flush();
}

/* In virtual time: the guest's clock has stood still since this step began. */
static void settle(struct vcpu *current)
{
	struct source *s = &source;

	if (!move.config->move.virtual_time)
		return;
	vm_shift_ticks(move.vm, current, rdtsc() - s->step_began);
	s->step_began = rdtsc();
}

static bool send_state(struct vcpu *current)
{
	struct source *s = &source;
	Nestbed__StreamEnd end = NESTBED__STREAM_END__INIT;
	struct vm_state state;
	const char *why;
	uint64_t begin;

	settle(current);
	begin = rdtsc();
	if (vm_state_capture(move.vm, current, &state, &why)) {
		source_event(EVENT_CANCEL, why);
		return false;
	}
	source_spend(rdtsc() - begin);
	occupy(channel_send_packed(&s->channel, STREAM_DEVICE_STATE, state.devices.bytes,
				   state.devices.length));
	for (unsigned i = 0; i < state.vcpus; i++) {
		if (!source_flush())
			return false;
		occupy(channel_send_packed(&s->channel, STREAM_VCPU_STATE, state.vcpu[i].bytes,
					   state.vcpu[i].length));
	}
	if (!source_flush())
		return false;
	end.memory_digest = s->total.memory_digest = source_memory_digest();
	end.stream_digest = channel_digest(&s->channel);
	end.epoch = s->epoch;
	end.pages = s->total.pages_sent;
	end.barriers = s->barriers;
	source_send(STREAM_END, &end);
	return source_flush();
}

/* The guest stands still from here on. */
static void stop_and_copy(struct vcpu *current)
{
	struct source *s = &source;
	uint64_t begin = rdtsc(), at;

	s->total.stop_ticks = move.config->move.virtual_time ? s->step_began - current->now : 0;
	source_spend(s->total.stop_ticks);
	begin_round();
	source_drain_devices();
	(void)source_collect(track_collect);
	s->total.drain_ticks = rdtsc() - begin;
	source_spend(s->total.drain_ticks);
	at = source_now();
	if (!send_rest())
		return;
	source_stand_until_free();
	s->total.pages_ticks = source_now() - at;
	record_round(0, "the guest stands still");
	at = source_now();
	if (!send_state(current))
		return;
	source_stand_until_free();
	source_spend(move.config->move.delay);
	s->total.state_ticks = source_now() - at;
	s->total.total_ticks = source_now() - s->began;
	s->total.stream_digest = channel_digest(&s->channel);
	source_event(EVENT_SENT, "");
}

static void end_round(struct vcpu *current)
{
	struct source *s = &source;
	enum precopy_verdict verdict;
	uint32_t dirty;

	send_round_end();
	if (!source_flush())
		return;
	source_stand_until_free();
	dirty = source_collect(track_collect);
	verdict = precopy_round(&s->policy, dirty);
	record_round(dirty, precopy_reason_text(s->policy.reason));
	if (s->policy.throttle > s->total.throttle)
		s->total.throttle = s->policy.throttle;
	if (verdict == PRECOPY_GIVE_UP)
		source_event(EVENT_CANCEL, precopy_reason_text(s->policy.reason));
	else if (verdict == PRECOPY_STOP)
		source_event(EVENT_STOP, precopy_reason_text(s->policy.reason));
	else
		begin_round();
	if (s->session.state == SOURCE_STOPPED)
		stop_and_copy(current);
}

/* ---- the beginning ---- */

static void send_hello(void)
{
	const struct cpu_policy *policy = &move.vm->cpu.policy;
	static Nestbed__StreamCpuid cpuid[CPU_POLICY_LEAVES], *cpuid_list[CPU_POLICY_LEAVES];
	static Nestbed__StreamMsr msr[CPU_POLICY_MSRS], *msr_list[CPU_POLICY_MSRS];
	Nestbed__StreamHello m = NESTBED__STREAM_HELLO__INIT;
	char bound[VM_BOUND_MAX][BOUND_BYTES], *bound_list[VM_BOUND_MAX];
	const char *device;

	for (; m.n_bound < VM_BOUND_MAX && (device = vm_bound(move.vm, (unsigned)m.n_bound)); m.n_bound++) {
		snprintf(bound[m.n_bound], BOUND_BYTES, "%s", device);
		bound_list[m.n_bound] = bound[m.n_bound];
	}
	m.bound = bound_list;
	for (uint32_t i = 0; i < policy->leaf_count; i++) {
		const struct cpu_leaf *leaf = &policy->leaf[i];

		nestbed__stream_cpuid__init(&cpuid[i]);
		cpuid[i].leaf = leaf->leaf;
		cpuid[i].subleaf = leaf->subleaf;
		cpuid[i].eax = leaf->reg[CPU_EAX];
		cpuid[i].ebx = leaf->reg[CPU_EBX];
		cpuid[i].ecx = leaf->reg[CPU_ECX];
		cpuid[i].edx = leaf->reg[CPU_EDX];
		cpuid_list[i] = &cpuid[i];
	}
	for (uint32_t i = 0; i < policy->msr_count; i++) {
		nestbed__stream_msr__init(&msr[i]);
		msr[i].number = policy->msr[i].number;
		msr[i].value = policy->msr[i].value;
		msr_list[i] = &msr[i];
	}
	m.version = STREAM_VERSION;
	m.vm = (char *)(uintptr_t)move.config->name;
	m.ram_bytes = move.vm->ram_bytes;
	m.vcpus = move.vm->vcpu_count;
	m.nested = move.config->nested;
	m.scratch = move.config->scratch;
	m.hop = move.hop;
	m.cpuid = cpuid_list;
	m.n_cpuid = policy->leaf_count;
	m.msr = msr_list;
	m.n_msr = policy->msr_count;
	source_send(STREAM_HELLO, &m);
}

static void init_policy(uint64_t state_bytes)
{
	const struct move_config *c = &move.config->move;
	const struct precopy_config config = {
		.link_rate = c->rate,
		.down_ticks = c->down_time,
		.max_rounds = c->rounds,
		.min_progress = c->progress,
		.auto_converge = c->converge,
		.stop_at_limit = c->stop_at_limit,
		/* its number, its share in the heads of the message and of the link's frames */
		.page_bytes = PAGE_SIZE + 4 + 2 + (PAGE_SIZE * NB_LINK_HEAD / NB_LINK_PAYLOAD_MAX),
		.state_bytes = state_bytes,
	};
	const struct barrier_config barrier = {
		.time_limit = c->barrier_limit,
		.interval = c->barrier_interval,
		.leave_out = c->barrier_skip,
	};

	precopy_init(&source.policy, &config);
	barrier_init(&source.barrier, &barrier);
}

/* Messages must not keep the guest from a look at the link for too long: at most some 20 ms of the clock. */
static uint32_t batch_for(uint64_t rate)
{
	const uint64_t pages = rate / 50 / 8 / PAGE_SIZE;

	return pages < 1 ? 1 : pages > CHANNEL_BATCH ? CHANNEL_BATCH : (uint32_t)pages;
}

static void start(struct vcpu *current)
{
	struct source *s = &source;
	struct vm_state state;
	uint64_t bytes = 0;
	const char *why;

	move.left--;
	session_source(&s->session);
	nestbed__move_total__init(&s->total);
	s->offset = move.config->move.virtual_time ? 0 : rdtsc();
	s->clock = s->busy_until = 0;
	s->rounds = s->barriers = 0;
	s->held = s->asked = false;
	s->epoch_pages = 0;
	s->batch_most = batch_for(move.config->move.rate);
	s->peer = (uint8_t)move.config->move.to;
	channel_open(&s->channel, link_to(s->peer), SENDER_SOURCE);
	s->wire_then = *link_counters(s->channel.link);
	link_set_limit(s->channel.link, move_patience(), move_patience() / 4);
	if (!vm_state_capture(move.vm, current, &state, &why)) {
		bytes = state.devices.length;
		for (unsigned i = 0; i < state.vcpus; i++)
			bytes += state.vcpu[i].length;
	}
	init_policy(bytes);
	move_say(NESTBED__MOVE__SAID__STARTED, s->peer, "", NULL, NULL);
	s->began = source_now();
	source_event(EVENT_START, "");
}

static void begin_pages(void)
{
	struct source *s = &source;
	enum config_track means = (enum config_track)move.config->track;
	const char *why;

	if (track_start(move.vm, means ? means : CONFIG_TRACK_AUTO, &why)) {
		source_event(EVENT_CANCEL, why);
		return;
	}
	s->total.tracker = (char *)(uintptr_t)track_name(track_means(move.vm));
	s->epoch = s->epoch_began = 1;
	source_late_begin();
	ledger_init(&s->ledger, s->ledger.written, s->ledger.sent, s->unsent.pages);
	dirty_fill(&s->unsent);
	memset(s->since, 0, s->unsent.pages * sizeof(uint32_t));
	begin_round();
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
	if (what == RECORD_KEPT && s->refusals)
		move_say_refused(s->peer, s->why, s->refusal, s->refusals);
	else
		move_say((Nestbed__Move__Said)said[what], s->peer, s->why,
			 what == RECORD_KEPT ? &s->total : NULL, NULL);
	s->refusals = 0;
}

/* The last word to a peer that may be dead: not waited for longer than a sign of life. */
static void send_abort(void)
{
	struct source *s = &source;
	Nestbed__Abort m = NESTBED__ABORT__INIT;
	const uint64_t limit = rdtsc() + move_patience();

	m.reason = s->why;
	while (!link_dead(s->channel.link) && !channel_push(&s->channel) && rdtsc() < limit)
		link_poll();
	if (s->channel.out_at != s->channel.out_end)
		return;
	(void)channel_send(&s->channel, STREAM_ABORT, &m);
	while (!channel_push(&s->channel) && rdtsc() < limit)
		link_poll();
	if (link_drain(s->channel.link, move_patience()))
		return; /* it will find out by the silence */
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
	const uint32_t actions = session_event(&s->session, event);

	if (why[0])
		snprintf(s->why, sizeof(s->why), "%s", why);
	s->waits_since = rdtsc();
	if (actions & ACT_STOP_GUEST)
		s->held = true;
	if (actions & ACT_RECORD)
		record();
	if (actions & ACT_SEND_HELLO)
		send_hello();
	if (actions & ACT_SEND_HELLO && !source_flush())
		return;
	if (actions & ACT_SEND_PAGES)
		begin_pages();
	if (actions & ACT_SEND_COMMIT)
		send_commit();
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

static void take_message(const struct frame *frame, const ProtobufCMessage *message)
{
	struct source *s = &source;
	const Nestbed__Refuse *refuse = (const void *)message;
	const Nestbed__Ready *ready = (const void *)message;
	const Nestbed__Abort *abort = (const void *)message;
	const int plain = session_plain_event((enum stream_type)frame->type);

	switch (frame->type) {
	case STREAM_REFUSE:
		s->refusal = refuse->reason;
		s->refusals = refuse->n_reason;
		source_event(EVENT_REFUSE, "the other host refuses it");
		return;
	case STREAM_READY:
		source_event(ready->memory_digest == s->total.memory_digest ? EVENT_READY : EVENT_READY_BAD,
			     ready->memory_digest == s->total.memory_digest
				     ? ""
				     : "the other host has another memory digest");
		return;
	case STREAM_BARRIER_APPLIED:
		s->applied = ((const Nestbed__BarrierApplied *)(const void *)message)->epoch;
		source_event(EVENT_APPLIED, "");
		return;
	case STREAM_ABORT:
		source_event(EVENT_ABORT, abort->reason[0] ? abort->reason : "the other host gave it up");
		return;
	default:
		source_event(plain < 0 ? EVENT_BAD : (enum session_event)plain,
			     plain < 0 ? "the other host sent a message that is not its to send" : "");
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

	s->waits_since = rdtsc();
	while (s->session.state == state) {
		source_hear();
		if (s->session.state == state && state != SOURCE_DOUBT &&
		    rdtsc() - s->waits_since > ANSWER_PATIENCE * move_patience())
			source_event(EVENT_TIMEOUT, "the other host does not answer in time");
	}
}

/* The machine ends, and the VM that the peer waits for will not come. */
void source_guest_ended(void)
{
	struct source *s = &source;

	if (!move.left || move.told || s->session.state == SOURCE_KEPT)
		return;
	s->peer = (uint8_t)move.config->move.to;
	snprintf(s->why, sizeof(s->why), "the guest ended before it moved");
	channel_open(&s->channel, link_to(s->peer), SENDER_SOURCE);
	link_set_limit(s->channel.link, move_patience(), 0);
	send_abort();
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
		end_round(current);
	if (s->session.state == SOURCE_ROUNDS && source_standing())
		(void)source_flush();
}

/* Ticks from now on after which it wants to go on. */
static uint64_t work(struct vcpu *current)
{
	struct source *s = &source;

	if (s->session.state == SOURCE_IDLE || session_over(&s->session))
		start(current);
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
		if (channel_push(&s->channel) == 1) {
			go_on(current);
			continue;
		}
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
