/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/schedule.h"

#include <stdlib.h>

#include "experiments/text.h"

struct sort_key {
	uint64_t ms;
	unsigned task;
};

static int by_number(const struct sort_key *x, const struct sort_key *y)
{
	return (int)(x->task > y->task) - (int)(x->task < y->task);
}

static int longest_first(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	return x->ms == y->ms ? by_number(x, y) : (int)(x->ms < y->ms) - (int)(x->ms > y->ms);
}

static int shortest_first(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	return x->ms == y->ms ? by_number(x, y) : (int)(x->ms > y->ms) - (int)(x->ms < y->ms);
}

static int as_planned(const void *a, const void *b)
{
	return by_number(a, b);
}

void schedule_init(struct schedule *s, struct schedule_task *task, unsigned count, enum schedule_order order)
{
	static int (*const rule[])(const void *, const void *) = {
		longest_first,
		as_planned,
		shortest_first,
	};
	struct sort_key *key = zalloc((count + 1) * sizeof(*key));
	unsigned waiting = 0;

	*s = (struct schedule){
		.task = task,
		.count = count,
		.order = zalloc((count + 1) * sizeof(*s->order)),
		.again = zalloc((count + 1) * sizeof(*s->again)),
	};
	for (unsigned i = 0; i < count; i++) {
		if (task[i].done)
			s->done++;
		else
			key[waiting++] = (struct sort_key){task[i].ms, i};
	}
	qsort(key, waiting, sizeof(*key), rule[order]);
	s->next = s->done;
	for (unsigned i = 0; i < waiting; i++)
		s->order[s->next + i] = key[i].task;
	free(key);
}

static void take_again(struct schedule *s)
{
	s->again_first = (s->again_first + 1) % s->count;
	s->again_count--;
}

/* No task waits there twice: it fits. */
static void add_again(struct schedule *s, unsigned task)
{
	s->again[(s->again_first + s->again_count++) % s->count] = task;
}

int schedule_pick(struct schedule *s, unsigned free_ranks)
{
	const bool again = s->again_count > 0;
	unsigned task;

	if (!again && s->next == s->count)
		return SCHEDULE_NONE;
	task = again ? s->again[s->again_first] : s->order[s->next];
	if (free_ranks < (s->task[task].pair ? 2u : 1u))
		return SCHEDULE_NONE;
	if (again)
		take_again(s);
	else
		s->next++;
	s->task[task].attempts++;
	s->running++;
	return (int)task;
}

bool schedule_ended(struct schedule *s, unsigned task, bool ok, bool again)
{
	struct schedule_task *t = &s->task[task];

	s->running--;
	if (ok) {
		t->done = true;
		s->done++;
		return false;
	}
	if (again && t->attempts < SCHEDULE_ATTEMPTS) {
		add_again(s, task);
		return true;
	}
	t->failed = true;
	s->failed++;
	return false;
}

void schedule_returned(struct schedule *s, unsigned task)
{
	s->running--;
	s->task[task].attempts--;
	add_again(s, task);
}

bool schedule_over(const struct schedule *s)
{
	return s->done + s->failed == s->count;
}

void schedule_free(struct schedule *s)
{
	free(s->task);
	free(s->order);
	free(s->again);
	*s = (struct schedule){0};
}
