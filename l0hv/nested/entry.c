/* SPDX-License-Identifier: MIT */
/* VMLAUNCH and VMRESUME of L1: SDM "VM Entries", VMLAUNCH/VMRESUME pseudo-code. */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/nested/insn.h"
#include "l0hv/nested/state.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/lazy.h"

#define LINEAR_BITS 48u

/* Exit qualification: SDM "VM-Entry Failures During or After Loading Guest State" */
#define ENTRY_FAILURE_PDPTE 2u

static void set_policy(struct vcpu *v)
{
	struct nested *n = v->nested;
	struct merge_policy *p = &n->policy;

	cr_owned(v, true, &p->cr0_owned, &p->cr0_value, &p->cr4_owned, &p->cr4_value);
	p->ctls[WORD_CPU].set = CPU_MSR_BITMAPS | CPU_UNCOND_IO_EXITING;
	p->ctls[WORD_CPU].clear = CPU_IO_BITMAPS; /* every port exits to L0; L1's bitmaps say whose it is */
	p->ctls[WORD_CPU2].clear = CTL2_VMCS_SHADOWING;
	p->exception_bitmap = 1u << VECTOR_AC;
}

void nested_owned_bits_changed(struct vcpu *v)
{
	set_policy(v);
	vmcs_bitset_set(&v->nested->dirty, F_GUEST_CR0);
	vmcs_bitset_set(&v->nested->dirty, F_GUEST_CR4);
}

/* The parts of the merge's input that stay as long as L1 is in VMX operation. vmcs01 is current. */
void nested_merge_inputs(struct vcpu *v)
{
	struct nested *n = v->nested;

	vmcs01_image(v, &n->v01);
	set_policy(v);
	n->in.vmcs12 = &n->v12;
	n->in.vmcs01 = &n->v01;
	n->in.caps = &l0_caps;
	n->in.policy = &n->policy;
	n->in.computed.msr_bitmap = n->msr_bitmap02;
	n->in.computed.link_pointer = ~0ull;
	n->in.computed.vpid = n->vpid02;
	n->merged = false;
}

/* What L2 inherits from L1 where vmcs12 loads nothing. vmcs01 is current. */
static void read_l1_state(struct vcpu *v)
{
	const uint32_t loads = ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER;
	struct nested *n = v->nested;

	if ((n->v12.v[F_ENTRY_CTLS] & loads) == loads)
		return;
	n->in.l1.efer = vmread(GUEST_EFER);
	n->in.l1.pat = vmread(GUEST_PAT);
	n->in.l1.debugctl = vmread(GUEST_DEBUGCTL);
	n->in.l1.dr7 = vmread(GUEST_DR7);
	vmcs_bitset_set(&n->dirty, F_GUEST_EFER);
	vmcs_bitset_set(&n->dirty, F_GUEST_PAT);
	vmcs_bitset_set(&n->dirty, F_GUEST_DEBUGCTL);
	vmcs_bitset_set(&n->dirty, F_GUEST_DR7);
}

/* The MSR list may write guest state of vmcs02, and not all of it when an entry of it fails. */
static bool merges_all(const struct vcpu *v)
{
	const struct nested *n = v->nested;

	return !n->merged || !v->vm->config->incremental_merge || n->v12.v[F_ENTRY_MSR_LOAD_COUNT];
}

/* CHECK_PASSED, or how it failed, with the exit qualification. vmcs01 is current. */
static enum check_failure check(struct vcpu *v, uint64_t *qualification)
{
	struct nested *n = v->nested;
	struct check_result result;
	uint32_t always = vmcs12_check_always(&n->v12);
	const struct check_env env = {
		.vmcs12 = &n->v12,
		.caps = &n->caps,
		.physical_address_bits = v->vm->cpu.maxphyaddr,
		.linear_address_bits = LINEAR_BITS,
		.efer_hidden = ~v->vm->cpu.efer,
		.l1_long_mode = vmread(GUEST_EFER) & EFER_LMA,
		.debugctl_bits = DEBUGCTL_BTF,
		.vtpr = always & CHECK_VTPR ? apic_vtpr(v) : 0,
		.current_vmcs = n->current,
		.link_revision =
			always & CHECK_LINK ? vmcs12_revision_at(v, n->v12.v[F_VMCS_LINK_POINTER]) : 0,
	};

