/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/migration_world.h"

#define ALL_SENDERS 7u
#define BATCH       2u

static struct world_side *peer(struct world *w, enum stream_sender from)
{
	return &w->side[from == SENDER_SOURCE ? SENDER_TARGET : SENDER_SOURCE];
}

/* ---- the channel ---- */

static void append(uint8_t **to, size_t *have, const uint8_t *data, size_t n)
{
	*to = realloc(*to, *have + n + 1);
	if (!*to)
		abort();
	memcpy(*to + *have, data, n);
	*have += n;
}

static void deliver(struct world_side *s, const uint8_t *data, size_t n)
{
	append(&s->queue, &s->queued, data, n);
	if (s->held_size) {
		append(&s->queue, &s->queued, s->held, s->held_size);
		s->held_size = 0;
	}
}

static void with_fault(struct world *w, enum stream_sender from, uint8_t *frame, size_t n)
{
	struct world_side *to = peer(w, from);
	const bool source = w->fault == FAULT_KILL_SOURCE_BEFORE || w->fault == FAULT_KILL_SOURCE_AFTER;

	switch (w->fault) {
	case FAULT_TRUNCATE:
		deliver(to, frame, n / 2);
		return;
	case FAULT_FLIP:
		frame[w->flip / 8 % n] ^= (uint8_t)(1u << w->flip % 8);
		deliver(to, frame, n);
		return;
	case FAULT_DUPLICATE:
		deliver(to, frame, n);
		deliver(to, frame, n);
		return;
	case FAULT_REORDER:
		memcpy(to->held, frame, n);
		to->held_size = n;
		return;
	case FAULT_KILL_SOURCE_BEFORE:
	case FAULT_KILL_TARGET_BEFORE:
	case FAULT_KILL_SOURCE_AFTER:
	case FAULT_KILL_TARGET_AFTER:
		w->side[source ? SENDER_SOURCE : SENDER_TARGET].alive = false;
		/* Before: one that dies does not send it. The other's frame goes out all the same. */
		if ((source ? SENDER_SOURCE : SENDER_TARGET) != from || w->fault == FAULT_KILL_SOURCE_AFTER ||
		    w->fault == FAULT_KILL_TARGET_AFTER)
			deliver(to, frame, n);
		return;
	case FAULT_CUT:
		w->link_dead = true;
		return;
	case FAULT_DROP:
	case FAULT_NONE:
	case WORLD_FAULTS:
		return;
	}
}

static void send(struct world *w, enum stream_sender from, enum stream_type type, const void *message)
{
	struct world_side *s = &w->side[from];
	long n;

	if (!s->alive)
		return;
	n = frame_write(&s->writer, type, message);
	if (n < 0)
		abort();
	append(&w->capture, &w->captured, s->out, (size_t)n);
	if (w->frames++ == w->fault_at && w->fault)
		with_fault(w, from, s->out, (size_t)n);
	else if (!w->link_dead)
		deliver(peer(w, from), s->out, (size_t)n);
}

/* ---- the VM ---- */

static void mark(struct world *w, uint32_t page, uint32_t epoch)
{
	if (dirty_mark(&w->dirty, page) || epoch < w->since[page])
		w->since[page] = epoch;
}

static void vcpu_write(struct world *w, unsigned cpu, uint32_t page)
{
	if (w->stopped)
		return;
	if (!w->cached[page])
		memcpy(w->cache[page], w->memory[page], 4096);
	w->cached[page] = true;
	snprintf((char *)w->cache[page], 64, "write %u of vCPU %u", ++w->writes, cpu);
	if (!w->translated[cpu][page])
		w->pml[cpu][page] = w->translated[cpu][page] = true;
}

static void complete(struct world *w, struct world_write *write)
{
	if (!write->pending)
		return;
	write->pending = false;
	w->memory[write->page][100] = (uint8_t)++w->writes;
	w->cache[write->page][100] = w->memory[write->page][100];
	mark(w, write->page, write->epoch);
}

static void drain_pml(struct world *w)
{
	for (unsigned cpu = 0; cpu < WORLD_VCPUS; cpu++)
		for (uint32_t page = 0; page < WORLD_PAGES; page++) {
			if (w->pml[cpu][page])
				mark(w, page, w->epoch);
			w->pml[cpu][page] = false;
		}
}

