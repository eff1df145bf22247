/* SPDX-License-Identifier: MIT */
/* SDM "APIC Virtualization and Virtual Interrupts", as L1 uses it for L2. The processor does it; L0 finds the
 * pages. */
#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/track.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/vmx.h"

#define VTPR_OFFSET 0x80u

static uint32_t ctls2(const struct nested *n)
{
	return vmcs_effective_controls(&n->v12, WORD_CPU2);
}

/* L1's virtual-APIC page; NULL where it is no RAM. */
static const uint8_t *virtual_apic(const struct vcpu *v)
{
	return vm_memory(v->vm, v->nested->v12.v[F_VIRTUAL_APIC_ADDR], PAGE_SIZE);
}

uint8_t apic_vtpr(const struct vcpu *v)
{
	const uint8_t *page = virtual_apic(v);

	return page ? *(const volatile uint8_t *)&page[VTPR_OFFSET] : 0;
}

bool apic_access_used(const struct nested *n)
{
	return ctls2(n) & CTL2_APIC_ACCESSES;
}

static void set_page(struct vcpu *v, uint64_t *page, unsigned field, uint64_t pa)
{
	if (pa == *page)
		return;
	if (v->vm->tracked)
		track_l2_page(v, *page, pa);
	*page = pa;
	vmcs_bitset_set(&v->nested->dirty, field);
}

/* The processor reads and writes the page itself: it must be L1's RAM. What is not swallows writes. */
static void prepare_virtual_apic(struct vcpu *v)
{
	struct nested *n = v->nested;
	const void *page = virtual_apic(v);

	if (!page)
		memset(phys_to_virt(n->no_apic), 0, PAGE_SIZE);
	set_page(v, &n->in.computed.virtual_apic, F_VIRTUAL_APIC_ADDR,
		 page ? virt_to_phys(page) : n->no_apic);
}

/*
 * The processor knows the page by its physical address, which must be mapped by a 4-KByte page. L1 may name
 * one that is no RAM: nothing is ever read from it or written to it.
 */
static void prepare_apic_access(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint64_t gpa = apic_access_used(n) ? n->v12.v[F_APIC_ACCESS_ADDR] : EPT02_NO_PAGE;
	const void *page = gpa == EPT02_NO_PAGE ? NULL : vm_memory(v->vm, gpa, PAGE_SIZE);
	uint64_t pa = page ? virt_to_phys(page) : n->apic_access;

	if (gpa != n->ept02.special_l1) { /* what is composed, and cached, knows the old page */
		ept02_special(&n->ept02, gpa, pa);
		n->ept02.stale = false;
		v->flush_ept = true;
	}
	if (gpa != EPT02_NO_PAGE)
		set_page(v, &n->in.computed.apic_access, F_APIC_ACCESS_ADDR, pa);
}

void nested_own_pages(const struct vcpu *v, uint64_t page[NESTED_OWN_PAGES])
{
	page[0] = v->nested->in.computed.virtual_apic;
	page[1] = v->nested->in.computed.apic_access;
}

void apic_prepare(struct vcpu *v)
{
	if (v->nested->v12.v[F_CPU_CTLS] & CPU_TPR_SHADOW)
		prepare_virtual_apic(v);
	prepare_apic_access(v);
	v->nested->svi_seen = (uint8_t)(v->nested->v12.v[F_GUEST_INTR_STATUS] >> 8);
}

/*
 * Bochs: an exit during the delivery of a virtual interrupt tells the event of before. A delivery has changed
 * SVI, and needs IF, which the handler's gate then clears.
 */
void apic_mend_vectoring(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint8_t svi = (uint8_t)(vmread(GUEST_INTR_STATUS) >> 8);

	if (svi != n->svi_seen && vmread(IDT_VECTORING_INFO) & INTR_VALID && vmread(GUEST_RFLAGS) & RFLAGS_IF)
		vmwrite(IDT_VECTORING_INFO, INTR_VALID | INTR_TYPE_EXT | svi);
	n->svi_seen = svi;
}

/* "VM-Execution Control Fields": the TPR threshold is above L1's VTPR where that must not be. */
static bool threshold_bad(const struct vcpu *v)
{
	const struct nested *n = v->nested;

	return n->v12.v[F_CPU_CTLS] & CPU_TPR_SHADOW &&
	       !(ctls2(n) & (CTL2_APIC_ACCESSES | CTL2_VIRTUAL_INTR_DELIVERY)) &&
	       (n->v12.v[F_TPR_THRESHOLD] & 0xF) > apic_vtpr(v) >> 4;
}

/*
 * VTPR lies in L1's memory and may have fallen below the threshold without a MOV to CR8. That is no event for
 * L1, but the processor checks it at each of L0's entries: the threshold is lowered until L1's next entry.
 */
bool nested_entry_mended(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint64_t threshold = apic_vtpr(v) >> 4;

	if (!threshold_bad(v) || n->v02.v[F_TPR_THRESHOLD] <= threshold)
		return false;
	vmwrite(TPR_THRESHOLD, threshold);
	n->v02.v[F_TPR_THRESHOLD] = threshold;
	vmcs_bitset_set(&n->dirty, F_TPR_THRESHOLD);
	return true;
}

/* SDM "PPR Virtualization", "Evaluation of Pending Virtual Interrupts", by priority classes. vmcs02 is
 * current. */
bool apic_virtual_interrupt(struct vcpu *v)
{
	uint64_t status, rvi, svi, tpr;

	if (!(ctls2(v->nested) & CTL2_VIRTUAL_INTR_DELIVERY))
		return false;
	status = vmread(GUEST_INTR_STATUS);
	rvi = status >> 4 & 0xF;
	svi = status >> 12 & 0xF;
	tpr = apic_vtpr(v) >> 4;
	return rvi > (tpr > svi ? tpr : svi);
}
