/* SPDX-License-Identifier: MIT */
/* Messages between nestbed and its agent; and the driver of a machine at an agent, before agents that are
 * bytes in a socket. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "experiments/agent.h"
#include "experiments/agent_link.h"
#include "experiments/cli.h"
#include "experiments/wire.h"

const char nestbed_version[] = "tested";

static char rom[] = "rom", kernel[] = "kernel", image[] = "image";

static struct machine_spec a_machine(void)
{
	return (struct machine_spec){
		.name = "move-0-1",
		.cpu = "corei7_skylake_x",
		.cpus = 1,
		.memory = 256u << 20,
		.ips = 1000000,
		.rom = {rom,             sizeof(rom)},
		.kernel = {kernel,               sizeof(kernel)},
		.cmdline = "one two",
		.module = {{{image, sizeof(image)}, "bundle"}},
		.module_count = 1,
		.seconds = 300,
	};
}

/* ---- messages ---- */

/* A message in letters, for tables. */
static void write_letter(struct text *t, char letter)
{
	Nestbed__AgentMessage m = NESTBED__AGENT_MESSAGE__INIT;
	Nestbed__AgentStarted started = NESTBED__AGENT_STARTED__INIT;
	Nestbed__AgentKill nothing = NESTBED__AGENT_KILL__INIT;
	struct machine_result result = {.end = MACHINE_DIED, .wall_seconds = 1, .log_tail = "it\033 fell\n"};
	const struct machine_spec spec = a_machine();
	uint8_t bytes[] = "bytes";
	char *why;

	switch (letter) {
	case 'H':
		agent_write_hello(t);
		break;
	case 'S':
		assert_int_equal(agent_write_start(t, &spec, &why), 0);
		break;
	case 'K':
		m.body_case = NESTBED__AGENT_MESSAGE__BODY_KILL;
		m.kill = &nothing;
		agent_write(t, &m);
		break;
	case 'F':
		agent_write_frame(t, bytes, sizeof(bytes));
		break;
	case 'B': /* begun */
		m.body_case = NESTBED__AGENT_MESSAGE__BODY_STARTED;
		m.started = &started;
		agent_write(t, &m);
		break;
	case 'N': /* no */
		agent_write_refused(t, "no\033room");
		break;
	case 'O':
		agent_write_output(t, bytes, 5);
		break;
	case 'E':
		agent_write_result(t, &result);
		break;
	case '?': /* of no kind: field 15 */
		text_add(t, "\2\0\0\0\x78\1", 6);
		break;
	case 'u': /* a frame, and field 15 */
		text_add(t, "\5\0\0\0\x22\1a\x78\1", 9);
		break;
	case 'k': /* a kill with field 15 */
		text_add(t, "\4\0\0\0\x1a\2\x78\1", 8);
		break;
	case 'e': /* an end that is none: result { end: 9 } */
		text_add(t, "\4\0\0\0\x42\2\x08\x09", 8);
		break;
	case 'f': /* a frame without bytes */
		text_add(t, "\2\0\0\0\x22\0", 6);
		break;
	case 'L': /* a length that is too much for any */
		text_add(t, "\0\0\0\xff", 4);
		break;
	default:
		fail_msg("no letter '%c'", letter);
	}
}

static struct text write_letters(const char *letters)
{
	struct text t = {0};

	text_add(&t, "", 0);
	for (const char *p = letters; *p; p++)
		write_letter(&t, *p);
	return t;
}

#define PLACE ", which has no place there"

