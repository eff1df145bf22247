/* SPDX-License-Identifier: MIT */
/*
 * NestedState: L1 as a hypervisor. In L2, vmcs12 goes as an exit would leave it, though there is none: the
 * target merges it again. What an exit would not save of L2 goes apart.
 */
#include <errno.h>

#include "l0hv/cpu/asm.h"
#include "l0hv/lib/lib.h"
#include "l0hv/migrate/state_impl.h"
#include "l0hv/mm/pages.h"
#include "l0hv/nested/insn.h"
#include "l0hv/nested/state.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmcs01.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/unmerge.h"

#define LINEAR_BITS 48u

/* L2's, which an exit saves only if L1 asks for it. */
static const uint8_t l2_fields[] = {
	F_GUEST_DR7,    F_GUEST_DEBUGCTL, F_GUEST_PAT,    F_GUEST_EFER,
	F_GUEST_PDPTE0, F_GUEST_PDPTE1,   F_GUEST_PDPTE2, F_GUEST_PDPTE3,
};
#define L2_FIELDS (sizeof(l2_fields))

/* ---- capture ---- */

/* vmcs12 as an exit of L2 that L1 sees would leave it. vmcs02 is current. */
static void l2_as_saved(struct nested *n, struct vmcs_image *image)
{
	static struct vmcs_image vmcs02;
	const bool event_waits = vmread(ENTRY_INTR_INFO) & INTR_VALID;
	const uint64_t intr_info = n->v12.v[F_ENTRY_INTR_INFO];

	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		uint64_t value;

		vmcs02.v[i] = vmread_try(vmcs_field_encoding[i], &value) ? 0 : value;
	}
	if (vmcs02.v[F_GUEST_EFER] & EFER_LMA)
		vmcs02.v[F_ENTRY_CTLS] |= ENTRY_CTL_IA32E_GUEST;
	else
		vmcs02.v[F_ENTRY_CTLS] &= ~(uint64_t)ENTRY_CTL_IA32E_GUEST;
	vmcs_unmerge(&n->policy, &vmcs02, image);
	if (event_waits) /* L1's, and not delivered: it is still to be injected */
		image->v[F_ENTRY_INTR_INFO] = intr_info;
}

void nested_capture(struct vcpu *v, uint64_t now, struct vcpu_build *b)
{
	struct nested *n = v->nested;
	Nestbed__NestedState *m = &b->nested;
	unsigned field;

	m->feature_control = n->feature_control;
	m->vmxon = n->vmxon;
	m->vmxon_gpa = n->vmxon_gpa;
	m->has_current = n->vmxon && n->current != NO_VMCS12;
	m->nmi_blocked = n->nmi_blocked;
	m->in_l2 = v->in_l2;
	m->entered = n->ran;
	if (!m->has_current)
		return;
	m->current_gpa = n->current;
	m->launched = n->launched;
	m->current_is_shadow = n->current_is_shadow;
	if (v->in_l2) {
		b->image = n->v12;
		vmptrld(n->vmcs02.pa);
		l2_as_saved(n, &b->image);
		for (unsigned i = 0; i < L2_FIELDS; i++)
			field_list_add(&b->l2, l2_fields[i], vmread(vmcs_field_encoding[l2_fields[i]]));
		m->timer_runs = v->l2_due != NEVER;
		m->timer_ticks = m->timer_runs && v->l2_due > now ? v->l2_due - now : 0;
	} else {
		vmcs12_sync(v);
		vmptrld(v->vmcs01.pa);
		shadow_fetch(v); /* what L1 has written without an exit */
		b->image = n->v12;
	}
	for (VMCS_BITSET_EACH(field, &n->fields))
		field_list_add(&b->vmcs12, field, b->image.v[field]);
	m->vmcs12 = b->vmcs12.list;
	m->n_vmcs12 = b->vmcs12.n;
	m->l2 = b->l2.list;
	m->n_l2 = b->l2.n;
}

/* ---- check ---- */

