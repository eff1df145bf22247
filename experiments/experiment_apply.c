/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/experiment.h"

static char *unknown_key(const struct experiment *e, const char *key)
{
	struct text t = {0};

	text_addf(&t, "%s has no setting '%s'; it has", e->name, key);
	for (size_t i = 0; i < e->key_count; i++)
		text_addf(&t, "%s %s", i ? "," : "", e->keys[i].name);
	return t.data;
}

static int apply(const struct experiment *e, const struct setting *setting, const char **values, char **why)
{
	size_t k = 0;
	char *bad;

	while (k < e->key_count && strcmp(e->keys[k].name, setting->key))
		k++;
	if (k == e->key_count) {
		*why = unknown_key(e, setting->key);
		return -EINVAL;
	}
	if (e->keys[k].check && e->keys[k].check(setting->value, &bad)) {
		*why = text_format("%s: %s", setting->key, bad);
		free(bad);
		return -EINVAL;
	}
	values[k] = setting->value;
	return 0;
}

int experiment_apply(const struct experiment *e, const struct setting *settings, unsigned count,
		     const char **values, char **why)
{
	int err = 0;

	for (size_t k = 0; k < e->key_count; k++)
		values[k] = e->keys[k].standard;
	for (unsigned i = 0; i < count && !err; i++)
		err = apply(e, &settings[i], values, why);
	return err;
}
