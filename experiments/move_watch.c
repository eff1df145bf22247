/* SPDX-License-Identifier: MIT */
#include "experiments/move_watch.h"

#include <stdlib.h>
#include <string.h>

void move_watch_init(struct move_watch *w, const struct move_path *path)
{
	*w = (struct move_watch){.path = path};
}

unsigned move_watch_holder(const struct move_watch *w)
{
	return w->path->at[w->current];
}

/* ---- records ---- */

/* What a record says of one side, and whether the source or the target says it. */
static const struct said {
	bool target;
	enum session_record record;
	bool moved, kept;
} said_what[] = {
	[NESTBED__MOVE__SAID__WAITING] = {true,  RECORD_NONE,      false, false},
	[NESTBED__MOVE__SAID__STARTED] = {false, RECORD_NONE,      false, false},
	[NESTBED__MOVE__SAID__COMMITTED] = {false, RECORD_COMMITTED, false, false},
	[NESTBED__MOVE__SAID__KEPT] = {false, RECORD_KEPT,      false, true },
	[NESTBED__MOVE__SAID__READY] = {true,  RECORD_READY,     false, false},
	[NESTBED__MOVE__SAID__IN_DOUBT] = {false, RECORD_IN_DOUBT,  false, false},
	[NESTBED__MOVE__SAID__RUNNING] = {true,  RECORD_RUNNING,   false, false},
	[NESTBED__MOVE__SAID__DROPPED] = {true,  RECORD_DROPPED,   false, false},
	[NESTBED__MOVE__SAID__MOVED] = {false, RECORD_COMMITTED, true,  false},
};
#define SAID_COUNT (sizeof(said_what) / sizeof(said_what[0]))

static bool is_end(const struct move_watch *w, unsigned hop, unsigned host, bool target)
{
	return hop < w->path->hops && w->path->at[hop + target] == host;
}

/* The hop that a record is about: what it says, or, of a target that has not been told yet, the current one;
 * -1: none that this host has part in. */
static int hop_of(const struct move_watch *w, unsigned host, uint32_t told, bool target)
{
	if (is_end(w, told, host, target))
		return (int)told;
	return is_end(w, w->current, host, target) ? (int)w->current : -1;
}

static void forget(struct move_hop *h)
{
	free(h->total.tracker);
	free(h->why);
	text_free(&h->reasons);
	for (unsigned i = 0; i < h->rounds; i++)
		free(h->round[i].verdict);
	free(h->round);
	*h = (struct move_hop){0};
}

static void keep_words(struct move_hop *h, bool target, const Nestbed__Move *m)
{
	if (*m->why && !h->why)
		h->why = text_copy(m->why);
	if (m->n_reason && !target && h->reasons.size)
		text_free(&h->reasons); /* both ends tell the same */
	for (size_t i = 0; i < m->n_reason && !(target && h->kept); i++)
		text_addf(&h->reasons, "%s%s", h->reasons.size ? "; " : "", m->reason[i]);
	if (m->total) {
		free(h->total.tracker);
		h->total = *m->total;
		h->total.tracker = text_copy(m->total->tracker);
		h->has_total = true;
	}
	if (m->arrival) {
		h->arrival = *m->arrival;
		h->has_arrival = true;
	}
}

/* Where the VM's text comes from: its source has said all before it commits. */
static void follow_text(struct move_watch *w, unsigned hop)
{
	const struct move_hop *h = &w->hop[hop];
	const bool gone = h->source_said == RECORD_COMMITTED || h->source_said == RECORD_IN_DOUBT ||
			  (h->target_said == RECORD_RUNNING && w->dead[w->path->at[hop]]);

	if (gone && w->writes == hop)
		w->writes = hop + 1;
	else if (h->kept && w->writes == hop + 1)
		w->writes = hop;
}

static int on_move(struct move_watch *w, unsigned host, const Nestbed__Move *m)
{
	struct said s;
	struct move_hop *h;
	int hop;

	if ((size_t)m->said >= SAID_COUNT || m->said == NESTBED__MOVE__SAID__WAITING)
		return -1;
	s = said_what[m->said];
	if (m->said == NESTBED__MOVE__SAID__IN_DOUBT) /* either may: whose part is it? */
		s.target = hop_of(w, host, m->hop, false) < 0;
	hop = hop_of(w, host, m->hop, s.target);
	if (hop < 0)
		return -1;
	h = &w->hop[hop];
	if (m->said == NESTBED__MOVE__SAID__STARTED && h->started)
		forget(h); /* one more try */
	h->started = h->started || m->said == NESTBED__MOVE__SAID__STARTED;
	keep_words(h, s.target, m);
	*(s.target ? &h->target_said : &h->source_said) = s.record;
	h->moved = h->moved || s.moved;
	h->kept = s.target ? h->kept : s.kept;
	if (h->target_said == RECORD_RUNNING && w->current == (unsigned)hop)
		w->current++;
	follow_text(w, (unsigned)hop);
	return hop;
}

