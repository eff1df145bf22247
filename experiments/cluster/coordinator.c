/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/child.h"
#include "experiments/cli.h"
#include "experiments/cluster/facts.h"
#include "experiments/cluster/tell.h"

#define SAVE_SECONDS  1.0
#define SHOW_SECONDS  30.0
#define FACTS_SECONDS 60u
#define UNBEGUN_MAX   3u

uint64_t coordinator_ms(const struct coordinator *c)
{
	return (uint64_t)(seconds_since(&c->started) * 1000);
}

const struct plan_task *coordinator_task(const struct coordinator *c, unsigned task)
{
	return &c->asked->plan->task[task];
}

const char *coordinator_host(const struct coordinator *c, unsigned rank)
{
	const char *host = json_string_value(json_object_get(c->seat[rank].facts, "host"));

	return host ? host : "?";
}

/* ---- before tasks begin ---- */

static void make_schedule(struct coordinator *c)
{
	const struct plan *plan = c->asked->plan;
	struct schedule_task *task = zalloc((plan->count + 1) * sizeof(*task));

	for (unsigned i = 0; i < plan->count; i++) {
		enum durations_basis basis;

		task[i] = (struct schedule_task){
			.ms = durations_guess(&c->known, &plan->task[i], &basis),
			.pair = plan->task[i].across,
			.done = c->asked->resume && store_has(&c->store, i),
		};
		c->before += task[i].done;
	}
	schedule_init(&c->schedule, task, plan->count, SCHEDULE_LONGEST_FIRST);
}

int coordinator_open(struct coordinator *c, const struct coordinator_options *options)
{
	const struct plan *plan = options->plan;
	int status;

	*c = (struct coordinator){.asked = options, .ranks = post_ranks()};
	clock_gettime(CLOCK_MONOTONIC, &c->started);
	c->saved = c->shown = c->started;
	c->seat = zalloc(c->ranks * sizeof(*c->seat));
	c->begun_ms = zalloc((plan->count + 1) * sizeof(*c->begun_ms));
	c->ran_on = zalloc((plan->count + 1) * sizeof(*c->ran_on));
	for (unsigned i = 0; i < c->ranks; i++)
		c->seat[i] = (struct seat){.task = -1, .heard = c->started};
	for (unsigned i = 0; i < plan->count; i++)
		c->ran_on[i] = c->ranks;
	status = store_open(&c->store, options->dir, options->resume, plan);
	if (!status)
		status = durations_file_read(options->durations, &c->known);
	if (status)
		return status;
	make_schedule(c);
	for (unsigned i = 0; i < plan->count; i++) {
		if (!plan->task[i].across || c->ranks > 1 || c->schedule.task[i].done)
			continue;
		fprintf(stderr, "nestbed: task %s needs two ranks, and there is one; mpirun -np 2\n",
			plan->task[i].name);
		return CLI_USAGE;
	}
	c->status = store_file(&c->store, "plan.yaml", options->plan_text);
	if (!c->status)
		coordinator_save(c, "running");
	return c->status;
}

static bool needs_bochs(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->task[i].emulated)
			return true;
	return false;
}

/* All have told what they are: the pool's baseline, and who does not fit. */
static void meet(struct coordinator *c)
{
	json_t **facts = zalloc(c->ranks * sizeof(json_t *));
	char *dir = text_format("%s/hosts", c->store.dir), *about;
	struct text table = {0}, told = {0};

	for (unsigned i = 0; i < c->ranks; i++)
		facts[i] = c->seat[i].facts;
	facts_table(facts, c->ranks, &table);
	c->status = store_file(&c->store, "hosts.csv", &table);
	if (!c->status && facts_unfit(facts, c->ranks, needs_bochs(c->asked->plan), &told))
		c->status = CLI_REFUSED;
	if (!c->status)
		c->status = facts_pool(facts, c->ranks, dir, &told);
	fputs(told.data ? told.data : "", stderr);
	about = tell_time(tell_left_ms(c));
	if (!c->status)
		fprintf(stderr, "plan %s: %u tasks, %u of them done before; %u ranks; about %s\n",
			c->asked->plan->name, c->schedule.count, c->before, c->ranks, about);
	text_free(&table);
	text_free(&told);
	free(about);
	free(dir);
	free(facts);
	c->facts_done = true;
}