static const struct {
	enum agent_side from;
	const char *letters;
	unsigned good; /* messages that are taken */
	const char *why; /* NULL: all are */
} order_rows[] = {
	{AGENT_CLIENT, "HSFKF",  5, NULL                              },
	{AGENT_CLIENT, "HSKK",   4, NULL                              },
	{AGENT_CLIENT, "SHF",    0, "'"                               },
	{AGENT_CLIENT, "HF",     1, "a message 'frame'" PLACE         },
	{AGENT_CLIENT, "HSS",    2, "a message 'start'" PLACE         },
	{AGENT_CLIENT, "HSH",    2, "a message 'hello'" PLACE         },
	{AGENT_CLIENT, "HK",     1, "a message 'kill'" PLACE          },
	{AGENT_CLIENT, "HSB",    2, "a message 'started'" PLACE       },
	{AGENT_CLIENT, "HSO",    2, "a message 'output'" PLACE        },
	{AGENT_CLIENT, "HSf",    2, "a message that nobody knows"     },
	{AGENT_CLIENT, "HS?",    2, "a message that nobody knows"     },
	{AGENT_CLIENT, "HSu",    2, "a message that nobody knows"     },
	{AGENT_CLIENT, "HSk",    2, "a message that nobody knows"     },
	{AGENT_CLIENT, "?",      0, "a message that nobody knows"     },
	{AGENT_CLIENT, "HL",     1, "bytes, where none so long is due"},
	{AGENT_SERVER, "HBOFOE", 6, NULL                              },
	{AGENT_SERVER, "HN",     2, NULL                              },
	{AGENT_SERVER, "HNB",    2, "bytes, where none so long is due"},
	{AGENT_SERVER, "HBEO",   3, "bytes, where none so long is due"},
	{AGENT_SERVER, "HBN",    2, "a message 'refused'" PLACE       },
	{AGENT_SERVER, "HE",     1, "a message 'result'" PLACE        },
	{AGENT_SERVER, "HBe",    2, "a message that nobody knows"     },
	{AGENT_SERVER, "HK",     1, "a message 'kill'" PLACE          },
	{AGENT_SERVER, "L",      0, "which is no greeting of nestbed" },
};

static void messages_come_in_their_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(order_rows) / sizeof(order_rows[0]); i++) {
		struct agent_reader r = {.from = order_rows[i].from};
		struct text t = write_letters(order_rows[i].letters);
		Nestbed__AgentMessage *m;
		unsigned good = 0;
		char *why = NULL;
		int got = 0;

		for (size_t at = 0; at < t.size && got >= 0; at++) { /* however it is cut */
			agent_reader_add(&r, (uint8_t *)t.data + at, 1);
			while ((got = agent_reader_next(&r, &m, &why)) > 0) {
				agent_message_free(m);
				good++;
			}
		}
		if (good != order_rows[i].good || !why != !order_rows[i].why ||
		    (why && !strstr(why, order_rows[i].why)))
			fail_msg("%s: %u messages, then: %s", order_rows[i].letters, good,
				 why ? why : "nothing");
		free(why);
		agent_reader_free(&r);
		text_free(&t);
	}
}

/* A hostile message of many small parts gets no memory for all of them. */
static void parts_cost_their_sender(void **state)
{
	struct agent_reader r = {.from = AGENT_CLIENT};
	struct text t = write_letters("H");
	enum { PARTS = 1 << 20 };
	const uint32_t inner = 2 * PARTS, outer = inner + 5;
	uint8_t head[] = {0, 0, 0, 0, 0x12, 0x80, 0x80, 0x80, 0x01}; /* start, its length in four bytes */
	Nestbed__AgentMessage *m;
	char *why;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		head[i] = (uint8_t)(outer >> 8 * i);
	text_add(&t, head, sizeof(head));
	for (unsigned i = 0; i < PARTS; i++)
		text_add(&t, "\x4a\0", 2); /* module {} */
	agent_reader_add(&r, (uint8_t *)t.data, t.size);
	assert_int_equal(agent_reader_next(&r, &m, &why), 1);
	agent_message_free(m);
	assert_int_equal(agent_reader_next(&r, &m, &why), -EBADMSG);
	assert_string_equal(why, "a message that nobody knows");
	free(why);
	agent_reader_free(&r);
	text_free(&t);
}

#define CHANGED(field, value, told)                                                                          \
	{                                                                                                    \
		.offset = offsetof(Nestbed__AgentStart, field),                                              \
		.size = sizeof(((Nestbed__AgentStart *)0)->field), .number = (uint64_t)(value),              \
		.why = (told)                                                                                \
	}

