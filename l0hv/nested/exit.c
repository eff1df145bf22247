/* SPDX-License-Identifier: MIT */
/* Exits of L2: whose they are, and how L1 gets to see its own. SDM "VM Exits". */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/lib/lib.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/state.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/run.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/ownership.h"
#include "vmcs_merge/unmerge.h"

static void update(struct nested *n, struct vmcs_bitset *changed, unsigned field, uint64_t value)
{
	if (n->v12.v[field] == value)
		return;
	n->v12.v[field] = value;
	vmcs_bitset_set(changed, field);
}

/* The processor's value is in v12; bits that L0 owns are put back from what v12 had or L2 sees. */
static void unmerge_cr(struct nested *n, struct vmcs_bitset *changed, unsigned cr, unsigned field,
		       uint64_t old, uint32_t shadow)
{
	uint64_t value = n->v12.v[field];

	n->v12.v[field] = old;
	n->v12.v[field] = vmcs_unmerge_cr(&n->policy, &n->v12, cr, value, vmread(shadow));
	if (n->v12.v[field] == old)
		vmcs_bitset_clear(changed, field);
	else
		vmcs_bitset_set(changed, field);
}

/* SDM "Saving Guest State". vmcs02 is current. */
static void save_guest_state(struct vcpu *v, struct vmcs_bitset *changed)
{
	struct nested *n = v->nested;
	bool ept = vmcs_effective_controls(&n->v12, WORD_CPU2) & CTL2_EPT;
	unsigned all = ept ? vmcs_saved_count : vmcs_saved_count_no_ept;
	unsigned count = v->vm->config->lazy_rare_fields ? vmcs_saved_often : all;
	uint64_t cr0 = n->v12.v[F_GUEST_CR0], cr4 = n->v12.v[F_GUEST_CR4];
	uint64_t lma;

	for (const uint8_t *f = vmcs_saved_fields; f != vmcs_saved_fields + count; f++) {
		uint64_t value = vmread_uncounted(vmcs_field_encoding[*f]);

		if (value != n->v12.v[*f]) {
			n->v12.v[*f] = value;
			vmcs_bitset_set(changed, *f);
		}
	}
	vmx_count(count, 0);
	n->lazy_end = (uint8_t)(count < all ? all : 0);
	unmerge_cr(n, changed, 0, F_GUEST_CR0, cr0, CR0_SHADOW);
	unmerge_cr(n, changed, 4, F_GUEST_CR4, cr4, CR4_SHADOW);
	for (unsigned i = 0; i < vmcs_saved_if_count; i++)
		if (n->v12.v[F_EXIT_CTLS] & vmcs_saved_if[i].exit_control)
			update(n, changed, vmcs_saved_if[i].field,
			       vmread(vmcs_field_encoding[vmcs_saved_if[i].field]));
	if (vmcs_effective_controls(&n->v12, WORD_CPU2) & CTL2_VIRTUAL_INTR_DELIVERY)
		update(n, changed, F_GUEST_INTR_STATUS, vmread(GUEST_INTR_STATUS));
	lma = vmread(GUEST_EFER) & EFER_LMA;
	update(n, changed, F_ENTRY_CTLS, vmcs_unmerge_entry_ctls(n->v12.v[F_ENTRY_CTLS], lma));
	update(n, changed, F_ENTRY_INTR_INFO, vmcs_unmerge_entry_intr_info(n->v12.v[F_ENTRY_INTR_INFO]));
}

/* SDM "VM-Exit Information Fields". An event that L0 was about to inject again is L1's to deliver now. */
static void save_exit_information(struct vcpu *v, const struct exit_info *info, struct vmcs_bitset *changed)
{
	struct nested *n = v->nested;
	uint32_t vectoring = 0;

	update(n, changed, F_EXIT_REASON, info->reason);
	update(n, changed, F_EXIT_QUALIFICATION, info->qualification);
	update(n, changed, F_EXIT_INTR_INFO, info->intr_info);
	update(n, changed, F_EXIT_INTR_ERROR, info->intr_error);
	if (v->event_valid && !v->event_raised) {
		vectoring = v->event_info;
		update(n, changed, F_IDT_VECTORING_ERROR, v->event_error);
	} else if (!v->event_raised && n->ran) {
		vectoring = (uint32_t)vmread(IDT_VECTORING_INFO);
		if (vectoring & INTR_VALID)
			update(n, changed, F_IDT_VECTORING_ERROR, vmread(IDT_VECTORING_ERROR));
	}
	update(n, changed, F_IDT_VECTORING_INFO, vectoring);
	update(n, changed, F_EXIT_INSTR_LEN, info->instr_length);
	update(n, changed, F_EXIT_INSTR_INFO, info->instr_info);
	update(n, changed, F_GUEST_LINEAR_ADDRESS, info->guest_linear);
	update(n, changed, F_GUEST_PHYSICAL_ADDRESS, info->guest_physical);
}

