/* SPDX-License-Identifier: MIT */
/* The schedule, what it comes to in a simulation, and the durations that it goes by. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "experiments/cluster/durations.h"
#include "experiments/cluster/simulate.h"

static struct schedule_task *tasks_of(const uint64_t *ms, unsigned count)
{
	struct schedule_task *task = zalloc((count + 1) * sizeof(*task));

	for (unsigned i = 0; i < count; i++)
		task[i].ms = ms[i];
	return task;
}

/* ---- the order ---- */

static void longest_first(void **state)
{
	static const uint64_t ms[] = {5, 9, 9, 1};
	static const int wanted[] = {1, 2, 0, 3};
	struct schedule s;

	(void)state;
	schedule_init(&s, tasks_of(ms, 4), 4, SCHEDULE_LONGEST_FIRST);
	for (int i = 0; i < 4; i++)
		assert_int_equal(schedule_pick(&s, 1), wanted[i]);
	assert_int_equal(schedule_pick(&s, 1), SCHEDULE_NONE);
	assert_false(schedule_over(&s));
	for (unsigned i = 0; i < 4; i++)
		assert_false(schedule_ended(&s, i, true, true));
	assert_true(schedule_over(&s));
	schedule_free(&s);
}

static void once_more_and_no_more(void **state)
{
	static const uint64_t ms[] = {5, 4};
	struct schedule s;

	(void)state;
	schedule_init(&s, tasks_of(ms, 2), 2, SCHEDULE_LONGEST_FIRST);
	assert_int_equal(schedule_pick(&s, 2), 0);
	assert_true(schedule_ended(&s, 0, false, true));
	assert_int_equal(schedule_pick(&s, 2), 0); /* before what has not begun */
	assert_false(schedule_ended(&s, 0, false, true));
	assert_int_equal(s.failed, 1);
	assert_int_equal(schedule_pick(&s, 2), 1);
	assert_false(schedule_ended(&s, 1, false, false)); /* it is not worth it */
	assert_int_equal(schedule_pick(&s, 2), SCHEDULE_NONE);
	assert_true(schedule_over(&s));
	schedule_free(&s);
}

/* What could not begin costs no attempt, and comes next, as often as it must. */
static void returned(void **state)
{
	static const uint64_t ms[] = {5, 4};
	struct schedule s;

	(void)state;
	schedule_init(&s, tasks_of(ms, 2), 2, SCHEDULE_LONGEST_FIRST);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(schedule_pick(&s, 1), 0);
		assert_int_equal(s.task[0].attempts, 1);
		schedule_returned(&s, 0);
	}
	assert_int_equal(schedule_pick(&s, 1), 0);
	assert_int_equal(schedule_pick(&s, 1), 1);
	schedule_returned(&s, 1);
	assert_true(schedule_ended(&s, 0, false, true));
	assert_int_equal(schedule_pick(&s, 1), 1);
	assert_int_equal(schedule_pick(&s, 1), 0);
	assert_int_equal(s.task[0].attempts, 2);
	schedule_free(&s);
}

static void a_pair_waits_for_two(void **state)
{
	static const uint64_t ms[] = {1, 9, 5};
	struct schedule_task *task = tasks_of(ms, 3);
	struct schedule s;

	(void)state;
	task[1].pair = true;
	schedule_init(&s, task, 3, SCHEDULE_LONGEST_FIRST);
	assert_int_equal(schedule_pick(&s, 1),
			 SCHEDULE_NONE); /* a short one must not take its place for ever */
	assert_int_equal(schedule_pick(&s, 2), 1);
	assert_int_equal(schedule_pick(&s, 1), 2);
	schedule_free(&s);
}

static void what_is_done_stays(void **state)
{
	static const uint64_t ms[] = {3, 2, 1};
	struct schedule_task *task = tasks_of(ms, 3);
	struct schedule s;

	(void)state;
	task[1].done = true;
	schedule_init(&s, task, 3, SCHEDULE_AS_PLANNED);
	assert_int_equal(s.done, 1);
	assert_int_equal(schedule_pick(&s, 1), 0);
	assert_int_equal(schedule_pick(&s, 1), 2);
	assert_int_equal(schedule_pick(&s, 1), SCHEDULE_NONE);
	schedule_free(&s);
}

/* ---- simulation ---- */

static const struct {
	const char *name;
	struct simulation asked;
	unsigned count;
	uint64_t ms[8];
	bool pair[8];
	uint64_t makespan, work, bound;
} runs[] = {
	{"one rank",                  {.ranks = 1},                       3, {5, 3, 2},       {0},           10, 10, 10},
	{"two ranks, longest first",  {.ranks = 2},                       5, {1, 2, 3, 4, 4}, {0},           7,  14, 7 },
	{"two ranks, as planned",
	 {.ranks = 2, .order = SCHEDULE_AS_PLANNED},
	 5,								  {1, 2, 3, 4, 4},
	 {0},
	 8,												      14,
	 7													     },
	{"the longest is the bound",  {.ranks = 4},                       3, {9, 1, 1},       {0},           9,  11, 9 },
	{"a pair takes two",          {.ranks = 2},                       2, {4, 3},          {true},        7,  11, 6 },
	{"a pair holds the idle one", {.ranks = 2},                       3, {9, 8, 1},       {false, true}, 18, 26, 13},
	{"rank 0 gathers one by one", {.ranks = 3, .gather_ms = 2},       3, {5, 5, 5},       {0},           11, 15, 5 },
	{"every rank is slow",
	 {.ranks = 2, .stragglers = SIMULATE_SCALE, .slow_percent = 300},
	 2,								  {5, 4},
	 {0},
	 15,												     27,
	 5													     },
};