static void flush_ept(struct world *w)
{
	memset(w->translated, 0, sizeof(w->translated));
}

static void write_back(struct world *w)
{
	for (uint32_t page = 0; page < WORLD_PAGES; page++)
		if (w->cached[page]) {
			memcpy(w->memory[page], w->cache[page], 4096);
			w->cached[page] = false;
		}
}

/* As the vCPUs see it */
static uint64_t memory_digest(const struct world *w)
{
	uint64_t digest = 0;

	for (uint32_t page = 0; page < WORLD_PAGES; page++)
		digest += digest_page(page, w->cached[page] ? w->cache[page] : w->memory[page]);
	return digest;
}

/* ---- the source ---- */

static void send_batch(struct world *w, uint32_t *page, size_t n, uint32_t written)
{
	Nestbed__PageBatch m = NESTBED__PAGE_BATCH__INIT;
	static uint8_t data[BATCH * 4096];

	if (!n)
		return;
	for (size_t i = 0; i < n; i++)
		memcpy(data + i * 4096, w->memory[page[i]], 4096);
	m.epoch = w->epoch;
	m.page = page;
	m.n_page = n;
	m.written = written;
	m.data.data = data;
	m.data.len = n * 4096;
	send(w, SENDER_SOURCE, STREAM_PAGE_BATCH, &m);
}

/* A new epoch begins, and what the old ones dirtied is sent. */
static void send_dirty(struct world *w)
{
	uint32_t page[BATCH], written = 0;
	size_t n = 0;

	w->epoch++;
	w->epoch_pages = 0;
	for (uint32_t at = dirty_next(&w->dirty, 0); at != DIRTY_NONE; at = dirty_next(&w->dirty, at + 1)) {
		dirty_unmark(&w->dirty, at);
		w->epoch_pages++;
		if (page_is_zero(w->memory[at])) {
			Nestbed__ZeroRun zero = NESTBED__ZERO_RUN__INIT;

			zero.epoch = w->epoch;
			zero.first = at;
			zero.count = 1;
			zero.written = w->since[at];
			w->round_zero++;
			send(w, SENDER_SOURCE, STREAM_ZERO_RUN, &zero);
			continue;
		}
		if (n == BATCH || (n && w->since[at] != written)) {
			send_batch(w, page, n, written);
			n = 0;
		}
		written = w->since[at];
		page[n++] = at;
		w->round_pages++;
		w->pages++;
	}
	send_batch(w, page, n, written);
}

static void send_round_end(struct world *w)
{
	Nestbed__RoundEnd m = NESTBED__ROUND_END__INIT;

	m.round = ++w->round;
	m.epoch = w->epoch;
	m.pages = w->round_pages;
	m.zero_pages = w->round_zero;
	m.digest = frame_writer_digest(&w->side[SENDER_SOURCE].writer);
	w->round_pages = w->round_zero = 0;
	send(w, SENDER_SOURCE, STREAM_ROUND_END, &m);
}

static void send_barrier(struct world *w)
{
	Nestbed__Barrier m = NESTBED__BARRIER__INIT;
	Nestbed__BarrierCpu cpu[WORLD_VCPUS], *list[WORLD_VCPUS];

	for (unsigned i = 0; i < WORLD_VCPUS; i++) {
		nestbed__barrier_cpu__init(&cpu[i]);
		cpu[i].id = i;
		cpu[i].stopped = w->liar ? 1 : w->stopped_at;
		cpu[i].flushed_ept = w->liar ? 2 : w->flushed_at;
		cpu[i].wrote_back = w->liar ? 3 : w->wrote_back_at;
		list[i] = &cpu[i];
	}
	w->barrier_epoch = w->epoch;
	m.epoch = w->epoch;
	m.pages = w->epoch_pages;
	m.digest = memory_digest(w);
	m.stream_digest = frame_writer_digest(&w->side[SENDER_SOURCE].writer);
	m.cpu = list;
	m.n_cpu = WORLD_VCPUS;
	send(w, SENDER_SOURCE, STREAM_BARRIER, &m);
}

