/* SPDX-License-Identifier: MIT */
/* From what the user names to the reader that it needs. */
#include "cpu_baseline/read/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_baseline/read/reader.h"

const struct reader_format reader_formats[] = {
	{"XML of libvirt",                   xml_is,        xml_read       },
	{"section of a bundle",              section_is,    section_read   },
	{"JSON of cpu-baseline",             json_is,       json_read      },
	{"InstLatx64",		       instlat_is,    instlat_read   },
	{"cpuid -r, or a record of cpudump", cpuid_text_is, cpuid_text_read},
};
const size_t reader_format_count = sizeof(reader_formats) / sizeof(reader_formats[0]);

static int unknown_format(struct reader *r)
{
	char shown[PIECE_SHOWN + 1];
	struct piece line = {0};
	int status;

	while ((status = reader_line(r, &line)) == 1 && !line.n)
		;
	if (status < 0)
		return status;
	if (!line.n)
		return reader_wrong(r, "nothing in it, expected what a processor says of itself");
	return reader_wrong(r, "'%s', expected a format that this reads: see docs/cpu-formats.md",
			    piece_show(line, shown));
}

int cpu_read_text(const char *name, const char *text, size_t n, const struct cpu_read_options *options,
		  struct cpu_policy *out, struct cpu_read_report *report)
{
	struct piece all = {text, n};

	for (size_t i = 0; i < reader_format_count; i++) {
		if (reader_formats[i].is(all))
			return reader_run(reader_formats[i].read, name, all, options, out, report);
	}
	return reader_run(unknown_format, name, all, options, out, report);
}

static int system_error(const char *source, int error, struct cpu_read_report *report)
{
	memset(report, 0, sizeof(*report));
	snprintf(report->error, sizeof(report->error), "%.255s: %s", source, strerror(error));
	return -error;
}

/* Room for one byte more than is allowed, so that a text that is too long is seen to be. */
int reader_load(const char *path, struct cpu_read_report *report, char **text, size_t *n)
{
	FILE *file = fopen(path, "rb");
	int status = 0;

	*text = file ? malloc(CPU_READ_TEXT_MAX + 1) : NULL;
	*n = 0;
	if (!*text) {
		status = system_error(path, errno, report);
	} else {
		errno = 0;
		*n = fread(*text, 1, CPU_READ_TEXT_MAX + 1, file);
		if (ferror(file))
			status = system_error(path, errno ? errno : EIO, report);
	}
	if (file)
		fclose(file);
	if (status) {
		free(*text);
		*text = NULL;
	}
	return status;
}

int cpu_read(const char *source, const struct cpu_read_options *options, struct cpu_policy *out,
	     struct cpu_read_report *report)
{
	char *text;
	size_t n;
	int status;

	if (!strcmp(source, "self"))
		return reader_self(out, report);
	if (reader_is_uri(source))
		return reader_uri(source, options, out, report);
	status = reader_load(source, report, &text, &n);
	if (!status)
		status = cpu_read_text(source, text, n, options, out, report);
	free(text);
	return status;
}
