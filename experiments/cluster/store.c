/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/cluster/facts.h"
#include "experiments/csv.h"
#include "experiments/files.h"

#define TAIL_LINES 15

static int complain(const char *path, int err)
{
	fprintf(stderr, "nestbed: %s: %s\n", path, strerror(-err));
	return CLI_FAILED;
}

static const struct plan_task *task_of(const struct store *s, unsigned task)
{
	return &s->plan->task[task];
}

static char *folder_of(const struct store *s, unsigned task)
{
	return text_format("%s/tasks/%s", s->dir, task_of(s, task)->name);
}

static char *partial_of(const struct store *s, unsigned task)
{
	return text_format("%s/tasks/.%s.partial", s->dir, task_of(s, task)->name);
}

static char *partial_log_of(const struct store *s, unsigned task)
{
	return text_format("%s/logs/.%s.partial", s->dir, task_of(s, task)->name);
}

static char *log_of(const struct store *s, unsigned task)
{
	return text_format("%s/logs/%s.log", s->dir, task_of(s, task)->name);
}

int store_file(const struct store *s, const char *name, const struct text *text)
{
	char *path = text_format("%s/%s", s->dir, name);
	const int err = file_write(path, text->data ? text->data : "", text->size);
	const int status = err ? complain(path, err) : CLI_OK;

	free(path);
	return status;
}

/* ---- opening ---- */

static int make_dirs(const char *dir)
{
	static const char *const below[] = {"tasks", "failed", "logs", "hosts", "tables"};
	int status = CLI_OK;

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]) && !status; i++) {
		char *path = text_format("%s/%s", dir, below[i]);
		const int err = make_folders(path);

		status = err ? complain(path, err) : CLI_OK;
		free(path);
	}
	return status;
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	bool empty = true;

	for (const struct dirent *e; d && (e = readdir(d));)
		empty &= !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return empty;
}

static int check_dir(const char *dir, bool resume)
{
	char *path = text_format("%s/cluster.json", dir);
	const bool begun = !access(path, F_OK);

	free(path);
	if (resume && !begun) {
		fprintf(stderr, "nestbed: %s: no cluster run was begun there: no cluster.json\n", dir);
		return CLI_USAGE;
	}
	if (resume || is_empty(dir))
		return CLI_OK;
	fprintf(stderr, "nestbed: %s: %s\n", dir,
		begun ? "a cluster run was begun there; --resume continues it"
		      : "there is something in it; name a new folder");
	return CLI_USAGE;
}

static int lock(struct store *s)
{
	char *path = text_format("%s/.lock", s->dir);
	int status = CLI_OK;

	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (s->lock < 0) {
		status = complain(path, -errno);
	} else if (flock(s->lock, LOCK_EX | LOCK_NB)) {
		fprintf(stderr, "nestbed: %s: another cluster run writes there\n", s->dir);
		close(s->lock);
		s->lock = -1;
		status = CLI_USAGE;
	}
	free(path);
	return status;
}

/* What earlier sessions did, and how many there were. */
static void read_earlier(struct store *s)
{
	char *path = text_format("%s/cluster.json", s->dir);
	json_t *state = json_load_file(path, 0, NULL);
	struct blob blob;

	s->session = 1 + (unsigned)json_integer_value(json_object_get(state, "session"));
	json_decref(state);
	free(path);
	path = text_format("%s/schedule.csv", s->dir);
	if (!file_read(path, &blob))
		s->schedule = blob.data;
	free(path);
}

void store_look(struct store *s, const char *dir, const struct plan *plan)
{
	*s = (struct store){
		.dir = text_copy(dir),
		.plan = plan,
		.lock = -1,
		.have = zalloc((plan->count + 1) * sizeof(*s->have)),
	};
}

int store_open(struct store *s, const char *dir, bool resume, const struct plan *plan)
{
	int status = check_dir(dir, resume);

	store_look(s, dir, plan);
	if (!status)
		status = make_dirs(dir);
	if (!status)
		status = lock(s);
	if (!status)
		read_earlier(s);
	return status;
}

/* The file of the lock stays: who removes it may take it from another. */
void store_close(struct store *s)
{
	if (s->lock >= 0)
		close(s->lock);
	free(s->dir);
	free(s->have);
	free(s->schedule);
	*s = (struct store){.lock = -1};
}

/* ---- tasks ---- */

static char *task_json(const struct store *s, unsigned task, unsigned attempt, const char *host)
{
	const struct plan_task *t = task_of(s, task);
	json_t *object = json_pack("{s:s,s:s,s:i,s:i,s:s,s:s,s:s}", "task", t->name, "key", t->key, "repeat",
				   (int)t->repeat, "attempt", (int)attempt, "host", host, "nestbed",
				   nestbed_version, "programs", facts_programs());
	char *text = json_dumps(object, JSON_INDENT(2));

	json_decref(object);
	return text;
}

static bool same(const json_t *object, const char *key, const char *wanted)
{
	const char *word = json_string_value(json_object_get(object, key));

	return word && !strcmp(word, wanted);
}

bool store_has(struct store *s, unsigned task)
{
	char *folder = folder_of(s, task), *path = text_format("%s/task.json", folder);
	json_t *object = json_load_file(path, 0, NULL);

	s->have[task] =
		same(object, "key", task_of(s, task)->key) && same(object, "programs", facts_programs());
	if (!s->have[task] && !access(folder, F_OK))
		fprintf(stderr, "nestbed: %s is of another plan or other programs: it is run again\n",
			folder);
	json_decref(object);
	free(path);
	free(folder);
	return s->have[task];
}