static void barrier_step(struct world *w)
{
	w->now += 10;
	switch (w->barrier.step) {
	case BARRIER_STOP_VCPUS:
		w->stopped = true;
		w->stopped_at = w->now;
		return;
	case BARRIER_FINISH_EMULATION:
		complete(w, &w->emulation);
		return;
	case BARRIER_DRAIN_DEVICES:
		complete(w, &w->device);
		return;
	case BARRIER_DRAIN_PML:
		drain_pml(w);
		return;
	case BARRIER_FLUSH_EPT:
		flush_ept(w);
		w->flushed_at = w->now;
		return;
	case BARRIER_WBINVD:
		write_back(w);
		w->wrote_back_at = w->now;
		return;
	case BARRIER_SEND_DIRTY:
		send_dirty(w);
		return;
	case BARRIER_SEND_BARRIER:
		send_barrier(w);
		if (w->late_device) {
			w->device = (struct world_write){true, 6, w->epoch};
			complete(w, &w->device);
		}
		return;
	case BARRIER_RESUME:
		w->stopped = false;
		w->epoch++;
		return;
	case BARRIER_IDLE:
	case BARRIER_WAIT_APPLIED:
	case BARRIER_STEPS:
		return;
	}
}

static void source_event(struct world *w, enum session_event event);

static void barrier_drive(struct world *w, enum barrier_event event)
{
	enum barrier_action action = barrier_event(&w->barrier, event, w->now);

	while (action == BARRIER_PERFORM || action == BARRIER_ABORT) {
		if (action == BARRIER_ABORT)
			source_event(w, EVENT_CANCEL);
		barrier_step(w);
		vcpu_write(w, 1, 9); /* a vCPU that was not stopped goes on */
		action = barrier_event(&w->barrier, BARRIER_DONE, w->now);
	}
}

static void guest_runs(struct world *w)
{
	vcpu_write(w, 0, 3);
	vcpu_write(w, 1, 4);
	vcpu_write(w, 1, 9);
	w->now += 1000;
}

static void collect(struct world *w)
{
	drain_pml(w);
	flush_ept(w);
	write_back(w);
	send_dirty(w);
}

static void send_state(struct world *w)
{
	Nestbed__DeviceState devices = NESTBED__DEVICE_STATE__INIT;
	Nestbed__DevicePart part = NESTBED__DEVICE_PART__INIT, *parts = &part;
	Nestbed__StreamEnd end = NESTBED__STREAM_END__INIT;
	uint64_t gpr[15] = {1, 2, 3};

	complete(w, &w->emulation);
	complete(w, &w->device);
	w->round_pages = w->round_zero = 0;
	collect(w);
	send_round_end(w);
	part.name = (char[]){"pit"};
	devices.part = &parts;
	devices.n_part = 1;
	send(w, SENDER_SOURCE, STREAM_DEVICE_STATE, &devices);
	for (uint32_t id = 0; id < WORLD_VCPUS; id++) {
		Nestbed__VcpuState vcpu = NESTBED__VCPU_STATE__INIT;

		vcpu.id = id;
		vcpu.gpr = gpr;
		vcpu.n_gpr = 15;
		send(w, SENDER_SOURCE, STREAM_VCPU_STATE, &vcpu);
	}
	w->end_digest = memory_digest(w);
	end.memory_digest = w->end_digest;
	end.stream_digest = frame_writer_digest(&w->side[SENDER_SOURCE].writer);
	end.epoch = w->epoch;
	end.pages = w->pages;
	end.barriers = w->barriers;
	send(w, SENDER_SOURCE, STREAM_END, &end);
}

