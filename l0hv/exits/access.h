/* SPDX-License-Identifier: MIT */
/*
 * Memory and ports that an emulated instruction accesses, at L1 or L2, as the processor would: paging with
 * accessed and dirty flags, operands that cross pages, alignment checks, devices as well as RAM, breakpoints.
 */
#ifndef L0HV_EXITS_ACCESS_H
#define L0HV_EXITS_ACCESS_H

#include <stdbool.h>

#include "l0hv/mm/gwalk.h"
#include "l0hv/vm/vm.h"

/* An instruction that is being emulated. */
struct access {
	struct vcpu *v;
	struct gwalk_regs paging;
	unsigned user; /* GWALK_USER or 0 */
	bool code64; /* the code is 64-bit */
	bool checks_alignment;
	uint64_t dr7; /* 0: no breakpoint is enabled */
	uint64_t breakpoints; /* met so far, as the pending debug exceptions have them */
	uint8_t stop; /* a REP pauses: one was met */
	struct { /* the last translations, as a TLB would keep them for the instruction */
		uint64_t page, gpa;
		bool valid;
	} seen[2]; /* reading, writing */
};

void access_begin(struct access *a, struct vcpu *v);
/* The instruction, or an iteration of it, has completed: breakpoints that it met are pending. */
void access_end(const struct access *a);

/*
 * Members of struct insn_memory (l0hv/emulate/insn.h); ctx is the struct access. 0; -EFAULT: the guest gets a
 * fault; -ENXIO: its page tables lie where no memory is, or EPT12 forbids it.
 */
__attribute__((warn_unused_result)) int access_read(void *ctx, uint64_t linear, unsigned size,
						    uint64_t *value);
__attribute__((warn_unused_result)) int access_write(void *ctx, uint64_t linear, unsigned size,
						     uint64_t value);
__attribute__((warn_unused_result)) int access_probe(void *ctx, uint64_t linear, unsigned size, int write);

/* A port was accessed: breakpoints. */
void access_port(struct access *a, uint16_t port, unsigned size);

#endif
