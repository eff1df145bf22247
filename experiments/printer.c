/* SPDX-License-Identifier: MIT */
#include "experiments/printer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/record_text.h"
#include "experiments/text.h"

#define LINE_MAX_BYTES 4096 /* longer lines are broken */

struct printer_line {
	struct decode_source from;
	struct text text;
	struct printer_line *next;
};

static void put_json(const struct printer *p, json_t *object, const struct decode_source *from)
{
	char *s;

	json_object_set_new(object, "from", json_string(from->name));
	s = json_dumps(object, JSON_COMPACT);
	fprintf(p->out, "%s\n", s ? s : "{}");
	free(s);
	json_decref(object);
}

/* What a terminal could take for a command is shown, not sent. */
static void put_safe(FILE *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\r')
			continue;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputc('\n', out);
}

static void put_line(const struct printer *p, struct printer_line *l)
{
	if (p->json) {
		json_t *object = json_object();
		json_t *text = json_stringn(l->text.data, l->text.size);

		json_object_set_new(object, "text", text ? text : json_string("(not UTF-8)"));
		put_json(p, object, &l->from);
	} else {
		bool com1 = l->from.channel == NESTBED__OUTPUT__CHANNEL__COM1;

		if (l->from.depth)
			fprintf(p->out, "%s%s> ", l->from.name, com1 ? ":com1" : "");
		else if (com1)
			fputs("com1> ", p->out);
		put_safe(p->out, l->text.data, l->text.size);
	}
	fflush(p->out);
	l->text.size = 0;
}

static struct printer_line *find_line(struct printer *p, const struct decode_source *from)
{
	struct printer_line **link = &p->lines;

	for (; *link; link = &(*link)->next)
		if ((*link)->from.channel == from->channel && !strcmp((*link)->from.name, from->name))
			return *link;
	*link = zalloc(sizeof(**link));
	(*link)->from = *from;
	return *link;
}

void printer_text(void *ctx, const struct decode_source *from, const uint8_t *data, size_t size)
{
	struct printer *p = ctx;
	struct printer_line *l = find_line(p, from);

	for (size_t i = 0; i < size; i++) {
		if (data[i] != '\n')
			text_add(&l->text, &data[i], 1);
		else if (!l->text.data)
			text_add(&l->text, "", 0);
		if (data[i] == '\n' || l->text.size >= LINE_MAX_BYTES)
			put_line(p, l);
	}
}

void printer_record(void *ctx, const struct decode_source *from, const Nestbed__Record *record)
{
	struct printer *p = ctx;
	struct text text = {0};

	if (p->json) {
		put_json(p, record_json(record), from);
		return;
	}
	record_text(&text, record);
	fprintf(p->out, "@%s %s\n", from->name, text.data);
	fflush(p->out);
	text_free(&text);
}

void printer_bad(void *ctx, const struct decode_source *from, size_t size)
{
	struct printer *p = ctx;
	json_t *object;

	if (p->json) {
		object = json_object();
		json_object_set_new(object, "bad_frame", json_integer((json_int_t)size));
		put_json(p, object, from);
		return;
	}
	fprintf(p->out, "@%s bad_frame size=%zu\n", from->name, size);
}

void printer_end(struct printer *p)
{
	while (p->lines) {
		struct printer_line *l = p->lines;

		if (l->text.size)
			put_line(p, l);
		p->lines = l->next;
		text_free(&l->text);
		free(l);
	}
}
