/* SPDX-License-Identifier: MIT */
/*
 * Experiment scaling: how a cluster's schedule comes out on more hosts than there are here, with hosts that
 * are slow and attempts that fail. A simulation, by the rules of the coordinator itself, of tasks as long as
 * tasks were.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/cluster/durations.h"
#include "experiments/cluster/random.h"
#include "experiments/cluster/simulate.h"
#include "experiments/csv.h"
#include "experiments/experiment.h"
#include "experiments/files.h"

#define LIST_MAX  16u
#define RUNS_MAX  1001u
#define HOSTS_MAX 10000u
#define TASKS_MAX 1000000u

/* ---- settings ---- */

static int check_number(const char *value, uint64_t low, uint64_t high, char **why)
{
	uint64_t n;

	return number_parse(value, low, high, &n, why);
}

static int check_tasks(const char *value, char **why)
{
	return check_number(value, 1, TASKS_MAX, why);
}

static int check_slow(const char *value, char **why)
{
	return check_number(value, 1, 1000, why);
}

static int check_gather(const char *value, char **why)
{
	return check_number(value, 0, 1000000, why);
}

static int check_runs(const char *value, char **why)
{
	return check_number(value, 1, RUNS_MAX, why);
}

static int check_seed(const char *value, char **why)
{
	return check_number(value, 0, UINT32_MAX, why);
}

/* A list's words, into `item`; how many, or -EINVAL. */
static int read_list(const char *value, int (*read)(const char *word, uint32_t *item, char **why),
		     uint32_t *item, char **why)
{
	char *words = text_copy(value);
	int count = 0;

	for (char *word = words, *end; word && count >= 0; word = end) {
		end = strchr(word, ',');
		if (end)
			*end++ = '\0';
		if (count == (int)LIST_MAX) {
			*why = text_format("more than %u values", LIST_MAX);
			count = -1;
		} else if (read(word, &item[count++], why)) {
			count = -1;
		}
	}
	free(words);
	return count;
}

static int read_hosts(const char *word, uint32_t *hosts, char **why)
{
	uint64_t n;

	if (number_parse(word, 1, HOSTS_MAX, &n, why))
		return -1;
	*hosts = (uint32_t)n;
	return 0;
}

static int read_order(const char *word, uint32_t *order, char **why)
{
	static const char *const names[] = {"longest", "plan", "shortest"};

	for (*order = 0; *order < 3; ++*order)
		if (!strcmp(names[*order], word))
			return 0;
	*why = text_format("'%s' is none of longest, plan, shortest", word);
	return -1;
}

/* "0.05", in millionths: digits, and up to six behind a point. */
static int read_chance(const char *word, uint32_t *chance, char **why)
{
	const char *point = strchr(word, '.');
	uint64_t all = 0, unit = SIMULATE_SCALE;
	const char *p = word;

	for (; *p >= '0' && *p <= '9' && all <= 1; p++)
		all = all * 10 + (uint64_t)(*p - '0');
	all *= SIMULATE_SCALE;
	if (p == point)
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++)
			all += (uint64_t)(*p - '0') * (unit /= 10);
	if (p != word && !*p && all <= SIMULATE_SCALE) {
		*chance = (uint32_t)all;
		return 0;
	}
	*why = text_format("'%s' is no number from 0 to 1 with six decimals at most", word);
	return -1;
}