/* One thing of the plan; false: nothing to do now. */
static bool source_work(struct world *w)
{
	if (!w->side[SENDER_SOURCE].alive || w->side[SENDER_SOURCE].session.state != SOURCE_ROUNDS ||
	    w->barrier.step == BARRIER_WAIT_APPLIED)
		return false;
	switch (w->plan++) {
	case 0:
		dirty_fill(&w->dirty);
		send_dirty(w);
		send_round_end(w);
		guest_runs(w);
		return true;
	case 1:
		collect(w);
		guest_runs(w);
		w->emulation = (struct world_write){true, 5, w->epoch};
		w->device = (struct world_write){true, 6, w->epoch};
		vcpu_write(w, 0, 2);
		w->barriers++; /* counted where the instruction traps, not by the barrier */
		barrier_drive(w, BARRIER_REQUEST);
		return true;
	case 2:
		send_round_end(w);
		guest_runs(w);
		vcpu_write(w, 0, 2); /* never again: lost if a translation had outlived the barrier */
		complete(w, &w->emulation);
		complete(w, &w->device);
		collect(w);
		send_round_end(w);
		guest_runs(w);
		return true;
	default:
		source_event(w, EVENT_STOP);
		return true;
	}
}

static void send_hello(struct world *w)
{
	Nestbed__StreamHello m = NESTBED__STREAM_HELLO__INIT;

	m.version = STREAM_VERSION;
	m.vm = (char[]){"small"};
	m.ram_bytes = WORLD_PAGES * 4096u;
	m.vcpus = WORLD_VCPUS;
	send(w, SENDER_SOURCE, STREAM_HELLO, &m);
}

static void source_event(struct world *w, enum session_event event)
{
	struct world_side *s = &w->side[SENDER_SOURCE];
	const Nestbed__Commit commit = NESTBED__COMMIT__INIT;
	const Nestbed__Abort give_up = NESTBED__ABORT__INIT;
	uint32_t actions;

	if (!s->alive)
		return;
	actions = session_event(&s->session, event);
	if (actions & ACT_STOP_GUEST)
		w->stopped = true;
	if (actions & ACT_RUN_GUEST)
		w->stopped = false;
	if (actions & ACT_SEND_HELLO)
		send_hello(w);
	if (actions & ACT_SEND_STATE) {
		send_state(w);
		source_event(w, EVENT_SENT);
	}
	if (actions & ACT_SEND_COMMIT)
		send(w, SENDER_SOURCE, STREAM_COMMIT, &commit);
	if (actions & ACT_SEND_ABORT)
		send(w, SENDER_SOURCE, STREAM_ABORT, &give_up);
	if (actions & ACT_TO_BARRIER)
		barrier_drive(w, BARRIER_APPLIED);
	if (session_over(&s->session))
		barrier_drive(w, BARRIER_CANCEL);
}

static void source_message_event(struct world *w, enum session_event event)
{
	source_event(w, session_expects(&w->side[SENDER_SOURCE].session, event) ? event : EVENT_BAD);
}

static void source_message(struct world *w, const struct frame *f, const ProtobufCMessage *m)
{
	const Nestbed__Ready *ready = (const void *)m;
	const Nestbed__BarrierApplied *applied = (const void *)m;
	const int plain = session_plain_event((enum stream_type)f->type);

	if (f->type == STREAM_READY)
		source_message_event(w,
				     ready->memory_digest == w->end_digest ? EVENT_READY : EVENT_READY_BAD);
	else if (f->type == STREAM_BARRIER_APPLIED)
		source_message_event(w, applied->epoch == w->barrier_epoch ? EVENT_APPLIED : EVENT_BAD);
	else
		source_message_event(w, plain < 0 ? EVENT_BAD : (enum session_event)plain);
}

/* ---- the target ---- */

static void answer(struct world *w, enum stream_type type, const void *message)
{
	const struct frame f = {.type = (uint32_t)type, .sender = SENDER_TARGET};

	/* What a target says belongs to the order too. */
	if (verify_message(&w->verify, &f, message) && type != STREAM_ABORT)
		abort();
	send(w, SENDER_TARGET, type, message);
}

