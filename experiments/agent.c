/* SPDX-License-Identifier: MIT */
#include "experiments/agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "experiments/agent_link.h"
#include "experiments/child.h"
#include "experiments/cli.h"
#include "experiments/isolate.h"
#include "experiments/wire.h"

#define POLL_MS     200 /* at least so often are time limits looked at */
#define TURN_MOST   64u /* frames of the NIC at a time */
#define FLUSH_LIMIT 30.0 /* seconds in which nobody takes what is left to say */

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

enum { AT_IN, AT_OUT, AT_MACHINE, AT_NIC, PLACES };

struct agent {
	struct agent_link link;
	const struct machine_driver *driver;
	Nestbed__AgentMessage *start; /* the machine's specification, which its driver borrows */
	struct machine_nic nic;
	struct machine *machine; /* NULL: not yet, or not any more */
	unsigned seconds;
	struct timespec started;
	enum machine_end asked;
	bool over; /* only what waits is still to be sent */
	char *why; /* what went wrong */
	bool told; /* the peer knows it, and says it */
	int status;
};

static void fail(struct agent *a, int status, char *why)
{
	if (a->why)
		free(why);
	else
		a->why = why;
	a->status = a->status ? a->status : status;
	a->over = true;
}

/* ---- the machine ---- */

static void end_machine(struct agent *a, struct machine_result *result)
{
	a->driver->finish(a->machine, a->asked, result);
	a->machine = NULL;
}

static void result_free(struct machine_result *r)
{
	free(r->com1);
	free(r->log_tail);
}

static void ask_end(struct agent *a, enum machine_end why)
{
	if (!a->machine || a->asked != MACHINE_SHUT_DOWN)
		return;
	a->asked = why;
	a->driver->kill(a->machine);
}

/* -1: it has none, or not any more. */
static int nic_fd(const struct agent *a)
{
	struct pollfd fds[NB_LINK_HOSTS];

	return a->nic.wire && wire_poll(a->nic.wire, fds) ? fds[0].fd : -1;
}

/* NULL, or why this computer runs no such machine (malloc'd). */
static char *lacks(const struct agent *a)
{
	const char *what = a->driver->lacks();
	enum isolation isolation;

	if (what)
		return text_copy(what);
	if (!a->start->start->nic)
		return NULL;
	isolation = isolate_probe();
	if (isolation == ISOLATE_NAMESPACE || isolation == ISOLATE_USER_NAMESPACE)
		return NULL;
	return text_format("no link is possible there: no network namespace (isolation: %s)",
			   isolation_name(isolation));
}

static char *start_machine(struct agent *a)
{
	static const struct wire_script plain = {0};
	const Nestbed__AgentStart *start = a->start->start;
	struct machine_spec spec;
	char *why = NULL;
	int err;

	if (agent_read_start(start, &spec, &why))
		return why;
	why = lacks(a);
	if (why)
		return why;
	if (start->nic) {
		a->nic = (struct machine_nic){wire_new(&plain, NULL), start->host};
		spec.nic = &a->nic;
	}
	a->seconds = spec.seconds;
	clock_gettime(CLOCK_MONOTONIC, &a->started);
	err = a->driver->start(&spec, &a->machine, &why);
	return !err ? NULL : why ? why : text_copy(strerror(-err));
}

static void read_machine(struct agent *a)
{
	uint8_t data[65536];
	struct machine_result result = {0};
	const ssize_t n = a->driver->read(a->machine, data, sizeof(data));

	if (n > 0)
		agent_write_output(&a->link.waiting, data, (size_t)n);
	if (n > 0 || n == -EAGAIN)
		return;
	end_machine(a, &result);
	agent_write_result(&a->link.waiting, &result);
	result_free(&result);
	a->over = true;
}

static void read_nic(struct agent *a, int fd)
{
	uint8_t frame[NB_LINK_FRAME_MAX + 1];

	for (unsigned i = 0; i < TURN_MOST && !agent_link_crowded(&a->link); i++) {
		const ssize_t n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);

		if (n < 0)
			return;
		if (n && n <= (ssize_t)NB_LINK_FRAME_MAX)
			agent_write_frame(&a->link.waiting, frame, (size_t)n);
	}
}

/* ---- what nestbed says ---- */

static void on_hello(struct agent *a, Nestbed__AgentMessage *m)
{
	char *differs = agent_hello_differs(m->hello, "whoever asks this agent");

	if (!differs)
		return;
	fail(a, CLI_REFUSED, differs);
	a->told = true; /* by the hello that it gets */
}

static void on_start(struct agent *a, Nestbed__AgentMessage *m)
{
	Nestbed__AgentStarted started = NESTBED__AGENT_STARTED__INIT;
	Nestbed__AgentMessage answer = NESTBED__AGENT_MESSAGE__INIT;
	char *why;

	a->start = m;
	why = start_machine(a);
	if (why) {
		agent_write_refused(&a->link.waiting, why);
		fail(a, CLI_REFUSED, why);
		a->told = true;
		return;
	}
	answer.body_case = NESTBED__AGENT_MESSAGE__BODY_STARTED;
	answer.started = &started;
	agent_write(&a->link.waiting, &answer);
}

