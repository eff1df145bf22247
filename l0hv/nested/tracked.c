/* SPDX-License-Identifier: MIT */
/* What nested VMX does for dirty tracking (l0hv/migrate/track.h), apart from the way of an exit without it.
 */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/mmio.h"
#include "l0hv/nested/state.h"
#include "l0hv/record/record.h"
#include "l0hv/vmx/vmx.h"

#define QUALIFICATION_LINEAR     (1ull << 7)
#define QUALIFICATION_NOT_A_WALK (1ull << 8)

/* vmcs02's EPT pointer is another one, and L2 is running. Any VMCS is current, before and after. */
static void renew_eptp02(struct vcpu *v)
{
	struct nested *n = v->nested;
	const uint64_t current = vmptrst();
	uint64_t eptp = v->vm->eptp;

	if (n->composed && ept02_use(&n->ept02, n->ept02.current->eptp12, &eptp))
		panic("an EPT02 in use is gone");
	vmptrld(n->vmcs02.pa);
	vmwrite(EPT_POINTER, eptp);
	vmptrld(current);
	n->v02.v[F_EPT_POINTER] = n->in.computed.eptp = eptp;
	v->flush_ept = true;
}

void nested_ept01_replaced(struct vcpu *v, const struct ept *ept01, bool ad)
{
	struct nested *n = v->nested;

	n->ept02.ept01 = ept01;
	ept02_force_ad(&n->ept02, ad);
	vmcs_bitset_set(&n->dirty, F_EPT_POINTER);
	if (v->in_l2)
		renew_eptp02(v);
	nested_ept01_changed(v);
}

void (*memory_fault_fn)(struct vcpu *v, bool misconfig) = memory_fault;

void nested_tracking(bool on)
{
	memory_fault_fn = on ? memory_fault_tracked : memory_fault;
}

static bool is_walk(uint64_t q)
{
	return q & QUALIFICATION_LINEAR && !(q & QUALIFICATION_NOT_A_WALK);
}

/*
 * A walk of L2's page tables counts as a write since EPT02 has flags that EPT12 has not, and EPT12 lets it
 * only read: no violation of L1's. The context goes on without them.
 */
static bool may_only_read(struct vcpu *v, uint64_t gpa)
{
	struct ept02 *e = &v->nested->ept02;
	struct ept02_result result;

	return ept02_translate(e, gpa, EPT_W, &result) == EPT02_REFLECT_VIOLATION &&
	       ept02_translate(e, gpa, EPT_R, &result) == EPT02_MAPPED;
}

/* The exit is L1's, to whom the walk was a read. */
static void read_it_was(struct vcpu *v)
{
	uint64_t *q12 = &v->nested->v12.v[F_EXIT_QUALIFICATION];

	*q12 = (*q12 & ~(uint64_t)EPT_RWX) | EPT_R;
	shadow_publish_one(v, F_EXIT_QUALIFICATION);
}

void memory_fault_tracked(struct vcpu *v, bool misconfig)
{
	const uint64_t q = misconfig ? 0 : vmread(EXIT_QUALIFICATION);
	const uint64_t mapped = v->nested->ept02.stats.mapped;
	const bool forced =
		v->vm->tracked && v->nested->composed && ept02_ad_forced(&v->nested->ept02) && is_walk(q);

	if (forced && may_only_read(v, vmread(GUEST_PHYSICAL_ADDRESS))) {
		ept02_unforce_ad(&v->nested->ept02);
		renew_eptp02(v);
		reinject_vectoring(v);
		ept_restart(q);
		return;
	}
	memory_fault(v, misconfig);
	if (!v->in_l2) {
		if (forced && q & EPT_W)
			read_it_was(v);
	} else if (v->nested->ept02.stats.mapped != mapped) {
		ept_restart(q);
	}
}