static int on_round(struct move_watch *w, unsigned host, const Nestbed__MoveRound *m)
{
	const int hop = hop_of(w, host, m->hop, false);
	struct move_hop *h;

	if (hop < 0)
		return -1;
	h = &w->hop[hop];
	h->round = array_grow(h->round, h->rounds, sizeof(*h->round));
	h->round[h->rounds++] = (struct move_round){
		.round = m->round,
		.epoch = m->epoch,
		.throttle = m->throttle,
		.barriers = m->barriers,
		.pages = m->pages,
		.zero_pages = m->zero_pages,
		.bytes = m->bytes,
		.ticks = m->ticks,
		.dirty = m->dirty,
		.set = m->set,
		.verdict = text_copy(m->verdict),
	};
	return hop;
}

static void on_end(struct move_watch *w)
{
	struct move_hop *h = &w->hop[w->current];

	w->ended = true;
	if (w->current < w->path->hops)
		h->cut = h->started && !h->kept && !h->moved;
}

int move_watch_record(struct move_watch *w, unsigned host, const char *vm, const Nestbed__Record *record)
{
	switch ((int)record->body_case) {
	case NESTBED__RECORD__BODY_MOVE:
		return strcmp(record->move->vm, vm) ? -1 : on_move(w, host, record->move);
	case NESTBED__RECORD__BODY_MOVE_ROUND:
		return strcmp(record->move_round->vm, vm) ? -1 : on_round(w, host, record->move_round);
	case NESTBED__RECORD__BODY_STOP:
		if (!strcmp(record->stop->vm, vm) && host == move_watch_holder(w))
			on_end(w);
		return -1;
	default:
		return -1;
	}
}

void move_watch_dead(struct move_watch *w, unsigned host)
{
	w->dead[host] = true;
	for (unsigned i = 0; i < w->path->hops; i++)
		if (w->path->at[i] == host)
			follow_text(w, i);
}

/* ---- decisions ---- */

/*
 * The order matters: a source is told to drop only when its target said that it runs, and a target only when
 * its source said that it kept the VM. So whoever dies in between, the other one can still be told to run.
 */
static void decide_hop(struct move_watch *w, unsigned hop, enum move_tell tell[NB_LINK_HOSTS])
{
	const struct move_hop *h = &w->hop[hop];
	const unsigned source = w->path->at[hop], target = w->path->at[hop + 1];
	const bool runs = h->target_said == RECORD_RUNNING;

	switch (session_decide(h->source_said, !w->dead[source], h->target_said, !w->dead[target])) {
	case DECIDE_AT_TARGET:
		if (!runs)
			tell[target] = MOVE_TELL_RUN;
		else if (!h->moved)
			tell[source] = MOVE_TELL_DROP;
		return;
	case DECIDE_AT_SOURCE:
		if (!h->kept)
			tell[source] = MOVE_TELL_RUN;
		else if (h->target_said != RECORD_DROPPED)
			tell[target] = MOVE_TELL_DROP;
		return;
	case DECIDE_LOST:
		w->lost = w->lost || (hop == w->current && !w->ended);
		return;
	case DECIDE_NOTHING:
		return;
	}
}

static bool in_question(const struct move_watch *w, unsigned hop)
{
	const struct move_hop *h = &w->hop[hop];

	return h->started && (h->source_said == RECORD_IN_DOUBT || h->target_said == RECORD_IN_DOUBT ||
			      (w->dead[w->path->at[hop]] && !(h->target_said == RECORD_RUNNING)) ||
			      (w->dead[w->path->at[hop + 1]] && !h->kept && !h->moved));
}

void move_watch_decide(struct move_watch *w, enum move_tell tell[NB_LINK_HOSTS])
{
	memset(tell, 0, NB_LINK_HOSTS * sizeof(*tell));
	for (unsigned hop = 0; hop < w->path->hops && hop <= w->current; hop++)
		if (in_question(w, hop))
			decide_hop(w, hop, tell);
	/* Between moves the VM dies with its host. */
	if (w->dead[move_watch_holder(w)] && !w->ended &&
	    (w->current == w->path->hops || !w->hop[w->current].started || w->hop[w->current].kept))
		w->lost = true;
	for (unsigned i = 0; i < w->path->hosts && move_watch_over(w); i++)
		tell[i] = MOVE_TELL_END;
	for (unsigned i = 0; i < w->path->hosts; i++)
		if (w->dead[i])
			tell[i] = MOVE_TELL_NOTHING;
}

bool move_watch_over(const struct move_watch *w)
{
	return w->ended || w->lost;
}

/* ---- results ---- */

const char *move_watch_outcome(const struct move_watch *w, unsigned hop)
{
	const struct move_hop *h = &w->hop[hop];

	if (h->moved || h->target_said == RECORD_RUNNING)
		return "moved";
	if (!h->started)
		return "none";
	if (h->kept)
		return h->cut ? "ended" : h->reasons.size ? "refused" : "kept";
	return w->lost ? "lost" : w->ended ? "ended" : "unfinished";
}

uint64_t move_hop_down(const struct move_hop *h)
{
	return h->total.stop_ticks + h->total.drain_ticks + h->total.pages_ticks + h->total.state_ticks +
	       h->arrival.load_ticks + h->arrival.resume_ticks;
}

uint64_t move_hop_total(const struct move_hop *h)
{
	return h->total.total_ticks + h->arrival.load_ticks + h->arrival.resume_ticks;
}

void move_watch_free(struct move_watch *w)
{
	for (unsigned i = 0; i < MOVE_HOPS_MAX; i++)
		forget(&w->hop[i]);
	*w = (struct move_watch){0};
}
