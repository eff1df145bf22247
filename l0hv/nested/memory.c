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

#define EPT02_BUDGET              1024u /* table pages of one vCPU: 4 MiB */
#define QUALIFICATION_KEEP        0x1F80ull /* bits 7 to 12 are the processor's */
#define QUALIFICATION_LINEAR      (1ull << 7)
#define QUALIFICATION_NOT_A_WALK  (1ull << 8)
#define QUALIFICATION_NMI_UNBLOCK (1ull << 12)

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

	/* Also where L1 is offered no EPT: an APIC-access page is composed all the same */
	(void)ept_caps_from_msr(v->nested->caps.ept_vpid, v->vm->cpu.maxphyaddr, &caps12);
	return ept02_init(&v->nested->ept02, &v->vm->ept, &l0_ept_mem, &l1, &caps12, EPT02_BUDGET);
}

/*
 * EPT02 for L1's EPT pointer. Without EPT, L2-physical is L1-physical: EPT01 will do, unless a page of it has
 * to be the APIC-access page.
 */
static int prepare_ept(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint64_t eptp = v->vm->eptp;
	int error = 0;

	n->composed = uses_ept(n) || apic_access_used(n);
	if (n->composed)
		error = ept02_use(&n->ept02, uses_ept(n) ? n->v12.v[F_EPT_POINTER] : EPT02_IDENTITY, &eptp);
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
	uint64_t gpa = n->v12.v[F_MSR_BITMAP];
	const void *l1;

	if (!n->msr_bitmap_stale && v->vm->config->watch_msr_bitmap)
		return;
	l1 = n->v12.v[F_CPU_CTLS] & CPU_MSR_BITMAPS ? vm_memory(v->vm, gpa, PAGE_SIZE) : NULL;
	n->msr_bitmap_stale = false;
	n->msr_bitmap12 = NEVER;
	if (l1 && v->vm->config->watch_msr_bitmap) {
		if (vm_watch(v->vm, gpa))
			n->msr_bitmap_stale = true; /* no watch to be had: merge at each entry */
		else
			n->msr_bitmap12 = gpa;
	}
	merge_msr_bitmap(phys_to_virt(n->msr_bitmap02), l1, phys_to_virt(v->vm->cpu.msr_bitmap));
	merge_x2apic_msrs(phys_to_virt(n->msr_bitmap02), l1, vmcs_effective_controls(&n->v12, WORD_CPU2));
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

int memory_prepare(struct vcpu *v)
{
	struct nested *n = v->nested;

	if (prepare_pdptes(v))
		return -EINVAL;
	prepare_msr_bitmap(v);
	prepare_vpid(v);
	apic_prepare(v);
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

/* ---- page-modification logging: SDM "Page-Modification Logging" ---- */

#define PML_ENTRIES 512u

static bool logs(const struct nested *n)
{
	return vmcs_effective_controls(&n->v12, WORD_CPU2) & CTL2_PML;
}

/* A log outside L1's memory swallows what is written. */
static void log_dirty(struct vcpu *v, uint64_t l2_gpa)
{
	struct nested *n = v->nested;
	uint64_t index = n->v12.v[F_PML_INDEX], page = l2_gpa & ~(uint64_t)PAGE_MASK;

	(void)!vm_write(v->vm, n->v12.v[F_PML_ADDRESS] + 8 * index, &page, sizeof(page));
	n->v12.v[F_PML_INDEX] = (index - 1) & 0xFFFF;
}

/* L2's access by EPT12, with its flags and L1's log, as the processor would do it. */
static enum ept02_verdict access_l2(struct vcpu *v, uint64_t l2_gpa, unsigned access,
				    struct ept02_result *result)
{
	struct nested *n = v->nested;
	enum ept02_verdict verdict;

	n->ept02.log_full = logs(n) && n->v12.v[F_PML_INDEX] >= PML_ENTRIES;
	verdict = ept02_fault(&n->ept02, l2_gpa, access, result);
	if (n->ept02.stale) {
		n->ept02.stale = false;
		v->flush_ept = true;
	}
	if (result->dirtied && logs(n) && verdict != EPT02_LOG_FULL)
		log_dirty(v, l2_gpa);
	return verdict;
}

/* The exit to L1 that a verdict asks for. q: what the processor says of the access, as an exit qualification.
 */
static bool exit_of(enum ept02_verdict verdict, const struct ept02_result *result, uint64_t q,
		    struct exit_info *info)
{
	switch (verdict) {
	case EPT02_REFLECT_VIOLATION:
		info->reason = EXIT_EPT_VIOLATION;
		info->qualification = (result->qualification & 0x7F) | (q & QUALIFICATION_KEEP);
		return true;
	case EPT02_REFLECT_MISCONFIG:
		info->reason = EXIT_EPT_MISCONFIG;
		info->qualification = 0;
		return true;
	case EPT02_LOG_FULL:
		info->reason = EXIT_PML_FULL;
		info->qualification = q & QUALIFICATION_NMI_UNBLOCK;
		return true;
	case EPT02_MAPPED:
	case EPT02_L0_OWN:
	case EPT02_NO_MEMORY:
	default:
		return false;
	}
}

int nested_l2_to_l1(struct vcpu *v, uint64_t l2_gpa, unsigned access, uint64_t *l1_gpa)
{
	struct nested *n = v->nested;
	struct ept02_result result;
	enum ept02_verdict verdict;

	n->refused = (struct exit_info){.guest_physical = l2_gpa};
	if (!uses_ept(n)) {
		*l1_gpa = l2_gpa;
		return 0;
	}
	verdict = access_l2(v, l2_gpa, access, &result);
	if (exit_of(verdict, &result, QUALIFICATION_LINEAR | QUALIFICATION_NOT_A_WALK, &n->refused) ||
	    verdict == EPT02_NO_MEMORY)
		return -ENXIO;
	*l1_gpa = result.l1_gpa;
	return 0;
}

bool nested_reflect_refused(struct vcpu *v)
{
	struct exit_info info = v->nested->refused;

	if (!v->in_l2 || !info.reason)
		return false;
	v->event_valid = v->event_raised = false;
	nested_reflect(v, &info);
	return true;
}

/*
 * An instruction fetch from the APIC-access page, which EPT02 maps without execute permission: the exit is
 * L0's to make, as Bochs 2.7 ends the machine at such a fetch.
 */
static bool apic_fetch(const struct nested *n, uint64_t q, uint64_t l1_gpa)
{
	return q & EPT_X && (l1_gpa & ~(uint64_t)PAGE_MASK) == n->ept02.special_l1;
}

/* SDM "Exit Qualification for APIC-Access VM Exits" */
static void reflect_apic_fetch(struct vcpu *v, uint64_t offset)
{
	enum { LINEAR_FETCH = 2 };
	const struct exit_info info = {.reason = EXIT_APIC_ACCESS,
				       .qualification = offset | LINEAR_FETCH << 12,
				       .guest_linear = vmread(GUEST_LINEAR_ADDRESS)};

	nested_reflect(v, &info);
}

/* SDM table "Format of the Virtualization-Exception Information Area" */
struct ve_info {
	uint32_t reason, busy;
	uint64_t qualification, guest_linear, guest_physical;
	uint16_t eptp_index;
};

/*
 * SDM "Convertible EPT Violations": L2 gets #VE in place of the exit, as L1 asked for. (The processor could
 * not tell EPT12's violations from pages that EPT02 has not composed yet.)
 */
static bool convert_to_ve(struct vcpu *v, const struct ept02_result *result, const struct exit_info *info)
{
	const struct vmcs_image *v12 = &v->nested->v12;
	const uint64_t at = v12->v[F_VE_INFO_ADDR];
	const volatile uint32_t *busy = vm_memory(v->vm, at + offsetof(struct ve_info, busy), sizeof(*busy));
	const struct ve_info area = {
		.reason = EXIT_EPT_VIOLATION,
		.busy = ~0u,
		.qualification = info->qualification,
		.guest_linear = info->guest_linear,
		.guest_physical = info->guest_physical,
		.eptp_index = (uint16_t)v12->v[F_EPTP_INDEX],
	};

	if (info->reason != EXIT_EPT_VIOLATION || !result->convertible ||
	    !(vmcs_effective_controls(v12, WORD_CPU2) & CTL2_VE) || !busy || *busy ||
	    vmread(IDT_VECTORING_INFO) & INTR_VALID || !(vmread(GUEST_CR0) & CR0_PE))
		return false;
	(void)!vm_write(v->vm, at, &area, offsetof(struct ve_info, eptp_index) + sizeof(area.eptp_index));
	inject_exception(v, VECTOR_VE, NO_ERROR_CODE);
	return true;
}

void memory_fault(struct vcpu *v, bool misconfig)
{
	struct nested *n = v->nested;
	uint64_t q = misconfig ? 0 : vmread(EXIT_QUALIFICATION), gpa = vmread(GUEST_PHYSICAL_ADDRESS);
	struct ept02_result result;
	enum ept02_verdict verdict;
	struct exit_info info = {.guest_physical = gpa};

	if (!n->composed) {
		exit_handle(v, misconfig ? EXIT_EPT_MISCONFIG : EXIT_EPT_VIOLATION);
		return;
	}
	verdict = access_l2(v, gpa, q & EPT_RWX, &result);
	if (exit_of(verdict, &result, q, &info)) {
		account_phase(v, PHASE_OWNERSHIP);
		info.guest_linear = vmread(GUEST_LINEAR_ADDRESS);
		info.intr_info = (uint32_t)vmread(EXIT_INTR_INFO);
		info.instr_length = (uint32_t)vmread(EXIT_INSTR_LEN);
		if (!convert_to_ve(v, &result, &info))
			nested_reflect(v, &info);
		return;
	}
	reinject_vectoring(v);
	if (verdict == EPT02_MAPPED)
		drop_unfounded_step();
	else if (verdict == EPT02_L0_OWN && apic_fetch(n, q, result.l1_gpa))
		reflect_apic_fetch(v, result.l1_gpa & PAGE_MASK);
	else if (verdict == EPT02_L0_OWN)
		ept_own(v, q, result.l1_gpa);
	else
		vm_stop(v, STOP_UNSUPPORTED, true, "no memory for EPT02");
}
