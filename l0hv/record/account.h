/* SPDX-License-Identifier: MIT */
/*
 * Accounting at every level change. Counters stay in memory; a Window record gives their difference between
 * two marks. What the accounting itself costs is calibrated once and told in each window.
 */
#ifndef L0HV_RECORD_ACCOUNT_H
#define L0HV_RECORD_ACCOUNT_H

#include <stdint.h>

#define ACCOUNT_REASONS                                                                                      \
	128u /* basic exit reasons, SDM appendix "VMX Basic Exit Reasons", rounded up to a mask */

struct account_exit {
	uint64_t count, ticks, reflected;
};

struct account {
	uint64_t ticks[3]; /* in L0, L1, L2 */
	uint64_t vmreads, vmwrites, vmptrlds;
	uint64_t merges_full, merges_incremental;
	struct account_exit exit[2][ACCOUNT_REASONS]; /* [from L1, from L2] */
};

struct vcpu;
struct vmx_counters;

/* Measure what account_exit() costs, in ticks; before the first entry. */
void account_calibrate(void);
/* Copy the machine's instruction counters into the account of the vCPU that executed them. */
void account_collect(struct vcpu *v);
/* A guest wrote the mark port (include/nestbed/ports.h). */
void account_mark(struct vcpu *v, uint32_t value);
/* A window begins: called when the exit that asked for it has been accounted. */
void account_snapshot(struct vcpu *v);

#endif
