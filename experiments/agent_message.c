/* SPDX-License-Identifier: MIT */
#include "experiments/agent_message.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "nestbed/link.h"

#define PREFIX    4u
#define TAG_MOST  16u /* bytes that a message has beside its one field's */
#define TEXT_MOST 4096u
#define KEPT_MOST (1u << 20) /* room that an empty text keeps */
/* COM1's 16 MiB (experiments/bochs.c) and the log's end. */
#define RESULT_MOST (17u << 20)
/* Memory for a message of n bytes: its structures and n bytes, of which a hostile one makes more of the
 * former. */
#define MEMORY_FOR(n) (4 * (n) + 65536)

/* ---- what may come ---- */

/* Whatever has no meaning here comes from another version, or from nobody that means well. */
static bool knows_all(const ProtobufCMessage *m)
{
	return !m->n_unknown_fields;
}

/* A later version may have more to say: the version that it tells decides. */
static bool sound_hello(const Nestbed__AgentMessage *m)
{
	(void)m;
	return true;
}

static bool sound_start(const Nestbed__AgentMessage *m)
{
	for (size_t i = 0; i < m->start->n_module; i++)
		if (!knows_all(&m->start->module[i]->base))
			return false;
	return knows_all(&m->start->base);
}

static bool sound_kill(const Nestbed__AgentMessage *m)
{
	return knows_all(&m->kill->base);
}

static bool sound_frame(const Nestbed__AgentMessage *m)
{
	return m->frame.len && m->frame.len <= NB_LINK_FRAME_MAX;
}

static bool sound_started(const Nestbed__AgentMessage *m)
{
	return knows_all(&m->started->base);
}

static bool sound_refused(const Nestbed__AgentMessage *m)
{
	return *m->refused;
}

static bool sound_output(const Nestbed__AgentMessage *m)
{
	return m->output.len && m->output.len <= AGENT_OUTPUT_MOST;
}

static bool sound_result(const Nestbed__AgentMessage *m)
{
	const Nestbed__AgentResult *r = m->result;

	return knows_all(&r->base) && r->end <= MACHINE_KILLED && isfinite(r->wall_seconds) &&
	       r->wall_seconds >= 0;
}

#define C (1u << AGENT_CLIENT)
#define S (1u << AGENT_SERVER)

/* clang-format off */
static const struct kind {
	const char *name;
	unsigned from;
	enum agent_phase phase, next;
	size_t most;
	bool (*sound)(const Nestbed__AgentMessage *message);
} kinds[] = {
	[NESTBED__AGENT_MESSAGE__BODY_HELLO]   = {"hello",   C | S, AGENT_GREETS, AGENT_STARTS, TEXT_MOST,                    sound_hello},
	[NESTBED__AGENT_MESSAGE__BODY_START]   = {"start",   C,     AGENT_STARTS, AGENT_RUNS,   AGENT_START_MOST,             sound_start},
	[NESTBED__AGENT_MESSAGE__BODY_KILL]    = {"kill",    C,     AGENT_RUNS,   AGENT_RUNS,   TAG_MOST,                     sound_kill},
	[NESTBED__AGENT_MESSAGE__BODY_FRAME]   = {"frame",   C | S, AGENT_RUNS,   AGENT_RUNS,   NB_LINK_FRAME_MAX + TAG_MOST, sound_frame},
	[NESTBED__AGENT_MESSAGE__BODY_STARTED] = {"started", S,     AGENT_STARTS, AGENT_RUNS,   TAG_MOST,                     sound_started},
	[NESTBED__AGENT_MESSAGE__BODY_REFUSED] = {"refused", S,     AGENT_STARTS, AGENT_OVER,   TEXT_MOST,                    sound_refused},
	[NESTBED__AGENT_MESSAGE__BODY_OUTPUT]  = {"output",  S,     AGENT_RUNS,   AGENT_RUNS,   AGENT_OUTPUT_MOST + TAG_MOST, sound_output},
	[NESTBED__AGENT_MESSAGE__BODY_RESULT]  = {"result",  S,     AGENT_RUNS,   AGENT_OVER,   RESULT_MOST,                  sound_result},
};
/* clang-format on */
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- memory ---- */

/* Given to protobuf-c for one message. */
struct budget {
	ProtobufCAllocator allocator;
	size_t left;
};

static void *budget_take(void *data, size_t size)
{
	struct budget *b = data;

	if (size > b->left)
		return NULL;
	b->left -= size;
	return malloc(size);
}

static void budget_give(void *data, void *p)
{
	(void)data;
	free(p);
}

