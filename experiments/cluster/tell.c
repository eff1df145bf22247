/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cluster/simulate.h"

char *tell_time(uint64_t ms)
{
	const unsigned long long s = (ms + 500) / 1000;

	if (s >= 3600)
		return text_format("%llu h %llu min", s / 3600, s / 60 % 60);
	return s >= 60 ? text_format("%llu min %llu s", s / 60, s % 60) : text_format("%llu s", s);
}

uint64_t tell_left_ms(const struct coordinator *c)
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
		const uint64_t ran = task < 0 ? 0 : coordinator_ms(c) - c->begun_ms[task];

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

void tell_counts(struct coordinator *c)
{
	const struct schedule *s = &c->schedule;
	const unsigned waiting = s->count - s->done - s->failed - s->running;
	char *left = tell_time(tell_left_ms(c));

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
		fprintf(stderr, ", with %s, rank %u", coordinator_host(c, row->partner), row->partner);
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

void tell_end(struct coordinator *c, const struct store_row *row, const struct attempt_end *end, bool broken)
{
	const struct schedule *s = &c->schedule;
	const char *name = coordinator_task(c, row->task)->name;
	const bool ok = !strcmp(row->outcome, "done");

	fprintf(stderr, "[%u/%u] %s: %s", s->done + s->failed, s->count, name, ok ? "done" : "failed");
	show_where(c, row);
	fprintf(stderr, " after %.1f s", (double)end->ms / 1000);
	if (!ok)
		show_reason(end, broken);
	if (!strcmp(row->outcome, "again"))
		fprintf(stderr, "; once more");
	tell_counts(c);
	if (!strcmp(row->outcome, "failed")) {
		char *tail = store_log_tail(&c->store, row->task);

		if (*tail)
			fprintf(stderr, "    its log, %s/logs/%s.log, ends:\n%s", c->store.dir, name, tail);
		free(tail);
	}
}