/* What L1's timer has left at this exit, 0 when it is due. */
static uint64_t timer_left(const struct vcpu *v)
{
	uint64_t now = rdtsc();

	return v->l2_due > now ? (v->l2_due - now) >> l0_features.timer_rate : 0;
}

/* SDM "VMX Aborts": the indicator tells of it in the VMCS region, the processor shuts down. */
enum { ABORT_MSR_STORE = 1, ABORT_MSR_LOAD = 4 };

static void vmx_abort(struct vcpu *v, uint32_t indicator, unsigned entry)
{
	(void)!vm_write(v->vm, v->nested->current + offsetof(struct vmcs12_region, abort), &indicator,
			sizeof(indicator));
	vm_stop(v, STOP_BAD_GUEST_STATE, true, "VMX abort: entry %u of a VM-exit MSR list", entry);
}

/* L1 runs again: vmcs01, its host state, its MSRs. */
static void enter_l1(struct vcpu *v, const struct vmcs_bitset *changed, uint64_t l2_efer, uint64_t l2_pat)
{
	struct nested *n = v->nested;

	shadow_publish(v, changed);
	account_phase(v, PHASE_UPDATE);
	vmcs_switch(v, &v->vmcs01);
	v->in_l2 = false;
	v->l2_due = NEVER;
	v->event_valid = v->event_raised = false;
	v->state = VCPU_RUNNING;
	host_state_load(v, l2_efer, l2_pat);
	if (n->tsc01_stale) {
		n->tsc01_stale = false;
		vmwrite(TSC_OFFSET, v->tsc_offset);
	}
	if (!(vmcs_effective_controls(&n->v12, WORD_CPU2) & CTL2_VPID))
		v->flush_vpid = true;
	if (n->v12.v[F_EXIT_MSR_LOAD_COUNT]) {
		unsigned bad =
			msr_list_load(v, n->v12.v[F_EXIT_MSR_LOAD_ADDR], n->v12.v[F_EXIT_MSR_LOAD_COUNT]);

		if (bad)
			vmx_abort(v, ABORT_MSR_LOAD, bad);
	}
	account_phase(v, PHASE_HOST_STATE);
}

/* "Updating Non-Register State": L2's blocking by NMI is L1's, unless L2's NMIs are virtual; then L1 has the
 * one that it entered with. */
static bool nmi_blocked(const struct nested *n, uint64_t l2)
{
	return n->v12.v[F_PIN_CTLS] & PIN_VIRTUAL_NMIS ? n->nmi_blocked : l2 & BLOCKED_BY_NMI;
}

static void block_nmis(struct vcpu *v)
{
	vmwrite(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI);
	v->vmcs01.nmi_handled = true;
}

void nested_reflect(struct vcpu *v, const struct exit_info *info)
{
	struct nested *n = v->nested;
	struct vmcs_bitset changed;
	uint64_t efer = vmread(GUEST_EFER), pat = vmread(GUEST_PAT);
	bool nmi =
		(info->reason == EXIT_EXCEPTION_NMI && (info->intr_info & INTR_TYPE_MASK) == INTR_TYPE_NMI);

	vmcs_bitset_clear_all(&changed);
	save_exit_information(v, info, &changed);
	account_phase(v, PHASE_EXIT_SAVE);
	if (v->l2_due != NEVER && n->v12.v[F_EXIT_CTLS] & EXIT_CTL_SAVE_TIMER)
		update(n, &changed, F_PREEMPTION_TIMER, timer_left(v));
	save_guest_state(v, &changed);
	if (n->v12.v[F_EXIT_MSR_STORE_COUNT]) {
		unsigned bad =
			msr_list_store(v, n->v12.v[F_EXIT_MSR_STORE_ADDR], n->v12.v[F_EXIT_MSR_STORE_COUNT]);

		if (bad) {
			vmx_abort(v, ABORT_MSR_STORE, bad);
			return;
		}
	}
	enter_l1(v, &changed, efer, pat);
	if (nmi || nmi_blocked(n, n->v12.v[F_GUEST_INTERRUPTIBILITY])) /* "Loading Host State" */
		block_nmis(v);
	if (info->reason < ACCOUNT_REASONS)
		v->account.exit[1][info->reason].reflected++;
}

