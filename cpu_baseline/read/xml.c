/* SPDX-License-Identifier: MIT */
#include "cpu_baseline/read/xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <string.h>

static void refuse_dtd(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	xmlParserCtxt *parser = context;

	(void)name;
	(void)external;
	(void)system;
	reader_wrong_at(parser->_private, (unsigned)xmlSAX2GetLineNumber(parser), "a DOCTYPE, expected none");
	xmlStopParser(parser);
}

static void not_well_formed(struct reader *r, xmlParserCtxt *parser)
{
	const xmlError *e = xmlCtxtGetLastError(parser);
	const char *what = e && e->message ? e->message : "not well-formed";
	char shown[PIECE_SHOWN * 2 + 1];
	size_t n = strcspn(what, "\n");

	n = n < sizeof(shown) ? n : sizeof(shown) - 1;
	for (size_t i = 0; i < n; i++)
		shown[i] = what[i] >= ' ' && what[i] <= '~' ? what[i] : '?';
	shown[n] = 0;
	reader_wrong_at(r, e && e->line > 0 ? (unsigned)e->line : 1, "%s, expected well-formed XML", shown);
}

xmlDoc *xml_parse(struct reader *r)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES;
	xmlParserCtxt *parser = xmlNewParserCtxt();
	xmlDoc *doc;

	if (!parser) {
		reader_wrong_at(r, 0, "no memory");
		return NULL;
	}
	parser->_private = r;
	parser->sax->internalSubset = refuse_dtd;
	doc = xmlCtxtReadMemory(parser, r->rest.at, (int)r->rest.n, NULL, NULL, options);
	if (!doc)
		not_well_formed(r, parser);
	if (doc && r->report->error[0]) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(parser);
	return doc;
}

bool xml_named(const xmlNode *node, const char *name)
{
	return !strcmp((const char *)node->name, name);
}

unsigned xml_line(const xmlNode *node)
{
	long line = xmlGetLineNo(node);

	return line > 0 ? (unsigned)line : 1;
}

static xmlNode *element_from(struct reader *r, xmlNode *node, int *status)
{
	for (; node && !*status; node = node->next) {
		if (node->type == XML_ELEMENT_NODE)
			return node;
		if (node->type != XML_COMMENT_NODE && node->type != XML_PI_NODE && !xmlIsBlankNode(node))
			*status = reader_wrong_at(r, xml_line(node), "text in <%s>, expected elements",
						  (const char *)node->parent->name);
	}
	return NULL;
}

xmlNode *xml_first(struct reader *r, const xmlNode *node, int *status)
{
	return element_from(r, node->children, status);
}

xmlNode *xml_next(struct reader *r, const xmlNode *node, int *status)
{
	return element_from(r, node->next, status);
}

/* Without a DTD the value is one text node, or none where it is empty. */
static const char *value_of(const xmlAttr *attribute)
{
	const xmlNode *text = attribute->children;

	if (!text)
		return "";
	return text->type == XML_TEXT_NODE && !text->next ? (const char *)text->content : "?";
}

int xml_attributes(struct reader *r, const xmlNode *node, const struct xml_attribute *attributes,
		   unsigned count)
{
	const char *name = (const char *)node->name;
	char shown[PIECE_SHOWN + 1];
	unsigned i;

	for (i = 0; i < count; i++)
		*attributes[i].value = NULL;
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		for (i = 0; i < count && strcmp((const char *)a->name, attributes[i].name); i++)
			;
		if (i == count)
			return reader_wrong_at(r, xml_line(node),
					       "<%s> with attribute '%s', expected none of that name", name,
					       piece_show(piece_of((const char *)a->name), shown));
		*attributes[i].value = value_of(a);
	}
	for (i = 0; i < count; i++) {
		if (attributes[i].required && !*attributes[i].value)
			return reader_wrong_at(r, xml_line(node), "<%s> without '%s', expected it", name,
					       attributes[i].name);
	}
	return 0;
}

const char *xml_attribute(const xmlNode *node, const char *name)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		if (!strcmp((const char *)a->name, name))
			return value_of(a);
	}
	return NULL;
}

int xml_hex(struct reader *r, const xmlNode *node, const char *name, const char *text, uint32_t *value)
{
	struct piece s = piece_of(text);
	char shown[PIECE_SHOWN + 1];
	uint64_t v;

	if (!piece_take(&s, "0x") || !piece_hex(&s, 1, 8, &v) || s.n)
		return reader_wrong_at(r, xml_line(node),
				       "%s='%s', expected 0x and 1 to 8 hexadecimal digits", name,
				       piece_show(piece_of(text), shown));
	*value = (uint32_t)v;
	return 0;
}

struct piece xml_text(const xmlNode *node)
{
	const xmlNode *text = node->children;
	struct piece s;

	if (!text || text->type != XML_TEXT_NODE || text->next)
		return (struct piece){"", 0};
	s = piece_trim(piece_of((const char *)text->content));
	while (s.n && s.at[0] == '\n')
		s = piece_trim((struct piece){s.at + 1, s.n - 1});
	while (s.n && s.at[s.n - 1] == '\n')
		s = piece_trim((struct piece){s.at, s.n - 1});
	return s;
}

bool xml_is(struct piece text)
{
	struct piece line = {0};

	piece_take(&text, "\xef\xbb\xbf"); /* a byte-order mark */
	while (text.n && !line.n)
		line = piece_trim(piece_line(&text));
	return line.n && line.at[0] == '<';
}

int xml_read(struct reader *r)
{
	static const struct {
		const char *root;
		xml_reader_fn *read;
	} roots[] = {
		{"cpudata",            cpudata_read            },
		{"cpu",                cpu_element_read        },
		{"capabilities",       capabilities_read       },
		{"domainCapabilities", domain_capabilities_read},
	};
	xmlDoc *doc = xml_parse(r);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	char shown[PIECE_SHOWN + 1];
	int status = -ENOENT;

	if (!root)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]) && status == -ENOENT; i++) {
		if (xml_named(root, roots[i].root))
			status = roots[i].read(r, root);
	}
	if (status == -ENOENT)
		status = reader_wrong_at(
			r, xml_line(root),
			"<%s>, expected <cpudata>, <cpu>, <capabilities> or <domainCapabilities>",
			piece_show(piece_of((const char *)root->name), shown));
	xmlFreeDoc(doc);
	return status;
}
