/* SPDX-License-Identifier: MIT */
/* The little of the C library that L0 and the libraries in it need. */
#ifndef L0HV_LIB_LIB_H
#define L0HV_LIB_LIB_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/*
 * %s %c %d %u %x %llx-like with l/ll/z, width and 0-padding, %%. Always NUL-terminates when n > 0.
 * Returns the length that was needed, as C's does.
 */
int snprintf(char *to, size_t n, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *to, size_t n, const char *format, va_list args);

#endif
