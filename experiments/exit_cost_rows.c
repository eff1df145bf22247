/* SPDX-License-Identifier: MIT */
#include "experiments/exit_cost_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static const Nestbed__ExitCount *find_exit(const Nestbed__Window *w, uint32_t level, uint32_t reason)
{
	for (size_t i = 0; w && i < w->n_exit; i++)
		if (w->exit[i]->level == level && w->exit[i]->reason == reason)
			return w->exit[i];
	return NULL;
}

static int by_level_and_reason(const void *a, const void *b)
{
	const struct reason_row *x = a, *y = b;

	if (x->level != y->level)
		return x->level > y->level ? -1 : 1;
	return x->reason < y->reason ? -1 : x->reason > y->reason;
}

/* `none`: the window of the empty operation. */
static void fill_reasons(struct exit_cost_row *row, const Nestbed__Window *w, const Nestbed__Window *none)
{
	row->reason = zalloc(w->n_exit * sizeof(*row->reason));
	for (size_t i = 0; i < w->n_exit; i++) {
		const Nestbed__ExitCount *e = w->exit[i];
		const Nestbed__ExitCount *own = find_exit(none, e->level, e->reason);
		struct reason_row r = {
			.level = e->level,
			.reason = e->reason,
			.count = less(e->count, own ? own->count : 0),
			.ticks = less(e->ticks, own ? own->ticks : 0),
			.reflected = less(e->reflected, own ? own->reflected : 0),
		};

		if (!r.count)
			continue;
		r.name = text_copy(e->name);
		row->exits += r.count;
		row->exits_l2 += r.level == 2 ? r.count : 0;
		row->reason[row->reason_count++] = r;
	}
	if (row->reason_count)
		qsort(row->reason, row->reason_count, sizeof(*row->reason), by_level_and_reason);
}

static void fill_window(struct exit_cost_row *row, const Nestbed__Window *w, const Nestbed__Window *none)
{
	row->windowed = true;
	row->ticks_l0 = less(w->ticks_l0, none->ticks_l0);
	/* At L1 that is the workload itself, which works on nobody's behalf. */
	row->ticks_l1 = row->run->depth == 2 ? less(w->ticks_l1, none->ticks_l1) : 0;
	row->entries = less(w->entries, none->entries);
	row->vmreads = less(w->vmreads, none->vmreads);
	row->vmwrites = less(w->vmwrites, none->vmwrites);
	row->vmptrlds = less(w->vmptrlds, none->vmptrlds);
	row->merges_full = less(w->merges_full, none->merges_full);
	row->merges_incremental = less(w->merges_incremental, none->merges_incremental);
	row->accounting_ticks = less(w->accounting_ticks, none->accounting_ticks);
	fill_reasons(row, w, none);
}

/* The window of the empty operation; NULL on the bare machine and when it is missing. */
static const Nestbed__Window *marks_alone(const struct capture *c)
{
	unsigned at = 0;

	for (unsigned i = 0; i < c->sample_count; i++) {
		const struct sample *s = &c->sample[i];

		if (!strcmp(s->op, EXIT_COST_EMPTY) && s->mark)
			return capture_window(c, s->mark, &at);
	}
	return NULL;
}

int exit_cost_add(struct exit_cost_rows *rows, const struct exit_cost_run *run, char **why)
{
	const struct capture *c = run->capture;
	const Nestbed__Window *none = marks_alone(c);
	unsigned at = 0;

	if (run->depth && !none) {
		*why = text_format("no window of operation '%s', which says what the marks cost",
				   EXIT_COST_EMPTY);
		return -EPROTO;
	}
	for (unsigned i = 0; i < c->sample_count; i++) {
		const struct sample *s = &c->sample[i];
		struct exit_cost_row row = {.run = run,
					    .op = s->op,
					    .iterations = s->iterations,
					    .ticks = s->ticks,
					    .check = s->check};
		const Nestbed__Window *w;

		if (s->why || !s->mark || !s->iterations)
			continue;
		w = run->depth ? capture_window(c, s->mark, &at) : NULL;
		if (run->depth && (!w || w->level != run->depth)) {
			*why = text_format(
				w ? "the window of '%s' is not of this level" : "no window of '%s'", s->op);
			return -EPROTO;
		}
		if (w)
			fill_window(&row, w, none);
		rows->row = array_grow(rows->row, rows->count, sizeof(*rows->row));
		rows->row[rows->count++] = row;
	}
	return 0;
}

