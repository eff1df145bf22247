/* SPDX-License-Identifier: MIT */
#include "migration/barrier.h"

static const char *const names[BARRIER_STEPS] = {
	[BARRIER_IDLE] = "idle",
	[BARRIER_STOP_VCPUS] = "stop vCPUs",
	[BARRIER_FINISH_EMULATION] = "finish emulation",
	[BARRIER_DRAIN_DEVICES] = "drain devices",
	[BARRIER_DRAIN_PML] = "drain PML",
	[BARRIER_FLUSH_EPT] = "flush EPT",
	[BARRIER_WBINVD] = "WBINVD",
	[BARRIER_SEND_DIRTY] = "send dirty pages",
	[BARRIER_SEND_BARRIER] = "send Barrier",
	[BARRIER_WAIT_APPLIED] = "wait for BarrierApplied",
	[BARRIER_RESUME] = "resume vCPUs",
};

const char *barrier_step_name(enum barrier_step step)
{
	return (unsigned)step < BARRIER_STEPS ? names[step] : "unknown";
}

void barrier_init(struct barrier *b, const struct barrier_config *config)
{
	*b = (struct barrier){.config = *config};
}

static enum barrier_action finish(struct barrier *b, uint64_t now)
{
	b->step = BARRIER_IDLE;
	b->not_before = now > UINT64_MAX - b->config.interval ? UINT64_MAX : now + b->config.interval;
	b->finished += !b->aborted;
	return BARRIER_FINISHED;
}

/* To the next step that is not left out. */
static enum barrier_action advance(struct barrier *b, uint64_t now)
{
	do {
		if (b->step == BARRIER_RESUME)
			return finish(b, now);
		b->step = (enum barrier_step)(b->step + 1);
	} while (b->config.leave_out >> b->step & 1u);
	return b->step == BARRIER_WAIT_APPLIED ? BARRIER_NOTHING : BARRIER_PERFORM;
}

static enum barrier_action give_up(struct barrier *b, enum barrier_action action)
{
	b->aborted = true;
	b->step = BARRIER_RESUME;
	return action;
}

static enum barrier_action request(struct barrier *b, uint64_t now)
{
	if (b->step != BARRIER_IDLE)
		return BARRIER_JOINED;
	if (now < b->not_before)
		return BARRIER_LATER;
	b->requests++;
	b->started = now;
	b->aborted = false;
	return advance(b, now);
}

enum barrier_action barrier_event(struct barrier *b, enum barrier_event event, uint64_t now)
{
	if (event == BARRIER_REQUEST)
		return request(b, now);
	if (b->step == BARRIER_IDLE)
		return BARRIER_NOTHING;
	/* What has begun to resume is not undone, and nothing but RESUME follows a time limit. */
	if (b->step == BARRIER_RESUME)
		return event == BARRIER_DONE ? finish(b, now) : BARRIER_NOTHING;
	if (event == BARRIER_CANCEL)
		return give_up(b, BARRIER_PERFORM);
	if (event == BARRIER_APPLIED && b->step == BARRIER_WAIT_APPLIED)
		return advance(b, now);
	if (now - b->started > b->config.time_limit) {
		b->timeouts++;
		return give_up(b, BARRIER_ABORT);
	}
	if (event == BARRIER_DONE && b->step != BARRIER_WAIT_APPLIED)
		return advance(b, now);
	return BARRIER_NOTHING;
}
