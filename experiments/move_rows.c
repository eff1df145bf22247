/* SPDX-License-Identifier: MIT */
#include "experiments/move_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#define MEGABIT 1000000u
#define KEYS    "from_cpu,to_cpu,workload,level,guest_mib,link_mbit,dirty_pages_per_s,tracker,"

void move_tables_start(struct move_tables *t)
{
	csv_start(&t->moves,
		  KEYS "rounds,total_ticks,down_ticks,bytes,lower_bound_bytes,pages_sent,pages_zero,"
		       "barriers,outcome,digest");
	csv_start(&t->rounds, KEYS "hop,round,epoch,pages,zero_pages,bytes,ticks,dirtied,throttle_percent,"
				   "barriers,set_digest,verdict");
	csv_start(&t->down, KEYS "hop,cause,ticks");
	csv_start(&t->barriers, KEYS "hop,barriers,ticks,ticks_per_barrier");
}

static void add_keys(struct csv *csv, const struct move_watch *w, unsigned hop, const struct move_row *row)
{
	const struct move_hop *h = &w->hop[hop];

	csv_word(csv, w->path->host[w->path->at[hop]].cpu);
	csv_word(csv, w->path->host[w->path->at[hop + 1]].cpu);
	csv_word(csv, row->workload);
	csv_word(csv, row->level);
	csv_number(csv, row->guest_mib);
	if (row->rate % MEGABIT)
		csv_mean(csv, row->rate, MEGABIT);
	else
		csv_number(csv, row->rate / MEGABIT);
	csv_number(csv, row->dirty_pages);
	csv_word(csv, h->total.tracker && *h->total.tracker ? h->total.tracker : row->tracker);
}

static void add_digest(struct csv *csv, uint64_t digest)
{
	char *hex = text_format("%016" PRIx64, digest);

	csv_word(csv, hex);
	free(hex);
}

static void add_move(struct csv *csv, const struct move_watch *w, unsigned hop, const struct move_row *row)
{
	const struct move_hop *h = &w->hop[hop];

	add_keys(csv, w, hop, row);
	csv_number(csv, h->total.rounds);
	csv_number(csv, move_hop_total(h));
	csv_number(csv, move_hop_down(h));
	csv_number(csv, h->total.bytes);
	csv_number(csv, h->total.pages_nonzero * 4096);
	csv_number(csv, h->total.pages_sent);
	csv_number(csv, h->total.pages_zero);
	csv_number(csv, h->total.barriers);
	csv_word(csv, move_watch_outcome(w, hop));
	add_digest(csv, h->total.stream_digest);
	csv_end_row(csv);
}

static void add_round(struct csv *csv, const struct move_watch *w, unsigned hop, const struct move_row *row,
		      const struct move_round *r)
{
	add_keys(csv, w, hop, row);
	csv_number(csv, hop);
	csv_number(csv, r->round);
	csv_number(csv, r->epoch);
	csv_number(csv, r->pages);
	csv_number(csv, r->zero_pages);
	csv_number(csv, r->bytes);
	csv_number(csv, r->ticks);
	csv_number(csv, r->dirty);
	csv_number(csv, r->throttle);
	csv_number(csv, r->barriers);
	add_digest(csv, r->set);
	csv_word(csv, r->verdict);
	csv_end_row(csv);
}

static void add_down(struct csv *csv, const struct move_watch *w, unsigned hop, const struct move_row *row)
{
	const struct move_hop *h = &w->hop[hop];
	const struct {
		const char *cause;
		uint64_t ticks;
	} causes[] = {
		{"stop",       h->total.stop_ticks    },
                {"drain",      h->total.drain_ticks   },
		{"last pages", h->total.pages_ticks   },
                {"state",      h->total.state_ticks   },
		{"load",       h->arrival.load_ticks  },
                {"resume",     h->arrival.resume_ticks},
	};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		add_keys(csv, w, hop, row);
		csv_number(csv, hop);
		csv_word(csv, causes[i].cause);
		csv_number(csv, causes[i].ticks);
		csv_end_row(csv);
	}
}

static void add_barriers(struct csv *csv, const struct move_watch *w, unsigned hop,
			 const struct move_row *row)
{
	const Nestbed__MoveTotal *t = &w->hop[hop].total;

	add_keys(csv, w, hop, row);
	csv_number(csv, hop);
	csv_number(csv, t->barriers);
	csv_number(csv, t->barrier_ticks);
	csv_mean(csv, t->barrier_ticks, t->barriers);
	csv_end_row(csv);
}

void move_tables_add(struct move_tables *t, const struct move_watch *w, const struct move_row *row)
{
	for (unsigned hop = 0; hop < w->path->hops; hop++) {
		const struct move_hop *h = &w->hop[hop];

		add_move(&t->moves, w, hop, row);
		for (unsigned i = 0; i < h->rounds; i++)
			add_round(&t->rounds, w, hop, row, &h->round[i]);
		if (h->has_total && h->has_arrival)
			add_down(&t->down, w, hop, row);
		if (h->total.barriers)
			add_barriers(&t->barriers, w, hop, row);
	}
}

void move_tables_free(struct move_tables *t)
{
	csv_free(&t->moves);
	csv_free(&t->rounds);
	csv_free(&t->down);
	csv_free(&t->barriers);
}

/* ---- for people ---- */

void move_round_text(struct text *out, const struct move_path *path, unsigned hop, const struct move_round *r)
{
	char *name = move_path_hop(path, hop);

	text_addf(out,
		  "%s round %" PRIu32 ": %" PRIu64 " pages, %" PRIu64 " zero, %" PRIu64 " bytes, %" PRIu64
		  " ticks, dirtied %" PRIu64,
		  name, r->round, r->pages, r->zero_pages, r->bytes, r->ticks, r->dirty);
	if (r->barriers)
		text_addf(out, ", %" PRIu32 " barriers", r->barriers);
	if (r->throttle)
		text_addf(out, ", slowed by %" PRIu32 " %%", r->throttle);
	if (*r->verdict)
		text_addf(out, ": %s", r->verdict);
	free(name);
}

void move_outcome_text(struct text *out, const struct move_watch *w, unsigned hop)
{
	const struct move_hop *h = &w->hop[hop];
	char *name = move_path_hop(w->path, hop);

	text_addf(out, "%s %s", name, move_watch_outcome(w, hop));
	if (h->has_total)
		text_addf(out,
			  ": %" PRIu32 " rounds, %" PRIu64 " bytes, %" PRIu64 " ticks, down for %" PRIu64
			  " ticks, stream %016" PRIx64,
			  h->total.rounds, h->total.bytes, move_hop_total(h), move_hop_down(h),
			  h->total.stream_digest);
	if (h->why)
		text_addf(out, "; %s", h->why);
	if (h->reasons.size)
		text_addf(out, ": %s", h->reasons.data);
	free(name);
}