void nested_entry_failed(struct vcpu *v, uint32_t reason, uint64_t qualification)
{
	struct nested *n = v->nested;
	struct vmcs_bitset changed;
	uint64_t efer = vmread(GUEST_EFER), pat = vmread(GUEST_PAT);

	vmcs_bitset_clear_all(&changed);
	update(n, &changed, F_EXIT_REASON, reason | EXIT_REASON_ENTRY_FAILURE);
	update(n, &changed, F_EXIT_QUALIFICATION, qualification);
	enter_l1(v, &changed, efer, pat);
	if (n->nmi_blocked) /* as before the entry */
		block_nmis(v);
}

/* The processor refused the guest state that vmcs02 has though vmcs12's passed L0's checks: L1 gets its entry
 * failure, the record tells. */
static void hardware_refused(struct vcpu *v, uint32_t reason)
{
	uint64_t qualification = vmread(EXIT_QUALIFICATION);

	l0_log("disagreement: the processor refused vmcs02 (%s, qualification %llu) that L0's checks "
	       "accepted",
	       exit_reason_name(reason), (unsigned long long)qualification);
	/* vmcs02: a VMLAUNCH that failed leaves the launch state clear: make it so in any case, and all of it
	 * be written again. vmcs12: as before the entry that failed. */
	v->nested->launched = v->nested->was_launched;
	vmclear(v->nested->vmcs02.pa);
	v->launched = 0;
	v->nested->merged = false;
	v->in_l2 = false;
	vmcs_switch(v, &v->vmcs01);
	nested_entry_failed(v, reason, qualification);
}

static const void *page_of(struct vcpu *v, unsigned field)
{
	return vm_memory(v->vm, v->nested->v12.v[field], PAGE_SIZE);
}

/* Only what the kind of ownership asks for is read. */
static bool l1_wants(struct vcpu *v, uint32_t reason)
{
	struct exit_query q = {.vmcs12 = &v->nested->v12, .reason = reason};

	switch ((unsigned)exit_owner(reason)) {
	case OWN_L1:
		return true;
	case OWN_L0:
	case OWN_UNKNOWN:
		return false;
	case OWN_EXCEPTION:
		q.intr_info = (uint32_t)vmread(EXIT_INTR_INFO);
		if ((q.intr_info & INTR_TYPE_MASK) == INTR_TYPE_NMI)
			return false; /* the machine's, not L1's */
		q.intr_error = (uint32_t)vmread(EXIT_INTR_ERROR);
		break;
	case OWN_CR:
		q.qualification = vmread(EXIT_QUALIFICATION);
		q.operand = guest_gpr(v, q.qualification >> 8 & 0xF);
		break;
	case OWN_IO:
		q.qualification = vmread(EXIT_QUALIFICATION);
		q.io_bitmap_a = page_of(v, F_IO_BITMAP_A);
		q.io_bitmap_b = page_of(v, F_IO_BITMAP_B);
		break;
	case OWN_MSR_READ:
	case OWN_MSR_WRITE:
		q.msr = (uint32_t)v->gpr[1];
		q.msr_bitmap = page_of(v, F_MSR_BITMAP);
		break;
	default:
		break;
	}
	return vmcs12_wants_exit(&q);
}

static void reflect_hardware_exit(struct vcpu *v, uint32_t reason)
{
	const struct exit_info info = {
		.reason = reason,
		.qualification = vmread(EXIT_QUALIFICATION),
		.intr_info = (uint32_t)vmread(EXIT_INTR_INFO),
		.intr_error = (uint32_t)vmread(EXIT_INTR_ERROR),
		.instr_length = (uint32_t)vmread(EXIT_INSTR_LEN),
		.instr_info = (uint32_t)vmread(EXIT_INSTR_INFO),
		.guest_linear = vmread(GUEST_LINEAR_ADDRESS),
		.guest_physical = vmread(GUEST_PHYSICAL_ADDRESS),
	};

	nested_reflect(v, &info);
}

/* L0's emulation for L2 raised an exception: L1 may have asked for it. */
static void filter_raised(struct vcpu *v)
{
	struct exit_info info = {
		.reason = EXIT_EXCEPTION_NMI, .intr_info = v->event_info, .intr_error = v->event_error};
	uint32_t vector = v->event_info & 0xFF;

	if (!vmcs_wants_exception(&v->nested->v12, vector, v->event_error))
		return;
	if (vector == VECTOR_PF)
		info.qualification = v->event_cr2;
	nested_reflect(v, &info);
}

/* L0's own, though its handling may find that L1's timer is due. */
static void handle_own(struct vcpu *v, uint32_t reason)
{
	const struct exit_info info = {.reason = EXIT_PREEMPTION_TIMER};

	exit_handle(v, reason);
	if (reason == EXIT_PREEMPTION_TIMER && v->l2_due != NEVER && !timer_left(v))
		nested_reflect(v, &info);
}