/* ---- tasks ---- */

static bool is_free(const struct coordinator *c, unsigned rank)
{
	return c->seat[rank].task < 0 && !c->seat[rank].barred;
}

static unsigned free_ranks(const struct coordinator *c)
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->ranks; i++)
		count += is_free(c, i);
	return count;
}

/* The first that is free; where the task failed before, only if there is no other. */
static unsigned free_rank(const struct coordinator *c, unsigned task)
{
	unsigned any = c->ranks;

	for (unsigned i = 0; i < c->ranks; i++) {
		if (!is_free(c, i))
			continue;
		if (i != c->ran_on[task])
			return i;
		any = i;
	}
	return any;
}

/* The first other one, on another host where there is one. */
static unsigned free_partner(const struct coordinator *c, unsigned rank)
{
	unsigned any = c->ranks;

	for (unsigned i = 0; i < c->ranks; i++) {
		if (i == rank || !is_free(c, i))
			continue;
		if (strcmp(coordinator_host(c, i), coordinator_host(c, rank)) != 0)
			return i;
		if (any == c->ranks)
			any = i;
	}
	return any;
}

static void begin(struct coordinator *c, unsigned task)
{
	const struct plan_task *t = coordinator_task(c, task);
	const unsigned rank = free_rank(c, task);
	struct attempt a = {
		.task = task,
		.attempt = c->schedule.task[task].attempts,
		.partner = ATTEMPT_ALONE,
		.limit = c->asked->plan->limit,
		.name = t->name,
		.words = attempt_words(t, c->asked->keep),
	};

	if (t->across) {
		a.partner = free_partner(c, rank);
		c->seat[a.partner].task = (int)task;
		c->seat[a.partner].partner = true;
	}
	c->seat[rank].task = (int)task;
	c->seat[rank].partner = false;
	c->seat[rank].with = t->across ? a.partner : rank;
	c->seat[rank].bytes = 0;
	c->seat[rank].broken = false;
	c->ran_on[task] = rank;
	c->begun_ms[task] = coordinator_ms(c);
	store_begin(&c->store, task);
	attempt_send(rank, POST_TASK, &a);
	for (unsigned i = 0; a.words[i]; i++)
		free(a.words[i]);
	free(a.words);
}

/* A machine that died or hung may have had bad luck; a check that failed will fail again. */
static bool worth_again(const struct attempt_end *end)
{
	return end->over_limit || end->status == CLI_DIED || end->status >= CLI_INTERRUPTED;
}

static void note_duration(struct coordinator *c, const struct store_row *row, const struct attempt_end *end)
{
	durations_add(&c->fresh, coordinator_task(c, row->task)->key, row->host, end->ms);
	c->expected_ms += c->schedule.task[row->task].ms;
	c->taken_ms += end->ms;
}

/* It can't begin anything: its disk is full, or it has no memory. */
static void note_unbegun(struct coordinator *c, unsigned rank, const struct attempt_end *end)
{
	struct seat *seat = &c->seat[rank];

	schedule_returned(&c->schedule, end->task);
	fprintf(stderr, "%s on %s (rank %u): %s\n", coordinator_task(c, end->task)->name,
		coordinator_host(c, rank), rank, end->why);
	if (++seat->unbegun < UNBEGUN_MAX)
		return;
	seat->barred = true;
	fprintf(stderr, "nestbed: rank %u (host %s) gets no more tasks\n", rank, coordinator_host(c, rank));
}

