/* SPDX-License-Identifier: MIT */
/*
 * nestbed-cluster, which `nestbed cluster` becomes: a plan of experiments over the ranks of an MPI job. Every
 * rank works; rank 0 hands out and gathers as well.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/cluster/coordinator.h"
#include "experiments/cluster/dry_run.h"
#include "experiments/cluster/facts.h"
#include "experiments/cluster/post.h"
#include "experiments/cluster/worker.h"
#include "experiments/files.h"
#include "experiments/setting.h"

#define LOST_SECONDS 60u
#define RANKS_MAX    100000u

enum { OPT_OUT = 256, OPT_RESUME, OPT_DRY_RUN, OPT_RANKS, OPT_DURATIONS, OPT_KEEP, OPT_LOST, OPT_HOST_CPU };

static const struct argp_option options[] = {
	{"out",							   OPT_OUT, "DIR", 0, "Folder of the result (default: a new one under results/runs)", 0},
	{"resume",							  OPT_RESUME, "DIR", 0,
	 "Go on with what was begun in DIR: tasks whose folders are there stay. Without PLAN: with the plan "
	 "that lies there", 0},
	{"dry-run", OPT_DRY_RUN, 0, 0, "Print the schedule and how long it will take, and run nothing", 0},
	{"ranks",							       OPT_RANKS, "N", 0, "With --dry-run: on so many ranks (default: those of this job)", 0},
	{"durations",OPT_DURATIONS, "FILE", 0,
	 "How long tasks took before; what these take is added (default: " DURATIONS_FILE ")", 0},
	{"keep",							      OPT_KEEP, 0, 0, "Gather the machines' files and logs too", 0},
	{"lost",							      OPT_LOST, "SECONDS", 0,
	 "Take a rank that says nothing for so long for dead, and end (default 60; 0: never)", 0},
	{"host-cpu",						       OPT_HOST_CPU, "RANK=FILE", 0,
	 "Take FILE, in any form that cpu-baseline reads, for what the processor of that rank's host says. "
	 "Repeatable", 0},
	{0							     },
};

struct arguments {
	struct coordinator_options cluster;
	const char *path; /* of the plan */
	char *own_path, *own_dir; /* made here */
	struct text plan_text;
	struct plan plan;
	unsigned ranks;
	bool dry_run;
	struct setting *host_cpu;
	unsigned host_cpus;
};

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	uint64_t number;
	char *why;

	switch (key) {
	case OPT_OUT:
		if (!*arg)
			argp_error(state, "--out needs a folder's name");
		a->cluster.dir = arg;
		return 0;
	case OPT_RESUME:
		a->cluster.dir = arg;
		a->cluster.resume = true;
		return 0;
	case OPT_DRY_RUN:
		a->dry_run = true;
		return 0;
	case OPT_RANKS:
		if (number_parse(arg, 1, RANKS_MAX, &number, &why))
			argp_error(state, "--ranks: %s", why);
		a->ranks = (unsigned)number;
		return 0;
	case OPT_DURATIONS:
		a->cluster.durations = arg;
		return 0;
	case OPT_KEEP:
		a->cluster.keep = true;
		return 0;
	case OPT_LOST:
		if (number_parse(arg, 0, 1000000, &number, &why))
			argp_error(state, "--lost: %s", why);
		a->cluster.lost = (unsigned)number;
		return 0;
	case OPT_HOST_CPU:
		a->host_cpu = array_grow(a->host_cpu, a->host_cpus, sizeof(*a->host_cpu));
		if (setting_parse(arg, &a->host_cpu[a->host_cpus], &why))
			argp_error(state, "--host-cpu: %s", why);
		if (number_parse(a->host_cpu[a->host_cpus++].key, 0, RANKS_MAX, &number, &why))
			argp_error(state, "--host-cpu: expected RANK=FILE: %s", why);
		return 0;
	case ARGP_KEY_ARG:
		if (a->path)
			argp_error(state, "one PLAN at a time");
		a->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->path && !a->cluster.resume)
			argp_error(state, "which PLAN?");
		if (a->ranks && !a->dry_run)
			argp_error(state, "--ranks is for --dry-run; mpirun -np says how many run");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What those who start MPI jobs say of this process, before MPI is there: a number, or `otherwise`. */