void agent_message_free(Nestbed__AgentMessage *message)
{
	nestbed__agent_message__free_unpacked(message, NULL); /* budget_give() is free() */
}

/* ---- reading ---- */

void agent_text_drop(struct text *t, size_t *done)
{
	if (*done == t->size && t->room > KEPT_MOST)
		text_free(t);
	else if (*done == t->size)
		t->size = 0;
	else if (*done <= t->size / 2)
		return;
	else
		memmove(t->data, t->data + *done, t->size -= *done);
	*done = 0;
}

void agent_reader_add(struct agent_reader *r, const uint8_t *data, size_t size)
{
	if (r->bad)
		return;
	agent_text_drop(&r->bytes, &r->at);
	text_add(&r->bytes, data, size);
}

/* Of what may come now, the longest. */
static size_t most(const struct agent_reader *r)
{
	size_t n = 0;

	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].from & 1u << r->from && kinds[i].phase == r->phase && kinds[i].most > n)
			n = kinds[i].most;
	return n;
}

static Nestbed__AgentMessage *unpack(const uint8_t *data, size_t size)
{
	struct budget b = {
		.allocator = {budget_take, budget_give, NULL},
                  .left = MEMORY_FOR(size)
        };

	b.allocator.allocator_data = &b;
	return nestbed__agent_message__unpack(&b.allocator, size, data);
}

static const struct kind *kind_of(const Nestbed__AgentMessage *m)
{
	if (!m || m->body_case == NESTBED__AGENT_MESSAGE__BODY__NOT_SET || m->body_case >= KINDS)
		return NULL;
	return knows_all(&m->base) && kinds[m->body_case].sound(m) ? &kinds[m->body_case] : NULL;
}

/* NULL, or what is wrong with a message of `size` bytes; k NULL: of no kind. */
static char *wrong(const struct agent_reader *r, const struct kind *k, size_t size)
{
	if (!k)
		return text_copy("a message that nobody knows");
	if (!(k->from & 1u << r->from) || k->phase != r->phase)
		return text_format("a message '%s', which has no place there", k->name);
	if (size > k->most)
		return text_format("a message '%s' of %zu bytes, which is too long", k->name, size);
	return NULL;
}

/* Its first words, where it is something else that speaks. */
static char *no_agent(const struct agent_reader *r)
{
	struct text said = {0};
	const size_t n = r->bytes.size < 60 ? r->bytes.size : 60;
	char *why;

	for (size_t i = 0; i < n && r->bytes.data[i] != '\n'; i++)
		text_add(&said, r->bytes.data[i] >= ' ' && r->bytes.data[i] < 127 ? &r->bytes.data[i] : "?",
			 1);
	why = text_format("'%s', which is no greeting of nestbed", said.size ? said.data : "");
	text_free(&said);
	return why;
}

static int fail(struct agent_reader *r, char *why, char **told)
{
	r->bad = true;
	*told = why;
	return -EBADMSG;
}

int agent_reader_next(struct agent_reader *r, Nestbed__AgentMessage **message, char **why)
{
	const uint8_t *p = (const uint8_t *)r->bytes.data + r->at;
	const size_t there = r->bytes.size - r->at;
	const struct kind *kind;
	size_t size;
	char *bad;

	*why = NULL;
	if (r->bad)
		return -EBADMSG;
	if (there < PREFIX)
		return 0;
	size = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (size > most(r))
		return fail(r,
			    r->phase == AGENT_GREETS
				    ? no_agent(r)
				    : text_format("a message of %zu bytes, where none so long is due", size),
			    why);
	if (there - PREFIX < size)
		return 0;
	*message = unpack(p + PREFIX, size);
	kind = kind_of(*message);
	bad = wrong(r, kind, size);
	if (bad || !kind) {
		agent_message_free(*message);
		return fail(r, bad, why);
	}
	r->phase = kind->next;
	r->at += PREFIX + size;
	return 1;
}

void agent_reader_free(struct agent_reader *r)
{
	text_free(&r->bytes);
}

char *agent_hello_differs(const Nestbed__AgentHello *hello, const char *who)
{
	struct text version = {0};
	char *why = NULL;

	for (const char *p = hello->version; *p; p++)
		text_add(&version, *p > ' ' && *p < 127 ? p : "?", 1);
	text_add(&version, "", 0);
	if (strcmp(hello->version, nestbed_version) != 0)
		why = text_format("%s runs nestbed %s, this is %s", who, version.data, nestbed_version);
	else if (hello->protocol != AGENT_PROTOCOL)
		why = text_format("%s speaks protocol %u, this is %u", who, hello->protocol, AGENT_PROTOCOL);
	text_free(&version);
	return why;
}
