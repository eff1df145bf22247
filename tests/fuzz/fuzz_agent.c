/* SPDX-License-Identifier: MIT */
/*
 * Anything may come from an agent, and to one. Read in pieces and whole, the messages are the same; nothing
 * that the reader lets through is out of its place or size; a machine that an agent would run is written and
 * read again the same. Of the first byte bit 0 is whose words they are, bit 1 says that there are two bytes
 * of length where the protocol has four, so that the fuzzer gets behind them; the rest is the size of pieces.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/agent_message.h"
#include "experiments/cli.h"
#include "nestbed/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char nestbed_version[] = "fuzzed";

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct text lengthen(const uint8_t *data, size_t size)
{
	struct text t = {0};

	text_add(&t, "", 0);
	while (size >= 2) {
		const size_t n = data[0] | (size_t)data[1] << 8, there = n < size - 2 ? n : size - 2;
		const uint8_t prefix[4] = {data[0], data[1]};

		text_add(&t, prefix, sizeof(prefix));
		text_add(&t, data + 2, there);
		data += 2 + there;
		size -= 2 + there;
	}
	return t;
}

static void same_blob(const struct blob *a, const struct blob *b)
{
	must(a->size == b->size && (!a->size || !memcmp(a->data, b->data, a->size)));
}

static void same_spec(const struct machine_spec *a, const struct machine_spec *b)
{
	must(!strcmp(a->name, b->name) && !strcmp(a->cpu, b->cpu) && !strcmp(a->cmdline, b->cmdline));
	must(a->cpus == b->cpus && a->memory == b->memory && a->ips == b->ips && a->seconds == b->seconds);
	must(a->module_count == b->module_count);
	same_blob(&a->rom, &b->rom);
	same_blob(&a->kernel, &b->kernel);
	for (unsigned i = 0; i < a->module_count; i++) {
		same_blob(&a->module[i].image, &b->module[i].image);
		must(!strcmp(a->module[i].cmdline, b->module[i].cmdline));
	}
}

/* Behind a hello, as it would come. */
static void write_and_read(const struct machine_spec *spec)
{
	struct agent_reader r = {.from = AGENT_CLIENT};
	struct machine_spec again;
	struct text t = {0};
	Nestbed__AgentMessage *m;
	char *why = NULL;

	agent_write_hello(&t);
	must(!agent_write_start(&t, spec, &why));
	agent_reader_add(&r, (uint8_t *)t.data, t.size);
	must(agent_reader_next(&r, &m, &why) == 1);
	must(!agent_hello_differs(m->hello, ""));
	agent_message_free(m);
	must(agent_reader_next(&r, &m, &why) == 1 && !agent_read_start(m->start, &again, &why));
	same_spec(spec, &again);
	agent_message_free(m);
	agent_reader_free(&r);
	text_free(&t);
}

static void start(const Nestbed__AgentMessage *m)
{
	struct machine_spec spec;
	char *why = NULL;

	if (agent_read_start(m->start, &spec, &why))
		must(why && *why);
	else
		write_and_read(&spec);
	free(why);
}

static void result(const Nestbed__AgentMessage *m)
{
	struct machine_result r;

	agent_read_result(m->result, &r);
	must(r.end <= MACHINE_KILLED && r.wall_seconds >= 0 && r.com1);
	for (const char *p = r.log_tail; p && *p; p++)
		must(!iscntrl((unsigned char)*p) || *p == '\n' || *p == '\t');
	free(r.com1);
	free(r.log_tail);
}

static void look(const struct agent_reader *r, const Nestbed__AgentMessage *m)
{
	char *differs = NULL;

	if (m->body_case == NESTBED__AGENT_MESSAGE__BODY_HELLO)
		differs = agent_hello_differs(m->hello, "it");
	if (m->body_case == NESTBED__AGENT_MESSAGE__BODY_START)
		start(m);
	if (m->body_case == NESTBED__AGENT_MESSAGE__BODY_RESULT)
		result(m);
	if (m->body_case == NESTBED__AGENT_MESSAGE__BODY_FRAME)
		must(m->frame.len && m->frame.len <= NB_LINK_FRAME_MAX);
	if (m->body_case == NESTBED__AGENT_MESSAGE__BODY_OUTPUT)
		must(m->output.len <= AGENT_OUTPUT_MOST && r->from == AGENT_SERVER);
	free(differs);
}

struct outcome {
	unsigned messages, bad;
	enum agent_phase phase;
};

static struct outcome read_in_parts(const struct text *t, enum agent_side from, size_t part)
{
	struct agent_reader r = {.from = from};
	struct outcome o = {0};
	int got = 0;

	for (size_t at = 0; at < t->size && got >= 0; at += part) {
		Nestbed__AgentMessage *m;
		char *why = NULL;

		agent_reader_add(&r, (uint8_t *)t->data + at, t->size - at < part ? t->size - at : part);
		while ((got = agent_reader_next(&r, &m, &why)) > 0) {
			o.messages++;
			look(&r, m);
			agent_message_free(m);
		}
		must(!got || (why && *why));
		free(why);
	}
	o.bad = got < 0;
	o.phase = r.phase;
	agent_reader_free(&r);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum agent_side from = size && data[0] & 1 ? AGENT_SERVER : AGENT_CLIENT;
	struct outcome whole, parts;
	struct text t = {0};

	if (!size)
		return 0;
	if (data[0] & 2)
		t = lengthen(data + 1, size - 1);
	else
		text_add(&t, data + 1, size - 1);
	whole = read_in_parts(&t, from, t.size ? t.size : 1);
	parts = read_in_parts(&t, from, data[0] / 4 + 1u);
	must(whole.messages == parts.messages && whole.bad == parts.bad && whole.phase == parts.phase);
	text_free(&t);
	return 0;
}
