/* SPDX-License-Identifier: MIT */
/* What vmcs02 points to: EPT02 and the merged MSR bitmap. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/mmio.h"
#include "l0hv/exits/msr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"

#define EPT02_BUDGET       1024u /* table pages of one vCPU: 4 MiB */
#define QUALIFICATION_KEEP 0x1F80ull /* bits 7 to 12 are the processor's */

static bool uses_ept(const struct nested *n)
{
	return vmcs_effective_controls(&n->v12, WORD_CPU2) & CTL2_EPT;
}

static int read_l1(void *ctx, uint64_t gpa, uint64_t *entry)
{
	const struct vcpu *v = ctx;
	const uint64_t *p = vm_memory(v->vm, gpa, 8);

	if (!p)
		return -EFAULT;
	*entry = *(const volatile uint64_t *)p;
	return 0;
}

/* One processor runs every vCPU: what was read cannot have changed since. */
static int update_l1(void *ctx, uint64_t gpa, uint64_t old, uint64_t entry)
{
	struct vcpu *v = ctx;
	uint64_t now;

	if (read_l1(v, gpa, &now) || now != old)
		return -EAGAIN;
	return vm_write(v->vm, gpa, &entry, sizeof(entry));
}

int memory_init(struct vcpu *v)
{
	const struct ept02_l1 l1 = {v, read_l1, update_l1};
	struct ept_caps caps12;

	if (!ept_caps_from_msr(v->nested->caps.ept_vpid, l0_features.maxphyaddr, &caps12))
		return 0; /* L1 is offered no EPT */
	return ept02_init(&v->nested->ept02, &v->vm->ept, &l0_ept_mem, &l1, &caps12, EPT02_BUDGET);
}

/* EPT02 for L1's EPT pointer; without EPT, L2-physical is L1-physical. */
static int prepare_ept(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint64_t eptp = v->vm->eptp;
	int error = 0;

	if (uses_ept(n))
		error = ept02_use(&n->ept02, n->v12.v[F_EPT_POINTER], &eptp);
	if (eptp != n->in.computed.eptp) {
		n->in.computed.eptp = eptp;
		vmcs_bitset_set(&n->dirty, F_EPT_POINTER);
	}
	return error;
}

/*
 * The merged bitmap is kept as long as L1's page is unwritten, which a watch on that page tells (vm_watch).
 * An address outside L1's memory reads as all ones: every access exits.
 */
static void prepare_msr_bitmap(struct vcpu *v)
{
	struct nested *n = v->nested;
	bool uses = n->v12.v[F_CPU_CTLS] & CPU_MSR_BITMAPS;
	uint64_t gpa = n->v12.v[F_MSR_BITMAP];
	const void *l1 = uses ? vm_memory(v->vm, gpa, PAGE_SIZE) : NULL;

	if (!n->msr_bitmap_stale && v->vm->config->incremental_merge)
		return;
	n->msr_bitmap_stale = false;
	n->msr_bitmap12 = NEVER;
	if (l1 && v->vm->config->incremental_merge) {
		if (vm_watch(v->vm, gpa))
			n->msr_bitmap_stale = true; /* no watch to be had: merge at each entry */
		else
			n->msr_bitmap12 = gpa;
	}
	merge_msr_bitmap(phys_to_virt(n->msr_bitmap02), l1, phys_to_virt(msr_bitmap01()));
}

/*
 * SDM "Loading Page-Directory-Pointer-Table Entries": L2 in PAE paging without EPT12 has its PDPTEs in L1's
 * memory, but the processor, which uses EPT, takes those of vmcs02.
 */
static int prepare_pdptes(struct vcpu *v)
{
	struct nested *n = v->nested;

	n->in.computed.pdpte_valid = !uses_ept(n) && n->v12.v[F_GUEST_CR0] & CR0_PG &&
				     n->v12.v[F_GUEST_CR4] & CR4_PAE &&
				     !(n->v12.v[F_ENTRY_CTLS] & ENTRY_CTL_IA32E_GUEST);
	if (!n->in.computed.pdpte_valid)
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t entry;

		if (read_l1(v, (n->v12.v[F_GUEST_CR3] & 0xFFFFFFE0) + 8ull * i, &entry) || !pdpte_ok(entry))
			return -EINVAL;
		n->in.computed.pdpte[i] = entry;
		vmcs_bitset_set(&n->dirty, F_GUEST_PDPTE0 + i);
	}
	return 0;
}

static void prepare_vpid(struct vcpu *v)
{
	struct nested *n = v->nested;
	bool uses = vmcs_effective_controls(&n->v12, WORD_CPU2) & CTL2_VPID;
	uint16_t vpid12 = uses ? (uint16_t)n->v12.v[F_VPID] : 0;

	/* SDM "Operations that Invalidate Cached Mappings": without VPID each entry and exit does */
	if (!uses || vpid12 != n->vpid12_last)
		v->flush_vpid = true;
	n->vpid12_last = vpid12;
}

