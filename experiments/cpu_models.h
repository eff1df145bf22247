/* SPDX-License-Identifier: MIT */
/* The processors that Bochs can be. */
#ifndef EXPERIMENTS_CPU_MODELS_H
#define EXPERIMENTS_CPU_MODELS_H

#include <stddef.h>

struct cpu_model {
	const char *name; /* Bochs' */
	const char *vtx; /* what its VT-x has, for people; NULL: none */
};

extern const struct cpu_model cpu_models[];
extern const size_t cpu_model_count;

/* NULL when there is none of this name. */
const struct cpu_model *cpu_model_find(const char *name);
/* malloc'd: a sentence for somebody who asked for `name`, with the names of those that have VT-x. */
char *cpu_model_unknown(const char *name);
/* The same sentence, or NULL when there is one of this name. */
char *cpu_model_lacks(const char *name);

#endif