static void on_end(struct coordinator *c, unsigned rank, const struct attempt_end *end)
{
	struct seat *seat = &c->seat[rank];
	const bool broken = seat->broken || seat->bytes != end->bytes || (*end->why && end->begun);
	struct store_row row = {
		.task = end->task,
		.attempt = end->attempt,
		.rank = rank,
		.partner = seat->with,
		.host = coordinator_host(c, rank),
		.start_ms = c->begun_ms[end->task],
		.end_ms = coordinator_ms(c),
		.status = end->status,
		.outcome = "done",
	};
	int err;

	seat->task = -1;
	if (!end->begun) {
		note_unbegun(c, rank, end);
		return;
	}
	seat->unbegun = 0;
	if (schedule_ended(&c->schedule, end->task, !end->status && end->folder && !broken,
			   broken || worth_again(end)))
		row.outcome = "again";
	else if (!c->schedule.task[end->task].done)
		row.outcome = "failed";
	err = store_end(&c->store, &row, end);
	if (err) {
		fprintf(stderr, "nestbed: %s: %s\n", c->store.dir, strerror(-err));
		c->status = CLI_FAILED;
	}
	c->row = array_grow(c->row, c->rows, sizeof(*c->row));
	c->row[c->rows++] = row;
	c->changed = true;
	if (c->schedule.task[end->task].done)
		note_duration(c, &row, end);
	tell_end(c, &row, end, broken);
}

/* Of the attempt that this rank was given. */
static bool expected(const struct coordinator *c, unsigned rank, unsigned task, unsigned attempt)
{
	const struct seat *seat = &c->seat[rank];

	return seat->task >= 0 && !seat->partner && (unsigned)seat->task == task &&
	       c->schedule.task[task].attempts == attempt;
}

static void on_piece(struct coordinator *c, const struct post_message *message)
{
	struct attempt_piece piece;
	int err;

	if (attempt_read_piece(message, &piece) || !expected(c, message->from, piece.task, piece.attempt))
		return;
	err = store_piece(&c->store, &piece);
	c->seat[message->from].bytes += piece.size;
	c->seat[message->from].broken |= err != 0;
	if (err && !c->status) {
		fprintf(stderr, "nestbed: %s: %s\n", c->store.dir, strerror(-err));
		c->status = CLI_FAILED;
	}
}

static void set_free(struct seat *seat)
{
	seat->task = -1;
	seat->partner = false;
}

static void on_free(struct coordinator *c, struct seat *seat, const struct post_message *message)
{
	if (message->size)
		store_partner_log(&c->store, (unsigned)seat->task, message->data, message->size);
	set_free(seat);
}

/* The source could not begin, so that nobody told its partner. */
static void on_spared(struct coordinator *c, const struct post_message *message)
{
	uint32_t rank = c->ranks;

	if (message->size == sizeof(rank))
		memcpy(&rank, message->data, sizeof(rank));
	if (rank < c->ranks && c->seat[rank].partner && rank == c->seat[message->from].with)
		set_free(&c->seat[rank]);
}

void coordinator_message(struct coordinator *c, const struct post_message *message)
{
	struct seat *seat = &c->seat[message->from];
	struct attempt_end end;
	struct timespec begun;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	seat->heard = begun;
	if (message->kind == POST_FACTS && !seat->facts)
		seat->facts = json_loadb((const char *)message->data, message->size, 0, NULL);
	else if (message->kind == POST_FILE)
		on_piece(c, message);
	else if (message->kind == POST_DONE && !attempt_read_end(message, &end) &&
		 expected(c, message->from, end.task, end.attempt))
		on_end(c, message->from, &end);
	else if (message->kind == POST_FREE && seat->partner)
		on_free(c, seat, message);
	else if (message->kind == POST_SPARED)
		on_spared(c, message);
	c->gather_us += (uint64_t)(seconds_since(&begun) * 1e6);
}

/* ---- the plan ---- */

static bool all_told(const struct coordinator *c)
{
	for (unsigned i = 0; i < c->ranks; i++)
		if (!c->seat[i].facts)
			return false;
	return true;
}

