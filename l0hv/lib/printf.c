/* SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include "l0hv/lib/lib.h"

struct sink {
	char *to;
	size_t room, length;
};

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->room)
		s->to[s->length] = c;
	s->length++;
}

static void put_text(struct sink *s, const char *text, unsigned width, bool left)
{
	size_t n = strlen(text);

	for (size_t i = n; !left && i < width; i++)
		put(s, ' ');
	for (size_t i = 0; i < n; i++)
		put(s, text[i]);
	for (size_t i = n; left && i < width; i++)
		put(s, ' ');
}

static void put_number(struct sink *s, uint64_t v, unsigned base, bool negative, unsigned width, char pad)
{
	char digits[24];
	unsigned n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	if (negative && pad == '0')
		put(s, '-');
	for (unsigned i = n + negative; i < width; i++)
		put(s, pad);
	if (negative && pad != '0')
		put(s, '-');
	while (n)
		put(s, digits[--n]);
}

static uint64_t take(va_list *args, unsigned longs, bool sign)
{
	if (longs)
		return va_arg(*args, uint64_t);
	return sign ? (uint64_t)(int64_t)va_arg(*args, int) : va_arg(*args, unsigned);
}

/* One conversion, its '%' already read; returns the first character behind it. */
static const char *convert(struct sink *s, const char *f, va_list *args)
{
	bool left = *f == '-';
	unsigned width = 0, longs = 0;
	char pad = ' ';
	uint64_t v;

	f += left;
	if (*f == '0')
		pad = '0';
	while (*f >= '0' && *f <= '9')
		width = width * 10 + (unsigned)(*f++ - '0');
	while (*f == 'l' || *f == 'z') {
		longs++;
		f++;
	}
	switch (*f) {
	case 's':
		put_text(s, va_arg(*args, const char *), width, left);
		break;
	case 'c':
		put(s, (char)va_arg(*args, int));
		break;
	case 'd':
		v = take(args, longs, true);
		put_number(s, (int64_t)v < 0 ? 0 - v : v, 10, (int64_t)v < 0, width, pad);
		break;
	case 'u':
		put_number(s, take(args, longs, false), 10, false, width, pad);
		break;
	case 'x':
		put_number(s, take(args, longs, false), 16, false, width, pad);
		break;
	case '\0':
		return f;
	default:
		put(s, *f);
		break;
	}
	return f + 1;
}

int vsnprintf(char *to, size_t n, const char *format, va_list args)
{
	struct sink s = {to, n, 0};
	va_list copy;

	va_copy(copy, args);
	while (*format) {
		if (*format == '%')
			format = convert(&s, format + 1, &copy);
		else
			put(&s, *format++);
	}
	va_end(copy);
	if (n)
		to[s.length < n ? s.length : n - 1] = '\0';
	return (int)s.length;
}

int snprintf(char *to, size_t n, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(to, n, format, args);
	va_end(args);
	return length;
}
