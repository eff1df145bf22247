/* SPDX-License-Identifier: MIT */
#include "experiments/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
	if (!p) {
		fputs("nestbed: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *zalloc(size_t size)
{
	return must(calloc(1, size ? size : 1));
}

void *array_grow(void *array, size_t count, size_t element)
{
	if (count & (count - 1)) /* not a power of two: there is room */
		return array;
	return must(reallocarray(array, count ? count * 2 : 1, element));
}

void text_add(struct text *t, const void *data, size_t size)
{
	if (t->room - t->size < size + 1) {
		t->room = (t->size + size + 1) * 2;
		t->data = must(realloc(t->data, t->room));
	}
	if (size)
		memcpy(t->data + t->size, data, size);
	t->size += size;
	t->data[t->size] = '\0';
}

static char *format_va(const char *format, va_list args, int *length)
{
	char *s = NULL;

	*length = vasprintf(&s, format, args);
	return must(*length < 0 ? NULL : s);
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args;
	int n;
	char *s;

	va_start(args, format);
	s = format_va(format, args, &n);
	va_end(args);
	text_add(t, s, (size_t)n);
	free(s);
}

void text_add_shell(struct text *t, const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	if (*word && !word[strspn(word, plain)]) {
		text_addf(t, "%s", word);
		return;
	}
	text_addf(t, "'");
	for (const char *p = word; *p; p++)
		text_addf(t, *p == '\'' ? "'\\''" : "%c", *p);
	text_addf(t, "'");
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

char *text_format(const char *format, ...)
{
	va_list args;
	int n;
	char *s;

	va_start(args, format);
	s = format_va(format, args, &n);
	va_end(args);
	return s;
}

char *text_copy(const char *s)
{
	return must(strdup(s));
}
