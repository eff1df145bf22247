/* SPDX-License-Identifier: MIT */
/*
 * What `cpu-baseline` prints. Each writer writes a whole answer or, with a message in error->text, nothing
 * that should be used: give it a stream in memory. The stream's own errors are the caller's to look for.
 */
#ifndef CPU_BASELINE_WRITE_WRITE_H
#define CPU_BASELINE_WRITE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cpu_baseline/baseline.h"

struct cpu_findings { /* malloc'd rows, in the order in which they were told */
	struct cpu_finding *row;
	size_t count;
};

/* A cpu_finding_fn whose context is a struct cpu_findings. */
void cpu_findings_add(void *context, const struct cpu_finding *finding);
void cpu_findings_free(struct cpu_findings *findings);

/* One question's answer. All of it stays the caller's. */
struct cpu_answer {
	const struct cpu_policy *const *hosts;
	unsigned count;
	const struct cpu_policy *baseline; /* NULL: refused */
	const struct cpu_findings *findings;
};

struct write_options {
	const char *name; /* of the bundle's section, of the answer */
	const char *qemu; /* the program that knows its names; NULL: qemu-system-x86_64 */
	const char *cpu_map; /* folder of libvirt's CPU map; NULL: where libvirt keeps it */
};

struct write_error {
	char text[512];
};

/* 0; -EINVAL with *error: this answer can't be said in that format. */
typedef int write_fn(FILE *out, const struct cpu_answer *answer, const struct write_options *options,
		     struct write_error *error);

write_fn write_table, write_json, write_libvirt, write_qemu, write_bundle;

/* Every finding, by kind, host and reason. Says so if there is none. */
void write_explanation(FILE *out, const struct cpu_answer *answer);
/* The same of cpu_check(). */
void write_check_json(FILE *out, const struct cpu_policy *policy, const struct cpu_policy *host, bool may_run,
		      const struct cpu_findings *findings);
void write_objections(FILE *out, const struct cpu_findings *findings, const struct cpu_policy *host);

struct sorted_finding {
	const struct cpu_finding *of;
	bool said; /* whoever prints them marks them */
};
/* The rows, malloc'd: what refuses first, then by host, then what programs most rely on. */
struct sorted_finding *findings_sorted(const struct cpu_findings *findings);
/* "avx2", "maxphyaddr(46→39)". */
void finding_text(char *to, size_t size, const struct cpu_finding *finding);
const char *verdict_name(enum cpu_verdict verdict);

#endif
