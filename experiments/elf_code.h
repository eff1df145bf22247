/* SPDX-License-Identifier: MIT */
/* Where a multiboot kernel's code lies in memory: its ELF file's executable segments. Pure. */
#ifndef EXPERIMENTS_ELF_CODE_H
#define EXPERIMENTS_ELF_CODE_H

#include "experiments/machine.h"
#include "experiments/trace.h"

/* Adds each to the ranges of l0. 0; or -EINVAL: no 32-bit ELF file for x86, cut off, or nothing executable in
 * it; or -E2BIG: there are more than fit. */
__attribute__((warn_unused_result)) int elf_code(const struct blob *file, struct trace_l0 *l0);

#endif
