/* SPDX-License-Identifier: MIT */
#include "experiments/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/experiment.h"
#include "experiments/files.h"
#include "experiments/meta.h"
#include "experiments/pool.h"
#include "experiments/record_frame.h"

const char *run_value(const struct run *run, const char *key)
{
	for (size_t i = 0; i < run->experiment->key_count; i++)
		if (!strcmp(run->experiment->keys[i].name, key))
			return run->values[i];
	fprintf(stderr, "nestbed: experiment %s has no setting '%s'\n", run->experiment->name, key);
	abort();
}

static char *new_name(const struct run *run)
{
	time_t t = time(NULL);
	struct tm tm;
	char date[16];

	strftime(date, sizeof(date), "%Y-%m-%d", localtime_r(&t, &tm));
	for (unsigned n = 1;; n++) {
		char *name = text_format("results/runs/%s-%s-%u", date, run->experiment->name, n);

		if (access(name, F_OK))
			return name;
		free(name);
	}
}

int run_open(struct run *run, const char *out, json_t *command_line)
{
	size_t n;
	int err;

	run->meta = meta_new(run, command_line);
	run->machines = json_array();
	json_object_set_new(run->meta, "machines", run->machines);
	run->dir = out ? text_copy(out) : new_name(run);
	for (n = strlen(run->dir); n > 1 && run->dir[n - 1] == '/'; n--)
		run->dir[n - 1] = '\0';
	if (rmdir(run->dir) && errno != ENOENT) { /* an empty folder may be there */
		fprintf(stderr, "nestbed: %s: %s\n", run->dir,
			errno == ENOTEMPTY ? "there is something in it; name a new folder" : strerror(errno));
		return CLI_USAGE;
	}
	run->partial = text_format("%s.partial-%ld", run->dir, (long)getpid());
	err = make_folders(run->partial);
	if (err) {
		fprintf(stderr, "nestbed: %s: %s\n", run->partial, strerror(-err));
		free(run->partial);
		run->partial = NULL;
		return CLI_FAILED;
	}
	return CLI_OK;
}

/* A Log record of this program's own says whose records follow. */
static void add_records(struct run *run, const char *machine, const struct text *raw)
{
	Nestbed__Log log = NESTBED__LOG__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;
	uint8_t *frame;
	size_t size;

	log.text = text_format("nestbed: machine run %s", machine);
	record.body_case = NESTBED__RECORD__BODY_LOG;
	record.log = &log;
	frame = record_frame(&record, &size);
	text_add(&run->records, frame, size);
	if (raw->size)
		text_add(&run->records, raw->data, raw->size);
	free(frame);
	free(log.text);
}

void run_book(struct run *run, const struct launch *launch, const struct text *raw,
	      const struct machine_result *result, int status, const char *why)
{
	add_records(run, launch->name, raw);
	json_array_append_new(run->machines, meta_machine(launch, result, status, why));
}

/* What L0 saw; a model such as host-passthrough says nothing of it. */
static void add_processor(struct run *run, const Nestbed__Hello *hello)
{
	json_t *machine = json_array_get(run->machines, json_array_size(run->machines) - 1);

	if (!hello || run->driver == &machine_bochs)
		return;
	json_object_set_new(machine, "processor", json_string(hello->cpu));
	json_object_set_new(machine, "signature", json_integer(hello->signature));
}

/* Books a machine run that has ended; its exit status. */
static int book(struct run *run, const struct launch *l, const struct capture *c, struct job *job)
{
	char *why;
	const char *unit = capture_unit(c);
	int status = verdict_status(&c->verdict, job->result.end, &why);

	/* Known as soon as L0 speaks, whatever it refuses then. */
	if (unit && !json_object_get(run->meta, "unit"))
		json_object_set_new(run->meta, "unit", json_string(unit));
	run_book(run, l, &c->raw, &job->result, status, why);
	add_processor(run, capture_hello(c));
	if (status && status < CLI_INTERRUPTED) {
		fprintf(stderr, "nestbed: %s: %s\n", l->name, why);
		if (status == CLI_DIED && job->result.log_tail)
			fputs(job->result.log_tail, stderr);
	}
	free(job->result.com1);
	free(job->result.log_tail);
	free(why);
	return status;
}

int run_prepare(struct run *run, struct launch *l)
{
	l->cpu = run->cpu;
	l->seconds = run->seconds;
	if (run->keep) {
		char *dir = text_format("%s/machines/%s", run->partial, l->name);
		int err = make_folders(dir);

		l->keep_dir = dir;
		if (err) {
			fprintf(stderr, "nestbed: %s: %s\n", dir, strerror(-err));
			return CLI_FAILED;
		}
	}
	return launch_prepare(l);
}

int run_machines(struct run *run, struct launch *launches, struct capture *captures, unsigned count)
{
	const struct progress progress = {.title = run->experiment->name};
	struct job *jobs = zalloc(count * sizeof(*jobs));
	int status = CLI_OK;

	for (unsigned i = 0; i < count && !status; i++) {
		status = run_prepare(run, &launches[i]);
		jobs[i] =
			(struct job){.spec = launches[i].spec, .output = capture_output, .ctx = &captures[i]};
	}
	if (!status && pool_run(run->driver, jobs, count, run->jobs, &progress))
		status = pool_signal() ? CLI_INTERRUPTED + pool_signal() : CLI_DIED;
	for (unsigned i = 0; i < count; i++) {
		int one = jobs[i].ran ? book(run, &launches[i], &captures[i], &jobs[i]) : CLI_OK;

		status = status ? status : one;
		free((char *)launches[i].keep_dir);
		launches[i].keep_dir = NULL;
	}
	free(jobs);
	return status;
}

int run_file(struct run *run, const char *name, const struct text *text)
{
	char *path = text_format("%s/%s", run->partial, name);
	int err = file_write(path, text->size ? text->data : "", text->size);

	if (err)
		fprintf(stderr, "nestbed: %s: %s\n", path, strerror(-err));
	free(path);
	return err ? CLI_FAILED : CLI_OK;
}

static int write_meta(struct run *run, int status)
{
	char *dump;
	struct text text = {0};
	int failed;

	json_object_set_new(run->meta, "exit_status", json_integer(status));
	dump = json_dumps(run->meta, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	text_addf(&text, "%s\n", dump ? dump : "{}");
	failed = run_file(run, "meta.json", &text);
	free(dump);
	text_free(&text);
	return failed;
}

int run_close(struct run *run, int status)
{
	if (run_file(run, "records.pb", &run->records) || write_meta(run, status))
		return CLI_FAILED;
	if (rename(run->partial, run->dir)) {
		fprintf(stderr, "nestbed: %s: %s\n", run->dir, strerror(errno));
		return CLI_FAILED;
	}
	free(run->partial);
	run->partial = NULL;
	return status;
}

void run_free(struct run *run)
{
	if (run->partial)
		remove_folder(run->partial);
	json_decref(run->meta);
	text_free(&run->records);
	free(run->partial);
	free(run->dir);
	free(run->values);
}
