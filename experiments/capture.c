/* SPDX-License-Identifier: MIT */
#include "experiments/capture.h"

#include <stdlib.h>
#include <string.h>

static void keep_record(struct capture *c, const Nestbed__Record *record)
{
	size_t size = nestbed__record__get_packed_size(record);
	uint8_t *bytes = zalloc(size);
	Nestbed__Record *copy;

	nestbed__record__pack(record, bytes);
	copy = nestbed__record__unpack(NULL, size, bytes);
	free(bytes);
	if (!copy)
		return;
	c->record = array_grow(c->record, c->record_count, sizeof(Nestbed__Record *));
	c->record[c->record_count++] = copy;
}

static void keep_sample(struct capture *c, const Nestbed__Sample *s)
{
	c->sample = array_grow(c->sample, c->sample_count, sizeof(*c->sample));
	c->sample[c->sample_count++] = (struct sample){
		.mark = s->mark,
		.op = text_copy(s->op),
		.iterations = s->iterations,
		.ticks = s->ticks,
		.check = s->check,
		.why = s->skipped ? text_copy(s->why) : NULL,
	};
}

static void on_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record)
{
	struct capture *c = ctx;

	verdict_record(&c->verdict, from, record);
	switch ((int)record->body_case) {
	case NESTBED__RECORD__BODY_HELLO:
	case NESTBED__RECORD__BODY_LOG:
	case NESTBED__RECORD__BODY_WINDOW:
		if (!from->depth)
			keep_record(c, record);
		return;
	case NESTBED__RECORD__BODY_SAMPLE:
		if (from->depth == c->depth)
			keep_sample(c, record->sample);
		return;
	default:
		return;
	}
}

static void on_text(void *ctx, const struct decode_source *from, const uint8_t *data, size_t size)
{
	struct capture *c = ctx;

	if (from->depth == c->depth && from->channel == NESTBED__OUTPUT__CHANNEL__CONSOLE)
		text_add(&c->printed, data, size);
}

static void on_raw(void *ctx, const uint8_t *frame, size_t size)
{
	text_add(&((struct capture *)ctx)->raw, frame, size);
}

void capture_init(struct capture *c, unsigned depth)
{
	const struct decode_sink sink = {.text = on_text, .record = on_record, .raw = on_raw, .ctx = c};

	*c = (struct capture){.depth = depth, .verdict = {.bare = !depth}};
	c->decode = decode_new(&sink);
	text_add(&c->printed, "", 0);
	text_add(&c->raw, "", 0);
}

void capture_output(void *ctx, const uint8_t *data, size_t size)
{
	struct capture *c = ctx;

	if (size)
		decode_feed(c->decode, data, size);
	else
		decode_end(c->decode);
}

const Nestbed__Hello *capture_hello(const struct capture *c)
{
	for (unsigned i = 0; i < c->record_count; i++)
		if (c->record[i]->body_case == NESTBED__RECORD__BODY_HELLO)
			return c->record[i]->hello;
	return NULL;
}

const char *capture_unit(const struct capture *c)
{
	return capture_hello(c) && *capture_hello(c)->unit ? capture_hello(c)->unit : NULL;
}

uint64_t capture_capability(const struct capture *c, const char *name)
{
	const Nestbed__Hello *h = capture_hello(c);

	for (size_t i = 0; h && i < h->n_capability; i++)
		if (!strcmp(h->capability[i]->name, name))
			return h->capability[i]->value;
	return 0;
}

const Nestbed__Window *capture_window(const struct capture *c, uint32_t mark, unsigned *at)
{
	for (unsigned i = *at; i < c->record_count; i++) {
		const Nestbed__Record *r = c->record[i];

		if (r->body_case != NESTBED__RECORD__BODY_WINDOW || r->window->mark != mark)
			continue;
		*at = i + 1;
		return r->window;
	}
	return NULL;
}

void capture_free(struct capture *c)
{
	decode_free(c->decode);
	text_free(&c->raw);
	text_free(&c->printed);
	verdict_free(&c->verdict);
	for (unsigned i = 0; i < c->record_count; i++)
		nestbed__record__free_unpacked(c->record[i], NULL);
	for (unsigned i = 0; i < c->sample_count; i++) {
		free(c->sample[i].op);
		free(c->sample[i].why);
	}
	free(c->record);
	free(c->sample);
	*c = (struct capture){0};
}
