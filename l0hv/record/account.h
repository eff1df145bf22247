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

/* Parts of L0's work for a reflected exit and L1's entry behind it; the rest of L0's time is other. */
enum account_phase {
	PHASE_OWNERSHIP, /* whose exit it is */
	PHASE_EXIT_SAVE, /* exit information */
	PHASE_UPDATE, /* L2's state into vmcs12, and what L1 reads of it into the shadow VMCS; likewise back
		       */
	PHASE_HOST_STATE, /* L1's state into vmcs01 */
	PHASE_CHECKS, /* VM-entry checks */
	PHASE_MERGE, /* bitmaps, EPT02, merge, VMWRITEs */
	PHASE_ENTRY, /* what is left of both exits: events, timer, accounting */
	PHASE_OTHER, /* exits without any of the above */
	ACCOUNT_PHASES
};

#define ACCOUNT_FIELDS 256u /* F_* + 1, vmcs_merge/fields.h; 0: none */

struct account {
	uint64_t ticks[3]; /* in L0, L1, L2 */
	uint64_t vmreads, vmwrites, vmptrlds;
	uint64_t merges_full, merges_incremental;
	struct account_exit exit[2][ACCOUNT_REASONS]; /* [from L1, from L2] */
	uint64_t phase[ACCOUNT_PHASES]; /* ticks; all 0 without record.phases */
	uint32_t field_reads[ACCOUNT_FIELDS], field_writes[ACCOUNT_FIELDS]; /* by L1, with an exit each */
};

struct vcpu;
struct vmx_counters;

/* Measure what account_exit() costs, in ticks; before the first entry. */
void account_calibrate(void);
/* Copy the machine's instruction counters into the account of the vCPU that executed them. */
void account_collect(struct vcpu *v);
/* A guest wrote the mark port (include/nestbed/ports.h). */
void account_mark(struct vcpu *v, uint32_t value);
/* What struct vcpu's account_after asks for, once an exit has been accounted. */
enum { ACCOUNT_SNAPSHOT = 1 /* a window begins */, ACCOUNT_PHASED = 2 /* record.phases */ };
void account_after(struct vcpu *v, uint64_t ticks /* that the exit took */);
/* The phase ends that began with the exit or when the last one ended. Use account_phase() of vm.h. */
void account_phase_ends(struct vcpu *v, enum account_phase phase);

#endif