void nested_exit(struct vcpu *v, uint32_t reason)
{
	const struct exit_info step = {.reason = EXIT_MONITOR_TRAP_FLAG};
	const bool steps = v->nested->v12.v[F_CPU_CTLS] & CPU_MTF;
	const uint64_t rip = steps ? vmread(GUEST_RIP) : 0;

	v->nested->ran = true;
	if (reason == EXIT_ENTRY_GUEST_STATE || reason == EXIT_ENTRY_MSR_LOADING) {
		hardware_refused(v, reason);
		return;
	}
	if (l0_features.virtual_interrupt_quirk &&
	    vmcs_effective_controls(&v->nested->v12, WORD_CPU2) & CTL2_VIRTUAL_INTR_DELIVERY)
		apic_mend_vectoring(v);
	if (__builtin_expect(reason == EXIT_EPT_VIOLATION || reason == EXIT_EPT_MISCONFIG, 0)) {
		memory_fault_fn(v, reason == EXIT_EPT_MISCONFIG);
	} else if (!l2_insn_served(v, reason)) {
		if (l1_wants(v, reason)) {
			account_phase(v, PHASE_OWNERSHIP);
			reflect_hardware_exit(v, reason);
			return;
		}
		handle_own(v, reason);
	}
	if (!v->in_l2)
		return;
	if (v->event_valid && v->event_raised)
		filter_raised(v);
	else if (steps && vmread(GUEST_RIP) != rip) /* an instruction that L0 completed is a step, too */
		nested_reflect(v, &step);
}

/* An event that is being delivered to L2, or that L1 injects: the exit comes behind it. */
static bool event_goes_first(struct vcpu *v)
{
	if (!v->event_valid && !(vmread(ENTRY_INTR_INFO) & INTR_VALID))
		return false;
	v->exit_soon = true;
	return true;
}

/*
 * SDM "External-Interrupt Exiting": L1 gets its interrupt as an exit, whatever L2's IF; an event that is
 * being delivered to L2 goes first.
 */
bool nested_takes_interrupt(struct vcpu *v)
{
	struct exit_info info = {.reason = EXIT_EXTERNAL_INTERRUPT};
	int vector;

	if (v->in_l2 && v->vmcs->activity > ACTIVITY_HLT)
		return true; /* "Activity State": blocked in shutdown and wait-for-SIPI */
	if (!v->in_l2 || !(v->nested->v12.v[F_PIN_CTLS] & PIN_EXT_INT_EXITING))
		return false;
	if (event_goes_first(v))
		return true;
	if (vmread(GUEST_INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) {
		open_interrupt_window(v);
		return true;
	}
	if (v->nested->v12.v[F_EXIT_CTLS] & EXIT_CTL_ACK_INTERRUPT) {
		vector = platform_interrupt_ack(&v->vm->platform, v->id);
		if (vector < 0)
			return true;
		info.intr_info = INTR_VALID | INTR_TYPE_EXT | (uint32_t)vector;
	}
	nested_reflect(v, &info);
	return platform_interrupt_pending(&v->vm->platform, v->id) < 0;
}

bool nested_takes_nmi(struct vcpu *v)
{
	const struct exit_info info = {.reason = EXIT_EXCEPTION_NMI,
				       .intr_info = INTR_VALID | INTR_TYPE_NMI | VECTOR_NMI};

	if (v->in_l2 && v->vmcs->activity == ACTIVITY_WAIT_SIPI)
		return true; /* "Activity State": blocked */
	if (!v->in_l2 || !(v->nested->v12.v[F_PIN_CTLS] & PIN_NMI_EXITING))
		return false;
	if (event_goes_first(v))
		return true;
	v->nmis_pending--;
	nested_reflect(v, &info);
	return true;
}

/* SDM "Other Causes of VM Exits": INIT signals; blocked in the wait-for-SIPI state. */
void nested_take_init(struct vcpu *v)
{
	const struct exit_info info = {.reason = EXIT_INIT};

	if (v->vmcs->activity == ACTIVITY_WAIT_SIPI || event_goes_first(v))
		return;
	v->init_pending = false;
	nested_reflect(v, &info);
}

/* "Start-up IPIs": the exit qualification is the vector. */
void nested_take_sipi(struct vcpu *v)
{
	const struct exit_info info = {.reason = EXIT_SIPI, .qualification = v->sipi_vector};

	v->sipi_for_l2 = false;
	nested_reflect(v, &info);
}
