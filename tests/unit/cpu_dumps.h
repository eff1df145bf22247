/* SPDX-License-Identifier: MIT */
/* The dumps of cpu_baseline/hosts. */
#ifndef TESTS_UNIT_CPU_DUMPS_H
#define TESTS_UNIT_CPU_DUMPS_H

#include "cpu_baseline/policy.h"

#define MODELS 11u

enum model {
	PENRYN,
	LYNNFIELD,
	ARRANDALE,
	SANDY_BRIDGE,
	IVY_BRIDGE,
	HASWELL,
	BROADWELL,
	SKYLAKE_X,
	CANNON_LAKE,
	ICELAKE,
	TIGERLAKE
};

extern const char *const model_names[MODELS];

/* Read once, from the folder that tests start in; ends the program where it cannot be. */
const struct cpu_policy *model(enum model which);

#endif
