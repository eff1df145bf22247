/* SPDX-License-Identifier: MIT */
/* Words of the configuration text, and sentences about them. Pure. */
#ifndef BUNDLE_WORDS_H
#define BUNDLE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/config.h"

/* A part of the text; no NUL behind it. */
struct span {
	const char *p;
	size_t n;
};

struct span span_of(const char *s);
struct span span_trim(struct span s);
/* Without a comment, which starts at '#' at the beginning of the line or behind white space. */
struct span span_strip_comment(struct span s);
bool span_equals(struct span s, const char *word);
/* Place of the first c, or n. */
size_t span_find(const char *p, size_t n, char c);
/* The first word; *s becomes what is behind it. */
struct span span_word(struct span *s);
/* Into to, with a NUL. False: it has more than width - 1 letters. */
bool span_copy(char *to, size_t width, struct span s);
/* 1 to CONFIG_NAME_MAX - 1 letters, digits, '_' and '-'. */
bool span_is_name(struct span s);
/* Decimal, or hexadecimal after 0x. False: not a number, or more than 64 bits. */
__attribute__((warn_unused_result)) bool span_number(struct span s, uint64_t *value);

/* A sentence of parts; what does not fit is dropped. say_begin() starts it, with the line unless that is 0.
 */
void say_begin(struct config_error *e, uint32_t line);
void say(struct config_error *e, const char *s);
void say_number(struct config_error *e, uint64_t value);
void say_quoted(struct config_error *e, struct span s); /* at most 48 letters of it */

#endif
