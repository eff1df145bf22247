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

static const char *const attributes[] = {"class",
					 "clip-path",
					 "clipPathUnits",
					 "color",
					 "cx",
					 "cy",
					 "d",
					 "dx",
					 "dy",
					 "fill",
					 "fill-opacity",
					 "fill-rule",
					 "filter",
					 "filterUnits",
					 "flood-color",
					 "flood-opacity",
					 "font-family",
					 "font-size",
					 "font-style",
					 "font-weight",
					 "gradientTransform",
					 "gradientUnits",
					 "height",
					 "href",
					 "id",
					 "in",
					 "in2",
					 "offset",
					 "opacity",
					 "operator",
					 "patternUnits",
					 "points",
					 "preserveAspectRatio",
					 "r",
					 "result",
					 "rx",
					 "ry",
					 "shape-rendering",
					 "stop-color",
					 "stop-opacity",
					 "stroke",
					 "stroke-dasharray",
					 "stroke-linecap",
					 "stroke-linejoin",
					 "stroke-opacity",
					 "stroke-width",
					 "text-anchor",
					 "transform",
					 "version",
					 "viewBox",
					 "visibility",
					 "width",
					 "x",
					 "x1",
					 "x2",
					 "xlink:href",
					 "xml:space",
					 "xmlns",
					 "xmlns:xlink",
					 "y",
					 "y1",
					 "y2"};
/* Before a parenthesis in a value; of url() only what the drawing has itself. */
static const char *const functions[] = {"rgb",   "rgba",  "translate", "rotate", "scale",
					"skewX", "skewY", "matrix",    "url"};
/* Of text: "&NAME;" */
static const char *const entities[] = {"amp", "lt", "gt", "quot", "apos"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

static bool known(const char *const *list, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == length && !strncmp(list[i], name, length))
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

/* "src(...)", "image-set(...)" and their like fetch. */
static bool functions_are_known(const char *value)
{
	for (const char *open = value; (open = strchr(open, '(')); open++) {
		const char *name = open;

		while (name > value && (isalnum((unsigned char)name[-1]) || strchr("-_", name[-1])))
			name--;
		if (!known(functions, COUNT(functions), name, (size_t)(open - name)))
			return false;
	}
	return true;
}

/* Nothing but what the drawing has itself: a backslash or an entity could name anything. */
static bool is_harmless(const char *value)
{
	if (strpbrk(value, "\\&") || strstr(value, "//") || strcasestr(value, "javascript:"))
		return false;
	for (const char *url = value; (url = strstr(url, "url(")); url++)
		if (url[4] != '#')
			return false;
	return functions_are_known(value);
}

/* "url(#x)" anywhere in a value gets the prefix. */
static void put_value(struct svg *s, char *value)
{
	char *url;

	while (!s->silent && (url = strstr(value, "url(#"))) {
		url[4] = '\0';
		html_text(s->out, value);
		text_addf(s->out, "#");
		html_text(s->out, s->prefix);
		value = url + 5;
	}
	if (!s->silent)
		html_text(s->out, value);
}

static bool put_attribute(struct svg *s, const char *name, char *value)
{
	const bool link = !strcmp(name, "href") || !strcmp(name, "xlink:href");
	const bool space = !strcmp(name, "xmlns") || !strcmp(name, "xmlns:xlink");

	if (!known(attributes, COUNT(attributes), name, strlen(name)))
		return fail(s, text_format("attribute %s", name));
	if ((link && *value != '#') || (!space && !is_harmless(value)))
		return fail(s, text_format("attribute %s could refer to elsewhere", name));
	put(s, " ");
	put(s, name);
	put(s, "=\"");
	if (link || !strcmp(name, "id")) {
		put(s, link ? "#" : "");
		if (!s->silent)
			html_text(s->out, s->prefix);
		value += link;
	}
	put_value(s, value);
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

	if (!take_name(s, name) || !known(elements, COUNT(elements), name, strlen(name)))
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

/* "amp;", "#10;", "#xa;": behind an ampersand */
static bool is_entity(const char *p)
{
	const bool number = *p == '#', hex = number && p[1] == 'x';
	const size_t length = strcspn(p, ";");
	const char *digits = p + 1 + hex;

	if (!p[length] || length > 8)
		return false;
	if (!number)
		return known(entities, COUNT(entities), p, length);
	return digits < p + length &&
	       digits + strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") == p + length;
}

/* Characters, and entities as they are; false: one that is not known. */
static bool put_text(struct svg *s, char *text)
{
	for (char *p = text, *next; p; p = next) {
		next = strchr(p, '&');
		if (next)
			*next++ = '\0';
		if (next && !is_entity(next))
			return false;
		if (!s->silent)
			html_text(s->out, p);
		put(s, next ? "&" : "");
	}
	return true;
}

/* Text up to the next tag. */
static bool take_text(struct svg *s)
{
	const size_t n = strcspn(s->at, "<");
	char *text = text_format("%.*s", (int)n, s->at);
	bool ok = true;

	s->at += n;
	if (s->depth && !put_text(s, text))
		ok = fail(s, text_format("text with an entity that no drawing of gnuplot has"));
	else if (!s->depth && text[strspn(text, " \t\r\n\f\v")])
		ok = fail(s, text_format("text outside of the drawing"));
	free(text);
	return ok;
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
