/* SPDX-License-Identifier: MIT */
/* A YAML document (libyaml) with the questions that a plan asks of it, each error with its file and line.
 * Pure. */
#ifndef EXPERIMENTS_CLUSTER_YAML_TREE_H
#define EXPERIMENTS_CLUSTER_YAML_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

struct yaml_tree {
	yaml_document_t document;
	const char *path; /* borrowed, for messages */
	char *why; /* malloc'd: the first error; NULL: none */
};

/* 0, or -EINVAL: not one YAML document; tree->why says it. To be closed in any case. */
__attribute__((warn_unused_result)) int yaml_tree_open(struct yaml_tree *t, const char *path,
						       const char *text, size_t size);
/* Hands *why out and frees the rest. */
char *yaml_tree_close(struct yaml_tree *t);

/* Books an error at this node (NULL: line 1) unless there is one; -EINVAL. */
__attribute__((format(printf, 3, 4))) int yaml_tree_error(struct yaml_tree *t, const yaml_node_t *at,
							  const char *format, ...);
const yaml_node_t *yaml_tree_root(struct yaml_tree *t);
unsigned yaml_tree_line(const yaml_node_t *node);

/* A mapping whose keys are words, none twice, and each in `allowed` (NULL ends it; NULL itself: any). `what`
 * names it in errors. */
__attribute__((warn_unused_result)) int yaml_tree_mapping(struct yaml_tree *t, const yaml_node_t *node,
							  const char *what, const char *const *allowed);
/* How many pairs it has; the key and the value of one. Of a checked mapping. */
unsigned yaml_tree_pairs(const yaml_node_t *node);
const char *yaml_tree_key(struct yaml_tree *t, const yaml_node_t *node, unsigned pair);
const yaml_node_t *yaml_tree_value(struct yaml_tree *t, const yaml_node_t *node, unsigned pair);
/* NULL: there is no such key. */
const yaml_node_t *yaml_tree_get(struct yaml_tree *t, const yaml_node_t *node, const char *key);

/* How many items: of a list; 1 of a word; 0 and an error of anything else or of an empty list. */
unsigned yaml_tree_items(struct yaml_tree *t, const yaml_node_t *node, const char *what);
const yaml_node_t *yaml_tree_item(struct yaml_tree *t, const yaml_node_t *node, unsigned item);
/* The word of a scalar, or NULL with an error: anything else, or one with a NUL or a line's end in it. */
const char *yaml_tree_word(struct yaml_tree *t, const yaml_node_t *node, const char *what);
/* The number of mapping's KEY, `otherwise` without it. 0 or -EINVAL. */
__attribute__((warn_unused_result)) int yaml_tree_number(struct yaml_tree *t, const yaml_node_t *node,
							 const char *key, uint64_t low, uint64_t high,
							 unsigned otherwise, unsigned *number);

#endif
