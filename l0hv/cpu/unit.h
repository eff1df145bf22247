/* SPDX-License-Identifier: MIT */
#ifndef L0HV_CPU_UNIT_H
#define L0HV_CPU_UNIT_H

#include <stdbool.h>

/* Is a tick of the TSC a retired instruction, as on Bochs? Measured. */
bool tsc_counts_instructions(void);

#endif