static unsigned job_number(const char *const names[], unsigned otherwise)
{
	for (unsigned i = 0; names[i]; i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return (unsigned)strtoul(value, NULL, 10);
	}
	return otherwise;
}

static unsigned job_rank(void)
{
	static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID",
					    NULL};

	return job_number(names, 0);
}

static unsigned job_ranks(void)
{
	static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS", NULL};

	return job_number(names, 1);
}

/* ---- rank 0 ---- */

static int read_plan(struct arguments *a)
{
	struct blob blob;
	char *why;
	int err;

	if (!a->path)
		a->path = a->own_path = text_format("%s/plan.yaml", a->cluster.dir);
	err = file_read(a->path, &blob);
	if (err)
		return cli_usage(text_format("%s: %s", a->path, strerror(-err)));
	a->plan_text = (struct text){.data = blob.data, .size = blob.size};
	err = plan_read(a->path, blob.data, blob.size, experiments, experiment_count, &a->plan, &why);
	return err ? cli_usage(why) : CLI_OK;
}

static char *new_dir(const char *plan)
{
	const time_t t = time(NULL);
	struct tm tm;
	char date[16];

	strftime(date, sizeof(date), "%Y-%m-%d", localtime_r(&t, &tm));
	for (unsigned n = 1;; n++) {
		char *dir = text_format("results/runs/%s-cluster-%s-%u", date, plan, n);

		if (access(dir, F_OK))
			return dir;
		free(dir);
	}
}

/* ---- every rank ---- */

static const char *own_cpu(const struct arguments *a)
{
	const char *file = NULL;

	for (unsigned i = 0; i < a->host_cpus; i++)
		if (strtoul(a->host_cpu[i].key, NULL, 10) == post_rank())
			file = a->host_cpu[i].value;
	return file;
}

static void send_facts(const struct arguments *a)
{
	json_t *facts = facts_here(post_rank(), own_cpu(a));
	char *text = json_dumps(facts, JSON_COMPACT);

	post_send(0, POST_FACTS, text, strlen(text));
	free(text);
	json_decref(facts);
}

/* Takes what has come; the end of all, if it was that, into *status. */
static bool take_messages(struct worker *w, struct coordinator *c, int *status)
{
	struct post_message m;
	bool end = false;

	while (post_take(&m)) {
		if (m.kind == POST_END) {
			*status = m.size ? m.data[0] : CLI_OK;
			end = true;
		} else if (m.kind == POST_TASK || m.kind == POST_PARTNER || m.kind == POST_RELAY) {
			worker_message(w, &m);
		} else if (c) {
			coordinator_message(c, &m);
		}
		free(m.data);
	}
	return end;
}

static void end_all(int status)
{
	const uint8_t byte = (uint8_t)status;

	for (unsigned i = 0; i < post_ranks(); i++)
		post_send(i, POST_END, &byte, 1);
}

/* Not all can be asked to end, and there is little time: what is known is written, what is here ends, and MPI
 * ends the others. */
__attribute__((noreturn)) static void end_hard(struct worker *w, struct coordinator *c, int status)
{
	if (c) {
		coordinator_save(c, "interrupted");
		fprintf(stderr, "nestbed: to go on: mpirun -np %u %s/nestbed cluster --resume %s\n",
			post_ranks(), build_dir(), c->store.dir);
		store_close(&c->store);
	}
	worker_close(w);
	post_abort(status);
}

