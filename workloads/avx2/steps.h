/* SPDX-License-Identifier: MIT */
/* A step of each lane, the same in assembly and C. */
#ifndef AVX2_STEPS_H
#define AVX2_STEPS_H

#define STEP_FACTOR 1664525
#define STEP_ADDEND 1013904223
#define STEP_SHIFT  15
#define LANES       32

#ifndef __ASSEMBLER__
#include <stdint.h>

void steps_avx2(uint32_t lanes[LANES], uint64_t steps);
void steps_sse2(uint32_t lanes[LANES], uint64_t steps);
#endif

#endif
