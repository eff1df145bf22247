/* SPDX-License-Identifier: MIT */
/* An experiment: its settings, its figures, and what it runs. */
#ifndef EXPERIMENTS_EXPERIMENT_H
#define EXPERIMENTS_EXPERIMENT_H

#include <stddef.h>

#include "experiments/run.h"
#include "experiments/setting.h"

struct experiment_key {
	const char *name, *standard, *what;
	/* 0, or -EINVAL with *why (malloc'd). */
	int (*check)(const char *value, char **why);
};

/* Drawn by `gnuplot -c plots/SCRIPT DIR/TABLE FIGURE`, as SVG and PNG. */
struct figure {
	const char *script, *table, *name;
};

struct experiment {
	const char *name, *what;
	const struct machine_driver *driver; /* of its machines; NULL: Bochs */
	bool any_machine; /* a user may choose another */
	const struct experiment_key *keys;
	size_t key_count;
	const struct figure *figures;
	size_t figure_count;
	bool agents; /* with --agent some of its machines run elsewhere */
	/* An exit status; files go in by run_file, which makes them appear together. */
	int (*run)(struct run *run);
};

extern const struct experiment exit_cost, ablation, phases, migrate, host_exits, scaling;

extern const struct experiment *const experiments[];
extern const size_t experiment_count;
const struct machine_driver *experiment_driver(const struct experiment *experiment);
/* NULL when there is none of this name. */
const struct experiment *experiment_find(const char *name);
/*
 * The standard of each key into values, and what the settings say over it; a later one counts. Borrows from
 * both. 0, or -EINVAL with a sentence in *why (malloc'd). Pure.
 */
__attribute__((warn_unused_result)) int experiment_apply(const struct experiment *e,
							 const struct setting *settings, unsigned count,
							 const char **values, char **why);

/* Draws an experiment's figures into dir from the tables there; an exit status, 0 too when gnuplot is
 * missing. */
int plot_figures(const struct experiment *experiment, const char *dir);

#endif