/* c: NULL but on rank 0. An exit status. */
static int work(struct worker *w, struct coordinator *c)
{
	bool going = true;
	int status = CLI_OK;

	for (;;) {
		if (take_messages(w, c, &status))
			return status;
		if (caught) {
			if (c)
				fprintf(stderr, "nestbed: ended by signal %d\n", (int)caught);
			end_hard(w, c, CLI_INTERRUPTED + caught);
		}
		worker_turn(w);
		if (c && going && !coordinator_turn(c)) {
			if (c->lost)
				end_hard(w, c, c->status);
			going = false;
			end_all(c->status);
		}
		worker_wait(w);
	}
}

static int check_host_cpus(const struct arguments *a)
{
	for (unsigned i = 0; i < a->host_cpus; i++)
		if (strtoul(a->host_cpu[i].key, NULL, 10) >= post_ranks())
			return cli_usage(text_format("--host-cpu %s=%s: there are %u ranks, from 0 on",
						     a->host_cpu[i].key, a->host_cpu[i].value, post_ranks()));
	return CLI_OK;
}

static int run_rank(const struct arguments *a)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction act = {.sa_handler = on_signal};
	struct coordinator *c = post_rank() ? NULL : zalloc(sizeof(*c));
	struct worker w;
	int status = CLI_OK, err;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	err = worker_open(&w);
	if (err) {
		fprintf(stderr, "nestbed: rank %u: no folder for its files: %s\n", post_rank(),
			strerror(-err));
		post_abort(CLI_FAILED);
	}
	post_send(0, POST_ALIVE, NULL, 0);
	if (c)
		status = check_host_cpus(a);
	if (c && !status)
		status = coordinator_open(c, &a->cluster);
	if (status)
		end_all(status);
	else
		send_facts(a);
	status = work(&w, c);
	worker_close(&w);
	if (c)
		coordinator_close(c);
	free(c);
	return status;
}

static int run(struct arguments *a, int argc, char **argv)
{
	const bool first = !job_rank();
	int status = first ? read_plan(a) : CLI_OK;

	if (status)
		return status;
	if (a->dry_run && first)
		return dry_run(&a->plan, a->cluster.durations, a->ranks ? a->ranks : job_ranks(),
			       a->cluster.resume ? a->cluster.dir : NULL);
	if (a->dry_run)
		return CLI_OK;
	if (first && !a->cluster.dir)
		a->cluster.dir = a->own_dir = new_dir(a->plan.name);
	a->cluster.plan = &a->plan;
	a->cluster.plan_text = &a->plan_text;
	post_open(&argc, &argv);
	if (post_rank() != job_rank() || (post_ranks() == 1 && job_ranks() > 1)) {
		fprintf(stderr,
			"nestbed: this is rank %u of %u of a job, but MPI was not started with it (srun "
			"--mpi=pmix, or mpirun)\n",
			job_rank(), job_ranks());
		post_abort(CLI_USAGE);
	}
	status = run_rank(a);
	post_close();
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "PLAN",
		.doc = "Runs the experiments of PLAN over the ranks of an MPI job: mpirun -np N nestbed "
		       "cluster "
		       "PLAN. docs/cluster.md tells how a plan is written.\v" CLI_EXIT_DOC,
	};
	char name[] = "nestbed cluster";
	struct arguments a = {
		.cluster = {.lost = LOST_SECONDS, .durations = DURATIONS_FILE}
        };
	int status;

	a.cluster.command_line = json_pack("[ss]", "nestbed", "cluster");
	for (int i = 1; i < argc; i++)
		json_array_append_new(a.cluster.command_line, json_string(argv[i]));
	argv[0] = name;
	argp_err_exit_status = CLI_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return CLI_USAGE;
	status = run(&a, argc, argv);
	plan_free(&a.plan);
	text_free(&a.plan_text);
	for (unsigned i = 0; i < a.host_cpus; i++)
		setting_free(&a.host_cpu[i]);
	free(a.host_cpu);
	free(a.own_path);
	free(a.own_dir);
	json_decref(a.cluster.command_line);
	return status;
}