static bool physical_ok(const struct vcpu *v, uint64_t gpa)
{
	return !(gpa & PAGE_MASK) && !(gpa >> v->vm->cpu.maxphyaddr);
}

/* SDM "Restrictions on VMX Operation", for L1. */
static bool fixed_bits_ok(const struct nested *n, const struct vmcs_image *l1)
{
	const uint64_t cr0 = l1->v[F_GUEST_CR0], cr4 = l1->v[F_GUEST_CR4];

	return (cr0 & n->caps.cr0_fixed0) == n->caps.cr0_fixed0 && !(cr0 & ~n->caps.cr0_fixed1) &&
	       (cr4 & n->caps.cr4_fixed0) == n->caps.cr4_fixed0 && !(cr4 & ~n->caps.cr4_fixed1);
}

/* vmcs12's event is L1's until it is delivered; L2's own, which L0 injects again, is the message's. */
static const char *check_l2_events(const struct check_env *env, struct vmcs_image *image,
				   const Nestbed__PendingEvent *event)
{
	struct check_result result;

	if (!vmcs12_check(env, CHECK_EVENT, &result))
		return result.clause;
	if (!event)
		return NULL;
	image->v[F_ENTRY_INTR_INFO] = event->info;
	image->v[F_ENTRY_ERROR_CODE] = event->error_code;
	image->v[F_ENTRY_INSTR_LEN] = event->length;
	return vmcs12_check(env, CHECK_EVENT, &result) ? NULL : result.clause;
}

/* What L1's VM entry had accepted of the vmcs12 that L2 runs on, and an exit will use. */
static const char *check_l2_controls(struct vcpu *v, const struct vcpu_staged *s)
{
	static struct vmcs_image image;
	struct check_result result;
	const struct check_env env = {
		.vmcs12 = &image,
		.caps = &v->nested->caps,
		.physical_address_bits = v->vm->cpu.maxphyaddr,
		.linear_address_bits = LINEAR_BITS,
		.efer_hidden = ~v->vm->cpu.efer,
		.l1_long_mode = s->l1.v[F_GUEST_EFER] & EFER_LMA,
		.debugctl_bits = DEBUGCTL_BTF,
		.vtpr = 0xFF, /* was high enough when L2 was entered, and may have fallen since */
		.current_vmcs = s->m->nested->current_gpa,
	};

	image = s->v12;
	if (!env.l1_long_mode) /* L2 may have switched to it since */
		image.v[F_ENTRY_CTLS] &= ~(uint64_t)ENTRY_CTL_IA32E_GUEST;
	if (!vmcs12_check(&env, CHECK_EXECUTION | CHECK_EXIT | CHECK_ENTRY | CHECK_HOST, &result))
		return result.clause;
	return check_l2_events(&env, &image, s->m->event);
}

static const char *check_l2_registers(struct vcpu *v, struct vcpu_staged *s)
{
	const Nestbed__NestedState *m = s->m->nested;
	struct vmcs_bitset allowed, given;
	const char *bad;

	vmcs_bitset_clear_all(&allowed);
	for (unsigned i = 0; i < L2_FIELDS; i++)
		vmcs_bitset_set(&allowed, l2_fields[i]);
	bad = fields_read(m->l2, m->n_l2, &allowed, &s->l2, &given);
	if (bad)
		return bad;
	if (m->n_l2 != L2_FIELDS)
		return "a register of L2 that is not there";
	if (s->l2.v[F_GUEST_DR7] >> 32 || s->l2.v[F_GUEST_DEBUGCTL] & ~DEBUGCTL_BTF ||
	    !check_pat(s->l2.v[F_GUEST_PAT]) || s->l2.v[F_GUEST_EFER] & ~v->vm->cpu.efer)
		return "a register of L2";
	if (s->v12.v[F_GUEST_ACTIVITY] > ACTIVITY_WAIT_SIPI ||
	    (s->v12.v[F_GUEST_ACTIVITY] && s->m->activity != VCPU_HALTED))
		return "the activity state of L2";
	return NULL;
}

