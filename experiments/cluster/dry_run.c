/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/dry_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "experiments/cli.h"
#include "experiments/cluster/durations_file.h"
#include "experiments/cluster/simulate.h"
#include "experiments/cluster/store.h"

struct forecast {
	const struct plan *plan;
	struct schedule_task *task;
	enum durations_basis *basis;
	struct simulation_event *event; /* a task each */
	unsigned events, done;
};

static double seconds(uint64_t ms)
{
	return (double)ms / 1000;
}

static void note(void *ctx, const struct simulation_event *event)
{
	struct forecast *f = ctx;

	f->event[f->events++] = *event;
}

static int by_start(const void *a, const void *b)
{
	const struct simulation_event *x = a, *y = b;

	if (x->start_ms != y->start_ms)
		return x->start_ms > y->start_ms ? 1 : -1;
	return (int)(x->rank > y->rank) - (int)(x->rank < y->rank);
}

static void print_rows(struct forecast *f)
{
	qsort(f->event, f->events, sizeof(*f->event), by_start);
	printf("%9s %9s %5s     %-10s %s\n", "start", "end", "rank", "known by", "task");
	for (unsigned i = 0; i < f->events; i++) {
		const struct simulation_event *e = &f->event[i];
		char partner[16] = "";

		if (e->partner != e->rank)
			snprintf(partner, sizeof(partner), "+%u", e->partner);
		printf("%9.1f %9.1f %5u%-4s %-10s %s\n", seconds(e->start_ms), seconds(e->end_ms), e->rank,
		       partner, durations_basis_name(f->basis[e->task]), f->plan->task[e->task].name);
	}
}

static void print_sum(const struct forecast *f, const struct simulation_result *r, unsigned ranks)
{
	unsigned known = 0;

	for (unsigned i = 0; i < f->plan->count; i++)
		known += !f->task[i].done && f->basis[i] == DURATIONS_SAME;
	printf("\n%u tasks on %u ranks: %.1f s; one after the other %.1f s; no schedule is shorter than %.1f "
	       "s\n",
	       f->events, ranks, seconds(r->makespan_ms), seconds(r->work_ms), seconds(r->bound_ms));
	printf("%u of %u tasks ran before, with these settings; the others' times are guesses\n", known,
	       f->events);
	if (f->done)
		printf("%u more are done\n", f->done);
}

/* Known durations, and what is done already. An exit status. */
static int prepare(struct forecast *f, const char *durations, const char *resumed)
{
	struct durations known = {0};
	struct store store;
	const int status = durations_file_read(durations, &known);

	if (status)
		return status;
	store_look(&store, resumed ? resumed : "", f->plan);
	for (unsigned i = 0; i < f->plan->count; i++) {
		f->task[i].ms = durations_guess(&known, &f->plan->task[i], &f->basis[i]);
		f->task[i].pair = f->plan->task[i].across;
		f->task[i].done = resumed && store_has(&store, i);
		f->done += f->task[i].done;
	}
	store_close(&store);
	durations_free(&known);
	return CLI_OK;
}

int dry_run(const struct plan *plan, const char *durations, unsigned ranks, const char *resumed)
{
	const struct simulation s = {.ranks = ranks, .order = SCHEDULE_LONGEST_FIRST};
	struct forecast f = {
		.plan = plan,
		.task = zalloc((plan->count + 1) * sizeof(*f.task)),
		.basis = zalloc((plan->count + 1) * sizeof(*f.basis)),
		.event = zalloc((plan->count + 1) * sizeof(*f.event)),
	};
	struct simulation_result result;
	int status = prepare(&f, durations, resumed);

	for (unsigned i = 0; i < plan->count && !status && ranks < 2; i++)
		if (f.task[i].pair && !f.task[i].done)
			status = cli_usage(
				text_format("task %s needs two ranks; --ranks 2", plan->task[i].name));
	if (!status) {
		simulate(&s, f.task, plan->count, &result, note, &f);
		print_rows(&f);
		print_sum(&f, &result, ranks);
	}
	free(f.task);
	free(f.basis);
	free(f.event);
	return status;
}