	n->checks_due |= vmcs12_check_groups(&n->dirty) | always;
	if (!v->vm->config->cached_checks)
		n->checks_due |= CHECK_ALL & ~(uint32_t)(CHECK_VTPR | CHECK_LINK);
	if (n->lazy_end && vmcs_lazy_needed(&n->v12, &n->dirty, n->checks_due, merges_all(v)))
		vmcs12_sync(v);
	if (n->checks_due && !vmcs12_check(&env, n->checks_due, &result)) {
		*qualification = result.qualification;
		return result.failure;
	}
	n->checks_due = 0;
	return CHECK_PASSED;
}

/* With a TPR of L1's making, CR8 exits only where L1 wants it; without, it is the TPR that L0 gives L1, and
 * exits to L0. */
static void set_cr8_policy(struct nested *n)
{
	const uint32_t cr8 = CPU_CR8_LOAD_EXITING | CPU_CR8_STORE_EXITING;
	uint32_t ctls12 = (uint32_t)n->v12.v[F_CPU_CTLS];

	n->policy.ctls[WORD_CPU].clear = CPU_IO_BITMAPS | (ctls12 & CPU_TPR_SHADOW ? cr8 & ~ctls12 : 0);
}

/* Write the merge into vmcs02, which is current. */
static void merge(struct vcpu *v)
{
	struct nested *n = v->nested;
	struct vmcs_bitset changed;
	unsigned field;

	if (n->merged && v->vm->config->incremental_merge) {
		vmcs_merge_incremental(&n->in, &n->dirty, &n->v02, &changed);
		if (!v->vm->config->clean_fields)
			vmcs_merge_rows(&n->in, &n->dirty, &changed);
		v->account.merges_incremental++;
	} else {
		static struct vmcs_bitset exists;

		if (vmcs_bitset_empty(&exists))
			vmcs_existing_fields(&l0_caps, &exists);
		n->in.exists = &exists;
		vmcs_merge_full(&n->in, &n->v02);
		v->account.merges_full++;
		changed = exists;
		for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++)
			if (merge_table[i].rule == NOT_MERGED)
				vmcs_bitset_clear(&changed, i);
		n->merged = true;
	}
	vmcs_bitset_clear_all(&n->dirty);
	for (VMCS_BITSET_EACH(field, &changed))
		vmwrite(vmcs_field_encoding[field], n->v02.v[field]);
	if (vmcs_bitset_test(&changed, F_CPU_CTLS)) {
		n->vmcs02.cpu_ctls = (uint32_t)n->v02.v[F_CPU_CTLS];
		n->vmcs02.window_open = n->vmcs02.nmi_window_open = false;
	}
	if (vmcs_bitset_test(&changed, F_PIN_CTLS)) {
		n->vmcs02.pin_ctls = (uint32_t)n->v02.v[F_PIN_CTLS];
		n->vmcs02.timer_on = false;
	}
	n->vmcs02.activity = (uint8_t)n->v12.v[F_GUEST_ACTIVITY];
}

void nested_event_written(struct vcpu *v)
{
	struct nested *n = v->nested;

	n->v02.v[F_ENTRY_ERROR_CODE] = v->event_error;
	n->v02.v[F_ENTRY_INSTR_LEN] = v->event_length;
	vmcs_bitset_set(&n->dirty, F_ENTRY_ERROR_CODE);
	vmcs_bitset_set(&n->dirty, F_ENTRY_INSTR_LEN);
}

/* SDM "VMX-Preemption Timer": it counts down by 1 each time that bit `rate` of the TSC changes. */
static uint64_t timer_due(const struct nested *n)
{
	if (!(n->v12.v[F_PIN_CTLS] & PIN_PREEMPTION_TIMER))
		return NEVER;
	return ((rdtsc() >> l0_features.timer_rate) + n->v12.v[F_PREEMPTION_TIMER]) << l0_features.timer_rate;
}

/*
 * SDM "Interrupt-Window Exiting and Virtual-Interrupt Delivery", "NMI-Window Exiting": the exit that comes in
 * this inactive state at once, though Bochs sleeps on; 0: none. vmcs02 is current.
 */
static uint32_t window_exit(struct vcpu *v, uint8_t activity)
{
	const uint64_t ctls = v->nested->v12.v[F_CPU_CTLS];

	if (ctls & CPU_NMI_WINDOW && activity != ACTIVITY_WAIT_SIPI &&
	    !(vmread(GUEST_INTERRUPTIBILITY) & BLOCKED_BY_NMI))
		return EXIT_NMI_WINDOW;
	if (ctls & CPU_INTR_WINDOW && activity == ACTIVITY_HLT && vmread(GUEST_RFLAGS) & RFLAGS_IF)
		return EXIT_INTR_WINDOW;
	return 0;
}

