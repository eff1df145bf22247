/* SPDX-License-Identifier: MIT */
/*
 * Who may run the guest: the two ends of a move as state machines. An event comes in, the state changes,
 * actions come out; the caller does them in the order of their bits. docs/stream.md has the tables in words.
 *
 * The commit rule. The source runs the guest until it commits; it commits only when the target has said Ready
 * with the same memory digest, and records that before it sends Commit. The target runs the guest only when
 * told: by Commit, or by Decide where the wire's owner, who holds the records of both, found that the source
 * cannot run it any more. Whoever does not know stands still.
 */
#ifndef MIGRATION_SESSION_H
#define MIGRATION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "migration/messages.h"

enum source_state {
	SOURCE_IDLE, /* no move */
	SOURCE_OFFERED, /* Hello is out */
	SOURCE_ROUNDS, /* guest runs, memory is sent */
	SOURCE_STOPPED, /* guest stands still; rest and state are sent */
	SOURCE_ENDED, /* End is out, waiting for Ready */
	SOURCE_COMMITTED, /* guest belongs to the target; waiting for Running */
	SOURCE_DOUBT, /* likewise, and the target is silent: waiting for Decide */
	SOURCE_MOVED, /* over: the guest runs at the target */
	SOURCE_KEPT, /* over: the guest runs here, as if nothing had been */
	SOURCE_STATES
};

enum target_state {
	TARGET_WAITING, /* for Hello */
	TARGET_RECEIVING, /* memory and state */
	TARGET_READY, /* all verified; waiting for Commit */
	TARGET_DOUBT, /* likewise, and the source is silent: waiting for Commit, Abort or Decide */
	TARGET_RUNNING, /* over: the guest runs here */
	TARGET_DROPPED, /* over: what came was thrown away */
	TARGET_STATES
};

enum session_event {
	EVENT_START, /* source: begin the move */
	EVENT_ACCEPT, /* source: message */
	EVENT_REFUSE, /* source: message */
	EVENT_APPLIED, /* source: BarrierApplied of the barrier under way */
	EVENT_STOP, /* source: the policy says stop and copy */
	EVENT_SENT, /* source: rest, state and End are out */
	EVENT_READY, /* source: Ready with the memory digest that End said */
	EVENT_READY_BAD, /* source: Ready with another one */
	EVENT_RUNNING, /* source: message */
	EVENT_HELLO, /* target: Hello that the gate lets in */
	EVENT_HELLO_BAD, /* target: Hello that it does not */
	EVENT_DATA, /* target: a message in order that wants no answer */
	EVENT_BARRIER, /* target: Barrier, and all before it is in memory */
	EVENT_END, /* target: End; digests, ledger and state are right */
	EVENT_END_BAD, /* target: End; they are not */
	EVENT_COMMIT, /* target: message */
	EVENT_ABORT, /* Abort of the other side */
	EVENT_BAD, /* a frame or message that is wrong in itself or in its order */
	EVENT_TIMEOUT, /* the other side is silent for too long */
	EVENT_LINK_DEAD,
	EVENT_CANCEL, /* the own side wants no move any more: policy, user, a barrier's time limit */
	EVENT_DECIDE_RUN, /* the wire's owner: run the guest here */
	EVENT_DECIDE_DROP, /* the wire's owner: it runs, or will run, elsewhere */
	SESSION_EVENTS
};

/* Actions, done from the lowest bit up: a record is out before the message that it allows. */
enum session_action {
	ACT_STOP_GUEST = 1 << 0,
	ACT_RECORD = 1 << 1, /* emit the record that session_record() of the new state names */
	ACT_RUN_GUEST = 1 << 2,
	ACT_SEND_HELLO = 1 << 3,
	ACT_SEND_ACCEPT = 1 << 4,
	ACT_SEND_REFUSE = 1 << 5,
	ACT_SEND_PAGES = 1 << 6, /* begin with the rounds */
	ACT_SEND_STATE = 1 << 7, /* rest of the pages, state, End; then EVENT_SENT */
	ACT_SEND_APPLIED = 1 << 8,
	ACT_SEND_READY = 1 << 9,
	ACT_SEND_COMMIT = 1 << 10,
	ACT_SEND_RUNNING = 1 << 11,
	ACT_SEND_ABORT = 1 << 12, /* if the link lives */
	ACT_TO_BARRIER = 1 << 13, /* give BARRIER_APPLIED to the barrier */
	ACT_FORGET =
		1
		<< 14, /* target: free what was received; source: the guest's memory is not needed any more */
	ACT_REPORT = 1 << 15, /* tell the outcome */
};

struct session {
	uint8_t state; /* enum source_state or target_state */
	bool target;
	enum session_event why; /* that ended it, or led into doubt */
};

void session_source(struct session *s);
void session_target(struct session *s);
/* The actions, 0 for none. Events that mean nothing in a state change nothing there. */
uint32_t session_event(struct session *s, enum session_event event);
/* It means something in this state. A message that does not is none that a peer in its senses would send. */
bool session_expects(const struct session *s, enum session_event event);
/* May this side let the guest run now? At most one side of a move ever says so. */
bool session_runs_guest(const struct session *s);
bool session_over(const struct session *s);
const char *session_state_name(const struct session *s);
const char *session_event_name(enum session_event event);
/* The event of a message without a check of its own (Accept, Commit, Abort…); -1 for those whose contents
 * decide. */
int session_plain_event(enum stream_type type);

/* What each side says of itself outside the stream, on its console; later records are stronger. */
enum session_record {
	RECORD_NONE,
	RECORD_COMMITTED, /* source: will not run the guest by itself any more */
	RECORD_KEPT, /* source: runs the guest, this move is over */
	RECORD_READY, /* target */
	RECORD_IN_DOUBT, /* target, or source after its commit */
	RECORD_RUNNING, /* target: runs the guest */
	RECORD_DROPPED, /* target: cannot run it any more */
	SESSION_RECORDS
};
enum session_record session_record(const struct session *s);
const char *session_record_name(enum session_record record);

/* What the wire's owner tells a side, and where the guest is then. */
enum session_decision {
	DECIDE_NOTHING, /* wait: each side knows by itself what to do, or will */
	DECIDE_AT_TARGET, /* Decide{run} to the target; Decide{drop} to the source if it lives */
	DECIDE_AT_SOURCE, /* Decide{run} to the source; Decide{drop} to the target if it lives */
	DECIDE_LOST, /* the only side that held the whole guest is dead */
};
/*
 * Both records in hand, and which process is known to have ended (alive false). A record of the dead is
 * complete: what a side had to record, it did before it acted.
 */
enum session_decision session_decide(enum session_record source, bool source_alive,
				     enum session_record target, bool target_alive);

#endif