static void target_event(struct world *w, enum session_event event)
{
	struct world_side *s = &w->side[SENDER_TARGET];
	const Nestbed__Accept accept = NESTBED__ACCEPT__INIT;
	const Nestbed__Running running = NESTBED__RUNNING__INIT;
	const Nestbed__Abort give_up = NESTBED__ABORT__INIT;
	Nestbed__BarrierApplied applied = NESTBED__BARRIER_APPLIED__INIT;
	Nestbed__Ready ready = NESTBED__READY__INIT;
	uint32_t actions;

	if (!s->alive)
		return;
	actions = session_event(&s->session, event);
	if (actions & ACT_SEND_ACCEPT)
		answer(w, STREAM_ACCEPT, &accept);
	if (actions & ACT_SEND_APPLIED) {
		applied.epoch = w->verify.barrier_epoch;
		answer(w, STREAM_BARRIER_APPLIED, &applied);
	}
	if (actions & ACT_SEND_READY) {
		for (uint32_t page = 0; page < WORLD_PAGES; page++)
			ready.memory_digest += digest_page(page, w->copy[page]);
		answer(w, STREAM_READY, &ready);
	}
	if (actions & ACT_SEND_RUNNING)
		send(w, SENDER_TARGET, STREAM_RUNNING, &running);
	if (actions & ACT_SEND_ABORT)
		answer(w, STREAM_ABORT, &give_up);
}

static void target_message(struct world *w, const struct frame *f, const ProtobufCMessage *m)
{
	const bool bad = verify_message(&w->verify, f, m) != 0;
	const int plain = session_plain_event((enum stream_type)f->type);

	if (f->type == STREAM_END && bad && w->verify.error != VERIFY_ORDER)
		target_event(w, EVENT_END_BAD);
	else if (bad)
		target_event(w, EVENT_BAD);
	else if (f->type == STREAM_HELLO)
		target_event(w, EVENT_HELLO);
	else if (f->type == STREAM_BARRIER)
		target_event(w, EVENT_BARRIER);
	else if (f->type == STREAM_END)
		target_event(w, EVENT_END);
	else
		target_event(w, plain < 0 ? EVENT_BAD : (enum session_event)plain);
}

static void store(void *context, uint32_t page, const uint8_t *data)
{
	struct world *w = context;

	if (data)
		memcpy(w->copy[page], data, 4096);
	else
		memset(w->copy[page], 0, 4096);
}

/* ---- both ---- */

static void side_event(struct world *w, enum stream_sender who, enum session_event event)
{
	if (who == SENDER_SOURCE)
		source_event(w, event);
	else
		target_event(w, event);
	if (world_running(w) > 1)
		w->both_ran++;
}

/* One frame, or a piece of one; false: nothing has come. */
static bool side_reads(struct world *w, enum stream_sender who)
{
	struct world_side *s = &w->side[who];
	const uint8_t *data = s->queue + s->taken;
	size_t n = s->queued - s->taken;
	ProtobufCMessage *m;
	struct frame f;
	int got;

	if (!s->alive || !n || s->reader.error)
		return false;
	got = frame_read(&s->reader, &data, &n, &f);
	s->taken = s->queued - n;
	if (got < 0 || (got && stream_unpack(f.type, f.body, f.length, &w->arena, &m)))
		side_event(w, who, EVENT_BAD);
	else if (got && who == SENDER_SOURCE)
		source_message(w, &f, m);
	else if (got)
		target_message(w, &f, m);
	if (world_running(w) > 1)
		w->both_ran++;
	return true;
}

static bool resting(const struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		if (w->side[i].alive && !session_over(&w->side[i].session))
			return false;
	return true;
}

static void decide(struct world *w)
{
	struct world_side *s = w->side;

	switch (session_decide(session_record(&s[0].session), s[0].alive, session_record(&s[1].session),
			       s[1].alive)) {
	case DECIDE_AT_TARGET:
		side_event(w, SENDER_SOURCE, EVENT_DECIDE_DROP);
		side_event(w, SENDER_TARGET, EVENT_DECIDE_RUN);
		return;
	case DECIDE_AT_SOURCE:
		side_event(w, SENDER_TARGET, EVENT_DECIDE_DROP);
		side_event(w, SENDER_SOURCE, EVENT_DECIDE_RUN);
		return;
	case DECIDE_LOST:
		w->lost = true;
		side_event(w, SENDER_TARGET, EVENT_DECIDE_DROP);
		side_event(w, SENDER_SOURCE, EVENT_DECIDE_DROP);
		return;
	case DECIDE_NOTHING:
		return;
	}
}

