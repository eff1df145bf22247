/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiments/child.h"
#include "experiments/cli.h"
#include "experiments/cluster/attempt.h"
#include "experiments/cluster/schedule.h"
#include "experiments/files.h"

#define SCRATCH    "nestbed-cluster."
#define IDLE_NS    10000000
#define RELAY_NS   200000
#define UNSENT_MAX 8u /* pieces of a result that rank 0 has not taken: no more follow until it has */
#define AGENT_WAIT 10.0 /* s for an agent to end when its connection has */

int worker_open(struct worker *w)
{
	*w = (struct worker){0};
	relay_none(&w->relay);
	return own_folder_make(&w->scratch, SCRATCH);
}

/* ---- its child ---- */

static void forget(struct worker *w)
{
	struct sending *s = &w->sending;

	relay_end(&w->relay);
	relay_close(&w->relay);
	if (w->dir)
		remove_folder(w->dir);
	if (w->log)
		unlink(w->log);
	free(w->dir);
	free(w->log);
	for (unsigned i = 0; i < s->count; i++)
		free(s->name[i]);
	free(s->name);
	if (s->file)
		fclose(s->file);
	*s = (struct sending){0};
	w->dir = w->log = NULL;
	w->child = 0;
	w->over_limit = w->partner = false;
	w->told_end = (struct timespec){0};
}

/* Never returns. `connection`: a socket, -1: none. */
__attribute__((noreturn)) static void become(const struct worker *w, char **words, int log, int connection,
					     pid_t parent)
{
	char *program = text_format("%s/nestbed", build_dir());

	words[0] = program;
	if (w->partner) { /* an agent speaks by its standard input and output */
		child_begin(parent, connection, log);
		dup2(connection, STDIN_FILENO);
	} else {
		child_begin(parent, log, log);
		if (connection >= 0)
			fcntl(connection, F_SETFD, 0);
	}
	execv(program, words);
	dprintf(STDERR_FILENO, "nestbed: %s: %s\n", program, strerror(errno));
	_exit(127);
}

/* Its words: `nestbed`, those given, what only this rank knows. NULL: `more` has none left. */
static char **child_words(char **words, char *const more[])
{
	char **all = NULL;
	unsigned count = 0;

	all = array_grow(all, count++, sizeof(*all)); /* the program */
	for (unsigned i = 0; words[i]; i++) {
		all = array_grow(all, count, sizeof(*all));
		all[count++] = words[i];
	}
	for (unsigned i = 0; more[i]; i++) {
		all = array_grow(all, count, sizeof(*all));
		all[count++] = more[i];
	}
	all = array_grow(all, count, sizeof(*all));
	all[count] = NULL;
	return all;
}

/* 0, or negative errno: nothing runs. */
static int spawn(struct worker *w, char **words, int connection)
{
	const pid_t self = getpid();
	const int log = open(w->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	pid_t child;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &w->started);
	if (log < 0)
		return -errno;
	fflush(NULL);
	child = fork();
	if (!child)
		become(w, words, log, connection, self);
	if (child < 0)
		err = -errno;
	else
		w->child = child;
	close(log);
	return err;
}

static void send_end(const struct worker *w, const struct sending *s, bool begun)
{
	struct attempt_end end = {
		.task = w->task,
		.attempt = w->attempt,
		.status = s->status,
		.over_limit = w->over_limit,
		.folder = s->folder,
		.begun = begun,
		.ms = (uint64_t)(seconds_since(&w->started) * 1000),
		.bytes = s->bytes,
	};

	memcpy(end.why, s->why, sizeof(end.why));
	attempt_send_end(&end);
}

static uint32_t serial_of(const struct attempt *a)
{
	return a->task * SCHEDULE_SERIALS + a->attempt;
}

static void begin_task(struct worker *w, const struct attempt *a)
{
	char *out = text_format("--out=%s/result", w->scratch.path), *agent = NULL;
	char *more[3] = {out};
	struct sending none = {.status = CLI_FAILED};
	char **words;
	int connection = -1, err = 0;

	if (a->partner != ATTEMPT_ALONE) {
		connection = relay_open(&w->relay, a->partner, serial_of(a));
		err = connection < 0 ? connection : 0;
		more[1] = agent = text_format("--agent=fd:%d", connection);
	}
	words = child_words(a->words, more);
	if (!err)
		err = spawn(w, words, connection);
	if (!err && a->partner != ATTEMPT_ALONE) {
		const struct attempt other = {a->task, a->attempt, post_rank(), 0, a->name, NULL};

		attempt_send(a->partner, POST_PARTNER, &other); /* ahead of what the relay sends */
	} else if (err) {
		snprintf(none.why, sizeof(none.why), "it could not begin: %s", strerror(-err));
		relay_close(&w->relay); /* nobody is at its other end */
		if (a->partner != ATTEMPT_ALONE)
			post_send(0, POST_SPARED, &a->partner, sizeof(a->partner));
		send_end(w, &none, false);
		forget(w);
	}
	if (connection >= 0)
		close(connection);
	free(words);
	free(agent);
	free(out);
}

static void begin_partner(struct worker *w, const struct attempt *a)
{
	char agent[] = "agent";
	char *none[] = {NULL}, *given[] = {agent, NULL};
	char **words = child_words(given, none);
	const int connection = relay_open(&w->relay, a->partner, serial_of(a));
	int err = connection < 0 ? connection : 0;

	w->partner = true;
	if (!err)
		err = spawn(w, words, connection);
	if (err) {
		char *why = text_format("its agent could not begin: %s\n", strerror(-err));

		w->relay.partner = a->partner; /* it must not wait for us */
		w->relay.serial = serial_of(a);
		relay_refuse(&w->relay);
		forget(w);
		post_send(0, POST_FREE, why, strlen(why));
		free(why);
	}
	if (connection >= 0)
		close(connection);
	free(words);
}