static const struct {
	size_t offset, size;
	uint64_t number;
	const char *why;
} start_rows[] = {
	CHANGED(cpus, 1, NULL),
	CHANGED(cpus, 0, "its number of processors is none that can be"),
	CHANGED(cpus, 65, "its number of processors is none that can be"),
	CHANGED(memory, 0, "its memory is none that can be"),
	CHANGED(memory, 4096, "its memory is none that can be"),
	CHANGED(memory, 1ull << 41, "its memory is none that can be"),
	CHANGED(ips, 1ull << 32, "its instructions a second is none that can be"),
	CHANGED(host, NB_LINK_HOSTS, "its number on the link is none that can be"),
	CHANGED(n_module, NB_BOOT_MODULES_MAX + 1, "its number of modules is none that can be"),
	CHANGED(cpu, (uintptr_t) "x\nlog: /etc/passwd", "its CPU model is none that can be"),
	CHANGED(name, (uintptr_t) "../x", "the machine's name is none that can be"),
	CHANGED(name, (uintptr_t) "", "the machine's name is none that can be"),
};

static void what_an_agent_runs(void **state)
{
	struct text t = write_letters("HS");

	(void)state;
	for (size_t i = 0; i < sizeof(start_rows) / sizeof(start_rows[0]); i++) {
		struct agent_reader r = {.from = AGENT_CLIENT};
		Nestbed__AgentStart start;
		struct machine_spec spec;
		Nestbed__AgentMessage *m;
		char *why = NULL;

		agent_reader_add(&r, (uint8_t *)t.data, t.size);
		assert_int_equal(agent_reader_next(&r, &m, &why), 1);
		agent_message_free(m);
		assert_int_equal(agent_reader_next(&r, &m, &why), 1);
		start = *m->start;
		memcpy((uint8_t *)&start + start_rows[i].offset, &start_rows[i].number, start_rows[i].size);
		assert_int_equal(agent_read_start(&start, &spec, &why), start_rows[i].why ? -EINVAL : 0);
		if (start_rows[i].why)
			assert_string_equal(why, start_rows[i].why);
		else
			assert_memory_equal(spec.module[0].image.data, image, sizeof(image));
		free(why);
		agent_message_free(m);
		agent_reader_free(&r);
	}
	text_free(&t);
}

static void versions_are_compared(void **state)
{
	static const struct {
		uint32_t protocol;
		char *version;
		const char *why;
	} rows[] = {
		{AGENT_PROTOCOL,     "tested",  NULL                                      },
		{AGENT_PROTOCOL + 1, "tested",  "agent speaks protocol 2, this is 1"      },
		{AGENT_PROTOCOL,     "teste",   "agent runs nestbed teste, this is tested"},
		{AGENT_PROTOCOL + 1, "x\033[2", "agent runs nestbed x?[2, this is tested" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		Nestbed__AgentHello hello = NESTBED__AGENT_HELLO__INIT;
		char *why;

		hello.protocol = rows[i].protocol;
		hello.version = rows[i].version;
		why = agent_hello_differs(&hello, "agent");
		if (rows[i].why)
			assert_string_equal(why, rows[i].why);
		else
			assert_null(why);
		free(why);
	}
}

/* ---- the driver ---- */

/* Its peer: what it will read lies in the socket already. */
struct far {
	int peer;
	char agent[16];
	struct wire *wire;
	struct machine_nic nic;
	struct machine_spec spec;
	struct machine *machine;
	char *why;
	int err;
};

static void say(int peer, const char *letters, bool ends)
{
	struct text t = write_letters(letters);

	assert_int_equal(write(peer, t.data, t.size), t.size);
	if (ends)
		shutdown(peer, SHUT_WR);
	text_free(&t);
}

static void meet(struct far *f, const char *letters, bool ends)
{
	static const struct wire_script plain = {0};
	int ends_of[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_of), 0);
	say(ends_of[1], letters, ends);
	*f = (struct far){.peer = ends_of[1], .wire = wire_new(&plain, NULL), .spec = a_machine()};
	f->nic = (struct machine_nic){f->wire, 1};
	f->spec.nic = &f->nic;
	snprintf(f->agent, sizeof(f->agent), "fd:%d", ends_of[0]);
	assert_int_equal(agent_check(f->agent, &f->why), 0);
	f->spec.agent = f->agent;
	f->err = machine_remote.start(&f->spec, &f->machine, &f->why);
}

