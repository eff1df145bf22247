/* SPDX-License-Identifier: MIT */
/*
 * What is known of a VM's moves from the records of all hosts: where it runs, how each move went, and what
 * hosts in doubt are to be told (docs/stream.md, "Who runs the guest"). Pure.
 */
#ifndef EXPERIMENTS_MOVE_WATCH_H
#define EXPERIMENTS_MOVE_WATCH_H

#include <nestbed/record.pb-c.h>

#include "experiments/move_path.h"
#include "migration/session.h"

/* A copy of a MoveRound. */
struct move_round {
	uint32_t round, epoch, throttle, barriers;
	uint64_t pages, zero_pages, bytes, ticks, dirty, set;
	char *verdict;
};

struct move_hop {
	bool started;
	enum session_record source_said, target_said; /* the last */
	bool moved, kept; /* the source said that it is over */
	bool cut; /* the VM ended at its source while it was under way */
	bool has_total, has_arrival;
	Nestbed__MoveTotal total; /* of its strings only `tracker`, in a copy */
	Nestbed__MoveArrival arrival;
	char *why; /* of KEPT, DROPPED or IN_DOUBT, the first that gave one; or NULL */
	struct text reasons; /* of a refusal, "; " between them */
	struct move_round *round;
	unsigned rounds;
};

struct move_watch {
	const struct move_path *path;
	struct move_hop hop[MOVE_HOPS_MAX];
	unsigned current; /* hops that are behind the VM; it is at path->at[current] */
	unsigned writes; /* the VM's text comes from path->at[writes] now: how many hops it has followed */
	bool dead[NB_LINK_HOSTS]; /* the machine has ended, and all it said was told here */
	bool ended; /* the VM has */
	bool lost; /* nobody has it any more */
};

void move_watch_init(struct move_watch *w, const struct move_path *path);
/* A record of a host's L0; those of other kinds than Move, MoveRound and Stop are nothing here. The number of
 * the hop that it is about, or -1. */
int move_watch_record(struct move_watch *w, unsigned host, const char *vm, const Nestbed__Record *record);
void move_watch_dead(struct move_watch *w, unsigned host);

/* END: drop it, and answer nobody any more: all are told the same. */
enum move_tell { MOVE_TELL_NOTHING, MOVE_TELL_RUN, MOVE_TELL_DROP, MOVE_TELL_END };
/* What each host is to be told now; to be told again until its records make it unnecessary. */
void move_watch_decide(struct move_watch *w, enum move_tell tell[NB_LINK_HOSTS]);
/* Nobody has anything to do any more but to end: hosts that still live wait in vain. */
bool move_watch_over(const struct move_watch *w);
unsigned move_watch_holder(const struct move_watch *w);
/* "moved", "kept", "refused", "ended" (the VM, before it was moved), "lost", "none", "unfinished": of a hop.
 */
const char *move_watch_outcome(const struct move_watch *w, unsigned hop);
/* Ticks for which the guest stood still. */
uint64_t move_hop_down(const struct move_hop *h);
uint64_t move_hop_total(const struct move_hop *h);
void move_watch_free(struct move_watch *w);

#endif
