/* SPDX-License-Identifier: MIT */
#include "experiments/plot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/experiment.h"
#include "experiments/files.h"

#define EXIT_NO_GNUPLOT 127
#define EXIT_NOTHING    3 /* of a script: the table has nothing to draw, as it said */

static const char *const formats[] = {"svg", "png", "pdf", "eps"};

const char *plot_format(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strlen(formats[i]) == length && !strncmp(formats[i], name, length))
			return formats[i];
	return NULL;
}

/* Waits for `gnuplot -c script table figure [paper]`; its exit status. */
static int gnuplot(const char *script, const char *table, const char *figure, const char *paper)
{
	pid_t child;
	int status;

	fflush(NULL);
	child = fork();
	if (!child) {
		execlp("gnuplot", "gnuplot", "-c", script, table, figure, paper, (char *)NULL);
		_exit(EXIT_NO_GNUPLOT);
	}
	if (child < 0)
		return 1;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* One file, whole or not at all: one from before that the table no longer draws goes. An exit status;
 * CLI_REFUSED without gnuplot. */
static int draw(const struct figure *f, const struct plot *plot, const char *ending)
{
	const char *dash = plot->paper ? "-" : "", *paper = plot->paper ? plot->paper : "";
	char *script = text_format("%s/plots/%s", build_dir(), f->script);
	char *table = text_format("%s/%s", plot->dir, f->table);
	char *figure = text_format("%s/%s%s%s.%s", plot->out, f->name, dash, paper, ending);
	char *partial = text_format("%s/.%s.partial.%s", plot->out, f->name, ending);
	int status = gnuplot(script, table, partial, plot->paper);

	if (status == EXIT_NO_GNUPLOT) {
		status = CLI_REFUSED;
	} else if (status == EXIT_NOTHING) {
		unlink(partial);
		unlink(figure);
		status = CLI_OK;
	} else if (status || rename(partial, figure)) {
		fprintf(stderr, "nestbed: figure %s could not be drawn by %s\n", figure, script);
		unlink(partial);
		unlink(figure);
		status = CLI_FAILED;
	} else if (plot->tell) {
		printf("%s\n", figure);
	}
	free(script);
	free(table);
	free(figure);
	free(partial);
	return status;
}

static bool wanted(const struct figure *f, const struct plot *plot)
{
	char *table = text_format("%s/%s", plot->dir, f->table);
	const bool there = !access(table, R_OK);

	free(table);
	return there && (!plot->only || !strcmp(plot->only, f->name));
}

/* In each format. An exit status, as of draw(). */
static int draw_all(const struct figure *f, const struct plot *plot)
{
	int status = CLI_OK;

	for (size_t k = 0; k < plot->format_count && status != CLI_REFUSED; k++) {
		const int one = draw(f, plot, plot->format[k]);

		status = one ? one : status;
	}
	return status;
}

int plot_draw(const struct experiment *experiment, const struct plot *plot)
{
	int status = CLI_OK;

	for (size_t i = 0; i < experiment->figure_count && status != CLI_REFUSED; i++) {
		const int one = wanted(&experiment->figures[i], plot)
					? draw_all(&experiment->figures[i], plot)
					: CLI_OK;

		status = one ? one : status;
	}
	if (status == CLI_REFUSED) {
		fprintf(stderr, "nestbed: no figures: gnuplot is not installed (package gnuplot-nox)\n");
		return plot->tell ? CLI_REFUSED : CLI_OK;
	}
	return status;
}

int plot_figures(const struct experiment *experiment, const char *dir)
{
	const struct plot plot = {
		.dir = dir,
		.out = dir,
		.format = {"svg", "png"},
		.format_count = 2,
	};

	return plot_draw(experiment, &plot);
}

/* ---- a folder to draw in by hand ---- */

/* Copies a file unless it is there already; what it holds in *text (malloc'd). An exit status. */
static int copy(const char *from, const char *out, const char *name, char **text)
{
	char *source = text_format("%s/%s", from, name), *target = text_format("%s/%s", out, name);
	struct blob file;
	int err = file_read(source, &file);

	if (err) {
		fprintf(stderr, "nestbed: %s: %s\n", source, strerror(-err));
	} else {
		err = access(target, F_OK) ? file_write(target, file.data, file.size) : 0;
		if (err)
			fprintf(stderr, "nestbed: %s: %s\n", target, strerror(-err));
		*text = (char *)file.data;
	}
	free(source);
	free(target);
	return err ? CLI_FAILED : CLI_OK;
}

#define LOADS "load here.\""

/* A script and what it loads. An exit status. */
static int copy_script(const char *from, const char *out, const char *name)
{
	char *text = NULL;
	int status = copy(from, out, name, &text);
	const char *p = text;

	while (!status && (p = strstr(p, LOADS))) {
		const size_t length = strcspn(p += strlen(LOADS), "\"\n");
		char *loaded = text_format("%.*s", (int)length, p);

		status = copy_script(from, out, loaded);
		free(loaded);
	}
	free(text);
	return status;
}

/* How the figure is drawn in the folder. */
static void tell_command(const struct figure *f, const char *folder)
{
	struct text line = {0};

	text_addf(&line, "(cd ");
	text_add_shell(&line, folder);
	text_addf(&line, " && gnuplot -c %s %s %s.svg)\n", f->script, f->table, f->name);
	fputs(line.data, stdout);
	text_free(&line);
}

int plot_export(const struct experiment *experiment, const struct plot *plot)
{
	char *scripts = text_format("%s/plots", build_dir());
	int status = CLI_OK;

	for (size_t i = 0; i < experiment->figure_count && !status; i++) {
		const struct figure *f = &experiment->figures[i];
		char *text = NULL;

		if (!wanted(f, plot))
			continue;
		status = copy(plot->dir, plot->out, f->table, &text);
		free(text);
		if (!status)
			status = copy_script(scripts, plot->out, f->script);
		if (!status)
			tell_command(f, plot->out);
	}
	free(scripts);
	return status;
}
