/* SPDX-License-Identifier: MIT */
/* A drawing as gnuplot writes it, into a page that has several of them. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "experiments/html.h"

#define DEPTH_MAX 32
#define NAME_MAX_ 31

static const char *const elements[] = {
	"svg",     "g",        "defs",           "use",  "path",  "rect",   "circle",  "ellipse",
	"line",    "polyline", "polygon",        "text", "tspan", "filter", "feFlood", "feComposite",
	"pattern", "clipPath", "linearGradient", "stop", "title", "desc"};

struct svg {
	struct text *out;
	const char *at, *prefix, *label;
	char open[DEPTH_MAX][NAME_MAX_ + 1];
	unsigned depth;
	unsigned silent; /* depth at which a title began, whose text is left out; 0: none */
	bool closed;
	char *why;
};

static bool fail(struct svg *s, char *why)
{
	s->why = why;
	return false;
}

static bool known(const char *name)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (!strcmp(elements[i], name))
			return true;
	return false;
}

static void skip_blanks(struct svg *s)
{
	while (isspace((unsigned char)*s->at))
		s->at++;
}

/* A name at s->at into name; false when there is none, or too long a one. */
static bool take_name(struct svg *s, char *name)
{
	size_t n = 0;

	while (isalnum((unsigned char)s->at[n]) || (s->at[n] && strchr("-_:", s->at[n])))
		n++;
	if (!n || n > NAME_MAX_)
		return false;
	memcpy(name, s->at, n);
	name[n] = '\0';
	s->at += n;
	return true;
}

static void put(const struct svg *s, const char *text)
{
	if (!s->silent)
		text_addf(s->out, "%s", text);
}

/* "url(#x)" anywhere in a value; another url, a backslash or an entity could name anything. */
static bool put_value(struct svg *s, const char *name, char *value)
{
	char *url;

	if (strchr(value, '\\') || strchr(value, '&') || strcasestr(value, "javascript:"))
		return fail(
			s, text_format("attribute %s has a value that could name something elsewhere", name));
	while ((url = strcasestr(value, "url("))) {
		if (strncmp(url, "url(#", 5) != 0)
			return fail(s, text_format("attribute %s refers to elsewhere", name));
		url += 5;
		if (!s->silent) {
			const char after = *url;

			*url = '\0';
			html_text(s->out, value);
			*url = after;
			html_text(s->out, s->prefix);
		}
		value = url;
	}
	if (!s->silent)
		html_text(s->out, value);
	return true;
}

static bool put_attribute(struct svg *s, const char *name, char *value)
{
	const bool link = !strcmp(name, "href") || !strcmp(name, "xlink:href");

	if (!strncasecmp(name, "on", 2) || !strcmp(name, "style"))
		return fail(s, text_format("attribute %s", name));
	if (strchr(name, ':') && strcmp(name, "xlink:href") != 0 && strcmp(name, "xmlns:xlink") != 0)
		return fail(s, text_format("attribute %s", name));
	if (link && *value != '#')
		return fail(s, text_format("attribute %s refers to elsewhere", name));
	put(s, " ");
	put(s, name);
	put(s, "=\"");
	if (link || !strcmp(name, "id")) {
		put(s, link ? "#" : "");
		if (!s->silent)
			html_text(s->out, s->prefix);
		value += link;
	}
	if (!put_value(s, name, value))
		return false;
	put(s, "\"");
	return true;
}

/* NAME="VALUE" or NAME='VALUE' */
static bool take_attribute(struct svg *s)
{
	char name[NAME_MAX_ + 1], quote, *value;
	size_t n;
	bool ok;

	if (!take_name(s, name))
		return fail(s, text_format("a tag without an end"));
	skip_blanks(s);
	if (*s->at++ != '=')
		return fail(s, text_format("attribute %s without a value", name));
	skip_blanks(s);
	quote = *s->at;
	if (quote != '"' && quote != '\'')
		return fail(s, text_format("attribute %s without quotation marks", name));
	for (n = 1; s->at[n] && s->at[n] != quote; n++)
		;
	if (!s->at[n])
		return fail(s, text_format("attribute %s without an end", name));
	value = text_format("%.*s", (int)(n - 1), s->at + 1);
	s->at += n + 1;
	ok = put_attribute(s, name, value);
	free(value);
	return ok;
}

