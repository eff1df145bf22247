/* SPDX-License-Identifier: MIT */
/*
 * The WBINVD barrier: what happens when a guest executes WBINVD, WBNOINVD or INVD while its VM is migrating.
 * A state machine: the caller performs barrier->step and reports that it is done. Times are ticks of one
 * clock that never runs back.
 */
#ifndef MIGRATION_BARRIER_H
#define MIGRATION_BARRIER_H

#include <stdbool.h>
#include <stdint.h>

enum barrier_step {
	BARRIER_IDLE, /* no barrier */
	BARRIER_STOP_VCPUS, /* all of the VM */
	BARRIER_FINISH_EMULATION, /* instructions that L0 has begun for them */
	BARRIER_DRAIN_DEVICES, /* writes of emulated devices that were asked for */
	BARRIER_DRAIN_PML, /* of every vCPU, into the dirty set */
	BARRIER_FLUSH_EPT, /* INVEPT on every processor that the VM ran on */
	BARRIER_WBINVD, /* likewise */
	BARRIER_SEND_DIRTY, /* collect (a new epoch) and send all that was not sent: what the first round has
			       left too */
	BARRIER_SEND_BARRIER, /* the message, with that epoch */
	BARRIER_WAIT_APPLIED, /* for the target's answer */
	BARRIER_RESUME, /* a new epoch; vCPUs run */
	BARRIER_STEPS
};

struct barrier_config {
	uint64_t time_limit; /* ticks from request to the target's answer; then the migration is aborted */
	uint64_t interval; /* ticks from the end of one barrier to the start of the next: the rate limit */
	uint32_t leave_out; /* for tests: bit n leaves step n out */
};

enum barrier_event {
	BARRIER_REQUEST, /* a vCPU executed the instruction */
	BARRIER_DONE, /* b->step has been performed */
	BARRIER_APPLIED, /* the target's answer for b->epoch */
	BARRIER_TICK, /* time has passed */
	BARRIER_CANCEL, /* the migration has ended, for whatever reason */
};

enum barrier_action {
	BARRIER_NOTHING, /* wait: for the target, for the clock, or idle */
	BARRIER_PERFORM, /* b->step, then BARRIER_DONE */
	BARRIER_LATER, /* rate limit: the vCPU stands still, ask again at b->not_before */
	BARRIER_JOINED, /* one is under way: the vCPU is part of it and needs no other */
	BARRIER_FINISHED, /* the vCPUs run, the instruction is done */
	BARRIER_ABORT, /* time limit: abort the migration; b->step is BARRIER_RESUME: perform it, then
			  BARRIER_DONE */
};

struct barrier {
	struct barrier_config config;
	enum barrier_step step;
	bool aborted; /* the one under way */
	uint64_t started; /* of the one under way, or of the last */
	uint64_t not_before; /* the next may start */
	uint32_t requests, finished, timeouts; /* so far */
};

void barrier_init(struct barrier *b, const struct barrier_config *config);
/* Events that make no sense in a step change nothing (BARRIER_NOTHING). */
enum barrier_action barrier_event(struct barrier *b, enum barrier_event event, uint64_t now);
const char *barrier_step_name(enum barrier_step step);

#endif