static void part(struct far *f)
{
	if (f->peer >= 0)
		close(f->peer);
	assert_int_equal(wire_free(f->wire), 0);
	free(f->why);
}

static const struct {
	const char *letters;
	int err;
	const char *why;
} begin_rows[] = {
	{"",   -ECONNRESET, "the connection to the agent ended before it said anything"  },
	{"H",  -ECONNRESET, "the connection to the agent ended before the machine did"   },
	{"HN", -EOPNOTSUPP, "the agent refuses it: no?room"                              },
	{"HE", -ECONNRESET, "the agent sent a message 'result', which has no place there"},
	{"L",  -ECONNRESET, "the agent sent '???\?', which is no greeting of nestbed"    },
	{"HB", 0,           NULL							 },
};

static void beginnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(begin_rows) / sizeof(begin_rows[0]); i++) {
		struct machine_result result;
		struct far f;

		meet(&f, begin_rows[i].letters, true);
		assert_int_equal(f.err, begin_rows[i].err);
		if (begin_rows[i].why)
			assert_string_equal(f.why, begin_rows[i].why);
		else
			machine_remote.finish(f.machine, MACHINE_INTERRUPTED, &result);
		part(&f);
	}
}

/* Whoever polls is told that there is something to read. */
static bool tells(const struct far *f)
{
	struct pollfd p = {.fd = machine_remote.fd(f->machine), .events = POLLIN};

	return poll(&p, 1, 1000) == 1;
}

/* Until its end, or until nothing more comes. */
static size_t read_all(const struct far *f, char *said, size_t room)
{
	size_t size = 0;
	ssize_t n;

	while ((n = machine_remote.read(f->machine, (uint8_t *)said + size, room - size)) > 0)
		size += (size_t)n;
	assert_true(n == 0 || n == -EAGAIN);
	return size;
}

static const struct {
	const char *letters;
	enum machine_end asked, end;
	const char *said, *tail;
} end_rows[] = {
	{"OOE", MACHINE_SHUT_DOWN, MACHINE_DIED,      "bytesbytes", "it? fell\n"},
	{"OE",  MACHINE_TIMED_OUT, MACHINE_TIMED_OUT, "bytes",      "it? fell\n"},
	{"O",   MACHINE_SHUT_DOWN, MACHINE_DIED,      "bytes",
	 "the connection to the agent ended before the machine did\n"           },
	{"O",   MACHINE_KILLED,    MACHINE_KILLED,    "bytes",
	 "the connection to the agent ended before the machine did\n"           },
	{"OS",  MACHINE_SHUT_DOWN, MACHINE_DIED,      "bytes",
	 "the agent sent a message 'start', which has no place there\n"         },
};

static void ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(end_rows) / sizeof(end_rows[0]); i++) {
		struct machine_result r;
		char said[100];
		struct far f;

		meet(&f, "HB", false);
		assert_int_equal(f.err, 0);
		say(f.peer, end_rows[i].letters, !strchr(end_rows[i].letters, 'E'));
		assert_true(tells(&f));
		/* with less room than came */
		assert_int_equal(machine_remote.read(f.machine, (uint8_t *)said, 5), 5);
		assert_true(tells(&f));
		assert_int_equal(5 + read_all(&f, said + 5, sizeof(said) - 5), strlen(end_rows[i].said));
		assert_memory_equal(said, end_rows[i].said, strlen(end_rows[i].said));
		machine_remote.finish(f.machine, end_rows[i].asked, &r);
		assert_int_equal(r.end, end_rows[i].end);
		assert_string_equal(r.log_tail, end_rows[i].tail);
		free(r.com1);
		free(r.log_tail);
		part(&f);
	}
}