/* A rank that says nothing: its host is gone, or the way to it. */
static void look_for_lost(struct coordinator *c)
{
	for (unsigned i = 1; i < c->ranks && c->asked->lost && !c->lost; i++) {
		/* until it has told what it is, it may be slow to find out */
		const unsigned patience = c->asked->lost + (c->seat[i].facts ? 0 : FACTS_SECONDS);

		if (seconds_since(&c->seat[i].heard) <= patience)
			continue;
		fprintf(stderr, "nestbed: rank %u (host %s) has said nothing for %u s\n", i,
			coordinator_host(c, i), patience);
		c->lost = true;
		c->status = CLI_DIED;
	}
}

void coordinator_save(struct coordinator *c, const char *how)
{
	const struct schedule *s = &c->schedule;
	const int status =
		store_state(&c->store, c->row, c->rows,
			    json_pack("{s:s,s:O,s:i,s:i,s:i,s:i,s:I,s:I}", "state", how, "command_line",
				      c->asked->command_line, "ranks", (int)c->ranks, "tasks", (int)s->count,
				      "done", (int)s->done, "failed", (int)s->failed, "session_ms",
				      (json_int_t)coordinator_ms(c), "gather_us", (json_int_t)c->gather_us));

	if (!c->forgets && durations_file_add(c->asked->durations, &c->fresh)) {
		fprintf(stderr, "nestbed: %s can't be written: durations are forgotten\n",
			c->asked->durations);
		c->forgets = true;
	}
	durations_free(&c->fresh);
	clock_gettime(CLOCK_MONOTONIC, &c->saved);
	c->changed = false;
	if (status && !c->status)
		c->status = status;
}

static void finish(struct coordinator *c)
{
	char *took = tell_time(coordinator_ms(c));

	coordinator_save(c, "finished");
	if (!c->status)
		c->status = store_tables(&c->store);
	fprintf(stderr, "plan %s: %u of %u tasks done, %u failed, %s\n", c->asked->plan->name,
		c->schedule.done, c->schedule.count, c->schedule.failed, took);
	printf("Result: %s\n", c->store.dir);
	if (!c->status && c->schedule.failed)
		c->status = CLI_FAILED;
	free(took);
}

/* Enough for what needs most. */
static bool usable_ranks(const struct coordinator *c)
{
	unsigned usable = 0, needed = 1;

	for (unsigned i = 0; i < c->ranks; i++)
		usable += !c->seat[i].barred;
	for (unsigned i = 0; i < c->schedule.count && usable < 2; i++)
		if (c->schedule.task[i].pair && !c->schedule.task[i].done && !c->schedule.task[i].failed)
			needed = 2;
	return usable >= needed;
}

bool coordinator_turn(struct coordinator *c)
{
	look_for_lost(c);
	if (!c->facts_done && all_told(c))
		meet(c);
	if (c->status) {
		coordinator_save(c, "interrupted");
		return false;
	}
	if (!c->facts_done)
		return true;
	if (!usable_ranks(c)) {
		fprintf(stderr, "nestbed: no rank is left that can begin what is left of the plan\n");
		c->status = CLI_FAILED;
		coordinator_save(c, "interrupted");
		return false;
	}
	for (int task; (task = schedule_pick(&c->schedule, free_ranks(c))) != SCHEDULE_NONE;)
		begin(c, (unsigned)task);
	if (schedule_over(&c->schedule)) {
		finish(c);
		return false;
	}
	if (c->changed && seconds_since(&c->saved) >= SAVE_SECONDS)
		coordinator_save(c, "running");
	if (seconds_since(&c->shown) >= SHOW_SECONDS) {
		fprintf(stderr, "[%u/%u]", c->schedule.done + c->schedule.failed, c->schedule.count);
		tell_counts(c);
	}
	return true;
}

void coordinator_close(struct coordinator *c)
{
	for (unsigned i = 0; i < c->ranks; i++)
		json_decref(c->seat[i].facts);
	store_close(&c->store);
	schedule_free(&c->schedule);
	durations_free(&c->known);
	durations_free(&c->fresh);
	free(c->seat);
	free(c->begun_ms);
	free(c->ran_on);
	free(c->row);
	*c = (struct coordinator){0};
}
