/* SPDX-License-Identifier: MIT */
/* nestbed report: results as one HTML page. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/files.h"
#include "experiments/report.h"
#include "experiments/report_read.h"

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "The page (standard: report.html)", 0},
	{0 },
};

struct arguments {
	const char *out;
	const char **dir;
	unsigned dirs;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'o':
		a->out = arg;
		return 0;
	case ARGP_KEY_ARG:
		a->dir = array_grow(a->dir, a->dirs, sizeof(*a->dir));
		a->dir[a->dirs++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which RUN?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- where PAPER_NOTES.md is, as the page names it ---- */

#define NOTES "PAPER_NOTES.md"

/* A path as a link has it. */
static void add_link(struct text *t, const char *path)
{
	for (; *path; path++)
		text_addf(t,
			  strchr(" %#?&\"'<>\\:", *path) || (unsigned char)*path < 0x20 || *path == 0x7f
				  ? "%%%02X"
				  : "%c",
			  (unsigned)(unsigned char)*path);
}

/* malloc'd: the way from one absolute folder to an absolute file, as a link. */
static char *relative(const char *folder, const char *file)
{
	size_t common = 0;
	struct text t = {0};

	for (size_t i = 0; folder[i] && folder[i] == file[i]; i++)
		if (file[i] == '/')
			common = i + 1;
	if (!strncmp(folder, file, strlen(folder)) && file[strlen(folder)] == '/')
		common = strlen(folder) + 1;
	text_add(&t, "", 0);
	if (common <= strlen(folder)) {
		text_addf(&t, "../");
		for (const char *p = folder + common; *p; p++)
			if (*p == '/')
				text_addf(&t, "../");
	}
	add_link(&t, file + common);
	return t.data;
}

/* malloc'd, or NULL: in this folder, or above the build's. */
static char *notes_from(const char *page)
{
	char *beside = text_format("%s/../" NOTES, build_dir()), *folder = text_copy(page),
	     *slash = strrchr(folder, '/');
	char notes[PATH_MAX], where[PATH_MAX], *found = NULL;

	if (slash)
		slash[slash == folder] = '\0';
	if ((realpath(NOTES, notes) || realpath(beside, notes)) && realpath(slash ? folder : ".", where))
		found = relative(where, notes);
	free(beside);
	free(folder);
	return found;
}

/* ---- the page ---- */

static void add_index(struct report_page *page, const struct report_input *in)
{
	report_index_begin(page);
	for (unsigned i = 0; i < in->part_count; i++)
		report_index(page, in->part[i].id, in->part[i].title);
	report_index_end(page);
}

static void add_part(struct report_page *page, const struct report_input *in, const struct report_part *part)
{
	const struct report_run *a = &in->run[part->first], *b = &in->run[part->second];
	const struct compare_options loose = {.tolerance = -1, .loose = true};
	struct comparison c = {0};
	struct text reasons = {0};

	switch (part->kind) {
	case REPORT_CLUSTER:
		report_cluster(page, part->id, &in->cluster[part->first]);
		return;
	case REPORT_RUN:
		report_run(page, part->id, a);
		return;
	case REPORT_DIFFERENCES:
	default:
		result_incomparable(&reasons, &a->result, &b->result, false);
		result_compare(&a->result, &b->result, NULL, 0, &loose, &c);
		report_differences(page, part->id, a, b, &c, reasons.data);
		comparison_free(&c);
		text_free(&reasons);
	}
}

static char *title_of(const struct report_input *in)
{
	if (in->run_count == 1 && !in->cluster_count)
		return text_format("%s: a report of nestbed", in->run[0].title);
	return text_format("A report of nestbed: %u run%s", in->run_count, in->run_count == 1 ? "" : "s");
}

/* An exit status */
static int write_page(const struct arguments *a, const struct report_input *in)
{
	char *notes = notes_from(a->out), *title = title_of(in);
	struct report_page page = {.notes = notes};
	struct blob style, script = {0};
	int err = build_file_read("report/page.css", &style);

	if (!err && build_file_read("report/page.js", &script)) {
		free(style.data);
		err = -ENOENT;
	}
	if (!err) {
		report_begin(&page, title, (char *)style.data);
		if (in->part_count > 1)
			add_index(&page, in);
		text_addf(&page.out, "<main>\n");
		for (unsigned i = 0; i < in->part_count; i++)
			add_part(&page, in, &in->part[i]);
		text_addf(&page.out, "</main>\n");
		report_end(&page, (char *)script.data);
		err = file_write(a->out, page.out.data, page.out.size);
		if (err)
			fprintf(stderr, "nestbed: %s: %s\n", a->out, strerror(-err));
		else
			printf("Report: %s\n", a->out);
		free(style.data);
		free(script.data);
	}
	text_free(&page.out);
	free(notes);
	free(title);
	return err ? CLI_FAILED : CLI_OK;
}

static int read_and_write(const struct arguments *a)
{
	struct report_input in = {0};
	char *why = NULL;
	int status = CLI_OK;

	for (unsigned i = 0; i < a->dirs && !why; i++)
		why = report_add(&in, a->dir[i]);
	if (why) {
		status = cli_usage(why);
	} else {
		report_order(&in);
		status = write_page(a, &in);
	}
	report_input_free(&in);
	return status;
}

int cmd_report(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "RUN...",
		.doc = "Writes one HTML page of results' folders that needs nothing else: what ran, tables "
		       "that can be "
		       "sorted, figures, claims, and what differs between runs of the same experiment. RUN "
		       "may be a "
		       "cluster's folder: then all of its tasks.\v" CLI_EXIT_DOC,
	};
	struct arguments a = {.out = "report.html"};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return CLI_USAGE;
	status = read_and_write(&a);
	free(a.dir);
	return status;
}
