/* SPDX-License-Identifier: MIT */
/* Strings and text that grows, for a program that ends when memory does. */
#ifndef EXPERIMENTS_TEXT_H
#define EXPERIMENTS_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* NUL-terminated once something was added */
	size_t size;
	size_t room;
};

void text_add(struct text *t, const void *data, size_t size);
__attribute__((format(printf, 2, 3))) void text_addf(struct text *t, const char *format, ...);
/* A word of a command line as a shell takes it: quoted if it must be. */
void text_add_shell(struct text *t, const char *word);
void text_free(struct text *t);

/* malloc'd; never NULL. */
__attribute__((format(printf, 1, 2))) char *text_format(const char *format, ...);
char *text_copy(const char *s);
void *zalloc(size_t size);
/* Room for one more element of an array of `count` elements; grows by doubling. */
void *array_grow(void *array, size_t count, size_t element);

#endif
