/* SPDX-License-Identifier: MIT */
/* nestbed stream: a captured migration stream, both directions as the source saw them, as text; or checked
 * offline. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/record_text.h"
#include "migration/verify.h"

#define BODY_MAX    (4u << 20)
#define ARENA_MAX   (16u << 20)
#define PAGES_MAX   (1u << 20) /* 4 GiB */
#define BATCH_MAX   1024u
#define ALL_SENDERS ((1u << SENDERS) - 1u)

struct arguments {
	bool verify;
	const char *path;
};

/* What reading needs; malloc'd in one piece. */
struct stream_check {
	struct frame_reader reader;
	struct message_arena arena;
	struct verify verify;
	const char *path;
	uint64_t frames;
	uint32_t written[PAGES_MAX], sent[PAGES_MAX];
	uint64_t page_digest[PAGES_MAX];
	uint8_t buffer[FRAME_HEAD + BODY_MAX];
	uint8_t memory[ARENA_MAX] __attribute__((aligned(16)));
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num == 0) {
			if (strcmp(arg, "show") != 0 && strcmp(arg, "verify") != 0)
				argp_error(state, "'%s': show or verify", arg);
			a->verify = !strcmp(arg, "verify");
			return 0;
		}
		if (a->path)
			argp_error(state, "one FILE at a time");
		a->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->path)
			argp_error(state, "show or verify, and which FILE?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* "1-4 7 9-10" */
static void show_pages(const Nestbed__PageBatch *m)
{
	printf("epoch=%" PRIu32 " written=%" PRIu32 " pages=%zu:", m->epoch, m->written, m->n_page);
	for (size_t i = 0, j; i < m->n_page; i = j) {
		for (j = i + 1; j < m->n_page && m->page[j] == m->page[j - 1] + 1; j++)
			;
		printf(j - i > 1 ? " %" PRIu32 "-%" PRIu32 : " %" PRIu32, m->page[i], m->page[j - 1]);
	}
}

static void show(const struct frame *f, const ProtobufCMessage *m)
{
	const Nestbed__VcpuState *vcpu = (const void *)m;
	const Nestbed__DeviceState *devices = (const void *)m;
	struct text text = {0};

	printf("%10" PRIu64 " %s %" PRIu32 " %s ", f->offset, stream_sender_name(f->sender), f->sequence,
	       stream_kind(f->type)->name);
	switch (f->type) {
	case STREAM_PAGE_BATCH:
		show_pages((const void *)m);
		break;
	case STREAM_VCPU_STATE:
		printf("id=%" PRIu32 " activity=%" PRIu32 " fields=%zu msrs=%zu xsave=%zu%s%s", vcpu->id,
		       vcpu->activity, vcpu->n_field, vcpu->n_msr, vcpu->xsave.len,
		       vcpu->nested ? " nested" : "", vcpu->nested && vcpu->nested->in_l2 ? " in L2" : "");
		break;
	case STREAM_DEVICE_STATE:
		for (size_t i = 0; i < devices->n_part; i++)
			printf("%s/%" PRIu32 "=%zu ", devices->part[i]->name, devices->part[i]->vcpu,
			       devices->part[i]->data.len);
		break;
	default:
		message_text(&text, m);
		printf("%s", text.data ? text.data : "");
		break;
	}
	printf("\n");
	text_free(&text);
}

static int bad_frame(const struct stream_check *c)
{
	fprintf(stderr, "nestbed: %s: offset %" PRIu64 ": %s: expected 0x%" PRIx64 ", got 0x%" PRIx64 "\n",
		c->path, c->reader.offset, frame_error_text(c->reader.error), c->reader.expected,
		c->reader.got);
	return CLI_FAILED;
}

static int bad_message(const struct stream_check *c, const char *what)
{
	const struct verify *v = &c->verify;
	char allowed[256];

	fprintf(stderr, "nestbed: %s: offset %" PRIu64 ": %s: %s", c->path, c->reader.offset, what,
		verify_error_text(v->error));
	if (v->error == VERIFY_ORDER || v->error == VERIFY_UNFINISHED) {
		verify_phase_allows(v->phase, allowed, sizeof(allowed));
		fprintf(stderr, ": in phase '%s' expected one of: %s\n", verify_phase_name(v->phase),
			allowed);
	} else {
		fprintf(stderr, ": expected %" PRIu64 " (0x%" PRIx64 "), got %" PRIu64 " (0x%" PRIx64 ")\n",
			v->expected, v->expected, v->got, v->got);
	}
	return CLI_FAILED;
}

static int check(struct stream_check *c, const uint8_t *data, size_t size, bool verify)
{
	struct frame f;
	int got;

	while ((got = frame_read(&c->reader, &data, &size, &f)) > 0) {
		const char *name = stream_kind(f.type)->name;
		ProtobufCMessage *m;

		c->frames++;
		if (stream_unpack(f.type, f.body, f.length, &c->arena, &m)) {
			fprintf(stderr, "nestbed: %s: offset %" PRIu64 ": %s: %s\n", c->path, f.offset, name,
				c->arena.exhausted ? "needs more memory than allowed"
						   : "its body is not such a message");
			return CLI_FAILED;
		}
		if (!verify)
			show(&f, m);
		else if (verify_message(&c->verify, &f, m))
			return bad_message(c, name);
	}
	if (got < 0 || frame_finish(&c->reader))
		return bad_frame(c);
	if (verify && verify_finish(&c->verify))
		return bad_message(c, "end of file");
	return CLI_OK;
}

static void report(const struct stream_check *c)
{
	const struct verify *v = &c->verify;

	printf("ok: %" PRIu64 " messages, %" PRIu32 " rounds, %" PRIu64 " pages, %" PRIu64
	       " zero pages, %" PRIu32 " barriers, %s",
	       c->frames, v->round, v->total_pages, v->total_zero, v->barriers, verify_phase_name(v->phase));
	if (v->phase != PHASE_OVER)
		printf(", memory digest 0x%016" PRIx64, v->memory_digest);
	printf("\n");
}

int cmd_stream(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "show|verify FILE",
		.doc = "Prints FILE, a captured migration stream, a message a line: offset, sender, sequence "
		       "number, "
		       "message. Or checks it: order, epochs, pages, counts, digests, barriers, "
		       "ledger.\v" CLI_EXIT_DOC,
	};
	struct arguments a = {0};
	struct stream_check *c;
	struct blob file;
	int err;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return CLI_USAGE;
	err = file_read(a.path, &file);
	if (err) {
		fprintf(stderr, "nestbed: %s: %s\n", a.path, strerror(-err));
		return CLI_FAILED;
	}
	c = zalloc(sizeof(*c));
	c->path = a.path;
	message_arena_init(&c->arena, c->memory, sizeof(c->memory));
	frame_reader_init(&c->reader, c->buffer, sizeof(c->buffer), ALL_SENDERS);
	verify_init(&c->verify, &(struct verify_config){.max_pages = PAGES_MAX,
							.max_vcpus = VERIFY_VCPUS_MAX,
							.max_batch = BATCH_MAX,
							.written = c->written,
							.sent = c->sent,
							.page_digest = c->page_digest});
	err = check(c, file.data, file.size, a.verify);
	if (!err && a.verify)
		report(c);
	free(c);
	free(file.data);
	return err;
}