static void begin(struct worker *w, const struct post_message *message)
{
	struct attempt a;

	if (w->child || w->sending.on || attempt_read(message, &a))
		return; /* rank 0 knows better than that */
	w->task = a.task;
	w->attempt = a.attempt;
	w->limit = a.limit;
	w->dir = text_format("%s/result", w->scratch.path);
	w->log = text_format("%s/log", w->scratch.path);
	if (message->kind == POST_TASK)
		begin_task(w, &a);
	else
		begin_partner(w, &a);
	attempt_free(&a);
}

void worker_message(struct worker *w, const struct post_message *message)
{
	if (message->kind == POST_RELAY)
		relay_message(&w->relay, message->data, message->size);
	else
		begin(w, message);
}

/* ---- what comes of it ---- */

static void add_name(struct sending *s, const char *name)
{
	s->name = array_grow(s->name, s->count, sizeof(*s->name));
	s->name[s->count++] = text_copy(name);
}

/* nftw() hands nothing of ours on. */
static struct worker *listing;

static int list_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_F)
		add_name(&listing->sending, path + strlen(listing->dir) + 1);
	return type == FTW_DNR || type == FTW_NS;
}

static void begin_sending(struct worker *w, int status)
{
	struct sending *s = &w->sending;

	*s = (struct sending){
		.on = true,
		.status = WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INTERRUPTED + WTERMSIG(status),
		.folder = !access(w->dir, R_OK),
	};
	listing = w;
	add_name(s, ATTEMPT_LOG);
	if (s->folder && nftw(w->dir, list_one, 8, FTW_PHYS))
		snprintf(s->why, sizeof(s->why), "its folder can't be read");
}

/* The next piece. True: there was none left. */
static bool send_piece(struct worker *w)
{
	struct sending *s = &w->sending;
	struct attempt_piece piece = {.task = w->task, .attempt = w->attempt};
	uint8_t *data;
	bool last;

	if (s->next == s->count)
		return true;
	piece.path = s->name[s->next];
	if (!s->file) {
		char *path = s->next ? text_format("%s/%s", w->dir, piece.path) : text_copy(w->log);

		s->file = fopen(path, "re");
		free(path);
	}
	data = zalloc(POST_CHUNK);
	piece.data = data;
	piece.size = s->file ? fread(data, 1, POST_CHUNK, s->file) : 0;
	if (!s->file || ferror(s->file))
		snprintf(s->why, sizeof(s->why), "%.100s can't be read", piece.path);
	attempt_send_piece(&piece); /* an empty file is a piece too */
	s->bytes += piece.size;
	last = piece.size < POST_CHUNK;
	if (last && s->file)
		fclose(s->file);
	if (last) {
		s->file = NULL;
		s->next++;
	}
	free(data);
	return false;
}

/* A few pieces at a time: rank 0 is told in between that this rank lives. */
static void send_more(struct worker *w)
{
	while (post_unsent() < UNSENT_MAX) {
		if (!send_piece(w))
			continue;
		send_end(w, &w->sending, true);
		forget(w);
		return;
	}
}

/* A partner says no more than what its agent printed. */
static void send_free(const struct worker *w)
{
	struct blob log = {0};

	if (file_read(w->log, &log))
		log.size = 0;
	post_send(0, POST_FREE, log.data, log.size < POST_CHUNK ? log.size : POST_CHUNK);
	free(log.data);
}

static void reap(struct worker *w)
{
	int status;

	if (!w->child || waitpid(w->child, &status, WNOHANG) != w->child)
		return;
	w->child = 0;
	relay_end(&w->relay);
	if (!w->partner) {
		begin_sending(w, status);
		return;
	}
	send_free(w);
	forget(w);
}

static void keep_limits(struct worker *w)
{
	if (!w->child || w->over_limit)
		return;
	if (w->partner && w->relay.partner_ended) {
		if (!w->told_end.tv_sec)
			clock_gettime(CLOCK_MONOTONIC, &w->told_end);
		if (seconds_since(&w->told_end) > AGENT_WAIT)
			child_kill(w->child);
		return;
	}
	if (w->limit && seconds_since(&w->started) > w->limit) {
		w->over_limit = true;
		child_kill(w->child);
	}
}

void worker_turn(struct worker *w)
{
	relay_turn(&w->relay);
	keep_limits(w);
	reap(w);
	if (w->sending.on)
		send_more(w);
	if (!w->told.tv_sec || seconds_since(&w->told) >= 1) {
		post_send(0, POST_ALIVE, NULL, 0);
		clock_gettime(CLOCK_MONOTONIC, &w->told);
	}
}

void worker_wait(struct worker *w)
{
	const bool relays = w->relay.fd >= 0;
	const struct timespec wait = {.tv_nsec = relays ? RELAY_NS : IDLE_NS};
	struct pollfd fd = {.fd = w->relay.fd, .events = relay_events(&w->relay)};

	ppoll(&fd, relays && fd.events ? 1 : 0, &wait, NULL);
}

void worker_close(struct worker *w)
{
	if (w->child) {
		child_kill(w->child);
		child_wait(w->child);
	}
	forget(w);
	own_folder_remove(&w->scratch);
	*w = (struct worker){.scratch.lock = -1};
}
