/* SPDX-License-Identifier: MIT */
/* Messages into bytes, and what they hold from and to the structures of machine.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/agent_message.h"
#include "experiments/cli.h"
#include "experiments/cpu_models.h"
#include "nestbed/link.h"

#define MEMORY_MOST (1ull << 40)
#define CPUS_MOST   64u /* more than any CPU model of Bochs here is tried with */
#define ROM_MOST    (1u << 20) /* bytes below 4 GiB that are a ROM's */
#define REASON_MOST 2000

static void put32(uint8_t *to, size_t n)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(n >> 8 * i);
}

void agent_write(struct text *out, const Nestbed__AgentMessage *message)
{
	const size_t n = nestbed__agent_message__get_packed_size(message);
	uint8_t *bytes = zalloc(n + 4);

	put32(bytes, n);
	nestbed__agent_message__pack(message, bytes + 4);
	text_add(out, bytes, n + 4);
	free(bytes);
}

void agent_write_hello(struct text *out)
{
	Nestbed__AgentHello hello = NESTBED__AGENT_HELLO__INIT;
	Nestbed__AgentMessage m = NESTBED__AGENT_MESSAGE__INIT;

	hello.protocol = AGENT_PROTOCOL;
	hello.version = (char *)nestbed_version;
	m.body_case = NESTBED__AGENT_MESSAGE__BODY_HELLO;
	m.hello = &hello;
	agent_write(out, &m);
}

void agent_write_refused(struct text *out, const char *why)
{
	Nestbed__AgentMessage m = NESTBED__AGENT_MESSAGE__INIT;

	m.body_case = NESTBED__AGENT_MESSAGE__BODY_REFUSED;
	m.refused = text_format("%.*s", REASON_MOST, why);
	agent_write(out, &m);
	free(m.refused);
}

void agent_write_frame(struct text *out, uint8_t *frame, size_t size)
{
	Nestbed__AgentMessage m = NESTBED__AGENT_MESSAGE__INIT;

	m.body_case = NESTBED__AGENT_MESSAGE__BODY_FRAME;
	m.frame = (ProtobufCBinaryData){size, frame};
	agent_write(out, &m);
}

void agent_write_output(struct text *out, uint8_t *data, size_t size)
{
	Nestbed__AgentMessage m = NESTBED__AGENT_MESSAGE__INIT;

	m.body_case = NESTBED__AGENT_MESSAGE__BODY_OUTPUT;
	for (size_t n; size; data += n, size -= n) {
		n = size < AGENT_OUTPUT_MOST ? size : AGENT_OUTPUT_MOST;
		m.output = (ProtobufCBinaryData){n, data};
		agent_write(out, &m);
	}
}

void agent_write_result(struct text *out, const struct machine_result *result)
{
	Nestbed__AgentResult r = NESTBED__AGENT_RESULT__INIT;
	Nestbed__AgentMessage m = NESTBED__AGENT_MESSAGE__INIT;

	r.end = result->end;
	r.wait_status = result->wait_status;
	r.wall_seconds = result->wall_seconds;
	r.com1 = result->com1 ? result->com1 : "";
	r.log_tail = result->log_tail ? result->log_tail : "";
	m.body_case = NESTBED__AGENT_MESSAGE__BODY_RESULT;
	m.result = &r;
	agent_write(out, &m);
}

static ProtobufCBinaryData bytes_of(const struct blob *b)
{
	return (ProtobufCBinaryData){b->size, b->data};
}

int agent_write_start(struct text *out, const struct machine_spec *spec, char **why)
{
	Nestbed__AgentModule module[NB_BOOT_MODULES_MAX], *modules[NB_BOOT_MODULES_MAX];
	Nestbed__AgentStart s = NESTBED__AGENT_START__INIT;
	Nestbed__AgentMessage m = NESTBED__AGENT_MESSAGE__INIT;

	s.name = (char *)spec->name;
	s.cpu = (char *)spec->cpu;
	s.cpus = spec->cpus;
	s.memory = spec->memory;
	s.ips = spec->ips;
	s.rom = bytes_of(&spec->rom);
	s.kernel = bytes_of(&spec->kernel);
	s.cmdline = spec->cmdline ? (char *)spec->cmdline : "";
	s.seconds = spec->seconds;
	s.nic = spec->nic != NULL;
	s.host = spec->nic ? spec->nic->host : 0;
	s.module = modules;
	s.n_module = spec->module_count;
	for (unsigned i = 0; i < spec->module_count; i++) {
		nestbed__agent_module__init(&module[i]);
		module[i].image = bytes_of(&spec->module[i].image);
		module[i].cmdline = spec->module[i].cmdline ? (char *)spec->module[i].cmdline : "";
		modules[i] = &module[i];
	}
	m.body_case = NESTBED__AGENT_MESSAGE__BODY_START;
	m.start = &s;
	if (nestbed__agent_message__get_packed_size(&m) > AGENT_START_MOST) {
		*why = text_format("an agent takes no machine of more than %u MiB of images",
				   AGENT_START_MOST >> 20);
		return -E2BIG;
	}
	agent_write(out, &m);
	return 0;
}

/* ---- what came ---- */

static bool is_name(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return false;
	return *s;
}

static struct blob blob_of(const ProtobufCBinaryData *b)
{
	return (struct blob){b->data, b->len};
}

/* Beside what boot_image_make() finds. */
static const char *unsound(const Nestbed__AgentStart *s)
{
	if (!is_name(s->name))
		return "the machine's name";
	if (!cpu_model_find(s->cpu))
		return "its CPU model";
	if (!s->cpus || s->cpus > CPUS_MOST)
		return "its number of processors";
	if (!s->memory || s->memory > MEMORY_MOST || s->memory % (1u << 20))
		return "its memory";
	if (s->ips > UINT32_MAX)
		return "its instructions a second";
	if (!s->rom.len || s->rom.len > ROM_MOST)
		return "its ROM";
	if (s->n_module > NB_BOOT_MODULES_MAX)
		return "its number of modules";
	if (s->host >= NB_LINK_HOSTS)
		return "its number on the link";
	return NULL;
}

int agent_read_start(const Nestbed__AgentStart *start, struct machine_spec *spec, char **why)
{
	const char *bad = unsound(start);

	if (bad) {
		*why = text_format("%s is none that can be", bad);
		return -EINVAL;
	}
	*spec = (struct machine_spec){
		.name = start->name,
		.cpu = start->cpu,
		.cpus = start->cpus,
		.memory = start->memory,
		.ips = start->ips,
		.rom = blob_of(&start->rom),
		.kernel = blob_of(&start->kernel),
		.cmdline = start->cmdline,
		.module_count = (unsigned)start->n_module,
		.seconds = start->seconds,
	};
	for (size_t i = 0; i < start->n_module; i++)
		spec->module[i] =
			(struct machine_module){blob_of(&start->module[i]->image), start->module[i]->cmdline};
	return 0;
}

char *agent_plain(const char *words)
{
	char *copy = text_copy(words);

	for (char *p = copy; *p; p++)
		if (iscntrl((unsigned char)*p) && *p != '\n' && *p != '\t')
			*p = '?';
	return copy;
}

void agent_read_result(const Nestbed__AgentResult *message, struct machine_result *result)
{
	*result = (struct machine_result){
		.end = (enum machine_end)message->end,
		.wait_status = message->wait_status,
		.wall_seconds = message->wall_seconds,
		.com1 = text_copy(message->com1),
		.log_tail = *message->log_tail ? agent_plain(message->log_tail) : NULL,
	};
}
