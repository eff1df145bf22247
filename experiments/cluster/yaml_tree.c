/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/yaml_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/setting.h"
#include "experiments/text.h"

#define KEYS_MAX 1000u

unsigned yaml_tree_line(const yaml_node_t *node)
{
	return node ? (unsigned)node->start_mark.line + 1 : 1;
}

int yaml_tree_error(struct yaml_tree *t, const yaml_node_t *at, const char *format, ...)
{
	va_list args;
	char *words;

	if (t->why)
		return -EINVAL;
	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		abort();
	va_end(args);
	t->why = text_format("%s:%u: %s", t->path, yaml_tree_line(at), words);
	free(words);
	return -EINVAL;
}

static int load(struct yaml_tree *t, yaml_parser_t *parser)
{
	if (yaml_parser_load(parser, &t->document))
		return 0;
	memset(&t->document, 0, sizeof(t->document));
	t->why = text_format("%s:%lu: this is no YAML: %s%s%s", t->path,
			     (unsigned long)(parser->problem_mark.line + 1),
			     parser->problem ? parser->problem : "it can't be read",
			     parser->context ? ", " : "", parser->context ? parser->context : "");
	return -EINVAL;
}

/* Nothing may follow the first document. */
static int nothing_more(struct yaml_tree *t, yaml_parser_t *parser)
{
	yaml_document_t next;
	int err = 0;

	if (!yaml_document_get_root_node(&t->document))
		return yaml_tree_error(t, NULL, "there is nothing in it");
	if (!yaml_parser_load(parser, &next))
		return yaml_tree_error(t, NULL, "what follows its first document is no YAML");
	if (yaml_document_get_root_node(&next))
		err = yaml_tree_error(t, yaml_document_get_root_node(&next),
				      "a second document begins here; a file has one");
	yaml_document_delete(&next);
	return err;
}

int yaml_tree_open(struct yaml_tree *t, const char *path, const char *text, size_t size)
{
	yaml_parser_t parser;
	int err;

	*t = (struct yaml_tree){.path = path};
	if (!yaml_parser_initialize(&parser))
		return yaml_tree_error(t, NULL, "no memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	err = load(t, &parser);
	if (!err)
		err = nothing_more(t, &parser);
	yaml_parser_delete(&parser);
	return err;
}

char *yaml_tree_close(struct yaml_tree *t)
{
	yaml_document_delete(&t->document);
	return t->why;
}

const yaml_node_t *yaml_tree_root(struct yaml_tree *t)
{
	return yaml_document_get_root_node(&t->document);
}

static const yaml_node_t *node_of(struct yaml_tree *t, int number)
{
	return yaml_document_get_node(&t->document, number);
}

unsigned yaml_tree_pairs(const yaml_node_t *node)
{
	return (unsigned)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

const char *yaml_tree_key(struct yaml_tree *t, const yaml_node_t *node, unsigned pair)
{
	return (const char *)node_of(t, node->data.mapping.pairs.start[pair].key)->data.scalar.value;
}

const yaml_node_t *yaml_tree_value(struct yaml_tree *t, const yaml_node_t *node, unsigned pair)
{
	return node_of(t, node->data.mapping.pairs.start[pair].value);
}

const yaml_node_t *yaml_tree_get(struct yaml_tree *t, const yaml_node_t *node, const char *key)
{
	for (unsigned i = 0; i < yaml_tree_pairs(node); i++)
		if (!strcmp(yaml_tree_key(t, node, i), key))
			return yaml_tree_value(t, node, i);
	return NULL;
}

/* "a, b or c" */
static char *choice(const char *const *words)
{
	struct text out = {0};

	for (unsigned i = 0; words[i]; i++)
		text_addf(&out, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
	return out.data;
}

static int allowed_key(struct yaml_tree *t, const yaml_node_t *at, const char *key,
		       const char *const *allowed)
{
	char *words;
	int err;

	for (unsigned i = 0; allowed[i]; i++)
		if (!strcmp(allowed[i], key))
			return 0;
	words = choice(allowed);
	err = yaml_tree_error(t, at, "there is no key '%s' here; expected %s", key, words);
	free(words);
	return err;
}

int yaml_tree_mapping(struct yaml_tree *t, const yaml_node_t *node, const char *what,
		      const char *const *allowed)
{
	int err = 0;

	if (node->type != YAML_MAPPING_NODE)
		return yaml_tree_error(t, node, "%s: expected lines of the form 'key: value'", what);
	if (yaml_tree_pairs(node) > KEYS_MAX)
		return yaml_tree_error(t, node, "%s: more than %u keys", what, KEYS_MAX);
	for (unsigned i = 0; i < yaml_tree_pairs(node) && !err; i++) {
		const yaml_node_t *key = node_of(t, node->data.mapping.pairs.start[i].key);
		const char *word = yaml_tree_word(t, key, what);

		if (!word)
			return -EINVAL;
		for (unsigned k = 0; k < i && !err; k++)
			if (!strcmp(yaml_tree_key(t, node, k), word))
				err = yaml_tree_error(t, key, "key '%s' is given twice", word);
		if (!err && allowed)
			err = allowed_key(t, key, word, allowed);
	}
	return err;
}

unsigned yaml_tree_items(struct yaml_tree *t, const yaml_node_t *node, const char *what)
{
	size_t count = 1;

	if (node->type == YAML_SEQUENCE_NODE)
		count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	else if (node->type != YAML_SCALAR_NODE)
		count = 0;
	if (!count)
		yaml_tree_error(t, node, "%s: expected a value or a list of values", what);
	return (unsigned)count;
}

const yaml_node_t *yaml_tree_item(struct yaml_tree *t, const yaml_node_t *node, unsigned item)
{
	return node->type == YAML_SEQUENCE_NODE ? node_of(t, node->data.sequence.items.start[item]) : node;
}

const char *yaml_tree_word(struct yaml_tree *t, const yaml_node_t *node, const char *what)
{
	const char *word;

	if (node->type != YAML_SCALAR_NODE) {
		yaml_tree_error(t, node, "%s: expected a value", what);
		return NULL;
	}
	word = (const char *)node->data.scalar.value;
	if (strlen(word) == node->data.scalar.length && !strpbrk(word, "\r\n"))
		return word;
	yaml_tree_error(t, node, "%s: expected a value of one line", what);
	return NULL;
}

int yaml_tree_number(struct yaml_tree *t, const yaml_node_t *node, const char *key, uint64_t low,
		     uint64_t high, unsigned otherwise, unsigned *number)
{
	const yaml_node_t *at = yaml_tree_get(t, node, key);
	const char *word = at ? yaml_tree_word(t, at, key) : NULL;
	uint64_t value = otherwise;
	char *bad;
	int err = 0;

	if (at && !word)
		return -EINVAL;
	if (at && number_parse(word, low, high, &value, &bad)) {
		err = yaml_tree_error(t, at, "%s: %s", key, bad);
		free(bad);
	}
	*number = (unsigned)value;
	return err;
}