void store_begin(const struct store *s, unsigned task)
{
	char *partial = partial_of(s, task), *log = partial_log_of(s, task), *folder = folder_of(s, task);

	remove_folder(partial);
	remove_folder(folder); /* of another plan, or by other programs */
	unlink(log);
	free(folder);
	free(partial);
	free(log);
}

static int append(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "ae");
	int err = f ? 0 : -errno;

	if (f && size && fwrite(data, 1, size, f) != size)
		err = -errno;
	if (f && fclose(f) && !err)
		err = -errno;
	return err;
}

int store_piece(const struct store *s, const struct attempt_piece *piece)
{
	const bool log = !strcmp(piece->path, ATTEMPT_LOG);
	char *folder = partial_of(s, piece->task);
	char *path = log ? partial_log_of(s, piece->task) : text_format("%s/%s", folder, piece->path);
	char *slash = strrchr(path, '/');
	int err;

	*slash = '\0';
	err = make_folders(path);
	*slash = '/';
	if (!err)
		err = append(path, piece->data, piece->size);
	free(path);
	free(folder);
	return err;
}

static int rename_over(const char *from, const char *to)
{
	remove_folder(to);
	return rename(from, to) ? -errno : 0;
}

/* All that was written is on the disk before the folder has its name. */
static int settle(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || syncfs(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static int keep_folder(struct store *s, const struct store_row *row, bool ok)
{
	char *partial = partial_of(s, row->task);
	char *failed = text_format("%s/failed/%s", s->dir, task_of(s, row->task)->name);
	char *folder = ok ? folder_of(s, row->task) : text_copy(failed);
	char *path = text_format("%s/task.json", partial);
	char *json = task_json(s, row->task, row->attempt, row->host);
	int err = file_write(path, json, strlen(json));

	if (!err)
		err = settle(partial);
	if (!err)
		err = rename_over(partial, folder);
	if (!err && ok)
		remove_folder(failed); /* of an attempt before */
	s->have[row->task] = !err && ok;
	free(json);
	free(path);
	free(folder);
	free(failed);
	free(partial);
	return err;
}

int store_end(struct store *s, const struct store_row *row, const struct attempt_end *end)
{
	const bool again = !strcmp(row->outcome, "again");
	char *partial = partial_log_of(s, row->task);
	char *log = again ? text_format("%s/logs/%s.attempt-%u.log", s->dir, task_of(s, row->task)->name,
					row->attempt)
			  : log_of(s, row->task);
	int err = rename(partial, log) && errno != ENOENT ? -errno : 0;

	if (!err && end->folder)
		err = keep_folder(s, row, !strcmp(row->outcome, "done"));
	free(partial);
	free(log);
	return err;
}

void store_partner_log(const struct store *s, unsigned task, const void *text, size_t size)
{
	char *path = text_format("%s/logs/%s.partner.log", s->dir, task_of(s, task)->name);
	const int err = file_write(path, text, size);

	if (err)
		complain(path, err);
	free(path);
}

char *store_log_tail(const struct store *s, unsigned task)
{
	char *path = log_of(s, task);
	struct text tail = {0};
	struct blob blob;
	unsigned lines = 0;
	const char *from;

	if (!file_read(path, &blob)) {
		for (from = (const char *)blob.data + blob.size; from > (const char *)blob.data; from--) {
			if (from[-1] == '\n' && from[0] && ++lines == TAIL_LINES)
				break;
		}
		while (*from) {
			const size_t n = strcspn(from, "\n");

			text_addf(&tail, "    | %.*s\n", (int)n, from);
			from += n + (from[n] == '\n');
		}
		free(blob.data);
	}
	free(path);
	return tail.data ? tail.data : text_copy("");
}

/* ---- the state ---- */

static void add_row(const struct store *s, struct csv *csv, const struct store_row *r)
{
	csv_number(csv, s->session);
	csv_word(csv, task_of(s, r->task)->name);
	csv_number(csv, r->attempt);
	csv_number(csv, r->rank);
	csv_word(csv, r->host);
	csv_number(csv, r->partner);
	csv_number(csv, r->start_ms);
	csv_number(csv, r->end_ms);
	csv_number(csv, (uint64_t)r->status);
	csv_word(csv, r->outcome);
	csv_end_row(csv);
}

int store_state(const struct store *s, const struct store_row *rows, unsigned count, json_t *state)
{
	struct text text = {0};
	struct csv csv;
	char *json;
	int status;

	csv_start(&csv, "session,task,attempt,rank,host,partner,start_ms,end_ms,status,outcome");
	if (s->schedule) {
		text_free(&csv.text);
		text_addf(&csv.text, "%s", s->schedule);
	}
	for (unsigned i = 0; i < count; i++)
		add_row(s, &csv, &rows[i]);
	status = store_file(s, "schedule.csv", &csv.text);
	csv_free(&csv);
	json_object_set_new(state, "plan", json_string(s->plan->name));
	json_object_set_new(state, "session", json_integer((json_int_t)s->session));
	json_object_set_new(state, "nestbed", json_string(nestbed_version));
	json = json_dumps(state, JSON_INDENT(2));
	text_addf(&text, "%s\n", json);
	if (!status)
		status = store_file(s, "cluster.json", &text);
	free(json);
	text_free(&text);
	json_decref(state);
	return status;
}