static void on_kill(struct agent *a, Nestbed__AgentMessage *m)
{
	(void)m;
	ask_end(a, MACHINE_KILLED);
}

static void on_frame(struct agent *a, Nestbed__AgentMessage *m)
{
	const int fd = nic_fd(a);

	if (fd >= 0)
		wire_end_send(fd, m->frame.data, m->frame.len);
}

static void take_messages(struct agent *a)
{
	static void (*const on[])(struct agent *, Nestbed__AgentMessage *) = {
		[NESTBED__AGENT_MESSAGE__BODY_HELLO] = on_hello,
		[NESTBED__AGENT_MESSAGE__BODY_START] = on_start,
		[NESTBED__AGENT_MESSAGE__BODY_KILL] = on_kill,
		[NESTBED__AGENT_MESSAGE__BODY_FRAME] = on_frame,
	};
	Nestbed__AgentMessage *m;
	char *why;
	int got;

	while ((got = agent_reader_next(&a->link.reader, &m, &why)) > 0) {
		if (!a->over)
			on[m->body_case](a, m);
		if (m != a->start)
			agent_message_free(m);
	}
	if (!got || a->status)
		return;
	fail(a, CLI_USAGE, text_format("what asks this agent sent %s", why ? why : "what nobody knows"));
	free(why);
}

static void read_link(struct agent *a)
{
	const int got = agent_link_receive(&a->link);

	take_messages(a);
	if (got > 0 || got == -EAGAIN || a->over)
		return;
	if (a->machine)
		fail(a, CLI_DIED,
		     text_format("the connection ended before machine %s did, which was ended",
				 a->start->start->name));
	else
		fail(a, CLI_DIED, text_copy("the connection ended before it asked for a machine"));
}

/* ---- the whole ---- */

static void keep_limit(struct agent *a)
{
	if (a->seconds && seconds_since(&a->started) >= a->seconds)
		ask_end(a, MACHINE_TIMED_OUT);
}

/* A peer that takes nothing holds the machine's output up, but not its end, and loses its frames. */
static void turn(struct agent *a, const sigset_t *while_waiting)
{
	const struct timespec wait = {.tv_nsec = POLL_MS * 1000000L};
	const bool room = !agent_link_crowded(&a->link) || a->asked != MACHINE_SHUT_DOWN;
	struct pollfd fds[PLACES] = {
		[AT_IN] = {.fd = a->link.in,                                          .events = POLLIN },
		[AT_OUT] = {.fd = agent_link_waits(&a->link) ? a->link.out : -1,       .events = POLLOUT},
		[AT_MACHINE] = {.fd = a->machine && room ? a->driver->fd(a->machine) : -1, .events = POLLIN },
		[AT_NIC] = {.fd = room ? nic_fd(a) : -1,                               .events = POLLIN },
	};

	keep_limit(a);
	if (ppoll(fds, PLACES, &wait, while_waiting) < 0)
		return;
	if (fds[AT_IN].revents)
		read_link(a);
	if (fds[AT_NIC].revents)
		read_nic(a, fds[AT_NIC].fd);
	if (fds[AT_MACHINE].revents && a->machine)
		read_machine(a);
	if (agent_link_send(&a->link))
		fail(a, CLI_DIED, text_copy("the connection ended"));
}

/* What is left to say, to a peer that still listens. */
static void flush(struct agent *a, const sigset_t *while_waiting)
{
	const struct timespec wait = {.tv_nsec = POLL_MS * 1000000L};
	struct timespec since;
	size_t left = 0;

	clock_gettime(CLOCK_MONOTONIC, &since);
	while (!agent_link_send(&a->link) && agent_link_waits(&a->link) && !caught) {
		struct pollfd out = {.fd = a->link.out, .events = POLLOUT};

		if (a->link.waiting.size - a->link.sent != left)
			clock_gettime(CLOCK_MONOTONIC, &since);
		left = a->link.waiting.size - a->link.sent;
		if (seconds_since(&since) > FLUSH_LIMIT)
			return;
		ppoll(&out, 1, &wait, while_waiting);
	}
}

static void serve(struct agent *a, const sigset_t *while_waiting)
{
	struct machine_result result = {0};

	agent_write_hello(&a->link.waiting);
	while (!a->over && !caught)
		turn(a, while_waiting);
	if (caught)
		fail(a, CLI_INTERRUPTED + caught, NULL);
	ask_end(a, MACHINE_INTERRUPTED);
	if (a->machine) {
		end_machine(a, &result);
		result_free(&result);
	}
	flush(a, while_waiting);
}

int agent_serve(const struct machine_driver *driver, int in, int out)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = on_signal};
	struct agent a = {.driver = driver};
	sigset_t blocked, before;

	signal(SIGPIPE, SIG_IGN);
	caught = 0;
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaddset(&blocked, numbers[i]);
		sigaction(numbers[i], &act, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &before); /* delivered inside ppoll only */
	agent_link_open(&a.link, in, out, AGENT_CLIENT);
	serve(&a, &before);
	agent_link_close(&a.link);
	if (a.why && !a.told)
		fprintf(stderr, "nestbed agent: %s\n", a.why);
	free(a.why);
	if (a.start)
		agent_message_free(a.start);
	wire_free(a.nic.wire);
	return a.status;
}
