/* SPDX-License-Identifier: MIT */
/* How a round of a source ends, and how all of them do: the guest stops, and what is left of it is sent. */
#include "l0hv/cpu/asm.h"
#include "l0hv/migrate/source_impl.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"

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
	source_send_round_end();
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
	source_send_packed(STREAM_DEVICE_STATE, &state.devices);
	for (unsigned i = 0; i < state.vcpus; i++) {
		if (!source_flush())
			return false;
		source_send_packed(STREAM_VCPU_STATE, &state.vcpu[i]);
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
	source_begin_round();
	source_drain_devices();
	(void)source_collect(track_collect);
	s->total.drain_ticks = rdtsc() - begin;
	source_spend(s->total.drain_ticks);
	at = source_now();
	if (!send_rest())
		return;
	source_stand_until_free();
	s->total.pages_ticks = source_now() - at;
	source_record_round(0, "the guest stands still");
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

void source_end_round(struct vcpu *current)
{
	struct source *s = &source;
	enum precopy_verdict verdict;
	uint32_t dirty;

	source_send_round_end();
	if (!source_flush())
		return;
	source_stand_until_free();
	dirty = source_collect(track_collect);
	verdict = precopy_round(&s->policy, dirty);
	source_record_round(dirty, precopy_reason_text(s->policy.reason));
	if (s->policy.throttle > s->total.throttle)
		s->total.throttle = s->policy.throttle;
	if (verdict == PRECOPY_GIVE_UP)
		source_event(EVENT_CANCEL, precopy_reason_text(s->policy.reason));
	else if (verdict == PRECOPY_STOP)
		source_event(EVENT_STOP, precopy_reason_text(s->policy.reason));
	else
		source_begin_round();
	if (s->session.state == SOURCE_STOPPED)
		stop_and_copy(current);
}
