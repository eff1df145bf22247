/* SPDX-License-Identifier: MIT */
/* Words that a user gives: KEY=VALUE, sizes, counts, lists. Pure; errors are sentences in *why (malloc'd). */
#ifndef EXPERIMENTS_SETTING_H
#define EXPERIMENTS_SETTING_H

#include <stdint.h>

struct setting {
	char *key, *value; /* malloc'd */
};

/* "KEY=VALUE", KEY of letters, digits, '.', '_' and '-'; VALUE any one line. 0 or -EINVAL. */
__attribute__((warn_unused_result)) int setting_parse(const char *word, struct setting *setting, char **why);
void setting_free(struct setting *setting);

/* Decimal number from low to high. */
__attribute__((warn_unused_result)) int number_parse(const char *word, uint64_t low, uint64_t high,
						     uint64_t *number, char **why);
/* Bytes: a decimal number with K, M or G behind it, or none; whole MiB, at least one. */
__attribute__((warn_unused_result)) int memory_parse(const char *word, uint64_t *bytes, char **why);
/* Whether `word` is an entry of the comma-separated `list`; an empty list holds everything. */
int list_holds(const char *list, const char *word);

#endif
