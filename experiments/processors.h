/* SPDX-License-Identifier: MIT */
/* Sets of this computer's processors, as people and the kernel write them: "2,4-5". Pure but for one reader.
 */
#ifndef EXPERIMENTS_PROCESSORS_H
#define EXPERIMENTS_PROCESSORS_H

#include <stdbool.h>

#define PROCESSORS_MAX 8192u /* the most that a kernel for x86-64 is built for */

struct processors {
	bool has[PROCESSORS_MAX];
};

/* 0, or -EINVAL and *why (malloc'd): it is none, or has one that is not among `all` (NULL: all may be). */
__attribute__((warn_unused_result)) int processors_parse(const char *word, const struct processors *all,
							 struct processors *set, char **why);
/* Those of `all` that `set` lacks, malloc'd; NULL: there are none. */
char *processors_others(const struct processors *all, const struct processors *set);
/* Those of this computer that are on. */
void processors_online(struct processors *all);

#endif
