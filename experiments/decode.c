/* SPDX-License-Identifier: MIT */
#include "experiments/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/text.h"

/* A stream and those found inside it. */
struct node {
	struct decode *owner;
	struct decode_source from;
	struct stream stream;
	char *vm; /* as the Output record names it */
	struct node *child, *next;
};

struct decode {
	struct decode_sink sink;
	struct node root;
	unsigned nodes;
};

static void on_text(void *ctx, const uint8_t *data, size_t size)
{
	struct node *n = ctx;

	if (n->owner->sink.text)
		n->owner->sink.text(n->owner->sink.ctx, &n->from, data, size);
}

static void on_frame(void *ctx, const struct stream_frame *frame);

static void node_init(struct node *n, struct decode *owner)
{
	n->owner = owner;
	stream_init(&n->stream, (struct stream_sink){on_text, on_frame, n});
}

/* The stream of an Output record, or NULL when there is no room for one more. */
static struct node *find_child(struct node *n, const Nestbed__Output *output)
{
	struct node **link = &n->child;
	struct node *c;
	int length;

	for (; *link; link = &(*link)->next)
		if ((*link)->from.channel == output->channel && !strcmp((*link)->vm, output->vm))
			return *link;
	if (n->from.depth + 1 >= DECODE_DEPTH_MAX || n->owner->nodes >= DECODE_VMS_MAX)
		return NULL;
	c = zalloc(sizeof(*c));
	length = snprintf(c->from.name, sizeof(c->from.name), "%s%s%s", n->from.name,
			  n->from.depth ? "/" : "", output->vm);
	if (length >= (int)sizeof(c->from.name)) {
		free(c);
		return NULL;
	}
	c->from.depth = n->from.depth + 1;
	c->from.channel = output->channel;
	c->vm = text_copy(output->vm);
	node_init(c, n->owner);
	n->owner->nodes++;
	return *link = c;
}

static void feed(struct node *n, const uint8_t *data, size_t size)
{
	if (stream_feed(&n->stream, data, size))
		fputs("nestbed: out of memory: output lost\n", stderr);
}

static void on_frame(void *ctx, const struct stream_frame *frame)
{
	struct node *n = ctx;
	const struct decode_sink *sink = &n->owner->sink;
	Nestbed__Record *record = nestbed__record__unpack(NULL, frame->payload_size, frame->payload);
	struct node *inner = NULL;

	if (sink->raw && !n->from.depth)
		sink->raw(sink->ctx, frame->raw, frame->raw_size);
	if (!record) {
		if (sink->bad)
			sink->bad(sink->ctx, &n->from, frame->payload_size);
		return;
	}
	if (record->body_case == NESTBED__RECORD__BODY_OUTPUT)
		inner = find_child(n, record->output);
	if (inner)
		feed(inner, record->output->data.data, record->output->data.len);
	else if (sink->record)
		sink->record(sink->ctx, &n->from, record);
	nestbed__record__free_unpacked(record, NULL);
}

struct decode *decode_new(const struct decode_sink *sink)
{
	struct decode *d = zalloc(sizeof(*d));

	d->sink = *sink;
	node_init(&d->root, d);
	return d;
}

void decode_feed(struct decode *d, const uint8_t *data, size_t size)
{
	feed(&d->root, data, size);
}

static void end_node(struct node *n)
{
	stream_end(&n->stream);
	for (struct node *c = n->child; c; c = c->next)
		end_node(c);
}

void decode_end(struct decode *d)
{
	end_node(&d->root);
}

static void free_node(struct node *n)
{
	while (n->child) {
		struct node *c = n->child;

		n->child = c->next;
		free_node(c);
		free(c);
	}
	free(n->vm);
	stream_free(&n->stream);
}

void decode_free(struct decode *d)
{
	if (d)
		free_node(&d->root);
	free(d);
}
