/* SPDX-License-Identifier: MIT */
/*
 * The WBINVD barrier (docs/stream.md, migration/barrier.h). L0 works at a boundary between an exit and an
 * entry and has one processor, so that vCPUs stop by not being entered, no instruction is half emulated, and
 * one INVEPT and one WBINVD reach all that the VM ran on.
 */
#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/source_impl.h"
#include "l0hv/migrate/track.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"

bool source_barrier(struct vcpu *v)
{
	struct source *s = &source;

	if (s->session.state != SOURCE_ROUNDS || v->vm != move.vm)
		return false;
	s->barriers += !s->asked; /* one that is under way serves this one too */
	s->asked = true;
	v->vm->move_asked = true;
	sched_kick();
	return true;
}

/* A message of what was written before; in a test where the guest was not stopped, it runs behind each. */
static bool send_dirty(void)
{
	struct source *s = &source;

	if (!s->taken) {
		(void)source_collect(track_take);
		s->taken = true;
	}
	while (s->unsent.count) {
		source_send_some();
		if (!source_flush() || !s->held)
			return false;
	}
	return true;
}

static void send_barrier(void)
{
	struct source *s = &source;
	Nestbed__Barrier m = NESTBED__BARRIER__INIT;
	Nestbed__BarrierCpu cpu[CONFIG_VCPUS_MAX], *list[CONFIG_VCPUS_MAX];

	for (unsigned i = 0; i < move.vm->vcpu_count; i++) {
		nestbed__barrier_cpu__init(&cpu[i]);
		cpu[i].id = i;
		cpu[i].stopped = s->stopped;
		cpu[i].flushed_ept = s->flushed;
		cpu[i].wrote_back = s->wrote_back;
		list[i] = &cpu[i];
	}
	s->barrier_epoch = s->epoch;
	m.epoch = s->epoch;
	m.pages = s->epoch_pages;
	m.digest = move.config->prove ? source_memory_digest() : 0;
	m.stream_digest = channel_digest(&s->channel);
	m.cpu = list;
	m.n_cpu = move.vm->vcpu_count;
	source_send(STREAM_BARRIER, &m);
	(void)source_flush();
	source_stand_until_free();
	source_spend(2 * move.config->move.delay);
}

static void resume(void)
{
	struct source *s = &source;

	s->held = false;
	s->epoch_began = ++s->epoch; /* nothing was written while the vCPUs stood still */
	s->epoch_pages = 0;
	s->total.barrier_ticks += source_now() - s->barrier_began;
}

/* False: not done yet. */
static bool perform(enum barrier_step step)
{
	struct source *s = &source;
	const uint64_t begin = rdtsc();

	switch (step) {
	case BARRIER_STOP_VCPUS:
		s->held = true;
		s->stopped = source_now();
		break;
	case BARRIER_DRAIN_DEVICES:
		source_drain_devices();
		break;
	case BARRIER_DRAIN_PML:
		track_gather(move.vm);
		break;
	case BARRIER_FLUSH_EPT:
		track_flush(move.vm);
		s->flushed = source_now();
		break;
	case BARRIER_WBINVD:
		__asm__ volatile("wbinvd" : : : "memory");
		s->wrote_back = source_now();
		break;
	case BARRIER_SEND_DIRTY:
		return send_dirty();
	case BARRIER_SEND_BARRIER:
		send_barrier();
		return true;
	case BARRIER_RESUME:
		resume();
		return true;
	case BARRIER_IDLE:
	case BARRIER_FINISH_EMULATION: /* at a boundary there is none */
	case BARRIER_WAIT_APPLIED:
	case BARRIER_STEPS:
		break;
	}
	source_spend(move.config->move.virtual_time ? rdtsc() - begin : 0);
	return true;
}

static void begin(void)
{
	struct source *s = &source;

	/* The rate limit: the guest stands still. */
	while (barrier_event(&s->barrier, BARRIER_REQUEST, source_now()) == BARRIER_LATER) {
		if (move.config->move.virtual_time)
			source_spend(s->barrier.not_before - source_now());
		else
			source_hear();
		if (session_over(&s->session))
			return;
	}
	s->barrier_began = source_now();
	s->stopped = s->flushed = s->wrote_back = 0;
	s->taken = false;
}

static void time_limit(void)
{
	source_event(EVENT_CANCEL, "the other host did not answer a barrier in time");
}

/* Until the answer or the time limit. In virtual time the clock stands still, so the wait itself is counted.
 */
static void wait_applied(void)
{
	struct source *s = &source;
	const uint64_t since = rdtsc();

	while (s->barrier.step == BARRIER_WAIT_APPLIED) {
		source_hear();
		if (barrier_event(&s->barrier, BARRIER_TICK,
				  source_now() + (move.config->move.virtual_time ? rdtsc() - since : 0)) ==
		    BARRIER_ABORT)
			time_limit();
	}
}

void source_barrier_drive(void)
{
	struct source *s = &source;

	if (s->barrier.step == BARRIER_IDLE)
		begin();
	while (s->barrier.step != BARRIER_IDLE && !session_over(&s->session)) {
		if (s->barrier.step == BARRIER_WAIT_APPLIED)
			wait_applied();
		else if (!perform(s->barrier.step))
			return;
		else if (barrier_event(&s->barrier, BARRIER_DONE, source_now()) == BARRIER_ABORT)
			time_limit();
	}
	s->asked = false;
}

void source_barrier_applied(void)
{
	struct source *s = &source;

	if (s->applied != s->barrier_epoch)
		source_event(EVENT_BAD, "the other host answered another barrier");
	else if (s->barrier.step == BARRIER_WAIT_APPLIED)
		(void)barrier_event(&s->barrier, BARRIER_APPLIED, source_now());
	else if (!(s->barrier.config.leave_out >> BARRIER_WAIT_APPLIED & 1u))
		source_event(EVENT_BAD, "the other host answered a barrier that asked for nothing");
}

/* The move is over: the vCPUs run again. */
void source_barrier_cancel(void)
{
	struct source *s = &source;

	(void)barrier_event(&s->barrier, BARRIER_CANCEL, source_now());
	if (s->barrier.step == BARRIER_RESUME) {
		resume();
		(void)barrier_event(&s->barrier, BARRIER_DONE, source_now());
	}
	s->asked = false;
}
