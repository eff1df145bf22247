/* SPDX-License-Identifier: MIT */
/* Formatted printing: a subset of C's, without floating point. */
#include <stdarg.h>

#include "rt.h"

struct sink {
	char *out;
	size_t size;
	size_t used; /* what the whole text needs, may be over size */
};

static void put(struct sink *s, char c)
{
	if (s->used + 1 < s->size)
		s->out[s->used] = c;
	s->used++;
}

struct field {
	unsigned int width;
	bool left;
	char pad;
};

static void put_field(struct sink *s, const struct field *f, const char *text, size_t n)
{
	size_t gap = f->width > n ? f->width - n : 0;

	for (size_t i = 0; i < gap && !f->left; i++)
		put(s, f->pad);
	for (size_t i = 0; i < n; i++)
		put(s, text[i]);
	for (size_t i = 0; i < gap && f->left; i++)
		put(s, ' ');
}

static void put_number(struct sink *s, const struct field *f, uint64_t v, unsigned int base, bool minus,
		       bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	struct field rest = *f;
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = digits[v % base];
		v /= base;
	} while (v);
	if (minus && f->pad == '0') {
		put(s, '-');
		rest.width = f->width ? f->width - 1 : 0;
	} else if (minus) {
		text[--at] = '-';
	}
	put_field(s, &rest, text + at, sizeof(text) - at);
}

static uint64_t next_unsigned(va_list *args, unsigned int longs)
{
	return longs ? va_arg(*args, uint64_t) : va_arg(*args, unsigned int);
}

static int64_t next_signed(va_list *args, unsigned int longs)
{
	return longs ? va_arg(*args, int64_t) : va_arg(*args, int);
}

static void put_conversion(struct sink *s, char c, const struct field *f, unsigned int longs, va_list *args)
{
	static const struct field none;
	const char *text;
	int64_t v;
	char one;

	switch (c) {
	case 'd':
	case 'i':
		v = next_signed(args, longs);
		put_number(s, f, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0, false);
		break;
	case 'u':
		put_number(s, f, next_unsigned(args, longs), 10, false, false);
		break;
	case 'x':
	case 'X':
		put_number(s, f, next_unsigned(args, longs), 16, false, c == 'X');
		break;
	case 'p':
		put(s, '0');
		put(s, 'x');
		put_number(s, &none, (uint64_t)(uintptr_t)va_arg(*args, void *), 16, false, false);
		break;
	case 's':
		text = va_arg(*args, const char *);
		if (!text)
			text = "(null)";
		put_field(s, f, text, strlen(text));
		break;
	case 'c':
		one = (char)va_arg(*args, int);
		put_field(s, f, &one, 1);
		break;
	default: /* "%%", and what isn't known, as it stands */
		put(s, c);
	}
}

int rt_vsnprintf(char *out, size_t size, const char *format, va_list given)
{
	struct sink s = {out, size, 0};
	va_list args;

	va_copy(args, given);
	while (*format) {
		struct field f = {0, false, ' '};
		unsigned int longs = 0;

		if (*format != '%') {
			put(&s, *format++);
			continue;
		}
		format++;
		for (; *format == '-' || *format == '0'; format++) {
			if (*format == '-')
				f.left = true;
			else
				f.pad = '0';
		}
		for (; *format >= '0' && *format <= '9'; format++)
			f.width = f.width * 10 + (unsigned int)(*format - '0');
		for (; *format == 'l' || *format == 'z'; format++)
			longs++;
		if (*format)
			put_conversion(&s, *format++, &f, longs, &args);
	}
	va_end(args);
	if (size)
		out[s.used < size ? s.used : size - 1] = 0;
	return (int)s.used;
}

int rt_snprintf(char *out, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = rt_vsnprintf(out, size, format, args);
	va_end(args);
	return n;
}

static void print(const char *format, va_list args)
{
	char text[512];
	int n = rt_vsnprintf(text, sizeof(text), format, args);

	rt_write(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void rt_printf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(format, args);
	va_end(args);
}

void rt_panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	rt_write("panic: ", 7);
	print(format, args);
	va_end(args);
	rt_write("\n", 1);
	rt_shutdown();
}
