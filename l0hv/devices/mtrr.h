/* SPDX-License-Identifier: MIT */
/*
 * Memory type range registers: SDM "Memory Type Range Registers (MTRRs)". They are kept and checked, no more:
 * with EPT the memory type is the EPT's and the PAT's. Eight variable ranges, the fixed ones,
 * write-combining; no SMRR.
 */
#ifndef L0HV_DEVICES_MTRR_H
#define L0HV_DEVICES_MTRR_H

#include <stdint.h>

#define MSR_MTRRCAP        0xFEu
#define MSR_MTRR_PHYS      0x200u /* base and mask of each in turn */
#define MSR_MTRR_PHYS_LAST 0x20Fu
#define MSR_MTRR_DEF_TYPE  0x2FFu

#define MTRR_VARIABLE 8u
#define MTRR_FIXED    11u

struct mtrr {
	uint64_t variable[2 * MTRR_VARIABLE];
	uint64_t fixed[MTRR_FIXED];
	uint64_t def_type;
	unsigned maxphyaddr;
};

/* As firmware leaves them: all memory write-back, but the VGA window and what lies between 3 and 4 GiB. */
void mtrr_init(struct mtrr *mtrr, unsigned maxphyaddr);
/* 0; -ENOENT: no MTRR; -EPERM: #GP(0). */
__attribute__((warn_unused_result)) int mtrr_read(const struct mtrr *mtrr, uint32_t msr, uint64_t *value);
__attribute__((warn_unused_result)) int mtrr_write(struct mtrr *mtrr, uint32_t msr, uint64_t value);

#endif
