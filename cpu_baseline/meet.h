/* SPDX-License-Identifier: MIT */
/* What two closed policies have in common, by the table's rules. Pure. */
#ifndef CPU_BASELINE_MEET_H
#define CPU_BASELINE_MEET_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_baseline/fields.h"
#include "cpu_baseline/policy.h"

/* Of one row's fields. Where CPU_EQUAL hosts differ, it is that of a host that has one: whether that matters
 * is judged later. */
uint64_t cpu_row_meet(enum cpu_rule rule, uint64_t a, uint64_t b);

/*
 * *into becomes the meet of itself and *with, not yet tidied; *with may lose what is no feature. -ENOSPC.
 */
__attribute__((warn_unused_result)) int cpu_policy_meet(struct cpu_policy *into, struct cpu_policy *with);

/*
 * Rows of rule CPU_SAME that describe one thing together, so that they are told together or not at all. A
 * group is a range of leaves; returns its number for a leaf, and whether two policies agree on it.
 */
unsigned cpu_same_group(uint32_t leaf);
bool cpu_same_agrees(unsigned group, const struct cpu_policy *a, const struct cpu_policy *b);

#endif