static const char *check_l2(struct vcpu *v, struct vcpu_staged *s)
{
	const char *bad = check_l2_registers(v, s);

	return bad ? bad : check_l2_controls(v, s);
}

static const char *check_current(struct vcpu *v, struct vcpu_staged *s)
{
	const Nestbed__NestedState *m = s->m->nested;
	struct vmcs_bitset given;
	const char *bad;

	if (!physical_ok(v, m->current_gpa) ||
	    !vm_memory(v->vm, m->current_gpa, sizeof(struct vmcs12_region)) || m->current_gpa == m->vmxon_gpa)
		return "the address of the current VMCS";
	bad = fields_read(m->vmcs12, m->n_vmcs12, &v->nested->fields, &s->v12, &given);
	if (bad)
		return bad;
	if (m->in_l2 && (m->current_is_shadow || !m->launched))
		return "L2, but a VMCS that it cannot run on";
	return m->in_l2 ? check_l2(v, s) : NULL;
}

const char *nested_check_state(struct vcpu *v, struct vcpu_staged *s)
{
	const Nestbed__NestedState *m = s->m->nested;

	memset(&s->v12, 0, sizeof(s->v12));
	memset(&s->l2, 0, sizeof(s->l2));
	if (m->feature_control & ~(FEATURE_LOCK | FEATURE_VMXON))
		return "IA32_FEATURE_CONTROL";
	if (m->vmxon && m->feature_control != (FEATURE_LOCK | FEATURE_VMXON))
		return "VMX operation that IA32_FEATURE_CONTROL forbids";
	if ((m->has_current && !m->vmxon) || (m->in_l2 && !m->has_current))
		return "a current VMCS or L2 outside VMX operation";
	if (s->m->init_pending && !m->vmxon)
		return "an INIT that nothing blocks";
	if (s->m->sipi_for_l2 && !m->in_l2)
		return "a SIPI for an L2 that is not";
	if (!m->vmxon)
		return NULL;
	if (!physical_ok(v, m->vmxon_gpa) || !fixed_bits_ok(v->nested, &s->l1))
		return "VMX operation with what it does not allow";
	return m->has_current ? check_current(v, s) : NULL;
}

/* ---- restore ---- */

void nested_put_vmxon(struct vcpu *v, const struct vcpu_staged *s)
{
	const Nestbed__NestedState *m = s->m->nested;
	struct nested *n = v->nested;

	n->feature_control = m->feature_control;
	n->vmxon = m->vmxon;
	n->vmxon_gpa = m->vmxon_gpa;
	n->nmi_blocked = m->nmi_blocked;
}

static void put_current(struct vcpu *v, const struct vcpu_staged *s)
{
	const Nestbed__NestedState *m = s->m->nested;
	struct nested *n = v->nested;

	n->current = m->current_gpa;
	n->launched = n->was_launched = m->launched;
	n->current_is_shadow = m->current_is_shadow;
	n->v12 = s->v12;
	n->host_stale = n->msr_bitmap_stale = true;
	n->checks_due = CHECK_ALL;
	vmcs_bitset_set_all(&n->dirty);
	shadow_attach(v, true);
}

int nested_put(struct vcpu *v, const struct vcpu_staged *s, uint64_t now)
{
	const Nestbed__NestedState *m = s->m->nested;
	struct nested *n = v->nested;

	if (!n->vmxon)
		return 0;
	shadow_init(v);
	nested_merge_inputs(v);
	if (!m->has_current)
		return 0;
	put_current(v, s);
	if (!m->in_l2)
		return 0;
	if (nested_reenter(v))
		return -ENOMEM;
	for (unsigned i = 0; i < L2_FIELDS; i++)
		vmwrite(vmcs_field_encoding[l2_fields[i]], s->l2.v[l2_fields[i]]);
	v->l2_due = m->timer_runs ? now + m->timer_ticks : NEVER;
	return 0;
}
