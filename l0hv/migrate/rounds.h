/* SPDX-License-Identifier: MIT */
/*
 * Dirty tracking without a migration (bundle keys migrate.track, .round, .prove): a Log record a round, and
 * the proof that no written page was missed, against a copy of the memory. For tests and for measuring.
 */
#ifndef L0HV_MIGRATE_ROUNDS_H
#define L0HV_MIGRATE_ROUNDS_H

#include "l0hv/vm/vm.h"

/* As vm->config says; before the first entry. Errors as of track_start(). */
__attribute__((warn_unused_result)) int rounds_start(struct vm *vm, const char **why);

/* The guest wrote NB_MARK_ROUND. Nothing where rounds are off or end by ticks. */
void rounds_mark(struct vm *vm);

#endif
