/* SPDX-License-Identifier: MIT */
/* Sets of pages that the VM wrote, as KVM's dirty rings tell them, and their digest. Pure. */
#ifndef KVM_VMM_SETS_H
#define KVM_VMM_SETS_H

#include <linux/kvm.h>
#include <stdint.h>

#include "migration/dirty.h"

/*
 * Puts the pages that a vCPU's ring tells into the set and gives the entries back to KVM, from *next on,
 * which it moves. entries: of the ring. slot: of the VM's memory; what is told of others is left out. How
 * many entries were given back.
 */
uint32_t sets_take_ring(struct kvm_dirty_gfn *ring, uint32_t entries, uint32_t *next, uint32_t slot,
			struct dirty *set);

/* That of L0's migrate.track (docs/dirty-tracking.md): equal sets have equal digests. */
uint64_t sets_digest(const struct dirty *set);

#endif
