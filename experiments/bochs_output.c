/* SPDX-License-Identifier: MIT */
#include "experiments/bochs_output.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_LIMIT  400
#define HELD_LIMIT  4096
#define INSTRUCTION "(0).[%] [0x&] "
#define COMPLAINT   "bx_dbg_"

void bochs_output_init(struct bochs_output *o)
{
	memset(o, 0, sizeof(*o));
}

/*
 * A line that the debugger may print at the end, whole or the beginning of one:
 *   (0).[820] [0x0000ffffffff001c] f000:001c (unk. ctxt): out dx, al  ; ee
 *   bx_dbg_read_pmode_descriptor: selector (0x0008) > GDT size limit
 * In a pattern '%' stands for decimal digits, '&' for hexadecimal ones.
 */
static bool may_be_own_line(const char *s, size_t n, bool whole, const char *pattern)
{
	const char *p = pattern;
	size_t at = 0;

	for (; *p && at < n; p++) {
		size_t from = at;

		if (*p != '%' && *p != '&') {
			if (s[at++] != *p)
				return false;
			continue;
		}
		while (at < n && (*p == '%' ? isdigit((unsigned char)s[at]) : isxdigit((unsigned char)s[at])))
			at++;
		if (at == from)
			return false;
	}
	return n < LINE_LIMIT && !(whole && *p);
}

/* Nothing but such lines, the last of them perhaps unfinished. */
static bool may_be_last_words(const char *s, size_t n)
{
	while (n) {
		const char *end = memchr(s, '\n', n);
		size_t line = end ? (size_t)(end - s) : n;

		if (!may_be_own_line(s, line, end, INSTRUCTION) && !may_be_own_line(s, line, end, COMPLAINT))
			return false;
		n -= end ? line + 1 : line;
		s += end ? line + 1 : line;
	}
	return true;
}

static void drop_front(struct text *t, size_t n)
{
	memmove(t->data, t->data + n, t->size - n + 1);
	t->size -= n;
}

static void machine_byte(struct bochs_output *o, char c)
{
	if (!o->held.size && c != '(' && c != 'b') {
		text_add(&o->ready, &c, 1);
		return;
	}
	text_add(&o->held, &c, 1);
	while (o->held.size &&
	       (o->held.size > HELD_LIMIT || !may_be_last_words(o->held.data, o->held.size))) {
		text_add(&o->ready, o->held.data, 1);
		drop_front(&o->held, 1);
	}
}

static void banner_byte(struct bochs_output *o, char c)
{
	if (c != '\n') {
		text_add(&o->line, &c, 1);
		return;
	}
	if (o->state == BOCHS_FIRST_LINE)
		o->state = BOCHS_RUNNING;
	else if (o->line.size && !strcmp(o->line.data, "Next at t=0"))
		o->state = BOCHS_FIRST_LINE;
	o->line.size = 0;
}

void bochs_output_feed(struct bochs_output *o, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (o->state == BOCHS_RUNNING)
			machine_byte(o, (char)data[i]);
		else
			banner_byte(o, (char)data[i]);
	}
}

void bochs_output_end(struct bochs_output *o)
{
	if (o->held.size && o->held.data[o->held.size - 1] != '\n')
		text_add(&o->ready, o->held.data, o->held.size);
	o->held.size = 0;
}

size_t bochs_output_take(struct bochs_output *o, uint8_t *data, size_t room)
{
	size_t n = o->ready.size < room ? o->ready.size : room;

	if (!n)
		return 0;
	memcpy(data, o->ready.data, n);
	drop_front(&o->ready, n);
	return n;
}

void bochs_output_free(struct bochs_output *o)
{
	text_free(&o->line);
	text_free(&o->held);
	text_free(&o->ready);
}