static bool virtual_interrupt(struct vcpu *v)
{
	return vmread(GUEST_RFLAGS) & RFLAGS_IF && apic_virtual_interrupt(v);
}

bool nested_hlt_ends(struct vcpu *v)
{
	return window_exit(v, ACTIVITY_HLT) || virtual_interrupt(v);
}

/* SDM "Activity State": L2 enters an inactive one, unless L1 injects an event or another waits. */
static void begin_activity(struct vcpu *v)
{
	struct nested *n = v->nested;
	uint8_t activity = (uint8_t)n->v12.v[F_GUEST_ACTIVITY];
	const bool injected = n->v12.v[F_ENTRY_INTR_INFO] & INTR_VALID;
	const struct exit_info window = {.reason = injected ? 0 : window_exit(v, activity)};

	if (window.reason) {
		nested_reflect(v, &window);
		return;
	}
	if (injected || (activity == ACTIVITY_HLT && virtual_interrupt(v))) {
		n->vmcs02.activity = ACTIVITY_ACTIVE;
		vmwrite(GUEST_ACTIVITY, ACTIVITY_ACTIVE);
		return;
	}
	if (activity == ACTIVITY_WAIT_SIPI)
		v->l2_due = NEVER; /* "VMX-Preemption Timer": it runs in the other states */
	v->state = VCPU_HALTED;
	v->halted_open =
		activity == ACTIVITY_HLT && (n->v12.v[F_GUEST_RFLAGS] & RFLAGS_IF || nested_wakes(v));
	sched_yield(v);
	sched_kick();
}

static void resume_l2(struct vcpu *v)
{
	v->l2_due = timer_due(v->nested);
	if (v->nested->vmcs02.activity != ACTIVITY_ACTIVE)
		begin_activity(v);
}

enum verdict nested_enter(struct vcpu *v, bool launch)
{
	struct nested *n = v->nested;
	uint64_t qualification = 0, blocked;
	enum check_failure failure;
	unsigned bad;
	int error;

	if (n->current == NO_VMCS12 || n->current_is_shadow)
		return VMX_FAIL_INVALID;
	blocked = vmread(GUEST_INTERRUPTIBILITY);
	if (blocked & BLOCKED_BY_MOV_SS)
		return vmx_fail(v, VMFAIL_BLOCKED_BY_MOV_SS);
	if (launch == n->launched)
		return vmx_fail(v, launch ? VMFAIL_LAUNCH_NOT_CLEAR : VMFAIL_RESUME_NOT_LAUNCHED);
	n->nmi_blocked = blocked & BLOCKED_BY_NMI && v->vmcs01.nmi_handled;
	shadow_fetch(v);
	if (n->shadowing)
		vmptrld(v->vmcs01.pa);
	account_phase(v, PHASE_UPDATE);
	failure = check(v, &qualification);
	account_phase(v, PHASE_CHECKS);
	if (failure == CHECK_EXIT_GUEST) {
		nested_entry_failed(v, EXIT_ENTRY_GUEST_STATE, qualification);
		return RESUME;
	}
	if (failure)
		return vmx_fail(v, (unsigned)failure);
	read_l1_state(v);
	error = memory_prepare(v);
	if (error == -EINVAL) {
		nested_entry_failed(v, EXIT_ENTRY_GUEST_STATE, ENTRY_FAILURE_PDPTE);
		return RESUME;
	}
	if (error) {
		vm_stop(v, STOP_UNSUPPORTED, true, "no memory for EPT02");
		return STOP_VM;
	}
	set_cr8_policy(n);
	vmcs_switch(v, &n->vmcs02);
	v->in_l2 = true;
	v->event_valid = v->event_raised = false;
	merge(v);
	account_phase(v, PHASE_MERGE);
	bad = n->v12.v[F_ENTRY_MSR_LOAD_COUNT]
		      ? msr_list_load(v, n->v12.v[F_ENTRY_MSR_LOAD_ADDR], n->v12.v[F_ENTRY_MSR_LOAD_COUNT])
		      : 0;
	if (bad) {
		n->merged = false; /* vmcs02 never ran: what the merge wrote is not what it holds */
		nested_entry_failed(v, EXIT_ENTRY_MSR_LOADING, bad);
		return RESUME;
	}
	n->was_launched = n->launched;
	n->launched = true;
	n->ran = false;
	resume_l2(v);
	return RESUME;
}
