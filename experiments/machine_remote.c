/* SPDX-License-Identifier: MIT */
/*
 * Machine driver for a machine that an agent runs, on this or another computer (docs/agent.md). Its NIC's end
 * on the wire is one of a pair of local sockets; frames go between the other and the agent. What a slow agent
 * does not take in time stays in that pair, and is lost when that is full, as at a NIC.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiments/agent.h"
#include "experiments/agent_connect.h"
#include "experiments/agent_link.h"
#include "experiments/child.h"
#include "experiments/files.h"
#include "experiments/wire.h"

#define HELLO_WAIT 60.0 /* s, for a way to the agent and its greeting */
#define START_WAIT 60.0 /* s, for the machine to begin ... */
#define START_MIB  2.0 /* ... and so many for each MiB that describes it */
#define KILL_WAIT  5 /* s, for its end when it was asked for */
#define LOOK_MS    100 /* while it is waited for: is there a signal? */
#define TURN_MOST  64u /* frames of the wire at a time */

struct machine {
	struct agent_peer peer;
	struct agent_link link;
	int epoll, timer, nic; /* nic: this end of the pair; -1: none */
	uint32_t out_events, nic_events; /* what epoll knows */
	const struct machine_nic *wire;
	struct text output;
	size_t taken;
	bool over; /* nothing comes any more: there is a result, or `died` */
	bool refused; /* the agent is there, and does not do it */
	bool killed;
	struct timespec killed_at;
	struct machine_result result;
	char *died;
	char *keep_dir;
};

static void die(struct machine *m, char *why)
{
	if (m->over)
		free(why);
	else
		m->died = why;
	m->over = true;
}

/* ---- what is waited for ---- */

static void watch(const struct machine *m, int op, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	epoll_ctl(m->epoll, op, fd, &e);
}

/* Once at that time; and each second from then on where the machine's end is waited for. */
static void set_timer(const struct machine *m, time_t seconds, long ns)
{
	const struct itimerspec when = {
		.it_value = {.tv_sec = seconds, .tv_nsec = ns},
                  .it_interval = {.tv_sec = m->killed                }
        };

	timerfd_settime(m->timer, 0, &when, NULL);
}

/* Only what can be served now is waited for. */
static void rewatch(struct machine *m)
{
	const uint32_t out = agent_link_waits(&m->link) ? EPOLLOUT : 0;
	const uint32_t nic = agent_link_crowded(&m->link) ? 0 : EPOLLIN;

	if (out != m->out_events)
		watch(m, EPOLL_CTL_MOD, m->link.out, out);
	if (m->nic >= 0 && nic != m->nic_events)
		watch(m, EPOLL_CTL_MOD, m->nic, nic);
	m->out_events = out;
	m->nic_events = m->nic >= 0 ? nic : 0;
	/* What is there already, no descriptor would tell of. */
	if (m->taken < m->output.size || m->over)
		set_timer(m, 0, 1);
}

/* ---- what the agent says ---- */

static void on_hello(struct machine *m, const Nestbed__AgentMessage *message)
{
	char *differs = agent_hello_differs(message->hello, "agent");

	if (!differs)
		return;
	die(m, differs);
	m->refused = true;
}

static void on_started(struct machine *m, const Nestbed__AgentMessage *message)
{
	(void)m;
	(void)message;
}

static void on_refused(struct machine *m, const Nestbed__AgentMessage *message)
{
	char *words = agent_plain(message->refused);

	die(m, text_format("the agent refuses it: %s", words));
	m->refused = true;
	free(words);
}

