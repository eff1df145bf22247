/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/simulate.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/cluster/random.h"
#include "experiments/text.h"

/* What runs, as a heap by end: at[0] ends first. */
struct clock {
	struct simulation_event *at;
	unsigned count;
};

struct state {
	const struct simulation *asked;
	struct schedule schedule;
	struct clock clock;
	bool *slow; /* of each rank */
	unsigned *idle; /* ranks, the lowest number last */
	unsigned idle_count;
	uint64_t now, gathered; /* rank 0 is busy with results until then */
	uint64_t random;
	struct simulation_result *result;
	void (*tell)(void *ctx, const struct simulation_event *event);
	void *ctx;
};

static bool sooner(const struct simulation_event *a, const struct simulation_event *b)
{
	return a->end_ms == b->end_ms ? a->rank < b->rank : a->end_ms < b->end_ms;
}

static void swap(struct clock *c, unsigned a, unsigned b)
{
	const struct simulation_event kept = c->at[a];

	c->at[a] = c->at[b];
	c->at[b] = kept;
}

static void clock_add(struct clock *c, const struct simulation_event *event)
{
	unsigned i = c->count++;

	c->at[i] = *event;
	for (; i && sooner(&c->at[i], &c->at[(i - 1) / 2]); i = (i - 1) / 2)
		swap(c, i, (i - 1) / 2);
}

static struct simulation_event clock_take(struct clock *c)
{
	const struct simulation_event first = c->at[0];

	c->at[0] = c->at[--c->count];
	for (unsigned i = 0;;) {
		unsigned least = i;

		for (unsigned child = 2 * i + 1; child <= 2 * i + 2 && child < c->count; child++)
			if (sooner(&c->at[child], &c->at[least]))
				least = child;
		if (least == i)
			return first;
		swap(c, i, least);
		i = least;
	}
}

/* The highest number goes in at the front, so that the lowest idle rank is always the last. */
static void add_idle(struct state *s, unsigned rank)
{
	unsigned i = s->idle_count++;

	for (; i && s->idle[i - 1] < rank; i--)
		s->idle[i] = s->idle[i - 1];
	s->idle[i] = rank;
}

static void begin(struct state *s, unsigned task)
{
	const struct schedule_task *t = &s->schedule.task[task];
	struct simulation_event e = {.task = task, .attempt = t->attempts, .start_ms = s->now};
	uint64_t ms = t->ms;
	bool slow;

	e.rank = e.partner = s->idle[--s->idle_count];
	if (t->pair)
		e.partner = s->idle[--s->idle_count];
	slow = s->slow[e.rank] || s->slow[e.partner];
	if (slow)
		ms = ms * s->asked->slow_percent / 100;
	e.ok = !s->asked->failures || random_below(&s->random, SIMULATE_SCALE) >= s->asked->failures;
	if (!e.ok)
		ms = ms ? random_below(&s->random, ms) : 0;
	e.end_ms = s->now + ms;
	s->result->work_ms += t->pair ? 2 * ms : ms;
	clock_add(&s->clock, &e);
}

static void begin_all(struct state *s)
{
	for (;;) {
		const int task = schedule_pick(&s->schedule, s->idle_count);

		if (task == SCHEDULE_NONE)
			return;
		begin(s, (unsigned)task);
	}
}

/* The first that ends. Its rank is free when rank 0 has its result. */
static void end_one(struct state *s)
{
	struct simulation_event e = clock_take(&s->clock);

	if (e.end_ms < s->gathered)
		e.end_ms = s->gathered;
	e.end_ms += s->asked->gather_ms;
	s->gathered = s->now = e.end_ms;
	add_idle(s, e.rank);
	if (e.partner != e.rank)
		add_idle(s, e.partner);
	if (schedule_ended(&s->schedule, e.task, e.ok, true))
		s->result->retried++;
	if (s->tell)
		s->tell(s->ctx, &e);
}

/* The work spread evenly, or the longest task alone. */
static uint64_t bound(const struct schedule_task *tasks, unsigned count, unsigned ranks)
{
	uint64_t all = 0, longest = 0;

	for (unsigned i = 0; i < count; i++) {
		if (tasks[i].done)
			continue;
		all += tasks[i].pair ? 2 * tasks[i].ms : tasks[i].ms;
		if (tasks[i].ms > longest)
			longest = tasks[i].ms;
	}
	all = (all + ranks - 1) / ranks;
	return all > longest ? all : longest;
}

void simulate(const struct simulation *asked, const struct schedule_task *tasks, unsigned count,
	      struct simulation_result *result, void (*tell)(void *ctx, const struct simulation_event *event),
	      void *ctx)
{
	const unsigned ranks = asked->ranks;
	struct schedule_task *own = zalloc((count + 1) * sizeof(*own));
	struct state s = {
		.asked = asked,
		.clock = {.at = zalloc(ranks * sizeof(*s.clock.at))},
		.slow = zalloc(ranks * sizeof(*s.slow)),
		.idle = zalloc(ranks * sizeof(*s.idle)),
		.random = random_seed(asked->seed),
		.result = result,
		.tell = tell,
		.ctx = ctx,
	};

	memcpy(own, tasks, count * sizeof(*own));
	schedule_init(&s.schedule, own, count, asked->order);
	*result = (struct simulation_result){.bound_ms = bound(tasks, count, ranks)};
	for (unsigned i = ranks; i-- > 0;) {
		s.slow[i] = asked->stragglers && random_below(&s.random, SIMULATE_SCALE) < asked->stragglers;
		add_idle(&s, i);
	}
	begin_all(&s);
	while (s.clock.count) {
		end_one(&s);
		begin_all(&s);
	}
	result->makespan_ms = s.now;
	result->failed = s.schedule.failed;
	schedule_free(&s.schedule);
	free(s.clock.at);
	free(s.slow);
	free(s.idle);
}