#define VTPR_OFFSET 0x80u

uint8_t memory_vtpr(struct vcpu *v)
{
	const uint8_t *page = vm_memory(v->vm, v->nested->v12.v[F_VIRTUAL_APIC_ADDR], PAGE_SIZE);

	return page ? page[VTPR_OFFSET] : 0;
}

/* The processor reads and writes the page itself: it must be L1's RAM. What is not swallows writes. */
static void prepare_virtual_apic(struct vcpu *v)
{
	struct nested *n = v->nested;
	const void *page = vm_memory(v->vm, n->v12.v[F_VIRTUAL_APIC_ADDR], PAGE_SIZE);
	uint64_t pa = page ? virt_to_phys(page) : n->no_apic;

	if (!page)
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
	if (pa == n->in.computed.virtual_apic)
		return;
	n->in.computed.virtual_apic = pa;
	vmcs_bitset_set(&n->dirty, F_VIRTUAL_APIC_ADDR);
}

int memory_prepare(struct vcpu *v)
{
	struct nested *n = v->nested;

	if (prepare_pdptes(v))
		return -EINVAL;
	prepare_msr_bitmap(v);
	prepare_vpid(v);
	if (n->v12.v[F_CPU_CTLS] & CPU_TPR_SHADOW)
		prepare_virtual_apic(v);
	if (!n->merged || vmcs_bitset_test(&n->dirty, F_EPT_POINTER) ||
	    vmcs_bitset_test(&n->dirty, F_CPU_CTLS2) || vmcs_bitset_test(&n->dirty, F_CPU_CTLS))
		return prepare_ept(v);
	return 0;
}

void nested_page_written(struct vcpu *v, uint64_t gpa)
{
	if (v->nested->msr_bitmap12 == gpa)
		v->nested->msr_bitmap_stale = true;
}

void nested_ept01_changed(struct vcpu *v)
{
	ept02_ept01_changed(&v->nested->ept02);
	v->nested->ept02.stale = false;
	v->flush_ept = true;
}

void memory_invept(struct vcpu *v, uint64_t eptp)
{
	struct nested *n = v->nested;

	if (eptp)
		ept02_invept_single(&n->ept02, eptp);
	else
		ept02_invept_all(&n->ept02);
	n->ept02.stale = false;
	v->flush_ept = true;
}

int nested_l2_to_l1(struct vcpu *v, uint64_t l2_gpa, unsigned access, uint64_t *l1_gpa)
{
	struct ept02_result result;

	if (!uses_ept(v->nested)) {
		*l1_gpa = l2_gpa;
		return 0;
	}
	if (ept02_translate(&v->nested->ept02, l2_gpa, access, &result) != EPT02_MAPPED)
		return -ENXIO;
	*l1_gpa = result.l1_gpa;
	return 0;
}

static void reflect_fault(struct vcpu *v, uint32_t reason, uint64_t qualification)
{
	const struct exit_info info = {
		.reason = reason,
		.qualification = qualification,
		.guest_linear = vmread(GUEST_LINEAR_ADDRESS),
		.guest_physical = vmread(GUEST_PHYSICAL_ADDRESS),
		.intr_info = (uint32_t)vmread(EXIT_INTR_INFO),
		.instr_length = (uint32_t)vmread(EXIT_INSTR_LEN),
	};

	nested_reflect(v, &info);
}

void memory_fault(struct vcpu *v, bool misconfig)
{
	struct nested *n = v->nested;
	uint64_t q = misconfig ? 0 : vmread(EXIT_QUALIFICATION), gpa = vmread(GUEST_PHYSICAL_ADDRESS);
	struct ept02_result result;
	enum ept02_verdict verdict;

	if (!uses_ept(n)) {
		exit_handle(v, misconfig ? EXIT_EPT_MISCONFIG : EXIT_EPT_VIOLATION);
		return;
	}
	verdict = ept02_fault(&n->ept02, gpa, q & 7, &result);
	if (n->ept02.stale) {
		n->ept02.stale = false;
		v->flush_ept = true;
	}
	switch (verdict) {
	case EPT02_MAPPED:
		drop_unfounded_step();
		reinject_vectoring(v);
		break;
	case EPT02_REFLECT_VIOLATION:
		reflect_fault(v, EXIT_EPT_VIOLATION,
			      (result.qualification & 0x7F) | (q & QUALIFICATION_KEEP));
		break;
	case EPT02_REFLECT_MISCONFIG:
		reflect_fault(v, EXIT_EPT_MISCONFIG, 0);
		break;
	case EPT02_L0_OWN:
		reinject_vectoring(v);
		ept_own(v, q, result.l1_gpa);
		break;
	case EPT02_NO_MEMORY:
	default:
		vm_stop(v, STOP_UNSUPPORTED, true, "no memory for EPT02");
		break;
	}
}
