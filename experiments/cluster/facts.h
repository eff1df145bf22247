/* SPDX-License-Identifier: MIT */
/* What each host of a cluster is, and what a guest that moves between them may see. */
#ifndef EXPERIMENTS_CLUSTER_FACTS_H
#define EXPERIMENTS_CLUSTER_FACTS_H

#include <jansson.h>
#include <stdbool.h>

#include "experiments/text.h"

/* Of this computer: host, kernel, cores, memory_mib, versions, processor (what a guest may see of it, as a
 * bundle's section; of the file `cpu` instead, if given), or processor_error. A new reference. */
json_t *facts_here(unsigned rank, const char *cpu);

/* One row a rank. */
void facts_table(json_t *const facts[], unsigned ranks, struct text *table);
/* A number for the programs and guests of this build, whatever their version says of itself; static. */
const char *facts_programs(void);
/* A sentence for each rank that does not run what rank 0 runs, or (if that is needed) has no Bochs; how many.
 */
unsigned facts_unfit(json_t *const facts[], unsigned ranks, bool bochs, struct text *told);
/*
 * The baseline of the pool, by `cpu-baseline`: `dir`/HOST.cpu is written of each host, `dir`/pool.txt what it
 * says, and *told what a reader wants to know first: the model, what each host takes away, who contradicts.
 * An exit status; hosts without a baseline are a result.
 */
__attribute__((warn_unused_result)) int facts_pool(json_t *const facts[], unsigned ranks, const char *dir,
						   struct text *told);

#endif
