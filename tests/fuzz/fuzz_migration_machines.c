/* SPDX-License-Identifier: MIT */
/* Any events in any order to the barrier and to both sessions. */
#include <stdint.h>
#include <stdlib.h>

#include "migration/barrier.h"
#include "migration/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A step comes only after those before it; past the time limit nothing but RESUME. */
static void drive_barrier(const uint8_t *data, size_t size)
{
	const struct barrier_config config = {.time_limit = 500, .interval = 100};
	uint64_t now = 0;
	struct barrier b;

	barrier_init(&b, &config);
	for (size_t i = 0; i + 1 < size; i += 2) {
		const enum barrier_step before = b.step;
		const enum barrier_event event = (enum barrier_event)(data[i] % 5);
		enum barrier_action action;

		now += data[i + 1];
		action = barrier_event(&b, event, now);
		if (b.step != before && b.step != before + 1 && b.step != BARRIER_RESUME &&
		    !(before == BARRIER_RESUME && b.step == BARRIER_IDLE))
			abort();
		if (b.step == BARRIER_RESUME && before == BARRIER_WAIT_APPLIED && !b.aborted &&
		    event != BARRIER_APPLIED)
			abort();
		if (action == BARRIER_ABORT && now - b.started <= config.time_limit)
			abort();
		if (action == BARRIER_PERFORM && b.step == BARRIER_WAIT_APPLIED)
			abort();
	}
	/* Whatever was, a cancelled barrier is over after one more step. */
	barrier_event(&b, BARRIER_CANCEL, now);
	barrier_event(&b, BARRIER_DONE, now);
	if (b.step != BARRIER_IDLE)
		abort();
}

/* Messages of one side reach the other or not; timeouts and cuts at any time; Decide as session_decide() has
 * it. */
static void drive_sessions(const uint8_t *data, size_t size)
{
	struct session source, target;
	bool commit = false, ready = false, given_up = false;

	session_source(&source);
	session_target(&target);
	for (size_t i = 0; i < size; i++) {
		enum session_event event = (enum session_event)(data[i] / 2 % SESSION_EVENTS);
		const bool to_target = data[i] & 1;
		uint32_t actions;

		if (event == EVENT_DECIDE_RUN || event == EVENT_DECIDE_DROP) {
			const enum session_decision d =
				session_decide(session_record(&source), true, session_record(&target), true);

			if (d == DECIDE_NOTHING || d == DECIDE_LOST)
				continue;
			event = (d == DECIDE_AT_TARGET) == to_target ? EVENT_DECIDE_RUN : EVENT_DECIDE_DROP;
		}
		/* What was never sent does not come: the CRC and the sequence see to it. */
		if ((event == EVENT_COMMIT && !commit) || (event == EVENT_READY && !ready) ||
		    (event == EVENT_RUNNING && target.state != TARGET_RUNNING) ||
		    (event == EVENT_ABORT && to_target && !given_up))
			continue;
		actions = session_event(to_target ? &target : &source, event);
		commit |= (actions & ACT_SEND_COMMIT) != 0;
		ready |= (actions & ACT_SEND_READY) != 0;
		given_up |= !to_target && actions & ACT_SEND_ABORT;
		if (session_runs_guest(&source) && session_runs_guest(&target))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drive_barrier(data, size);
	drive_sessions(data, size);
	return 0;
}