static void on_frame(struct machine *m, const Nestbed__AgentMessage *message)
{
	if (m->nic >= 0)
		send(m->nic, message->frame.data, message->frame.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_output(struct machine *m, const Nestbed__AgentMessage *message)
{
	text_add(&m->output, message->output.data, message->output.len);
}

static void on_result(struct machine *m, const Nestbed__AgentMessage *message)
{
	agent_read_result(message->result, &m->result);
	m->over = true;
}

static void take_messages(struct machine *m)
{
	static void (*const on[])(struct machine *, const Nestbed__AgentMessage *) = {
		[NESTBED__AGENT_MESSAGE__BODY_HELLO] = on_hello,
		[NESTBED__AGENT_MESSAGE__BODY_FRAME] = on_frame,
		[NESTBED__AGENT_MESSAGE__BODY_STARTED] = on_started,
		[NESTBED__AGENT_MESSAGE__BODY_REFUSED] = on_refused,
		[NESTBED__AGENT_MESSAGE__BODY_OUTPUT] = on_output,
		[NESTBED__AGENT_MESSAGE__BODY_RESULT] = on_result,
	};
	Nestbed__AgentMessage *message;
	char *why;
	int got;

	while (!m->over && (got = agent_reader_next(&m->link.reader, &message, &why)) != 0) {
		if (got < 0) {
			die(m, text_format("the agent sent %s", why ? why : "what nobody knows"));
			free(why);
			return;
		}
		on[message->body_case](m, message);
		agent_message_free(message);
	}
}

/* ---- bytes and frames ---- */

static void read_nic(struct machine *m)
{
	uint8_t frame[NB_LINK_FRAME_MAX + 1];

	for (unsigned i = 0; m->nic >= 0 && !m->killed && i < TURN_MOST && !agent_link_crowded(&m->link);
	     i++) {
		const ssize_t n = recv(m->nic, frame, sizeof(frame), MSG_DONTWAIT);

		if (n <= 0)
			return;
		if (n <= (ssize_t)NB_LINK_FRAME_MAX)
			agent_write_frame(&m->link.waiting, frame, (size_t)n);
	}
}

static void lost(struct machine *m, int err)
{
	const bool plain = !err || err == -ECONNRESET || err == -EPIPE;

	die(m, text_format("the connection to the agent ended before %s%s%s",
			   m->link.reader.phase == AGENT_GREETS ? "it said anything" : "the machine did",
			   plain ? "" : ": ", plain ? "" : strerror(-err)));
}

static void look_at_timer(struct machine *m)
{
	uint64_t times;

	if (read(m->timer, &times, sizeof(times)) == (ssize_t)sizeof(times) && m->killed &&
	    seconds_since(&m->killed_at) >= KILL_WAIT)
		die(m, text_format("the agent did not end its machine in %d s", KILL_WAIT));
}

static void turn(struct machine *m)
{
	int got, sent;

	if (m->over)
		return;
	got = agent_link_receive(&m->link);
	take_messages(m);
	read_nic(m);
	sent = agent_link_send(&m->link);
	if (!got || (got < 0 && got != -EAGAIN))
		lost(m, got);
	else if (sent && sent != -EPIPE && sent != -ECONNRESET) /* its last words are still to be read */
		lost(m, sent);
	look_at_timer(m);
}

/* ---- beginning ---- */

static bool signalled(void)
{
	sigset_t pending;

	return !sigpending(&pending) && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
					 sigismember(&pending, SIGHUP));
}

/* Until the agent is in that phase. 0 or negative errno; *why. */
static int await(struct machine *m, enum agent_phase phase, double limit, char **why)
{
	struct timespec since;
	struct epoll_event e;

	clock_gettime(CLOCK_MONOTONIC, &since);
	while (m->link.reader.phase < phase && !m->over) {
		if (signalled())
			return -EINTR;
		if (seconds_since(&since) > limit)
			die(m, text_format("the agent says nothing for %.0f s", limit));
		rewatch(m);
		if (epoll_wait(m->epoll, &e, 1, LOOK_MS) >= 0)
			turn(m);
	}
	if (!m->died)
		return 0;
	*why = m->died;
	m->died = NULL;
	return m->refused ? -EOPNOTSUPP : -ECONNRESET;
}

static int make_nic(struct machine *m, const struct machine_nic *nic)
{
	int pair[2];

	/* Of this kind a peer's address is ignored, and frames stay frames. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
		return -errno;
	m->nic = pair[0];
	m->wire = nic;
	wire_attach(nic->wire, nic->host, pair[1]);
	watch(m, EPOLL_CTL_ADD, m->nic, m->nic_events = EPOLLIN);
	return 0;
}

static int open_all(struct machine *m, const struct machine_spec *spec, char **why)
{
	int err = agent_connect(spec->agent, &m->peer, why);

	if (err)
		return err;
	agent_link_open(&m->link, m->peer.in, m->peer.out, AGENT_SERVER);
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (m->epoll < 0 || m->timer < 0)
		return -errno;
	watch(m, EPOLL_CTL_ADD, m->link.in, EPOLLIN);
	watch(m, EPOLL_CTL_ADD, m->link.out, 0);
	watch(m, EPOLL_CTL_ADD, m->timer, EPOLLIN);
	return 0;
}

static int start_there(struct machine *m, const struct machine_spec *spec, char **why)
{
	int err = open_all(m, spec, why);

	if (err)
		return err;
	agent_write_hello(&m->link.waiting);
	err = await(m, AGENT_STARTS, HELLO_WAIT, why);
	if (!err)
		err = agent_write_start(&m->link.waiting, spec, why);
	if (!err)
		err = await(m, AGENT_RUNS, START_WAIT + START_MIB * (double)(m->link.waiting.size >> 20),
			    why);
	if (!err && spec->nic)
		err = make_nic(m, spec->nic);
	return err;
}

/* ---- the driver ---- */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The wait status of the agent's command. */
static int machine_close(struct machine *m)
{
	if (m->wire)
		wire_detach(m->wire->wire, m->wire->host);
	agent_link_close(&m->link);
	close_fd(m->nic);
	close_fd(m->timer);
	close_fd(m->epoll);
	return agent_disconnect(&m->peer);
}

static void machine_free(struct machine *m)
{
	text_free(&m->output);
	free(m->died);
	free(m->keep_dir);
	free(m);
}

/* A command that ended at once has told why, or its exit status does. */
static char *add_status(char *why, int status)
{
	char *both;

	if (!WIFEXITED(status) || !WEXITSTATUS(status))
		return why;
	both = text_format("%s (its command ended with exit status %d)", why, WEXITSTATUS(status));
	free(why);
	return both;
}

static int remote_start(const struct machine_spec *spec, struct machine **machine, char **why)
{
	struct machine *m;
	int err, status;

	*why = NULL;
	if (spec->trace) {
		*why = text_copy("a machine at an agent can't be traced");
		return -EOPNOTSUPP;
	}
	m = zalloc(sizeof(*m));
	m->epoll = m->timer = m->nic = m->link.in = m->link.out = -1;
	m->keep_dir = spec->keep_dir ? text_copy(spec->keep_dir) : NULL;
	err = start_there(m, spec, why);
	if (!err) {
		rewatch(m);
		*machine = m;
		return 0;
	}
	status = machine_close(m);
	if (err == -ECONNRESET)
		*why = add_status(*why, status);
	machine_free(m);
	return err;
}

static int remote_fd(const struct machine *m)
{
	return m->epoll;
}

static ssize_t remote_read(struct machine *m, uint8_t *data, size_t room)
{
	size_t n;

	turn(m);
	n = m->output.size - m->taken;
	n = n < room ? n : room;
	if (n)
		memcpy(data, m->output.data + m->taken, n);
	m->taken += n;
	agent_text_drop(&m->output, &m->taken);
	rewatch(m);
	if (n)
		return (ssize_t)n;
	return m->over ? 0 : -EAGAIN;
}

static void remote_kill(struct machine *m)
{
	Nestbed__AgentKill nothing = NESTBED__AGENT_KILL__INIT;
	Nestbed__AgentMessage kill = NESTBED__AGENT_MESSAGE__INIT;

	if (m->killed)
		return;
	kill.body_case = NESTBED__AGENT_MESSAGE__BODY_KILL;
	kill.kill = &nothing;
	agent_write(&m->link.waiting, &kill);
	m->killed = true;
	clock_gettime(CLOCK_MONOTONIC, &m->killed_at);
	set_timer(m, 1, 0);
	rewatch(m);
}

/* Of its files only what COM1 took has come here. */
static char *keep(const struct machine *m)
{
	char *path = text_format("%s/com1", m->keep_dir), *why = NULL;
	const int err = file_write(path, m->result.com1, strlen(m->result.com1));

	if (err)
		why = text_format("%s: %s\n", path, strerror(-err));
	free(path);
	return why;
}

static void remote_finish(struct machine *m, enum machine_end asked, struct machine_result *r)
{
	const int status = machine_close(m);

	if (m->died) {
		*r = (struct machine_result){.end = MACHINE_DIED, .wait_status = status};
		r->log_tail = text_format("%s\n", m->died);
	} else {
		*r = m->result;
		if (m->keep_dir && !r->log_tail)
			r->log_tail = keep(m);
	}
	if (asked != MACHINE_SHUT_DOWN && r->end != MACHINE_SHUT_DOWN)
		r->end = asked;
	machine_free(m);
}

static const char *remote_lacks(void)
{
	return NULL; /* this computer needs nothing; the agent says what the other lacks */
}

const struct machine_driver machine_remote = {
	.name = "agent",
	.lacks = remote_lacks,
	.start = remote_start,
	.fd = remote_fd,
	.read = remote_read,
	.kill = remote_kill,
	.finish = remote_finish,
};
