/* SPDX-License-Identifier: MIT */
/* What move.c, source.c and target.c share. */
#ifndef L0HV_MIGRATE_MOVE_IMPL_H
#define L0HV_MIGRATE_MOVE_IMPL_H

#include "l0hv/migrate/channel.h"
#include "l0hv/migrate/move.h"
#include "l0hv/migrate/state.h"
#include "l0hv/net/link.h"
#include "migration/session.h"
#include "nestbed/record.pb-c.h"

#define MOVE_WHY_MAX 192u

/* Of the VM that moves: one a machine. */
struct move {
	const struct vm_config *config;
	struct vm *vm; /* NULL: it has not come yet */
	uint32_t hop; /* moves of the VM that are over */
	uint32_t left; /* moves that it still makes from here */
	bool here; /* the VM runs, or could, on this host */
	bool over; /* who carries the frames has told everyone to end */
	bool told; /* who carries the frames has ended the wait for it, and tells others by itself */
};
extern struct move move;

uint64_t move_patience(void); /* ticks */
/* Arms config->at: the VM has begun to run here. */
void move_arm(void);
/* A Move record. total and arrival may be NULL. */
void move_say(Nestbed__Move__Said said, uint8_t peer, const char *why, Nestbed__MoveTotal *total,
	      Nestbed__MoveArrival *arrival);
void move_say_refused(uint8_t peer, const char *why, char **reasons, size_t count);
/* What the wire's owner has decided, as an event; SESSION_EVENTS: nothing new. */
enum session_event move_decision(void);
/* Park the VM's vCPUs, or let them run as they were. */
void move_park(void);
void move_unpark(void);

/* ---- source.c ---- */
__attribute__((warn_unused_result)) int source_prepare(uint32_t pages);
/* Nothing, or the TSC at which it wants to be called again; 0: the move is over. */
uint64_t source_step(struct vcpu *current);
bool source_active(void);
/* A barrier is wanted, or under way. */
bool source_asked(void);
bool source_barrier(struct vcpu *v);
void source_guest_ended(void);
void source_late_asked(void);
void source_late_wrote(uint64_t gpa, uint64_t n);

/* ---- target.c ---- */
__attribute__((warn_unused_result)) int target_prepare(uint32_t pages);
void target_expect(void);
bool target_active(void);
/* True: the VM has begun to run here. */
bool target_step(struct vcpu *current);

#endif
