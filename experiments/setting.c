/* SPDX-License-Identifier: MIT */
#include "experiments/setting.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/text.h"

int setting_parse(const char *word, struct setting *setting, char **why)
{
	const char *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : 0;

	if (!n) {
		*why = text_format("'%s' is not KEY=VALUE", word);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		if (isalnum((unsigned char)word[i]) || strchr("._-", word[i]))
			continue;
		*why = text_format("'%s': a key holds letters, digits, '.', '_' and '-'", word);
		return -EINVAL;
	}
	if (strpbrk(equals, "\r\n")) {
		*why = text_format("the value of '%.*s' is more than one line", (int)n, word);
		return -EINVAL;
	}
	setting->key = text_format("%.*s", (int)n, word);
	setting->value = text_copy(equals + 1);
	return 0;
}

void setting_free(struct setting *setting)
{
	free(setting->key);
	free(setting->value);
	*setting = (struct setting){0};
}

/* Digits at the word's start; the character behind them, or NULL when there is none or too many. */
static const char *digits(const char *word, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*word))
		return NULL;
	errno = 0;
	*number = strtoull(word, &end, 10);
	return errno ? NULL : end;
}

int number_parse(const char *word, uint64_t low, uint64_t high, uint64_t *number, char **why)
{
	const char *end = digits(word, number);

	if (end && !*end && *number >= low && *number <= high)
		return 0;
	*why = text_format("'%s' is not a number from %" PRIu64 " to %" PRIu64, word, low, high);
	return -EINVAL;
}

int memory_parse(const char *word, uint64_t *bytes, char **why)
{
	static const struct {
		const char *suffix;
		unsigned shift;
	} suffix[] = {
		{"",  0 },
                {"K", 10},
                {"M", 20},
                {"G", 30}
        };
	const char *end = digits(word, bytes);

	for (size_t i = 0; end && i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		if (strcasecmp(end, suffix[i].suffix) || *bytes > UINT64_MAX >> suffix[i].shift)
			continue;
		*bytes <<= suffix[i].shift;
		if (*bytes && !(*bytes & ((1u << 20) - 1)))
			return 0;
	}
	*why = text_format("'%s' is not an amount of memory in whole MiB, such as 64M or 1G", word);
	return -EINVAL;
}

int list_holds(const char *list, const char *word)
{
	size_t n = strlen(word);

	if (!*list)
		return 1;
	while (list) {
		if (!strncmp(list, word, n) && (list[n] == ',' || !list[n]))
			return 1;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return 0;
}
