/* SPDX-License-Identifier: MIT */
#include "experiments/bochs_output.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_LIMIT 400
#define HELD_LIMIT 4096

/*
 * The debugger's own lines. '%' stands for decimal digits, '&' for hexadecimal ones, '*' for the rest of a
 * line. At the end of the machine, and in a trace: (0).[820] [0x0000ffffffff001c] f000:001c (unk. ctxt): out
 * dx, al  ; ee (0).[820] ??? (physical address not available) bx_dbg_read_pmode_descriptor: selector (0x0008)
 * > GDT size limit A trace begins and ends with the breakpoint, the time, the next instruction, and a word on
 * tracing.
 */
#define INSTRUCTION "(0).[%] [0x&] *\n"
#define NOT_MAPPED  "(0).[%] ???*\n"
#define COMPLAINT   "bx_dbg_*\n"
#define BREAKPOINT  "(0) Magic breakpoint\nNext at t=%\n(0) [0x&] *\n"
#define TRACE_ON    BREAKPOINT "Tracing enabled for CPU0\n"
#define TRACE_OFF   BREAKPOINT "Tracing disabled for CPU0\n"

enum match { MATCH_NO, MATCH_BEGUN, MATCH_WHOLE };

void bochs_output_init(struct bochs_output *o, const struct machine_trace *trace)
{
	memset(o, 0, sizeof(*o));
	o->trace = trace;
}

static bool stands_for(char p, char c)
{
	return p == '%' ? isdigit((unsigned char)c) : p == '&' ? isxdigit((unsigned char)c) : c != '\n';
}

/* Whether s is what the pattern describes, begins so, or neither; *used of it the whole pattern took. */
static enum match match(const char *s, size_t n, const char *pattern, size_t *used)
{
	size_t at = 0;

	for (const char *p = pattern; *p; p++) {
		size_t from = at;

		if (at == n)
			return MATCH_BEGUN;
		if (*p != '%' && *p != '&' && *p != '*') {
			if (s[at++] != *p)
				return MATCH_NO;
			continue;
		}
		while (at < n && stands_for(*p, s[at]))
			at++;
		if ((at == from && *p != '*') || at - from >= LINE_LIMIT)
			return MATCH_NO;
	}
	*used = at;
	return MATCH_WHOLE;
}

/* One of its lines, perhaps unfinished; *used of s make it whole, or 0. */
static bool may_be_own_line(const char *s, size_t n, size_t *used)
{
	static const char *const lines[] = {INSTRUCTION, NOT_MAPPED, COMPLAINT};

	*used = 0;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (match(s, n, lines[i], used) != MATCH_NO)
			return true;
	return false;
}

/* Nothing but such lines, the last of them perhaps unfinished. */
static bool may_be_last_words(const char *s, size_t n)
{
	size_t used;

	for (; n; s += used, n -= used) {
		if (!may_be_own_line(s, n, &used))
			return false;
		if (!used)
			return true;
	}
	return true;
}

static void drop_front(struct text *t, size_t n)
{
	memmove(t->data, t->data + n, t->size - n + 1);
	t->size -= n;
}

/* What is held is the machine's at least in its first byte. */
static void give_up_one(struct bochs_output *o)
{
	text_add(&o->ready, o->held.data, 1);
	drop_front(&o->held, 1);
}

static void machine_byte(struct bochs_output *o, char c)
{
	enum match begins;
	size_t used;

	if (!o->held.size && c != '(' && c != 'b') {
		text_add(&o->ready, &c, 1);
		return;
	}
	text_add(&o->held, &c, 1);
	while (o->held.size) {
		begins = o->trace ? match(o->held.data, o->held.size, TRACE_ON, &used) : MATCH_NO;
		if (begins == MATCH_WHOLE) {
			o->state = BOCHS_TRACING;
			o->held.size = 0;
		}
		if (begins != MATCH_NO ||
		    (o->held.size <= HELD_LIMIT && may_be_last_words(o->held.data, o->held.size)))
			return;
		give_up_one(o);
	}
}

/* The machine may write between two lines of the trace. */
static void traced_byte(struct bochs_output *o, char c)
{
	enum match ends;
	size_t used;

	text_add(&o->held, &c, 1);
	while (o->held.size) {
		ends = match(o->held.data, o->held.size, TRACE_OFF, &used);
		if (ends == MATCH_WHOLE) {
			o->state = BOCHS_RUNNING;
			o->held.size = 0;
			o->trace->line(o->trace->ctx, NULL, 0);
		}
		if (ends != MATCH_NO)
			return;
		if (!may_be_own_line(o->held.data, o->held.size, &used)) {
			give_up_one(o);
			continue;
		}
		if (used) {
			o->trace->line(o->trace->ctx, o->held.data, used - 1);
			drop_front(&o->held, used);
		}
		return;
	}
}

/* The same for a whole line at once, as nearly all are: a trace has millions. Its bytes, or 0. */
static size_t traced_line(struct bochs_output *o, const char *s, size_t n)
{
	size_t used;

	if (o->held.size || match(s, n, INSTRUCTION, &used) != MATCH_WHOLE)
		return 0;
	o->trace->line(o->trace->ctx, s, used - 1);
	return used;
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
		const char *s = (const char *)data + i;
		size_t line = o->state == BOCHS_TRACING ? traced_line(o, s, size - i) : 0;

		if (line)
			i += line - 1;
		else if (o->state == BOCHS_TRACING)
			traced_byte(o, *s);
		else if (o->state == BOCHS_RUNNING)
			machine_byte(o, *s);
		else
			banner_byte(o, *s);
	}
}

void bochs_output_end(struct bochs_output *o)
{
	if (o->state == BOCHS_RUNNING && o->held.size && o->held.data[o->held.size - 1] != '\n')
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
