/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "migration/session.h"

struct row {
	uint8_t state, event, next;
	uint32_t actions;
};

#define KEEP_RUNNING (ACT_RECORD | ACT_REPORT) /* the guest has never stood still */
#define RUN_AGAIN    (ACT_RECORD | ACT_RUN_GUEST | ACT_REPORT)
#define GONE         (ACT_FORGET | ACT_REPORT)

/* What is not here changes nothing. Order does not matter. */
static const struct row source_rows[] = {
	{SOURCE_IDLE,      EVENT_START,       SOURCE_OFFERED,   ACT_SEND_HELLO                 },

	{SOURCE_OFFERED,   EVENT_ACCEPT,      SOURCE_ROUNDS,    ACT_SEND_PAGES                 },
	{SOURCE_OFFERED,   EVENT_REFUSE,      SOURCE_KEPT,      KEEP_RUNNING                   },
	{SOURCE_OFFERED,   EVENT_ABORT,       SOURCE_KEPT,      KEEP_RUNNING                   },
	{SOURCE_OFFERED,   EVENT_LINK_DEAD,   SOURCE_KEPT,      KEEP_RUNNING                   },
	{SOURCE_OFFERED,   EVENT_TIMEOUT,     SOURCE_KEPT,      KEEP_RUNNING | ACT_SEND_ABORT  },
	{SOURCE_OFFERED,   EVENT_BAD,         SOURCE_KEPT,      KEEP_RUNNING | ACT_SEND_ABORT  },
	{SOURCE_OFFERED,   EVENT_CANCEL,      SOURCE_KEPT,      KEEP_RUNNING | ACT_SEND_ABORT  },

	{SOURCE_ROUNDS,    EVENT_APPLIED,     SOURCE_ROUNDS,    ACT_TO_BARRIER                 },
	{SOURCE_ROUNDS,    EVENT_STOP,        SOURCE_STOPPED,   ACT_STOP_GUEST | ACT_SEND_STATE},
	{SOURCE_ROUNDS,    EVENT_ABORT,       SOURCE_KEPT,      KEEP_RUNNING                   },
	{SOURCE_ROUNDS,    EVENT_LINK_DEAD,   SOURCE_KEPT,      KEEP_RUNNING                   },
	{SOURCE_ROUNDS,    EVENT_TIMEOUT,     SOURCE_KEPT,      KEEP_RUNNING | ACT_SEND_ABORT  },
	{SOURCE_ROUNDS,    EVENT_BAD,         SOURCE_KEPT,      KEEP_RUNNING | ACT_SEND_ABORT  },
	{SOURCE_ROUNDS,    EVENT_CANCEL,      SOURCE_KEPT,      KEEP_RUNNING | ACT_SEND_ABORT  },

	{SOURCE_STOPPED,   EVENT_SENT,        SOURCE_ENDED,     0                              },
	{SOURCE_STOPPED,   EVENT_ABORT,       SOURCE_KEPT,      RUN_AGAIN                      },
	{SOURCE_STOPPED,   EVENT_LINK_DEAD,   SOURCE_KEPT,      RUN_AGAIN                      },
	{SOURCE_STOPPED,   EVENT_TIMEOUT,     SOURCE_KEPT,      RUN_AGAIN | ACT_SEND_ABORT     },
	{SOURCE_STOPPED,   EVENT_BAD,         SOURCE_KEPT,      RUN_AGAIN | ACT_SEND_ABORT     },
	{SOURCE_STOPPED,   EVENT_CANCEL,      SOURCE_KEPT,      RUN_AGAIN | ACT_SEND_ABORT     },

	{SOURCE_ENDED,     EVENT_READY,       SOURCE_COMMITTED, ACT_RECORD | ACT_SEND_COMMIT   },
	{SOURCE_ENDED,     EVENT_READY_BAD,   SOURCE_KEPT,      RUN_AGAIN | ACT_SEND_ABORT     },
	{SOURCE_ENDED,     EVENT_ABORT,       SOURCE_KEPT,      RUN_AGAIN                      },
	{SOURCE_ENDED,     EVENT_LINK_DEAD,   SOURCE_KEPT,      RUN_AGAIN                      },
	{SOURCE_ENDED,     EVENT_TIMEOUT,     SOURCE_KEPT,      RUN_AGAIN | ACT_SEND_ABORT     },
	{SOURCE_ENDED,     EVENT_BAD,         SOURCE_KEPT,      RUN_AGAIN | ACT_SEND_ABORT     },
	{SOURCE_ENDED,     EVENT_CANCEL,      SOURCE_KEPT,      RUN_AGAIN | ACT_SEND_ABORT     },

 /* From here nothing but Decide lets the guest run at the source. */
	{SOURCE_COMMITTED, EVENT_RUNNING,     SOURCE_MOVED,     GONE                           },
	{SOURCE_COMMITTED, EVENT_TIMEOUT,     SOURCE_DOUBT,     ACT_RECORD                     },
	{SOURCE_COMMITTED, EVENT_LINK_DEAD,   SOURCE_DOUBT,     ACT_RECORD                     },
	{SOURCE_COMMITTED, EVENT_BAD,         SOURCE_DOUBT,     ACT_RECORD                     },
	{SOURCE_COMMITTED, EVENT_ABORT,       SOURCE_DOUBT,     ACT_RECORD                     },
	{SOURCE_COMMITTED, EVENT_DECIDE_RUN,  SOURCE_KEPT,      RUN_AGAIN                      },
	{SOURCE_COMMITTED, EVENT_DECIDE_DROP, SOURCE_MOVED,     GONE                           },
	{SOURCE_DOUBT,     EVENT_RUNNING,     SOURCE_MOVED,     GONE                           },
	{SOURCE_DOUBT,     EVENT_DECIDE_RUN,  SOURCE_KEPT,      RUN_AGAIN                      },
	{SOURCE_DOUBT,     EVENT_DECIDE_DROP, SOURCE_MOVED,     GONE                           },
};

