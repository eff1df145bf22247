/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cpu_baseline/read/reader.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip(struct piece *s, size_t n)
{
	s->at += n;
	s->n -= n;
}

struct piece piece_of(const char *text)
{
	return (struct piece){text, strlen(text)};
}

struct piece piece_trim(struct piece s)
{
	while (s.n && is_blank(s.at[0]))
		skip(&s, 1);
	while (s.n && is_blank(s.at[s.n - 1]))
		s.n--;
	return s;
}

struct piece piece_line(struct piece *rest)
{
	const char *end = rest->n ? memchr(rest->at, '\n', rest->n) : NULL;
	struct piece line = {rest->at, end ? (size_t)(end - rest->at) : rest->n};

	if (line.n)
		skip(rest, line.n);
	if (end)
		skip(rest, 1);
	return line;
}

bool piece_is(struct piece s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.at, text, s.n) == 0;
}

bool piece_take(struct piece *s, const char *text)
{
	size_t n = strlen(text);

	if (s->n < n || memcmp(s->at, text, n) != 0)
		return false;
	skip(s, n);
	return true;
}

bool piece_blanks(struct piece *s)
{
	size_t before = s->n;

	while (s->n && is_blank(s->at[0]))
		skip(s, 1);
	return s->n != before;
}

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 99;
}

bool piece_hex(struct piece *s, unsigned min, unsigned max, uint64_t *value)
{
	unsigned n = 0;

	*value = 0;
	while (n < s->n && n < max && digit(s->at[n]) < 16)
		*value = *value << 4 | digit(s->at[n++]);
	if (n < min || (n < s->n && digit(s->at[n]) < 16))
		return false;
	skip(s, n);
	return true;
}

bool piece_decimal(struct piece *s, uint64_t max, uint64_t *value)
{
	size_t n = 0;

	*value = 0;
	for (; n < s->n && digit(s->at[n]) < 10; n++) {
		unsigned d = digit(s->at[n]);

		if (*value > max / 10 || *value * 10 > max - d)
			return false;
		*value = *value * 10 + d;
	}
	if (n)
		skip(s, n);
	return n > 0;
}

bool piece_number(struct piece s, uint64_t max, uint64_t *value)
{
	if (piece_take(&s, "0x") || piece_take(&s, "0X"))
		return piece_hex(&s, 1, 16, value) && !s.n && *value <= max;
	return piece_decimal(&s, max, value) && !s.n;
}

const char *piece_show(struct piece s, char buffer[PIECE_SHOWN + 1])
{
	size_t n = s.n < PIECE_SHOWN ? s.n : PIECE_SHOWN;

	for (size_t i = 0; i < n; i++)
		buffer[i] = s.at[i] >= ' ' && s.at[i] <= '~' ? s.at[i] : '?';
	buffer[n] = 0;
	return buffer;
}