static bool take_opening(struct svg *s)
{
	char name[NAME_MAX_ + 1];

	if (!take_name(s, name) || !known(name))
		return fail(s, text_format("an element that no drawing of gnuplot has"));
	if (s->depth == DEPTH_MAX || (!s->depth && strcmp(name, "svg") != 0) || s->closed)
		return fail(s, text_format("element %s where none can be", name));
	memcpy(s->open[s->depth++], name, sizeof(name));
	if (!s->silent && (!strcmp(name, "title") || !strcmp(name, "desc")))
		s->silent = s->depth;
	put(s, "<");
	put(s, name);
	if (s->depth == 1)
		html_addf(s->out, " role=\"img\" aria-label=\"%s\"", s->label);
	for (;;) {
		skip_blanks(s);
		if (*s->at == '>' || !strncmp(s->at, "/>", 2))
			break;
		if (!take_attribute(s))
			return false;
	}
	if (*s->at == '>') {
		put(s, ">");
		s->at++;
		return true;
	}
	put(s, "/>");
	s->at += 2;
	s->silent = s->silent == s->depth ? 0 : s->silent;
	s->closed = !--s->depth;
	return true;
}

static bool take_closing(struct svg *s)
{
	char name[NAME_MAX_ + 1];

	if (!take_name(s, name) || !s->depth || strcmp(name, s->open[s->depth - 1]) != 0)
		return fail(s, text_format("an end of what did not begin"));
	skip_blanks(s);
	if (*s->at++ != '>')
		return fail(s, text_format("a tag without an end"));
	put(s, "</");
	put(s, name);
	put(s, ">");
	s->silent = s->silent == s->depth ? 0 : s->silent;
	s->closed = !--s->depth;
	return true;
}

/* "<?...?>" and comments, which a page has no use for. */
static bool skip_to(struct svg *s, const char *end)
{
	const char *p = strstr(s->at, end);

	if (!p)
		return fail(s, text_format("no %s", end));
	s->at = p + strlen(end);
	return true;
}

static bool take_tag(struct svg *s)
{
	if (!strncmp(s->at, "<?", 2))
		return skip_to(s, "?>");
	if (!strncmp(s->at, "<!--", 4))
		return skip_to(s, "-->");
	s->at++;
	if (*s->at != '/')
		return take_opening(s);
	s->at++;
	return take_closing(s);
}

/* Text up to the next tag: characters and their entities, as they are. */
static bool take_text(struct svg *s)
{
	const size_t n = strcspn(s->at, "<");
	char *text = text_format("%.*s", (int)n, s->at);
	bool blank = true;

	s->at += n;
	for (const char *p = text; *p; p++)
		blank &= isspace((unsigned char)*p) != 0;
	if (!s->depth && !blank) {
		free(text);
		return fail(s, text_format("text outside of the drawing"));
	}
	if (s->depth && !s->silent)
		for (char *p = text, *next; p; p = next) { /* an entity stays one */
			next = strchr(p, '&');
			if (next)
				*next++ = '\0';
			html_text(s->out, p);
			if (next)
				text_addf(s->out, "&");
		}
	free(text);
	return true;
}

int svg_inline(struct text *out, const char *svg, const char *prefix, const char *label, char **why)
{
	struct text drawing = {0};
	struct svg s = {.out = &drawing, .at = svg, .prefix = prefix, .label = label};
	bool ok = true;

	while (ok && *s.at)
		ok = *s.at == '<' ? take_tag(&s) : take_text(&s);
	if (ok && !s.closed)
		ok = fail(&s, text_format("no whole drawing"));
	if (ok)
		text_add(out, drawing.data, drawing.size);
	else
		*why = s.why;
	text_free(&drawing);
	return ok ? 0 : -EINVAL;
}
