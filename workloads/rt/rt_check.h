/* SPDX-License-Identifier: MIT */
/* Tables of named checks for test guests: a line a check, a last line with the sums. */
#ifndef RT_CHECK_H
#define RT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* "PASS name", "FAIL name -- text" or "SKIP name -- why". Missing hardware is a skip, never a failure. */
void rt_pass(const char *name);
void rt_fail(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rt_skip(const char *name, const char *why);

/* Passes when ok; returns it. */
bool rt_check(const char *name, bool ok);
/* Passes when got == wanted; a failure shows both. */
bool rt_check_u64(const char *name, uint64_t got, uint64_t wanted);
/* As rt_check_u64, but says nothing when it passes: for loops, counted by their caller. */
bool rt_same_u64(const char *name, uint64_t got, uint64_t wanted);

/* "N passed, N failed, N skipped" as text and as values "passed", "failed", "skipped". */
void rt_check_end(void);

#endif
