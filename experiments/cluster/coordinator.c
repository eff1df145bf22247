/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/coordinator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "experiments/child.h"
#include "experiments/cli.h"
#include "experiments/cluster/facts.h"
#include "experiments/cluster/simulate.h"
#include "experiments/files.h"

#define SAVE_SECONDS  1.0
#define SHOW_SECONDS  30.0
#define FACTS_SECONDS 60u
#define UNBEGUN_MAX   3u

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

static void show_where(const struct coordinator *c, const struct store_row *row)
{
	fprintf(stderr, " on %s (rank %u", row->host, row->rank);
	if (row->partner != row->rank)
		fprintf(stderr, ", with %s, rank %u", host_of(c, row->partner), row->partner);
	fputc(')', stderr);
}

static void show_reason(const struct attempt_end *end, bool broken)
{
	if (*end->why)
		fprintf(stderr, ": %s", end->why);
	else if (broken)
		fprintf(stderr, ": its files did not come whole");
	else if (end->over_limit)
		fprintf(stderr, ": it took longer than the plan's limit");
	else
		fprintf(stderr, ": exit status %d", end->status);
}

static void show_end(struct coordinator *c, const struct store_row *row, const struct attempt_end *end,
		     bool broken)
{
	const struct schedule *s = &c->schedule;
	const char *name = task_of(c, row->task)->name;
	const bool ok = !strcmp(row->outcome, "done");

	fprintf(stderr, "[%u/%u] %s: %s", s->done + s->failed, s->count, name, ok ? "done" : "failed");
	show_where(c, row);
	fprintf(stderr, " after %.1f s", (double)end->ms / 1000);
	if (!ok)
		show_reason(end, broken);
	if (!strcmp(row->outcome, "again"))
		fprintf(stderr, "; once more");
	show_counts(c);
	if (!strcmp(row->outcome, "failed")) {
		char *tail = store_log_tail(&c->store, row->task);

		if (*tail)
			fprintf(stderr, "    its log, %s/logs/%s.log, ends:\n%s", c->store.dir, name, tail);
		free(tail);
	}
}

/* ---- before tasks begin ---- */

/* What is in the file of durations; none is none yet. An exit status. */
static int read_durations(const char *path, struct durations *known)
{
	struct blob blob;
	char *why;
	int err = file_read(path, &blob);

	*known = (struct durations){0};
	if (err == -ENOENT)
		return CLI_OK;
	if (err)
		return cli_usage(text_format("%s: %s", path, strerror(-err)));
	err = durations_read(known, path, blob.data, &why);
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
	c->ran_on = zalloc((plan->count + 1) * sizeof(*c->ran_on));
	for (unsigned i = 0; i < c->ranks; i++)
		c->seat[i] = (struct seat){.task = -1, .heard = c->started};
	for (unsigned i = 0; i < plan->count; i++)
		c->ran_on[i] = c->ranks;
	status = store_open(&c->store, options->dir, options->resume, plan);
	if (!status)
		status = read_durations(options->durations, &c->known);
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
		if (strcmp(host_of(c, i), host_of(c, rank)) != 0)
			return i;
		if (any == c->ranks)
			any = i;
	}
	return any;
}

static void begin(struct coordinator *c, unsigned task)
{
	const struct plan_task *t = task_of(c, task);
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

/* The folder that it is in, and a lock beside it: other runs have this file too. Its descriptor, or negative
 * errno. */
static int lock_beside(const char *path)
{
	char *name = text_format("%s.lock", path), *slash = strrchr(name, '/');
	int err = 0, fd = -1;

	if (slash && slash != name) {
		*slash = '\0';
		err = make_folders(name);
		*slash = '/';
	}
	if (!err)
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (!err && (fd < 0 || flock(fd, LOCK_EX)))
		err = -errno;
	free(name);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* What this run found is added to what others wrote meanwhile. */
static void write_durations(struct coordinator *c)
{
	const int fd = c->fresh.count && !c->forgets ? lock_beside(c->asked->durations) : -1;
	struct durations all;
	struct text table = {0};

	if (!c->fresh.count || c->forgets)
		return;
	if (fd >= 0 && !read_durations(c->asked->durations, &all)) {
		for (unsigned i = 0; i < c->fresh.count; i++)
			durations_add(&all, c->fresh.row[i].key, c->fresh.row[i].host, c->fresh.row[i].ms);
		durations_write(&all, &table);
		durations_free(&all);
	}
	if (!table.size || file_write(c->asked->durations, table.data, table.size)) {
		fprintf(stderr, "nestbed: %s can't be written: durations are forgotten\n",
			c->asked->durations);
		c->forgets = true;
	}
	if (fd >= 0)
		close(fd);
	text_free(&table);
	durations_free(&c->fresh);
}

static void note_duration(struct coordinator *c, const struct store_row *row, const struct attempt_end *end)
{
	durations_add(&c->fresh, task_of(c, row->task)->key, row->host, end->ms);
	c->expected_ms += c->schedule.task[row->task].ms;
	c->taken_ms += end->ms;
}

/* It can't begin anything: its disk is full, or it has no memory. */
static void note_unbegun(struct coordinator *c, unsigned rank, const struct attempt_end *end)
{
	struct seat *seat = &c->seat[rank];

	schedule_returned(&c->schedule, end->task);
	fprintf(stderr, "%s on %s (rank %u): %s\n", task_of(c, end->task)->name, host_of(c, rank), rank,
		end->why);
	if (++seat->unbegun < UNBEGUN_MAX)
		return;
	seat->barred = true;
	fprintf(stderr, "nestbed: rank %u (host %s) gets no more tasks\n", rank, host_of(c, rank));
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
		.host = host_of(c, rank),
		.start_ms = c->begun_ms[end->task],
		.end_ms = ms_since(&c->started),
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
	show_end(c, &row, end, broken);
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
		fprintf(stderr, "nestbed: rank %u (host %s) has said nothing for %u s\n", i, host_of(c, i),
			patience);
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

	write_durations(c);
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
	durations_free(&c->fresh);
	free(c->seat);
	free(c->begun_ms);
	free(c->ran_on);
	free(c->row);
	*c = (struct coordinator){0};
}
