/* SPDX-License-Identifier: MIT */
#include "experiments/html.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the UTF-8 character at s, or 0. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char low, high, second_low, second_high;
		size_t length;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2},
                {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
                {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
                {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (*s < forms[i].low || *s > forms[i].high)
			continue;
		if (s[1] < forms[i].second_low || s[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return forms[i].length;
	}
	return 0;
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(struct text *out, const char *s)
{
	text_add(out, "", 0);
	while (*s) {
		const unsigned char c = (unsigned char)*s;
		const size_t length = c < 0x80 ? 1 : utf8_length((const unsigned char *)s);
		const char *named = entity(*s);

		if (named)
			text_addf(out, "%s", named);
		else if (!length || c == 0x7f || (c < 0x20 && c != '\t' && c != '\n'))
			text_addf(out, REPLACEMENT);
		else
			text_add(out, s, length);
		s += length ? length : 1;
	}
}

void html_addf(struct text *out, const char *markup, ...)
{
	va_list args;
	const char *at;

	va_start(args, markup);
	while ((at = strstr(markup, "%s"))) {
		text_add(out, markup, (size_t)(at - markup));
		html_text(out, va_arg(args, const char *));
		markup = at + 2;
	}
	va_end(args);
	text_add(out, markup, strlen(markup));
}
