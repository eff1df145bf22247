/* SPDX-License-Identifier: MIT */
/* The parts of the source of a move. */
#ifndef L0HV_MIGRATE_SOURCE_IMPL_H
#define L0HV_MIGRATE_SOURCE_IMPL_H

#include "l0hv/migrate/move_impl.h"
#include "migration/barrier.h"
#include "migration/digest.h"
#include "migration/dirty.h"
#include "migration/ledger.h"
#include "migration/precopy.h"
#include "migration/reasons.h"

/*
 * A write of a device counts for the epoch in which it was asked for, not for that in which it is made
 * (docs/stream.md). One at most is pending, so that of each epoch one at most is older than it.
 */
struct late {
	uint32_t asked; /* epoch of the one that is pending */
	uint32_t first, count; /* pages of an older one that was made in this epoch */
	uint32_t epoch; /* in which that one was asked for */
};

struct source {
	struct channel channel;
	struct session session;
	struct precopy policy;
	uint8_t peer;
	bool held; /* the guest stands still until further notice */
	bool deaf; /* nothing more can be read of the peer */
	char why[MOVE_WHY_MAX]; /* it ended as it did */
	struct reasons refusal;
	uint64_t taken_at; /* TSC at which the link took something of the message under way */

	/* Pages */
	struct dirty unsent; /* written, and not sent since */
	uint64_t *collected; /* the set of the last round */
	uint32_t *since; /* epoch of the oldest write that was not sent, of pages in `unsent` */
	struct ledger ledger;
	uint8_t *batch;
	uint32_t batch_most; /* pages of a message */
	uint32_t epoch;
	uint32_t epoch_began; /* what is collected next was written from this epoch on */
	uint32_t epoch_pages; /* sent in it */
	struct late late;

	/* The clock of guest and modelled link; 0 at the start of the move. */
	uint64_t offset; /* clock = TSC - offset, while the guest runs */
	uint64_t clock; /* in virtual time, while L0 works */
	uint64_t busy_until; /* the link has work */
	uint64_t step_began; /* TSC */
	uint64_t began;

	/* Barriers */
	struct barrier barrier;
	bool asked; /* one was asked for, or is under way */
	bool taken; /* its pages have been collected */
	uint32_t barriers; /* instructions that asked for one */
	uint32_t barrier_epoch, applied;
	uint64_t barrier_began;
	uint64_t stopped, flushed, wrote_back; /* clock at these steps; 0: not done */

	/* What it took */
	uint32_t rounds;
	Nestbed__MoveRound round;
	uint64_t round_bytes, round_began;
	uint32_t round_barriers;
	Nestbed__MoveTotal total;
	struct reliable_counters wire_then;
};
extern struct source source;

/* ---- source.c ---- */
/* A peer that must answer, or take what is sent to it, has so many times as long as for a sign of life. */
#define ANSWER_PATIENCE 4u
void source_event(enum session_event event, const char *why);
void source_hear(void);

/* ---- source_begin.c ---- */
void source_start(struct vcpu *current);
void source_send_hello(void);
void source_begin_pages(void);

/* ---- source_pages.c ---- */
uint64_t source_now(void);
void source_spend(uint64_t ticks);
/* In virtual time: the guest stands still until the modelled link is free. */
void source_stand_until_free(void);
/* The guest does not run while L0 waits for the link. */
bool source_standing(void);
void source_send(enum stream_type type, const void *message);
void source_send_packed(enum stream_type type, const struct state_part *part);
/* What the link takes of the message under way. 1: nothing is left of it; less: as channel_push(). */
int source_push(void);
bool source_flush(void);
void source_send_some(void);
uint32_t source_collect(uint64_t (*take)(struct vm *vm, uint64_t *bitmap));
void source_begin_round(void);
void source_send_round_end(void);
void source_record_round(uint32_t dirty, const char *verdict);

/* ---- source_end.c ---- */
void source_end_round(struct vcpu *current);
uint64_t source_memory_digest(void);
void source_drain_devices(void);

/* ---- source_late.c ---- */
/* Before the first epoch: what is pending was asked for before the move. */
void source_late_begin(void);
/* The pages of the epoch that ends are in `unsent`. */
void source_late_collect(void);

/* ---- source_barrier.c ---- */
/* A barrier was asked for: all of its steps. Where a test leaves out stopping the guest, it may return with
 * s->asked still set: the guest runs meanwhile. */
void source_barrier_drive(void);
void source_barrier_applied(void);
void source_barrier_cancel(void);

#endif
