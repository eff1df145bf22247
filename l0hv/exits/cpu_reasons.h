/* SPDX-License-Identifier: MIT */
/* Why a VM cannot have the processor that its policy says: what cpu_check() finds, as sentences. */
#ifndef L0HV_EXITS_CPU_REASONS_H
#define L0HV_EXITS_CPU_REASONS_H

#include <stddef.h>

#include "cpu_baseline/baseline.h"

void cpu_reasons_begin(void);
cpu_finding_fn cpu_reasons_add;
/* Those since cpu_reasons_begin(). */
const char *const *cpu_reasons(size_t *count);
/* Each as a Log record about the VM. */
void cpu_reasons_log(const char *vm);

#endif