const struct exit_cost_row *exit_cost_find(const struct exit_cost_rows *rows, const struct exit_cost_run *run,
					   const char *op)
{
	for (unsigned i = 0; i < rows->count; i++)
		if (rows->row[i].run == run && !strcmp(rows->row[i].op, op))
			return &rows->row[i];
	return NULL;
}

void exit_cost_rows_free(struct exit_cost_rows *rows)
{
	for (unsigned i = 0; i < rows->count; i++) {
		for (unsigned k = 0; k < rows->row[i].reason_count; k++)
			free(rows->row[i].reason[k].name);
		free(rows->row[i].reason);
	}
	free(rows->row);
	*rows = (struct exit_cost_rows){0};
}

/* "-" where L0 does not say. */
static void add_told(struct csv *csv, const struct exit_cost_row *r, uint64_t total)
{
	if (r->run->opaque)
		csv_word(csv, "-");
	else
		csv_mean(csv, total, r->iterations);
}

void exit_cost_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu)
{
	csv_start(csv, "host_cpu,l0,level,op,config,iterations,ticks_per_op,l0_ticks_per_op,l1_ticks_per_op,"
		       "l0_exits_per_op,unit");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *r = &rows->row[i];

		csv_word(csv, cpu);
		csv_word(csv, r->run->l0);
		csv_word(csv, r->run->level);
		csv_word(csv, r->op);
		csv_word(csv, r->run->config);
		csv_number(csv, r->iterations);
		csv_mean(csv, r->ticks, r->iterations);
		add_told(csv, r, r->ticks_l0);
		add_told(csv, r, r->ticks_l1);
		csv_mean(csv, r->exits, r->iterations);
		csv_word(csv, r->run->unit);
		csv_end_row(csv);
	}
}

void exit_reasons_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu)
{
	csv_start(
		csv,
		"host_cpu,level,op,config,exit_level,reason,exits_per_op,exits_per_l2_exit,reflected_per_op,"
		"l0_ticks_per_op,unit");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *r = &rows->row[i];

		for (unsigned k = 0; !r->run->opaque && k < r->reason_count; k++) {
			const struct reason_row *e = &r->reason[k];

			csv_word(csv, cpu);
			csv_word(csv, r->run->level);
			csv_word(csv, r->op);
			csv_word(csv, r->run->config);
			csv_number(csv, e->level);
			csv_word(csv, e->name);
			csv_mean(csv, e->count, r->iterations);
			csv_mean(csv, r->exits_l2 ? e->count : 0, r->exits_l2);
			csv_mean(csv, e->reflected, r->iterations);
			csv_mean(csv, e->ticks, r->iterations);
			csv_word(csv, r->run->unit);
			csv_end_row(csv);
		}
	}
}

void accounting_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu)
{
	csv_start(csv,
		  "host_cpu,level,op,config,entries_per_op,vmreads_per_op,vmwrites_per_op,vmptrlds_per_op,"
		  "merges_full_per_op,merges_incremental_per_op,accounting_ticks_per_op,unit");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *r = &rows->row[i];

		if (!r->windowed || r->run->opaque)
			continue;
		csv_word(csv, cpu);
		csv_word(csv, r->run->level);
		csv_word(csv, r->op);
		csv_word(csv, r->run->config);
		csv_mean(csv, r->entries, r->iterations);
		csv_mean(csv, r->vmreads, r->iterations);
		csv_mean(csv, r->vmwrites, r->iterations);
		csv_mean(csv, r->vmptrlds, r->iterations);
		csv_mean(csv, r->merges_full, r->iterations);
		csv_mean(csv, r->merges_incremental, r->iterations);
		csv_mean(csv, r->accounting_ticks, r->iterations);
		csv_word(csv, r->run->unit);
		csv_end_row(csv);
	}
}
