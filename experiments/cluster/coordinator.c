/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/child.h"
#include "experiments/cli.h"
#include "experiments/cluster/facts.h"
#include "experiments/cluster/simulate.h"
#include "experiments/files.h"

#define SAVE_SECONDS 1.0
#define SHOW_SECONDS 30.0

static uint64_t ms_since(const struct timespec *then)
{
	return (uint64_t)(seconds_since(then) * 1000);
}

static const struct plan_task *task_of(const struct coordinator *c, unsigned task)
{
	return &c->asked->plan->task[task];
}

static const char *host_of(const struct coordinator *c, unsigned rank)
{
	const char *host = json_string_value(json_object_get(c->seat[rank].facts, "host"));

	return host ? host : "?";
}

/* ---- what is told ---- */

/* "1 h 20 min", "3 min 5 s", "12 s" */
static char *in_words(uint64_t ms)
{
	const unsigned long long s = (ms + 500) / 1000;

	if (s >= 3600)
		return text_format("%llu h %llu min", s / 3600, s / 60 % 60);
	return s >= 60 ? text_format("%llu min %llu s", s / 60, s % 60) : text_format("%llu s", s);
}

/* What is left by the schedule, corrected by how right its guesses were so far. */
static uint64_t left_ms(const struct coordinator *c)
{
	const struct simulation s = {.ranks = c->ranks, .order = SCHEDULE_LONGEST_FIRST};
	const unsigned count = c->schedule.count;
	struct schedule_task *left = zalloc((count + 1) * sizeof(*left));
	struct simulation_result result;
	uint64_t ms;

	for (unsigned i = 0; i < count; i++) {
		left[i] = c->schedule.task[i];
		left[i].attempts = 0;
		left[i].done |= left[i].failed;
	}
	for (unsigned r = 0; r < c->ranks; r++) { /* a part of these is behind */
		const int task = c->seat[r].task;
		const uint64_t ran = task < 0 ? 0 : ms_since(&c->started) - c->begun_ms[task];

		if (task >= 0 && !c->seat[r].partner)
			left[task].ms = left[task].ms > ran ? left[task].ms - ran : 0;
	}
	simulate(&s, left, count, &result, NULL, NULL);
	ms = result.makespan_ms;
	if (c->expected_ms && c->taken_ms)
		ms = (uint64_t)((double)ms * (double)c->taken_ms / (double)c->expected_ms);
	free(left);
	return ms;
}

static void show_counts(struct coordinator *c)
{
	const struct schedule *s = &c->schedule;
	const unsigned waiting = s->count - s->done - s->failed - s->running;
	char *left = in_words(left_ms(c));

	if (s->running + waiting)
		fprintf(stderr, "; %u running, %u waiting, about %s left", s->running, waiting, left);
	fputc('\n', stderr);
	clock_gettime(CLOCK_MONOTONIC, &c->shown);
	free(left);
}

static void show_end(struct coordinator *c, const struct store_row *row, const struct attempt_end *end)
{
	const struct schedule *s = &c->schedule;
	const char *name = task_of(c, row->task)->name;
	const bool ok = !strcmp(row->outcome, "done");

	fprintf(stderr, "[%u/%u] %s: %s on %s (rank %u) after %.1f s", s->done + s->failed, s->count, name,
		ok ? "done" : "failed", row->host, row->rank, (double)end->ms / 1000);
	if (end->over_limit)
		fprintf(stderr, ": it took longer than the plan's limit");
	else if (!ok)
		fprintf(stderr, ": exit status %d", end->status);
	if (!strcmp(row->outcome, "again"))
		fprintf(stderr, "; once more");
	show_counts(c);
	if (!strcmp(row->outcome, "failed")) {
		char *tail = store_log_tail(&c->store, row->task);

		fprintf(stderr, "    its log, %s/logs/%s.log, ends:\n%s", c->store.dir, name, tail);
		free(tail);
	}
}

/* ---- before tasks begin ---- */

static int read_durations(struct coordinator *c)
{
	struct blob blob;
	char *why;
	int err;

	if (file_read(c->asked->durations, &blob))
		return CLI_OK; /* there were none yet */
	err = durations_read(&c->known, c->asked->durations, blob.data, &why);
	free(blob.data);
	return err ? cli_usage(why) : CLI_OK;
}

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
	for (unsigned i = 0; i < c->ranks; i++)
		c->seat[i] = (struct seat){.task = -1, .heard = c->started};
	status = store_open(&c->store, options->dir, options->resume, plan, options->plan_text);
	if (!status)
		status = read_durations(c);
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
	coordinator_save(c, "running");
	return c->status;
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
	if (!c->status && facts_unfit(facts, c->ranks, &told))
		c->status = CLI_REFUSED;
	if (!c->status)
		c->status = facts_pool(facts, c->ranks, dir, &told);
	fputs(told.data ? told.data : "", stderr);
	about = in_words(left_ms(c));
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

