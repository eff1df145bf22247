/* SPDX-License-Identifier: MIT */
/* Figures of a result, by gnuplot, from its tables alone. */
#ifndef EXPERIMENTS_PLOT_H
#define EXPERIMENTS_PLOT_H

#include <stdbool.h>
#include <stddef.h>

struct experiment;

#define PLOT_FORMATS_MAX 4

struct plot {
	const char *dir; /* where the tables are */
	const char *out; /* where figures go */
	const char *only; /* a figure's name; NULL: all */
	const char *format[PLOT_FORMATS_MAX]; /* endings */
	unsigned format_count;
	const char *paper; /* "single", "double" or NULL */
	bool tell; /* each file on stdout */
};

/* An ending that figures may have, or NULL. */
const char *plot_format(const char *name, size_t length);
/* An exit status: 0 too when gnuplot is missing, which is told, unless a figure was asked for by name. */
int plot_draw(const struct experiment *experiment, const struct plot *plot);
/*
 * Copies into the new folder `out` what the figures are drawn from: tables, scripts and what these load, so
 * that gnuplot alone draws them there. An exit status.
 */
int plot_export(const struct experiment *experiment, const struct plot *plot);

#endif
