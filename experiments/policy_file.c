/* SPDX-License-Identifier: MIT */
#include "experiments/policy_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/config.h"
#include "experiments/files.h"
#include "experiments/text.h"

/* A bundle's configuration has a VM; behind the file's text it changes no line's number. */
#define SOME_VM "\n[vm policy-file]\nimage = none\n"

static int parse(const char *path, const char *text, struct l0_config *config, char **why)
{
	char *whole = text_format("%s" SOME_VM, text);
	struct config_error error;
	int err = config_parse(whole, strlen(whole), config, &error);

	free(whole);
	if (err)
		*why = text_format("%s: %s", path, error.text);
	else if (config->vm_count != 1 || config->policy_count != 1)
		*why = text_format("%s: expected one [cpu NAME] section and nothing else", path);
	return *why ? -EINVAL : 0;
}

int policy_text_read(const char *path, char *text, struct policy_file *policy, char **why)
{
	struct l0_config *config = zalloc(sizeof(*config));
	int err;

	*policy = (struct policy_file){0};
	*why = NULL;
	err = parse(path, text, config, why);
	if (err) {
		free(text);
	} else {
		policy->text = text;
		policy->name = text_copy(config->policy[0].name);
	}
	free(config);
	return err;
}

int policy_file_read(const char *path, struct policy_file *policy, char **why)
{
	struct blob file;
	int err = file_read(path, &file);

	*policy = (struct policy_file){0};
	if (!err)
		return policy_text_read(path, file.data, policy, why);
	*why = text_format("%s: %s", path, strerror(-err));
	return err;
}

void policy_file_free(struct policy_file *policy)
{
	free(policy->text);
	free(policy->name);
	*policy = (struct policy_file){0};
}