#define DROP   (ACT_RECORD | ACT_FORGET | ACT_REPORT)
#define TAKEN  (ACT_RECORD | ACT_RUN_GUEST | ACT_SEND_RUNNING | ACT_REPORT)
#define REFUSE (DROP | ACT_SEND_REFUSE)

static const struct row target_rows[] = {
	{TARGET_WAITING,   EVENT_HELLO,       TARGET_RECEIVING, ACT_SEND_ACCEPT            },
	{TARGET_WAITING,   EVENT_HELLO_BAD,   TARGET_DROPPED,   REFUSE                     },
	{TARGET_WAITING,   EVENT_ABORT,       TARGET_DROPPED,   DROP                       },
	{TARGET_WAITING,   EVENT_LINK_DEAD,   TARGET_DROPPED,   DROP                       },
	{TARGET_WAITING,   EVENT_TIMEOUT,     TARGET_DROPPED,   DROP                       },
	{TARGET_WAITING,   EVENT_DECIDE_DROP, TARGET_DROPPED,   DROP                       },
	{TARGET_WAITING,   EVENT_BAD,         TARGET_DROPPED,   DROP | ACT_SEND_ABORT      },
	{TARGET_WAITING,   EVENT_CANCEL,      TARGET_DROPPED,   DROP | ACT_SEND_ABORT      },

	{TARGET_RECEIVING, EVENT_DATA,        TARGET_RECEIVING, 0                          },
	{TARGET_RECEIVING, EVENT_BARRIER,     TARGET_RECEIVING, ACT_SEND_APPLIED           },
	{TARGET_RECEIVING, EVENT_END,         TARGET_READY,     ACT_RECORD | ACT_SEND_READY},
	{TARGET_RECEIVING, EVENT_END_BAD,     TARGET_DROPPED,   DROP | ACT_SEND_ABORT      },
	{TARGET_RECEIVING, EVENT_ABORT,       TARGET_DROPPED,   DROP                       },
	{TARGET_RECEIVING, EVENT_LINK_DEAD,   TARGET_DROPPED,   DROP                       },
	{TARGET_RECEIVING, EVENT_DECIDE_DROP, TARGET_DROPPED,   DROP                       },
	{TARGET_RECEIVING, EVENT_TIMEOUT,     TARGET_DROPPED,   DROP | ACT_SEND_ABORT      },
	{TARGET_RECEIVING, EVENT_BAD,         TARGET_DROPPED,   DROP | ACT_SEND_ABORT      },
	{TARGET_RECEIVING, EVENT_CANCEL,      TARGET_DROPPED,   DROP | ACT_SEND_ABORT      },

 /* From here the source may have committed: only the source or Decide may end it. */
	{TARGET_READY,     EVENT_COMMIT,      TARGET_RUNNING,   TAKEN                      },
	{TARGET_READY,     EVENT_ABORT,       TARGET_DROPPED,   DROP                       },
	{TARGET_READY,     EVENT_TIMEOUT,     TARGET_DOUBT,     ACT_RECORD                 },
	{TARGET_READY,     EVENT_LINK_DEAD,   TARGET_DOUBT,     ACT_RECORD                 },
	{TARGET_READY,     EVENT_BAD,         TARGET_DOUBT,     ACT_RECORD                 },
	{TARGET_READY,     EVENT_DECIDE_RUN,  TARGET_RUNNING,   TAKEN                      },
	{TARGET_READY,     EVENT_DECIDE_DROP, TARGET_DROPPED,   DROP                       },
	{TARGET_DOUBT,     EVENT_COMMIT,      TARGET_RUNNING,   TAKEN                      },
	{TARGET_DOUBT,     EVENT_ABORT,       TARGET_DROPPED,   DROP                       },
	{TARGET_DOUBT,     EVENT_DECIDE_RUN,  TARGET_RUNNING,   TAKEN                      },
	{TARGET_DOUBT,     EVENT_DECIDE_DROP, TARGET_DROPPED,   DROP                       },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void session_source(struct session *s)
{
	*s = (struct session){.state = SOURCE_IDLE};
}

void session_target(struct session *s)
{
	*s = (struct session){.state = TARGET_WAITING, .target = true};
}

static const struct row *find(const struct session *s, enum session_event event)
{
	const struct row *rows = s->target ? target_rows : source_rows;
	const size_t count = s->target ? COUNT(target_rows) : COUNT(source_rows);

	for (size_t i = 0; i < count; i++)
		if (rows[i].state == s->state && rows[i].event == (uint8_t)event)
			return &rows[i];
	return NULL;
}

uint32_t session_event(struct session *s, enum session_event event)
{
	const struct row *row = find(s, event);

	if (!row)
		return 0;
	s->state = row->next;
	s->why = event;
	return row->actions;
}

bool session_expects(const struct session *s, enum session_event event)
{
	return find(s, event) != NULL;
}

bool session_runs_guest(const struct session *s)
{
	if (s->target)
		return s->state == TARGET_RUNNING;
	return s->state <= SOURCE_ROUNDS || s->state == SOURCE_KEPT;
}

bool session_over(const struct session *s)
{
	return s->state >= (s->target ? (unsigned)TARGET_RUNNING : (unsigned)SOURCE_MOVED);
}

const char *session_state_name(const struct session *s)
{
	static const char *const source[SOURCE_STATES] = {
		"idle", "offered", "rounds", "stopped", "ended", "committed", "in doubt", "moved", "kept"};
	static const char *const target[TARGET_STATES] = {"waiting",  "receiving", "ready",
							  "in doubt", "running",   "dropped"};

	if (s->target)
		return s->state < TARGET_STATES ? target[s->state] : "unknown";
	return s->state < SOURCE_STATES ? source[s->state] : "unknown";
}

const char *session_event_name(enum session_event event)
{
	static const char *const names[SESSION_EVENTS] = {
		[EVENT_START] = "start",
		[EVENT_ACCEPT] = "Accept",
		[EVENT_REFUSE] = "Refuse",
		[EVENT_APPLIED] = "BarrierApplied",
		[EVENT_STOP] = "stop and copy",
		[EVENT_SENT] = "all sent",
		[EVENT_READY] = "Ready",
		[EVENT_READY_BAD] = "Ready with another memory digest",
		[EVENT_RUNNING] = "Running",
		[EVENT_HELLO] = "Hello",
		[EVENT_HELLO_BAD] = "Hello that cannot be accepted",
		[EVENT_DATA] = "data",
		[EVENT_BARRIER] = "Barrier",
		[EVENT_END] = "End",
		[EVENT_END_BAD] = "End that does not fit what came",
		[EVENT_COMMIT] = "Commit",
		[EVENT_ABORT] = "Abort",
		[EVENT_BAD] = "bad message",
		[EVENT_TIMEOUT] = "time limit",
		[EVENT_LINK_DEAD] = "link dead",
		[EVENT_CANCEL] = "cancelled",
		[EVENT_DECIDE_RUN] = "Decide: run",
		[EVENT_DECIDE_DROP] = "Decide: drop",
	};

	return (unsigned)event < SESSION_EVENTS ? names[event] : "unknown";
}

int session_plain_event(enum stream_type type)
{
	static const struct {
		uint8_t type, event;
	} plain[] = {
		{STREAM_ACCEPT,       EVENT_ACCEPT },
                {STREAM_REFUSE,       EVENT_REFUSE },
		{STREAM_PAGE_BATCH,   EVENT_DATA   },
                {STREAM_ZERO_RUN,     EVENT_DATA   },
		{STREAM_ROUND_END,    EVENT_DATA   },
                {STREAM_DEVICE_STATE, EVENT_DATA   },
		{STREAM_VCPU_STATE,   EVENT_DATA   },
                {STREAM_COMMIT,       EVENT_COMMIT },
		{STREAM_RUNNING,      EVENT_RUNNING},
                {STREAM_ABORT,        EVENT_ABORT  },
	};

	for (size_t i = 0; i < COUNT(plain); i++)
		if (plain[i].type == (unsigned)type)
			return plain[i].event;
	return -1;
}

enum session_record session_record(const struct session *s)
{
	static const uint8_t source[SOURCE_STATES] = {[SOURCE_COMMITTED] = RECORD_COMMITTED,
						      [SOURCE_DOUBT] = RECORD_IN_DOUBT,
						      [SOURCE_MOVED] = RECORD_COMMITTED,
						      [SOURCE_KEPT] = RECORD_KEPT};
	static const uint8_t target[TARGET_STATES] = {[TARGET_READY] = RECORD_READY,
						      [TARGET_DOUBT] = RECORD_IN_DOUBT,
						      [TARGET_RUNNING] = RECORD_RUNNING,
						      [TARGET_DROPPED] = RECORD_DROPPED};

	return (enum session_record)(s->target ? target[s->state] : source[s->state]);
}

const char *session_record_name(enum session_record record)
{
	static const char *const names[SESSION_RECORDS] = {"none",     "committed", "kept",   "ready",
							   "in doubt", "running",   "dropped"};

	return (unsigned)record < SESSION_RECORDS ? names[record] : "unknown";
}

enum session_decision session_decide(enum session_record source, bool source_alive,
				     enum session_record target, bool target_alive)
{
	const bool committed = source == RECORD_COMMITTED || source == RECORD_IN_DOUBT;
	const bool holds = target == RECORD_READY || target == RECORD_IN_DOUBT;

	if (target == RECORD_RUNNING)
		return target_alive ? DECIDE_AT_TARGET : DECIDE_LOST;
	/* A source that lives and has not committed runs the guest, or will when it has waited long enough.
	 */
	if (source_alive && !committed)
		return holds && source == RECORD_KEPT ? DECIDE_AT_SOURCE : DECIDE_NOTHING;
	if (target_alive && holds)
		/* With the process that could run it dead, and never having given way, a verified copy is as
		 * good. But a source that had taken it back has run it further. */
		return source == RECORD_KEPT ? DECIDE_LOST : DECIDE_AT_TARGET;
	/* A target that dropped or died without having run it never will. */
	if (source_alive)
		return !target_alive || target == RECORD_DROPPED ? DECIDE_AT_SOURCE : DECIDE_NOTHING;
	return DECIDE_LOST;
}
