/* SPDX-License-Identifier: MIT */
/* nestbed plot: a result's figures, from its tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/experiment.h"
#include "experiments/files.h"
#include "experiments/plot.h"
#include "experiments/result.h"

enum { OPT_ONLY = 256, OPT_FORMAT, OPT_PAPER, OPT_OUT, OPT_DATA };

/* clang-format off */
static const struct argp_option options[] = {
	{"only",   OPT_ONLY,   "FIGURE",        0, "This figure only",                                                                     0},
	{"format", OPT_FORMAT, "LIST",          0, "Of svg, png, pdf, eps (standard: svg,png; for paper pdf)",                             0},
	{"paper",  OPT_PAPER,  "single|double", 0, "For a two-column paper: as wide as a column, 85 mm, or as both, 178 mm; letters of 8 points, no title. FIGURE-single.pdf", 0},
	{"out",    OPT_OUT,    "FOLDER",        0, "Where figures go (standard: DIR)",                                                     0},
	{"data",   OPT_DATA,   "FOLDER",        0, "Draw nothing: copy tables and scripts into this new folder, where gnuplot alone draws them", 0},
	{0},
};
/* clang-format on */

struct arguments {
	struct plot plot;
	const char *data;
};

static void take_formats(struct plot *plot, const char *list, const struct argp_state *state)
{
	plot->format_count = 0;
	for (const char *p = list;; p++) {
		const size_t length = strcspn(p, ",");
		const char *format = plot_format(p, length);

		if (!format || plot->format_count == PLOT_FORMATS_MAX)
			argp_error(state, "--format: '%s' is no list of svg, png, pdf, eps", list);
		else
			plot->format[plot->format_count++] = format;
		p += length;
		if (!*p)
			return;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_ONLY:
		a->plot.only = arg;
		return 0;
	case OPT_FORMAT:
		take_formats(&a->plot, arg, state);
		return 0;
	case OPT_PAPER:
		a->plot.paper = arg;
		if (strcmp(arg, "single") != 0 && strcmp(arg, "double") != 0)
			argp_error(state, "--paper: '%s' is neither single nor double", arg);
		return 0;
	case OPT_OUT:
		a->plot.out = arg;
		return 0;
	case OPT_DATA:
		a->data = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->plot.dir)
			argp_error(state, "one DIR at a time");
		a->plot.dir = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which DIR?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* NULL, or why there is no such figure (malloc'd). */
static char *unknown_figure(const struct experiment *e, const struct plot *plot)
{
	struct text t = {0};

	for (size_t i = 0; plot->only && i < e->figure_count; i++)
		if (!strcmp(e->figures[i].name, plot->only)) {
			char *table = text_format("%s/%s", plot->dir, e->figures[i].table);
			char *why = access(table, R_OK)
					    ? text_format("%s: %s: it is what figure %s is drawn from", table,
							  strerror(errno), plot->only)
					    : NULL;

			free(table);
			return why;
		}
	if (!plot->only)
		return NULL;
	text_addf(&t, "%s has no figure '%s'; it has", e->name, plot->only);
	for (size_t i = 0; i < e->figure_count; i++)
		text_addf(&t, "%s %s", i ? "," : "", e->figures[i].name);
	return t.data;
}

/* An exit status. */
static int make_folder(const char *path, bool new)
{
	int err;

	if (new &&rmdir(path) && errno != ENOENT) { /* an empty one may be there */
		fprintf(stderr, "nestbed: %s: %s\n", path,
			errno == ENOTEMPTY ? "there is something in it; name a new folder" : strerror(errno));
		return CLI_USAGE;
	}
	err = make_folders(path);
	if (err)
		fprintf(stderr, "nestbed: %s: %s\n", path, strerror(-err));
	return err ? CLI_FAILED : CLI_OK;
}

static int plot(struct arguments *a, const struct experiment *experiment)
{
	struct plot *p = &a->plot;
	char *unknown = unknown_figure(experiment, p);
	int status;

	if (unknown)
		return cli_usage(unknown);
	if (a->data)
		p->out = a->data;
	status = p->out ? make_folder(p->out, a->data != NULL) : CLI_OK;
	if (status)
		return status;
	if (a->data)
		return plot_export(experiment, p);
	if (!p->out)
		p->out = p->dir;
	if (!p->format_count) {
		p->format[p->format_count++] = p->paper ? "pdf" : "svg";
		if (!p->paper)
			p->format[p->format_count++] = "png";
	}
	return plot_draw(experiment, p);
}

int cmd_plot(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "DIR",
		.doc = "Draws the figures of the result in DIR again, from its tables.\v" CLI_EXIT_DOC,
	};
	struct arguments a = {.plot = {.tell = true}};
	const struct experiment *experiment;
	char *dir;
	struct result result;
	char *why;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return CLI_USAGE;
	if (result_read(a.plot.dir, &result, &why))
		return cli_usage(why);
	dir = result.dir;
	a.plot.dir = dir;
	experiment = experiment_find(result.experiment);
	if (experiment)
		status = plot(&a, experiment);
	else
		status = cli_usage(text_format("%s/meta.json names no experiment that is known here", dir));
	result_free(&result);
	return status;
}
