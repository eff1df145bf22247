/* SPDX-License-Identifier: MIT */
/* Figures, by gnuplot, from a result's tables alone. */
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

/* Waits for `gnuplot -c script table figure`; its exit status. */
static int gnuplot(const char *script, const char *table, const char *figure)
{
	pid_t child;
	int status;

	fflush(NULL);
	child = fork();
	if (!child) {
		execlp("gnuplot", "gnuplot", "-c", script, table, figure, (char *)NULL);
		_exit(EXIT_NO_GNUPLOT);
	}
	if (child < 0)
		return 1;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* One file, whole or not at all. An exit status; CLI_REFUSED without gnuplot. */
static int draw(const struct figure *f, const char *dir, const char *ending)
{
	char *script = text_format("%s/plots/%s", build_dir(), f->script);
	char *table = text_format("%s/%s", dir, f->table);
	char *figure = text_format("%s/%s.%s", dir, f->name, ending);
	char *partial = text_format("%s/.%s.partial.%s", dir, f->name, ending);
	int status = gnuplot(script, table, partial);

	if (status == EXIT_NO_GNUPLOT) {
		status = CLI_REFUSED;
	} else if (status == EXIT_NOTHING) {
		status = CLI_OK;
	} else if (status || rename(partial, figure)) {
		fprintf(stderr, "nestbed: figure %s could not be drawn by %s\n", figure, script);
		unlink(partial);
		status = CLI_FAILED;
	}
	free(script);
	free(table);
	free(figure);
	free(partial);
	return status;
}

int plot_figures(const struct experiment *experiment, const char *dir)
{
	static const char *const endings[] = {"svg", "png"};

	for (size_t i = 0; i < experiment->figure_count; i++) {
		char *table = text_format("%s/%s", dir, experiment->figures[i].table);
		int there = !access(table, R_OK);

		free(table);
		for (size_t k = 0; there && k < 2; k++) {
			int status = draw(&experiment->figures[i], dir, endings[k]);

			if (status == CLI_REFUSED) {
				fprintf(stderr, "nestbed: no figures: gnuplot is not installed (package "
						"gnuplot-nox)\n");
				return CLI_OK;
			}
			if (status)
				return status;
		}
	}
	return CLI_OK;
}
