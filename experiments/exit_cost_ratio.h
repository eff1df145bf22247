/* SPDX-License-Identifier: MIT */
/* exit-cost's two L0s side by side: what one takes, in times of what the other does. Pure. */
#ifndef EXPERIMENTS_EXIT_COST_RATIO_H
#define EXPERIMENTS_EXIT_COST_RATIO_H

#include "experiments/exit_cost_rows.h"

/* A row for each operation of each run that has one of ours to be compared with. */
void exit_cost_ratio_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu);
/* The same for people, and where ours is the dearer one. */
void exit_cost_ratio_table(struct text *out, const struct exit_cost_rows *rows, const char *cpu);

#endif