/* What the reader had no room for is told of, though no more comes. */
static void output_waits_for_room(void **state)
{
	struct machine_result r;
	uint8_t said[5];
	struct far f;

	(void)state;
	meet(&f, "HB", false);
	say(f.peer, "OO", false);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(tells(&f));
		assert_int_equal(machine_remote.read(f.machine, said, sizeof(said)), sizeof(said));
	}
	assert_int_equal(machine_remote.read(f.machine, said, sizeof(said)), -EAGAIN);
	close(f.peer);
	f.peer = -1;
	assert_true(tells(&f));
	assert_int_equal(machine_remote.read(f.machine, said, sizeof(said)), 0);
	machine_remote.finish(f.machine, MACHINE_INTERRUPTED, &r);
	free(r.log_tail);
	part(&f);
}

/* Frames for an agent that takes none: most are lost, nothing waits for it, and what is kept is bounded. */
static void a_slow_agent_loses_frames(void **state)
{
	enum { FRAMES = 10000 };
	struct machine_result r;
	uint8_t frame[NB_LINK_FRAME_MAX] = NB_LINK_MAC_HEAD, sink[65536];
	const uint8_t mac[5] = NB_LINK_MAC_HEAD;
	struct agent_reader reader = {.from = AGENT_CLIENT};
	Nestbed__AgentMessage *m;
	size_t frames = 0;
	char *why, none[1];
	struct far f;
	int host[2];

	(void)state;
	meet(&f, "HB", false);
	assert_int_equal(f.err, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, host), 0);
	wire_attach(f.wire, 0, host[0]);
	frame[5] = 1;
	memcpy(frame + 6, mac, sizeof(mac));
	for (unsigned i = 0; i < FRAMES; i++) {
		assert_int_equal(send(host[1], frame, sizeof(frame), 0), sizeof(frame));
		wire_turn(f.wire);
		assert_int_equal(read_all(&f, none, sizeof(none)), 0);
	}
	machine_remote.kill(f.machine); /* what it is told is never lost */
	for (ssize_t n = 1; n > 0;) {
		assert_int_equal(read_all(&f, none, sizeof(none)), 0);
		n = recv(f.peer, sink, sizeof(sink), MSG_DONTWAIT);
		if (n > 0)
			agent_reader_add(&reader, sink, (size_t)n);
	}
	while (agent_reader_next(&reader, &m, &why) > 0) {
		frames += m->body_case == NESTBED__AGENT_MESSAGE__BODY_FRAME;
		reader.phase = m->body_case == NESTBED__AGENT_MESSAGE__BODY_KILL ? AGENT_OVER : reader.phase;
		agent_message_free(m);
	}
	assert_int_equal(reader.phase, AGENT_OVER);
	assert_in_range(frames, AGENT_CROWDED / sizeof(frame), FRAMES / 2);
	machine_remote.finish(f.machine, MACHINE_KILLED, &r);
	free(r.com1);
	free(r.log_tail);
	agent_reader_free(&reader);
	close(host[1]);
	part(&f);
}

static void some_agents_are_none(void **state)
{
	static const struct {
		const char *agent, *why;
	} rows[] = {
		{"",       "--agent needs a command, such as 'ssh HOST nestbed agent', or fd:N"},
		{"fd:",    "--agent fd:: that is no open stream socket"                        },
		{"fd:0",   "--agent fd:0: that is no open stream socket"                       },
		{"fd:999", "--agent fd:999: that is no open stream socket"                     },
		{"fd:7x",  "--agent fd:7x: that is no open stream socket"                      },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *why;

		assert_int_equal(agent_check(rows[i].agent, &why), -EINVAL);
		assert_string_equal(why, rows[i].why);
		free(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_in_their_order),
		cmocka_unit_test(parts_cost_their_sender),
		cmocka_unit_test(what_an_agent_runs),
		cmocka_unit_test(versions_are_compared),
		cmocka_unit_test(beginnings),
		cmocka_unit_test(ends),
		cmocka_unit_test(output_waits_for_room),
		cmocka_unit_test(a_slow_agent_loses_frames),
		cmocka_unit_test(some_agents_are_none),
	};

	return cmocka_run_group_tests_name("nestbed_agent", tests, NULL, NULL);
}
