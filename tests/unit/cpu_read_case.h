/* SPDX-License-Identifier: MIT */
/* Tables of texts for the readers of CPU policies: each is read, or refused with just this message. */
#ifndef TESTS_UNIT_CPU_READ_CASE_H
#define TESTS_UNIT_CPU_READ_CASE_H

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cpu_baseline/read/read.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The text's name in messages */
#define CASE_NAME "dir/a.b.txt"

struct read_case {
	const char *name;
	const char *text;
	unsigned line; /* of the error; 0: it is about the whole */
	const char *expected; /* NULL: accepted; else all of the message behind name and line */
};

static inline void check_case(const struct read_case *c, const struct cpu_read_options *options)
{
	struct cpu_policy policy;
	struct cpu_read_report report;
	char expected[512];
	int status = cpu_read_text(CASE_NAME, c->text, strlen(c->text), options, &policy, &report);

	if (!c->expected) {
		if (status || report.error[0])
			fail_msg("%s: %s", c->name, report.error);
		return;
	}
	if (c->line)
		snprintf(expected, sizeof(expected), "%s:%u: %s", CASE_NAME, c->line, c->expected);
	else
		snprintf(expected, sizeof(expected), "%s: %s", CASE_NAME, c->expected);
	if (status != -EINVAL || report.line != c->line || strcmp(report.error, expected))
		fail_msg("%s: %d, %s\n\t\texpected %s", c->name, status, report.error, expected);
}

/* Reads a source while nothing may be written to standard error: libraries keep quiet, the report tells. */
static inline int read_quietly(const char *source, struct cpu_policy *policy, struct cpu_read_report *report)
{
	FILE *said = tmpfile();
	int before = dup(STDERR_FILENO), status;
	long size;

	assert_non_null(said);
	assert_true(before >= 0 && dup2(fileno(said), STDERR_FILENO) >= 0);
	status = cpu_read(source, NULL, policy, report);
	fflush(stderr);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	fseek(said, 0, SEEK_END);
	size = ftell(said);
	fclose(said);
	if (size)
		fail_msg("%s: %ld characters on standard error", source, size);
	return status;
}

/* A whole file that must be read. */
static inline void read_whole(const char *path, struct cpu_policy *policy)
{
	struct cpu_read_report report;

	if (cpu_read(path, NULL, policy, &report))
		fail_msg("%s", report.error);
}

/* The same rows, whatever the names. */
static inline void same_policy(const char *what, const struct cpu_policy *a, const struct cpu_policy *b)
{
	if (a->features_only != b->features_only || a->leaf_count != b->leaf_count ||
	    a->msr_count != b->msr_count)
		fail_msg("%s: %u leaves and %u MSRs, expected %u and %u", what, a->leaf_count, a->msr_count,
			 b->leaf_count, b->msr_count);
	for (uint32_t i = 0; i < a->leaf_count; i++)
		if (memcmp(&a->leaf[i], &b->leaf[i], sizeof(a->leaf[i])) != 0)
			fail_msg("%s: leaf %#x sub-leaf %#x, expected %#x %#x and its values", what,
				 a->leaf[i].leaf, a->leaf[i].subleaf, b->leaf[i].leaf, b->leaf[i].subleaf);
	for (uint32_t i = 0; i < a->msr_count; i++)
		if (a->msr[i].number != b->msr[i].number || a->msr[i].value != b->msr[i].value)
			fail_msg("%s: MSR %#x, expected %#x and its value", what, a->msr[i].number,
				 b->msr[i].number);
}

#endif
