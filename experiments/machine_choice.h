/* SPDX-License-Identifier: MIT */
/* The options by which a user chooses machines; the same for each command that boots some. */
#ifndef EXPERIMENTS_MACHINE_CHOICE_H
#define EXPERIMENTS_MACHINE_CHOICE_H

#include <argp.h>

#include "experiments/machine.h"

struct machine_choice {
	const struct machine_driver *driver; /* NULL: none was named */
	const char *pin;
};

/* --machine and --pin; its input is a struct machine_choice. */
extern const struct argp machine_choice_argp;
/* For struct argp's children; the command's parser gives the input at ARGP_KEY_INIT. */
extern const struct argp_child machine_choice_child[];

/* *cpu becomes the machine's standard one if NULL. An exit status: there may be no such model. */
__attribute__((warn_unused_result)) int machine_cpu(const struct machine_driver *driver, const char **cpu);

#endif
