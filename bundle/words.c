/* SPDX-License-Identifier: MIT */
#include "bundle/words.h"

#include <string.h>

#define QUOTE_MAX 48u /* of what the user wrote, in an error */

struct span span_of(const char *s)
{
	return (struct span){s, strlen(s)};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct span span_trim(struct span s)
{
	while (s.n && is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool span_equals(struct span s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

size_t span_find(const char *p, size_t n, char c)
{
	size_t i = 0;

	while (i < n && p[i] != c)
		i++;
	return i;
}

struct span span_strip_comment(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '#' && (i == 0 || is_space(s.p[i - 1])))
			s.n = i;
	return s;
}

bool span_copy(char *to, size_t width, struct span s)
{
	if (s.n >= width)
		return false;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}

struct span span_word(struct span *s)
{
	struct span word = {s->p, 0};

	while (word.n < s->n && !is_space(s->p[word.n]))
		word.n++;
	*s = span_trim((struct span){s->p + word.n, s->n - word.n});
	return word;
}

bool span_is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
		      c == '-'))
			return false;
	}
	return s.n > 0 && s.n < CONFIG_NAME_MAX;
}

bool span_number(struct span s, uint64_t *value)
{
	const bool hex = s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X');
	const uint64_t base = hex ? 16 : 10;
	uint64_t v = 0;

	if (!s.n)
		return false;
	for (size_t i = hex ? 2 : 0; i < s.n; i++) {
		const char c = s.p[i];
		uint64_t digit = 16;

		if (c >= '0' && c <= '9')
			digit = (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (uint64_t)((c | 0x20) - 'a') + 10;
		if (digit >= base || v > (UINT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
	}
	*value = v;
	return true;
}

static void add_n(struct config_error *e, const char *p, size_t n)
{
	size_t at = strlen(e->text);

	for (; n && at + 1 < sizeof(e->text); n--)
		e->text[at++] = *p++;
	e->text[at] = '\0';
}

void say(struct config_error *e, const char *s)
{
	add_n(e, s, strlen(s));
}

void say_number(struct config_error *e, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	add_n(e, digits + at, sizeof(digits) - at);
}

void say_quoted(struct config_error *e, struct span s)
{
	say(e, "'");
	add_n(e, s.p, s.n < QUOTE_MAX ? s.n : QUOTE_MAX);
	say(e, s.n > QUOTE_MAX ? "…'" : "'");
}

void say_begin(struct config_error *e, uint32_t line)
{
	e->line = line;
	e->text[0] = '\0';
	if (line) {
		say(e, "line ");
		say_number(e, line);
		say(e, ": ");
	}
}
