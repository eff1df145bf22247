/* SPDX-License-Identifier: MIT */
/* A file with a CPU policy: one [cpu NAME] section of a bundle's configuration (docs/bundle.md). */
#ifndef EXPERIMENTS_POLICY_FILE_H
#define EXPERIMENTS_POLICY_FILE_H

struct policy_file {
	char *text; /* malloc'd */
	char *name; /* malloc'd: of the section */
};

/* 0 or negative errno; *why (malloc'd) is then a sentence that names the file. */
__attribute__((warn_unused_result)) int policy_file_read(const char *path, struct policy_file *policy,
							 char **why);
/* The same of a text, malloc'd, which is taken over; `path` names it in errors. */
__attribute__((warn_unused_result)) int policy_text_read(const char *path, char *text,
							 struct policy_file *policy, char **why);
void policy_file_free(struct policy_file *policy);

#endif