static unsigned free_ranks(const struct coordinator *c)
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->ranks; i++)
		count += c->seat[i].task < 0;
	return count;
}

static unsigned free_rank(const struct coordinator *c)
{
	unsigned rank = 0;

	while (c->seat[rank].task >= 0)
		rank++;
	return rank;
}

/* Another one, on another host where there is one. */
static unsigned free_partner(const struct coordinator *c, unsigned rank)
{
	unsigned any = rank;

	for (unsigned i = c->ranks; i-- > 0;) {
		if (i == rank || c->seat[i].task >= 0)
			continue;
		any = i;
		if (strcmp(host_of(c, i), host_of(c, rank)) != 0)
			return i;
	}
	return any;
}

static void begin(struct coordinator *c, unsigned task)
{
	const struct plan_task *t = task_of(c, task);
	const unsigned rank = free_rank(c);
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
	c->begun_ms[task] = ms_since(&c->started);
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

/* And the folder that it is in. 0 or negative errno. */
static int write_below(const char *path, const struct text *text)
{
	char *folder = text_copy(path), *slash = strrchr(folder, '/');
	int err = 0;

	if (slash && slash != folder) {
		*slash = '\0';
		err = make_folders(folder);
	}
	free(folder);
	return err ? err : file_write(path, text->data, text->size);
}

static void note_duration(struct coordinator *c, const struct store_row *row, const struct attempt_end *end)
{
	const struct plan_task *t = task_of(c, row->task);
	struct text table = {0};

	durations_add(&c->known, t->key, row->host, end->ms);
	c->expected_ms += c->schedule.task[row->task].ms;
	c->taken_ms += end->ms;
	durations_write(&c->known, &table);
	if (write_below(c->asked->durations, &table) && !c->forgets) {
		fprintf(stderr, "nestbed: %s can't be written: durations are forgotten\n",
			c->asked->durations);
		c->forgets = true;
	}
	text_free(&table);
}

static void on_end(struct coordinator *c, unsigned rank, const struct attempt_end *end)
{
	struct store_row row = {
		.task = end->task,
		.attempt = end->attempt,
		.rank = rank,
		.partner = c->seat[rank].with,
		.host = host_of(c, rank),
		.start_ms = c->begun_ms[end->task],
		.end_ms = ms_since(&c->started),
		.status = end->status,
		.outcome = "done",
	};
	int err;

	c->seat[rank].task = -1;
	if (schedule_ended(&c->schedule, end->task, !end->status && end->folder, worth_again(end)))
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
	show_end(c, &row, end);
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
	if (err && !c->status) {
		fprintf(stderr, "nestbed: %s: %s\n", c->store.dir, strerror(-err));
		c->status = CLI_FAILED;
	}
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
		*seat = (struct seat){.facts = seat->facts, .task = -1, .heard = seat->heard};
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
		if (seconds_since(&c->seat[i].heard) <= c->asked->lost)
			continue;
		fprintf(stderr, "nestbed: rank %u (host %s) has said nothing for %u s\n", i, host_of(c, i),
			c->asked->lost);
		c->lost = true;
		c->status = CLI_DIED;
	}
}

void coordinator_save(struct coordinator *c, const char *how)
{
	const struct schedule *s = &c->schedule;
	const int status = store_state(
		&c->store, c->row, c->rows,
		json_pack("{s:s,s:O,s:i,s:i,s:i,s:i,s:I,s:I}", "state", how, "command_line",
			  c->asked->command_line, "ranks", (int)c->ranks, "tasks", (int)s->count, "done",
			  (int)s->done, "failed", (int)s->failed, "session_ms",
			  (json_int_t)ms_since(&c->started), "gather_us", (json_int_t)c->gather_us));

	clock_gettime(CLOCK_MONOTONIC, &c->saved);
	c->changed = false;
	if (status && !c->status)
		c->status = status;
}

static void finish(struct coordinator *c)
{
	char *took = in_words(ms_since(&c->started));

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
		show_counts(c);
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
	free(c->seat);
	free(c->begun_ms);
	free(c->row);
	*c = (struct coordinator){0};
}
