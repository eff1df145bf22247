/* SPDX-License-Identifier: MIT */
/* Why the other side refused, kept: its words live in a message's arena, and there may be more of them than a
 * record holds. */
#ifndef MIGRATION_REASONS_H
#define MIGRATION_REASONS_H

#include <stddef.h>

#define REASONS_MAX  48u
#define REASON_BYTES 128u /* with the zero at its end */

struct reasons {
	size_t count;
	char *list[REASONS_MAX]; /* into text: the struct must not be moved */
	char text[REASONS_MAX][REASON_BYTES];
};

/* A copy of the first of n strings, each cut, and of what can be printed in ASCII; '?' stands for the rest.
 */
void reasons_take(struct reasons *r, char *const *list, size_t n);

#endif
