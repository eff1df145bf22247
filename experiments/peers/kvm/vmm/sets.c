/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/sets.h"

/* KVM's documentation, "KVM_CAP_DIRTY_LOG_RING": KVM sets dirty, who reads answers by reset. */
uint32_t sets_take_ring(struct kvm_dirty_gfn *ring, uint32_t entries, uint32_t *next, uint32_t slot,
			struct dirty *set)
{
	uint32_t taken;

	for (taken = 0; taken < entries; taken++) {
		struct kvm_dirty_gfn *e = &ring[*next];

		if (__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) != KVM_DIRTY_GFN_F_DIRTY)
			break;
		if (e->slot == slot && e->offset < set->pages)
			(void)dirty_mark(set, (uint32_t)e->offset);
		__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
		*next = (*next + 1) % entries;
	}
	return taken;
}

/* The finalizer of SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators". */
static uint64_t mix(uint64_t v)
{
	v ^= v >> 30;
	v *= 0xBF58476D1CE4E5B9ull;
	v ^= v >> 27;
	v *= 0x94D049BB133111EBull;
	return v ^ v >> 31;
}

uint64_t sets_digest(const struct dirty *set)
{
	uint64_t sum = 0;

	for (uint32_t page = dirty_next(set, 0); page != DIRTY_NONE; page = dirty_next(set, page + 1))
		sum += mix((page + 1ull) * 0x9E3779B97F4A7C15ull);
	return sum;
}
