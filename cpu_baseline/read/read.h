/* SPDX-License-Identifier: MIT */
/*
 * CPU policies from what people have: dumps, libvirt's XML, this computer, a libvirt connection, and our own
 * output (docs/cpu-formats.md). What a format is, its content says, never its name. Nothing is guessed: a
 * line that is not understood, a dump that is cut short, rows that contradict each other are errors.
 */
#ifndef CPU_BASELINE_READ_READ_H
#define CPU_BASELINE_READ_READ_H

#include <stddef.h>

#include "cpu_baseline/policy.h"

#define CPU_READ_TEXT_MAX (16u << 20) /* bytes of a text */
#define CPU_READ_LINE_MAX 1024u /* bytes of a line; not of XML or JSON */
#define CPU_MAP_DIR       "/usr/share/libvirt/cpu_map"

struct cpu_map;

/* What one may want to choose; NULL or all 0: the defaults. */
struct cpu_read_options {
	const char *map_dir; /* libvirt's CPU map; NULL: CPU_MAP_DIR */
	const struct cpu_map *map; /* the same, loaded before (cpu_map.h); NULL: loaded where it is needed */
};

struct cpu_read_report {
	unsigned line; /* of the error, from 1; 0: it is about the whole */
	char error[512]; /* "FILE:LINE: what, expected what": one line, no newline; "" after success */
	char notes[1024]; /* what was left out, a line each with its newline; "" where nothing */
};

/*
 * source is the path of a file, "self" (the processor that this runs on), or a libvirt URI ("SCHEME://…"
 * or "SCHEME:///…"). The policy's name is the file's without folder and extension, the host's, or the URI.
 * 0, or a negative errno with report->error filled: -EINVAL for what was read, else what the system said.
 * *out is complete only after 0.
 */
__attribute__((warn_unused_result)) int cpu_read(const char *source, const struct cpu_read_options *options,
						 struct cpu_policy *out, struct cpu_read_report *report);

/*
 * The same of a text in memory, which needs no NUL. name is what errors call it, and the policy, as above.
 * Reads no file except libvirt's CPU map for a <cpu>, and that only if options->map is NULL.
 */
__attribute__((warn_unused_result)) int cpu_read_text(const char *name, const char *text, size_t n,
						      const struct cpu_read_options *options,
						      struct cpu_policy *out, struct cpu_read_report *report);

#endif
