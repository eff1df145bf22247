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
#include "experiments/cluster/attempt.h"
#include "experiments/cluster/schedule.h"
#include "experiments/files.h"

#define SCRATCH    "nestbed-cluster."
#define IDLE_NS    10000000
#define RELAY_NS   200000
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
	relay_close(&w->relay);
	if (w->dir)
		remove_folder(w->dir);
	if (w->log)
		unlink(w->log);
	free(w->dir);
	free(w->log);
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

/* True: it runs. */
static bool spawn(struct worker *w, char **words, int connection)
{
	const pid_t self = getpid();
	const int log = open(w->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	clock_gettime(CLOCK_MONOTONIC, &w->started);
	fflush(NULL);
	if (log >= 0)
		w->child = fork();
	if (log >= 0 && !w->child)
		become(w, words, log, connection, self);
	if (log >= 0)
		close(log);
	if (w->child < 0)
		w->child = 0;
	return w->child > 0;
}

static void send_end(const struct worker *w, int status, bool folder)
{
	const struct attempt_end end = {
		.task = w->task,
		.attempt = w->attempt,
		.status = status,
		.over_limit = w->over_limit,
		.folder = folder,
		.ms = (uint64_t)(seconds_since(&w->started) * 1000),
	};

	attempt_send_end(&end);
}

static void begin_task(struct worker *w, const struct attempt *a)
{
	char *out = text_format("--out=%s/result", w->scratch.path), *agent = NULL;
	char *more[3] = {out};
	char **words;
	int connection = -1;

	if (a->partner != ATTEMPT_ALONE) {
		const struct attempt other = {a->task, a->attempt, post_rank(), 0, a->name, NULL};

		connection = relay_open(&w->relay, a->partner, a->task * SCHEDULE_ATTEMPTS + a->attempt);
		attempt_send(a->partner, POST_PARTNER, &other);
		more[1] = agent = text_format("--agent=fd:%d", connection);
	}
	words = child_words(a->words, more);
	if ((a->partner != ATTEMPT_ALONE && connection < 0) || !spawn(w, words, connection)) {
		send_end(w, 1, false);
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
	const int connection = relay_open(&w->relay, a->partner, a->task * SCHEDULE_ATTEMPTS + a->attempt);

	w->partner = true;
	if (connection < 0 || !spawn(w, words, connection)) {
		forget(w);
		post_send(0, POST_FREE, NULL, 0);
	}
	if (connection >= 0)
		close(connection);
	free(words);
}

static void begin(struct worker *w, const struct post_message *message)
{
	struct attempt a;

	if (w->child || attempt_read(message, &a))
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

/* nftw() hands nothing of ours on. */
static const struct worker *sending;

static void send_file(const struct worker *w, const char *path, const char *name)
{
	struct attempt_piece piece = {.task = w->task, .attempt = w->attempt, .path = name};
	uint8_t *data = zalloc(POST_CHUNK);
	FILE *f = fopen(path, "re");

	do { /* an empty file is a piece too */
		piece.data = data;
		piece.size = f ? fread(data, 1, POST_CHUNK, f) : 0;
		attempt_send_piece(&piece);
	} while (piece.size == POST_CHUNK);
	if (f)
		fclose(f);
	free(data);
}

static int send_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_F)
		send_file(sending, path, path + strlen(sending->dir) + 1);
	return 0;
}

static void send_results(struct worker *w, int status)
{
	const bool folder = !access(w->dir, R_OK);

	sending = w;
	send_file(w, w->log, ATTEMPT_LOG);
	if (folder)
		nftw(w->dir, send_one, 8, FTW_PHYS);
	send_end(w, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), folder);
}

/* The partner must learn of the end, however it came. */
static void end_relay(struct worker *w)
{
	if (w->relay.fd < 0)
		return;
	relay_turn(&w->relay);
	if (!w->relay.ended)
		post_send(w->relay.partner, POST_RELAY, &w->relay.serial, sizeof(w->relay.serial));
}

static void reap(struct worker *w)
{
	int status;

	if (!w->child || waitpid(w->child, &status, WNOHANG) != w->child)
		return;
	end_relay(w);
	if (w->partner)
		post_send(0, POST_FREE, NULL, 0);
	else
		send_results(w, status);
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
