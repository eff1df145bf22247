/* SPDX-License-Identifier: MIT */
#include "experiments/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "experiments/text.h"
#include "experiments/wire.h"

#define POLL_MS      200 /* at least so often are time limits looked at */
#define SHOW_SECONDS 0.2

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

struct slot {
	struct job *job;
	const struct machine_driver *driver;
	struct machine *machine;
	double started;
	enum machine_end asked;
};

struct pool {
	const struct machine_driver *driver;
	const struct progress *progress;
	struct slot *slot;
	struct pollfd *poll;
	unsigned room, running, done, count;
	double started;
	double shown;
	bool terminal;
	struct wire *wire; /* of the machines with a NIC; NULL: none has one */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* On a terminal one line that is drawn over; elsewhere a line for each machine that ended. */
static void show(struct pool *p, const struct job *ended)
{
	double seconds = now() - p->started;
	bool due = ended || seconds >= p->shown + SHOW_SECONDS;

	if (p->progress->quiet || !due)
		return;
	p->shown = seconds;
	if (p->terminal) {
		fprintf(stderr, "\r\033[K%s: %u of %u machines done, %u running, %.0f s", p->progress->title,
			p->done, p->count, p->running, seconds);
		for (unsigned i = 0; i < p->running && i < 4; i++)
			fprintf(stderr, "%s%s", i ? ", " : "  [", p->slot[i].job->spec.name);
		fputs(p->running ? "]" : "", stderr);
	} else if (ended) {
		fprintf(stderr, "%s: %u/%u %s: %s after %.1f s\n", p->progress->title, p->done, p->count,
			ended->spec.name, machine_end_name(ended->result.end), ended->result.wall_seconds);
	}
	fflush(stderr);
}

static int start(struct pool *p, struct job *job)
{
	struct slot *s = &p->slot[p->running];
	char *why = NULL;
	int err;

	s->driver = job->driver ? job->driver : p->driver;
	err = s->driver->start(&job->spec, &s->machine, &why);
	if (err) {
		fprintf(stderr, "nestbed: %s: %s\n", job->spec.name, why ? why : strerror(-err));
		free(why);
		return err;
	}
	s->job = job;
	s->started = now();
	s->asked = MACHINE_SHUT_DOWN;
	p->running++;
	return 0;
}

static void end(struct pool *p, unsigned i)
{
	struct slot *s = &p->slot[i];
	struct job *job = s->job;

	s->driver->finish(s->machine, s->asked, &job->result);
	job->ran = true;
	job->output(job->ctx, NULL, 0);
	p->slot[i] = p->slot[--p->running];
	p->done++;
	show(p, job);
}

static void kill_all(struct pool *p, enum machine_end why)
{
	for (unsigned i = 0; i < p->running; i++) {
		p->slot[i].asked = why;
		p->slot[i].driver->kill(p->slot[i].machine);
	}
}

static void kill_asked(struct pool *p)
{
	for (unsigned i = 0; i < p->running; i++) {
		struct slot *s = &p->slot[i];

		if (!s->job->kill || s->asked != MACHINE_SHUT_DOWN)
			continue;
		s->asked = MACHINE_KILLED;
		s->driver->kill(s->machine);
	}
}

static void keep_limits(struct pool *p)
{
	for (unsigned i = 0; i < p->running; i++) {
		struct slot *s = &p->slot[i];
		unsigned limit = s->job->spec.seconds;

		if (limit && s->asked == MACHINE_SHUT_DOWN && now() - s->started >= limit) {
			s->asked = MACHINE_TIMED_OUT;
			s->driver->kill(s->machine);
		}
	}
}

/* Waits for output or a signal, hands output on, ends what has ended. */
static void turn(struct pool *p, const sigset_t *while_waiting)
{
	struct timespec wait = {.tv_nsec = POLL_MS * 1000000L};
	const uint64_t frame = p->wire ? wire_wait(p->wire) : UINT64_MAX;
	unsigned fds = p->running;
	uint8_t data[65536];

	for (unsigned i = 0; i < p->running; i++)
		p->poll[i] =
			(struct pollfd){.fd = p->slot[i].driver->fd(p->slot[i].machine), .events = POLLIN};
	if (p->wire)
		fds += wire_poll(p->wire, p->poll + p->running);
	if (frame < (uint64_t)wait.tv_nsec)
		wait.tv_nsec = (long)frame;
	if (ppoll(p->poll, fds, &wait, while_waiting) < 0)
		return;
	if (p->wire)
		wire_turn(p->wire);
	for (unsigned i = p->running; i-- > 0;) { /* downwards: end() moves the last slot */
		ssize_t n;

		if (!p->poll[i].revents)
			continue;
		n = p->slot[i].driver->read(p->slot[i].machine, data, sizeof(data));
		if (n > 0)
			p->slot[i].job->output(p->slot[i].job->ctx, data, (size_t)n);
		else if (n != -EAGAIN)
			end(p, i);
	}
}

/* The next one to start: *next counts through all of them twice, first those with a driver of their own. */
static struct job *next_job(const struct pool *p, struct job *jobs, unsigned *next)
{
	while (*next < 2 * p->count) {
		const unsigned i = (*next)++;
		struct job *job = &jobs[i % p->count];

		if (!job->driver == (i >= p->count))
			return job;
	}
	return NULL;
}

static int run(struct pool *p, struct job *jobs, const sigset_t *while_waiting)
{
	unsigned next = 0;
	struct job *job = next_job(p, jobs, &next);
	int err = 0;

	while (p->running || (job && !err)) {
		for (; !err && job && p->running < p->room; job = next_job(p, jobs, &next))
			err = start(p, job);
		show(p, NULL);
		keep_limits(p);
		turn(p, while_waiting);
		if (p->progress->turn)
			p->progress->turn(p->progress->ctx);
		kill_asked(p);
		if (caught && !err)
			err = -EINTR;
		if (err)
			kill_all(p, MACHINE_INTERRUPTED);
	}
	return err;
}

int pool_run(const struct machine_driver *driver, struct job *jobs, unsigned count, unsigned parallel,
	     const struct progress *progress)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = on_signal}, old[3];
	struct pool p = {
		.driver = driver,
		.progress = progress,
		.room = parallel ? parallel : 1,
		.count = count,
		.started = now(),
		.terminal = isatty(STDERR_FILENO),
	};
	sigset_t blocked, before;
	int err;

	p.slot = zalloc(p.room * sizeof(*p.slot));
	p.poll = zalloc((p.room + NB_LINK_HOSTS) * sizeof(*p.poll));
	for (unsigned i = 0; i < count; i++)
		p.wire = jobs[i].spec.nic ? jobs[i].spec.nic->wire : p.wire;
	caught = 0;
	sigemptyset(&blocked);
	for (int i = 0; i < 3; i++) {
		sigaddset(&blocked, numbers[i]);
		sigaction(numbers[i], &act, &old[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &before); /* delivered inside ppoll only */
	err = run(&p, jobs, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (int i = 0; i < 3; i++)
		sigaction(numbers[i], &old[i], NULL);
	if (p.terminal && !progress->quiet)
		fputs("\r\033[K", stderr);
	free(p.slot);
	free(p.poll);
	return err;
}

int pool_signal(void)
{
	return caught;
}

const char *machine_end_name(enum machine_end end)
{
	switch (end) {
	case MACHINE_SHUT_DOWN:
		return "shut down";
	case MACHINE_DIED:
		return "died";
	case MACHINE_TIMED_OUT:
		return "out of time";
	case MACHINE_INTERRUPTED:
		return "interrupted";
	case MACHINE_KILLED:
		return "killed";
	}
	return "?";
}