static void known_schedules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct schedule_task *task = tasks_of(runs[i].ms, runs[i].count);
		struct simulation_result r;

		for (unsigned k = 0; k < runs[i].count; k++)
			task[k].pair = runs[i].pair[k];
		simulate(&runs[i].asked, task, runs[i].count, &r, NULL, NULL);
		if (r.makespan_ms != runs[i].makespan || r.work_ms != runs[i].work ||
		    r.bound_ms != runs[i].bound)
			fail_msg("%s: %llu, work %llu, bound %llu", runs[i].name,
				 (unsigned long long)r.makespan_ms, (unsigned long long)r.work_ms,
				 (unsigned long long)r.bound_ms);
		free(task);
	}
}

#define MANY  300u
#define RANKS 7u

struct seen {
	unsigned ended[MANY];
	uint64_t busy_until[RANKS];
	bool wrong;
};

static void watch(void *ctx, const struct simulation_event *e)
{
	struct seen *seen = ctx;

	seen->ended[e->task] += e->ok;
	seen->wrong |= e->rank >= RANKS || e->partner >= RANKS || e->start_ms > e->end_ms;
	if (seen->wrong)
		return;
	/* no rank does two things at a time */
	seen->wrong |= e->start_ms < seen->busy_until[e->rank] || e->start_ms < seen->busy_until[e->partner];
	seen->busy_until[e->rank] = seen->busy_until[e->partner] = e->end_ms;
}

static void random_schedules(void **state)
{
	struct schedule_task task[MANY] = {{0}};
	struct simulation_result r, same;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		const struct simulation s = {
			.ranks = RANKS,
			.order = (enum schedule_order)(seed % 3),
			.stragglers = seed % 2 ? 300000 : 0,
			.slow_percent = 400,
			.failures = seed % 4 < 2 ? 200000 : 0,
			.gather_ms = seed % 5,
			.seed = seed,
		};
		struct seen seen = {0};
		unsigned done = 0;

		for (unsigned i = 0; i < MANY; i++) {
			task[i].ms = (i * 7919 + seed * 104729) % 1000;
			task[i].pair = (i + seed) % 11 == 0;
		}
		simulate(&s, task, MANY, &r, watch, &seen);
		for (unsigned i = 0; i < MANY; i++) {
			assert_true(seen.ended[i] <= 1);
			done += seen.ended[i];
		}
		assert_false(seen.wrong);
		assert_int_equal(done + r.failed, MANY);
		assert_true(s.failures ? r.retried > 0 : !r.retried && !r.failed);
		if (!s.failures)
			assert_true(r.makespan_ms >= r.bound_ms);
		simulate(&s, task, MANY, &same, NULL, NULL);
		assert_memory_equal(&r, &same, sizeof(r));
	}
}

/* ---- durations ---- */

static void durations_round_trip(void **state)
{
	static const char table[] =
		"task,host,ms\nstill a x=1,h,10\n\"still a ops=b,c\",h,30\nmoving a,g,7\n";
	struct durations d;
	struct text out = {0};
	char *text = text_copy(table), *why = NULL;

	(void)state;
	assert_int_equal(durations_read(&d, "d.csv", text, &why), 0);
	durations_write(&d, &out);
	assert_string_equal(out.data, table);
	text_free(&out);
	durations_free(&d);
	free(text);
}

static void durations_refused(void **state)
{
	static const char *const wrong[][2] = {
		{"task,ms\n",                      "d.csv:1: expected task,host,ms"          },
		{"task,host,ms\na,b\n",            "d.csv:2: expected 3 fields: task,host,ms"},
		{"task,host,ms\na,b,1\na,b,c,4\n", "d.csv:3: expected 3 fields"              },
		{"task,host,ms\na,b,soon\n",       "d.csv:2: 'soon' "                        },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *text = text_copy(wrong[i][0]), *why = NULL;
		struct durations d;

		assert_int_equal(durations_read(&d, "d.csv", text, &why), -EINVAL);
		if (strncmp(why, wrong[i][1], strlen(wrong[i][1])) != 0)
			fail_msg("'%s', not '%s'", why, wrong[i][1]);
		assert_null(d.row);
		free(why);
		free(text);
	}
}

static void durations_guessed(void **state)
{
	char same[] = "still a x=1", like[] = "still b x=9", other[] = "stiller a";
	struct plan_task task = {.key = same};
	struct durations d = {0};
	enum durations_basis basis;

	(void)state;
	assert_int_equal(durations_guess(&d, &task, &basis), DURATIONS_ASSUMED);
	assert_int_equal(basis, DURATIONS_NOTHING);
	for (uint64_t ms = 1; ms <= 7; ms++) /* of which the last five are kept */
		durations_add(&d, "still a x=1", "h", ms * 10);
	durations_add(&d, "still a x=12", "h", 1000);
	assert_int_equal(d.count, 6);
	assert_int_equal(durations_guess(&d, &task, &basis), 50);
	assert_int_equal(basis, DURATIONS_SAME);
	task.key = like;
	assert_int_equal(durations_guess(&d, &task, &basis), 60);
	assert_int_equal(basis, DURATIONS_EXPERIMENT);
	task.key = other;
	assert_int_equal(durations_guess(&d, &task, &basis), 60);
	assert_int_equal(basis, DURATIONS_ANY);
	durations_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_first),      cmocka_unit_test(once_more_and_no_more),
		cmocka_unit_test(returned),           cmocka_unit_test(a_pair_waits_for_two),
		cmocka_unit_test(what_is_done_stays), cmocka_unit_test(known_schedules),
		cmocka_unit_test(random_schedules),   cmocka_unit_test(durations_round_trip),
		cmocka_unit_test(durations_refused),  cmocka_unit_test(durations_guessed),
	};

	return cmocka_run_group_tests_name("cluster_schedule", tests, NULL, NULL);
}