bool world_run(struct world *w)
{
	const enum stream_sender first = w->target_first ? SENDER_TARGET : SENDER_SOURCE;
	const enum stream_sender second = w->target_first ? SENDER_SOURCE : SENDER_TARGET;
	bool told = false;

	side_event(w, SENDER_SOURCE, EVENT_START);
	for (unsigned quiet = 0, steps = 0; quiet < 8; steps++) {
		bool moved = side_reads(w, SENDER_TARGET);

		if (steps > 10000)
			return false;
		moved |= side_reads(w, SENDER_SOURCE);
		moved |= source_work(w);
		if (w->link_dead && !told) {
			told = true;
			side_event(w, first, EVENT_LINK_DEAD);
			side_event(w, second, EVENT_LINK_DEAD);
		}
		if (moved)
			continue;
		if (resting(w))
			return true;
		/* Nothing moves: time limits end, one after the other, then whoever holds both records looks.
		 */
		if (quiet == 0)
			side_event(w, first, EVENT_TIMEOUT);
		else if (quiet == 1)
			side_event(w, second, EVENT_TIMEOUT);
		else
			decide(w);
		quiet++;
	}
	return resting(w);
}

unsigned world_running(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++)
		n += w->side[i].alive && session_runs_guest(&w->side[i].session);
	return n;
}

struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct barrier_config barrier = {.time_limit = 1000000};

	if (!w)
		abort();
	for (unsigned i = 0; i < 2; i++) {
		struct world_side *s = &w->side[i];

		s->alive = true;
		frame_writer_init(&s->writer, s->out, sizeof(s->out), (enum stream_sender)i);
		frame_reader_init(&s->reader, s->in, sizeof(s->in),
				  (uint8_t)(1u << (i == SENDER_SOURCE ? SENDER_TARGET : SENDER_SOURCE)));
	}
	session_source(&w->side[SENDER_SOURCE].session);
	session_target(&w->side[SENDER_TARGET].session);
	barrier_init(&w->barrier, &barrier);
	dirty_init(&w->dirty, w->dirty_words, WORLD_PAGES);
	message_arena_init(&w->arena, w->arena_memory, sizeof(w->arena_memory));
	for (uint32_t page = 1; page < WORLD_PAGES - 3; page++)
		memset(w->memory[page], (int)page, 4096);
	verify_init(&w->verify, &(struct verify_config){.max_pages = WORLD_PAGES,
							.max_vcpus = WORLD_VCPUS,
							.max_batch = BATCH,
							.written = w->written,
							.sent = w->sent,
							.page_digest = w->page_digest,
							.store = store,
							.context = w});
	return w;
}

void world_free(struct world *w)
{
	free(w->side[0].queue);
	free(w->side[1].queue);
	free(w->capture);
	free(w);
}

struct world_verdict world_verify(const uint8_t *data, size_t size, bool digests)
{
	static uint8_t buffer[FRAME_HEAD + WORLD_BODY], memory[1u << 18] __attribute__((aligned(16)));
	static uint32_t written[WORLD_PAGES], sent[WORLD_PAGES];
	static uint64_t digest[WORLD_PAGES];
	struct world_verdict verdict = {0};
	struct message_arena arena;
	struct frame_reader r;
	struct verify v;
	struct frame f;
	int got;

	message_arena_init(&arena, memory, sizeof(memory));
	frame_reader_init(&r, buffer, sizeof(buffer), ALL_SENDERS);
	verify_init(&v, &(struct verify_config){.max_pages = WORLD_PAGES,
						.max_vcpus = WORLD_VCPUS,
						.max_batch = BATCH,
						.written = written,
						.sent = sent,
						.page_digest = digests ? digest : NULL});
	while ((got = frame_read(&r, &data, &size, &f)) > 0) {
		ProtobufCMessage *m;

		if (stream_unpack(f.type, f.body, f.length, &arena, &m) || verify_message(&v, &f, m))
			break;
	}
	if (got <= 0 && !frame_finish(&r) && !v.error && verify_finish(&v))
		verdict.error = v.error;
	verdict.frame = r.error;
	verdict.error = v.error;
	verdict.expected = v.expected;
	verdict.got = v.got;
	verdict.offset = r.offset;
	verdict.phase = v.phase;
	return verdict;
}