#define CHECK_LIST(name)                                                                                     \
	static int check_##name(const char *value, char **why)                                               \
	{                                                                                                    \
		uint32_t item[LIST_MAX];                                                                     \
                                                                                                             \
		return read_list(value, read_##name, item, why) < 0 ? -1 : 0;                                \
	}
CHECK_LIST(hosts)
CHECK_LIST(order)
CHECK_LIST(chance)

/* clang-format off */
static const struct experiment_key keys[] = {
	{"hosts",      "10,100,1000", "hosts, a task at a time each (list)",                                           check_hosts },
	{"tasks",      "10000",       "tasks, each as long as one of `durations`, drawn at random",                    check_tasks },
	{"order",      "longest,plan", "which task is next: longest, plan (as drawn), shortest (list)",                check_order },
	{"stragglers", "0,0.05",      "chance that a host is slow (list)",                                             check_chance},
	{"slow",       "4",           "how many times as long a task takes there",                                     check_slow  },
	{"failures",   "0,0.02",      "chance that an attempt fails, at any moment of it (list); it is tried twice",   check_chance},
	{"gather_ms",  "4",           "rank 0's work for an ended attempt (cluster.json: gather_us, of all of a run)", check_gather},
	{"runs",       "21",          "how often all of it is drawn anew",                                             check_runs  },
	{"durations",  "",            "a file of durations (empty: those that were recorded of docs/plans/generations.yaml)", NULL},
	{"seed",       "1",           "of what is drawn",                                                              check_seed  },
};
/* clang-format on */

static uint64_t number(const struct run *run, const char *key)
{
	return strtoull(run_value(run, key), NULL, 10);
}

static unsigned list(const struct run *run, const char *key,
		     int (*read)(const char *word, uint32_t *item, char **why), uint32_t *item)
{
	char *why;

	return (unsigned)read_list(run_value(run, key), read, item, &why); /* it was checked */
}

/* ---- one row ---- */

struct sweep {
	struct run *run;
	struct durations known;
	struct schedule_task *task;
	unsigned tasks, runs;
	struct csv csv;
};

struct row {
	uint64_t makespan[RUNS_MAX], bound[RUNS_MAX], work[RUNS_MAX]; /* ms */
	uint64_t retried, failed; /* of all runs */
};

/* The tasks of one run: the same for every row. */
static void draw_tasks(struct sweep *w, unsigned run)
{
	uint64_t state = random_seed(number(w->run, "seed") * RUNS_MAX + run);

	for (unsigned i = 0; i < w->tasks; i++)
		w->task[i] = (struct schedule_task){
			.ms = w->known.row[random_below(&state, w->known.count)].ms,
		};
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (int)(*x > *y) - (int)(*x < *y);
}

static uint64_t work_of(const struct sweep *w)
{
	uint64_t ms = 0;

	for (unsigned i = 0; i < w->tasks; i++)
		ms += w->task[i].ms;
	return ms;
}

static void add_ratio(struct csv *csv, uint64_t a, uint64_t b)
{
	const uint64_t thousandths = b ? (a * 1000 + b / 2) / b : 0;
	char *word = text_format("%" PRIu64 ".%03" PRIu64, thousandths / 1000, thousandths % 1000);

	csv_word(csv, word);
	free(word);
}

static void add_chance(struct csv *csv, uint32_t chance)
{
	char *word = text_format("%u.%06u", chance / SIMULATE_SCALE, chance % SIMULATE_SCALE);

	for (size_t n = strlen(word) - 1; word[n] == '0' && word[n - 1] != '.'; n--)
		word[n] = '\0';
	csv_word(csv, word);
	free(word);
}

static const char *const order_names[] = {"longest", "plan", "shortest"};

static void add_row(struct sweep *w, const struct simulation *s, struct row *r)
{
	const unsigned middle = w->runs / 2, quarter = w->runs / 4;
	struct csv *csv = &w->csv;

	qsort(r->makespan, w->runs, sizeof(*r->makespan), by_size);
	qsort(r->bound, w->runs, sizeof(*r->bound), by_size);
	qsort(r->work, w->runs, sizeof(*r->work), by_size);
	csv_number(csv, s->ranks);
	csv_number(csv, w->tasks);
	csv_word(csv, order_names[s->order]);
	add_chance(csv, s->stragglers);
	csv_number(csv, s->slow_percent / 100);
	add_chance(csv, s->failures);
	csv_number(csv, s->gather_ms);
	csv_number(csv, w->runs);
	csv_number(csv, r->makespan[middle]);
	csv_number(csv, r->makespan[quarter]);
	csv_number(csv, r->makespan[w->runs - 1 - quarter]);
	csv_number(csv, r->bound[middle]);
	add_ratio(csv, r->makespan[middle], r->bound[middle]);
	add_ratio(csv, r->work[middle], r->makespan[middle]);
	csv_mean(csv, r->retried, w->runs);
	csv_mean(csv, r->failed, w->runs);
	csv_end_row(csv);
	printf("%6u %-9s %10.2f %% %8.2f %% %13.1f %9.2f %10.1f\n", s->ranks, order_names[s->order],
	       s->stragglers / 1e4, s->failures / 1e4, (double)r->makespan[middle] / 1000,
	       (double)r->makespan[middle] / (double)r->bound[middle],
	       (double)r->work[middle] / (double)r->makespan[middle]);
	fflush(stdout);
}

static void one_row(struct sweep *w, struct simulation *s)
{
	struct row *r = zalloc(sizeof(*r));

	for (unsigned i = 0; i < w->runs; i++) {
		struct simulation_result result;

		draw_tasks(w, i);
		s->seed = number(w->run, "seed") * RUNS_MAX + i;
		simulate(s, w->task, w->tasks, &result, NULL, NULL);
		r->makespan[i] = result.makespan_ms;
		r->bound[i] = result.bound_ms;
		r->work[i] = work_of(w);
		r->retried += result.retried;
		r->failed += result.failed;
	}
	add_row(w, s, r);
	free(r);
}

/* ---- all of them ---- */

static void all_rows(struct sweep *w)
{
	uint32_t hosts[LIST_MAX], order[LIST_MAX], stragglers[LIST_MAX], failures[LIST_MAX];
	const unsigned n_hosts = list(w->run, "hosts", read_hosts, hosts);
	const unsigned n_order = list(w->run, "order", read_order, order);
	const unsigned n_stragglers = list(w->run, "stragglers", read_chance, stragglers);
	const unsigned n_failures = list(w->run, "failures", read_chance, failures);
	const unsigned all = n_hosts * n_order * n_stragglers * n_failures;

	for (unsigned i = 0; i < all; i++) {
		struct simulation s = {
			.ranks = hosts[i / n_failures / n_stragglers / n_order],
			.order = (enum schedule_order)order[i / n_failures / n_stragglers % n_order],
			.stragglers = stragglers[i / n_failures % n_stragglers],
			.slow_percent = (unsigned)number(w->run, "slow") * 100,
			.failures = failures[i % n_failures],
			.gather_ms = number(w->run, "gather_ms"),
		};

		one_row(w, &s);
	}
}

static int read_durations(struct sweep *w)
{
	const char *given = run_value(w->run, "durations");
	char *path = *given ? text_copy(given) : text_format("%s/durations.csv", build_dir());
	struct blob blob;
	char *why = NULL;
	int err = file_read(path, &blob);

	if (err) {
		why = text_format("%s: %s", path, strerror(-err));
	} else {
		err = durations_read(&w->known, path, blob.data, &why);
		free(blob.data);
		if (!err && !w->known.count)
			why = text_format("%s: there is no duration in it", path);
	}
	free(path);
	return why ? cli_usage(why) : CLI_OK;
}

static int run_scaling(struct run *run)
{
	struct sweep w = {
		.run = run,
		.tasks = (unsigned)number(run, "tasks"),
		.runs = (unsigned)number(run, "runs"),
	};
	int status = read_durations(&w);

	if (status)
		return status;
	w.task = zalloc(w.tasks * sizeof(*w.task));
	csv_start(&w.csv,
		  "hosts,tasks,order,stragglers,slow,failures,gather_ms,runs,makespan_ms,low_ms,high_ms,"
		  "bound_ms,over_bound,speedup,retried,failed");
	printf("A simulation of the schedule; medians of %u runs.\n%6s %-9s %12s %10s %13s %9s %10s\n",
	       w.runs, "hosts", "order", "stragglers", "failures", "makespan, s", "of bound", "speed-up");
	all_rows(&w);
	status = run_file(run, "scaling.csv", &w.csv.text);
	json_object_set_new(run->meta, "unit", json_string("simulated ms"));
	csv_free(&w.csv);
	durations_free(&w.known);
	free(w.task);
	return status;
}

static const struct figure figures[] = {
	{"scaling.gp", "scaling.csv", "scaling"},
};

/* It boots nothing. */
static const char *lacks_nothing(void)
{
	return NULL;
}

static const struct machine_driver no_machine = {
	.name = "none",
	.standard_cpu = "none",
	.emulates = true,
	.lacks = lacks_nothing,
};

const struct experiment scaling = {
	.name = "scaling",
	.what = "how a cluster's schedule comes out on many hosts, simulated",
	.driver = &no_machine,
	.keys = keys,
	.key_count = sizeof(keys) / sizeof(keys[0]),
	.figures = figures,
	.figure_count = sizeof(figures) / sizeof(figures[0]),
	.run = run_scaling,
};
