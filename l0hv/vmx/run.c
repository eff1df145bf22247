/* SPDX-License-Identifier: MIT */
/* The path of every exit: account, handle, make the next entry ready. */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/exits.h"
#include "l0hv/nested/nested.h"
#include "l0hv/record/record.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/run.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/exit_reason.h"

_Static_assert(offsetof(struct vcpu, gpr) == 0, "switch.S pushes them");
_Static_assert(offsetof(struct vcpu, launched) == 128, "switch.S reads it");

#define TIMER_MAX 0xFFFFFFFFull

struct vmx_counters vmx_counters;

void vmx_instruction_failed(const char *insn, uint64_t operand)
{
	uint64_t error = 0;

	(void)vmread_try(VM_INSTRUCTION_ERROR, &error);
	panic("%s of %llx failed, VM-instruction error %llu", insn, (unsigned long long)operand,
	      (unsigned long long)error);
}

void set_cpu_control(struct vcpu *v, uint32_t bit, bool on)
{
	v->vmcs->cpu_ctls = on ? v->vmcs->cpu_ctls | bit : v->vmcs->cpu_ctls & ~bit;
	vmwrite(CPU_CTLS, v->vmcs->cpu_ctls);
}

static void write_event(struct vcpu *v)
{
	vmwrite(ENTRY_INTR_INFO, v->event_info);
	vmwrite(ENTRY_ERROR_CODE, v->event_error);
	vmwrite(ENTRY_INSTR_LEN, v->event_length);
	if (v->in_l2)
		nested_event_written(v);
	if (v->event_raised && (v->event_info & 0xFF) == VECTOR_PF)
		write_cr2(v->event_cr2);
	v->event_valid = v->event_raised = false;
}

static void wake(struct vcpu *v)
{
	v->state = VCPU_RUNNING;
	if (v->vmcs->activity != ACTIVITY_ACTIVE) {
		v->vmcs->activity = ACTIVITY_ACTIVE;
		vmwrite(GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	}
}

/* SDM "Interruptibility State": what an external interrupt needs. */
static bool interruptible(void)
{
	return vmread(GUEST_RFLAGS) & RFLAGS_IF &&
	       !(vmread(GUEST_INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
}

void open_interrupt_window(struct vcpu *v)
{
	if (v->vmcs->window_open)
		return;
	v->vmcs->window_open = true;
	set_cpu_control(v, CPU_INTR_WINDOW, true);
}

/* Now, or when the guest lets it and no other event goes first. */
static void inject_interrupt(struct vcpu *v)
{
	int vector;

	if (v->event_valid || !interruptible()) {
		open_interrupt_window(v);
		return;
	}
	vector = platform_interrupt_ack(&v->vm->platform, v->id);
	if (vector < 0)
		return;
	v->event_valid = true;
	v->event_info = INTR_VALID | INTR_TYPE_EXT | (uint32_t)vector;
	v->event_error = v->event_length = 0;
	wake(v);
	/* The next one in line needs a window, or would wait for an exit that may not come. */
	if (platform_interrupt_pending(&v->vm->platform, v->id) >= 0)
		open_interrupt_window(v);
}

static void open_nmi_window(struct vcpu *v)
{
	if (v->vmcs->nmi_window_open)
		return;
	v->vmcs->nmi_window_open = true;
	set_cpu_control(v, CPU_NMI_WINDOW, true);
}

/* Now, or when the guest lets it and no other event goes first. */
static void inject_nmi(struct vcpu *v)
{
	uint64_t blocked = vmread(GUEST_INTERRUPTIBILITY);

	if (blocked & BLOCKED_BY_NMI && !v->in_l2 && !v->vmcs->nmi_handled) {
		/* Bochs: what blocked the vCPU that ran before still does (docs/bochs-differences.md) */
		blocked &= ~(uint64_t)BLOCKED_BY_NMI;
		vmwrite(GUEST_INTERRUPTIBILITY, blocked);
	}
	if (blocked & BLOCKED_BY_NMI)
		v->nmis_pending = 1; /* behind the one being handled there is one latch */
	if (v->event_valid || blocked & (BLOCKED_BY_NMI | BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) {
		open_nmi_window(v);
		return;
	}
	v->nmis_pending--;
	v->vmcs->nmi_handled = true;
	v->event_valid = true;
	v->event_info = INTR_VALID | INTR_TYPE_NMI | VECTOR_NMI;
	v->event_error = v->event_length = 0;
	wake(v);
	if (v->nmis_pending)
		open_nmi_window(v);
}

static uint64_t next_deadline(const struct vcpu *v)
{
	uint64_t deadline = v->own_deadline < v->devices->deadline ? v->own_deadline : v->devices->deadline;

	if (v->exit_soon)
		return 0;
	return v->l2_due < deadline ? v->l2_due : deadline;
}

static __attribute__((noinline)) void set_timer(struct vcpu *v)
{
	uint64_t deadline = next_deadline(v), now, ticks;

	v->exit_soon = false;
	if (deadline == NEVER) {
		if (v->vmcs->timer_on) {
			v->vmcs->timer_on = false;
			v->vmcs->pin_ctls &= ~PIN_PREEMPTION_TIMER;
			vmwrite(PIN_CTLS, v->vmcs->pin_ctls);
		}
		return;
	}
	if (!v->vmcs->timer_on) {
		v->vmcs->timer_on = true;
		v->vmcs->pin_ctls |= PIN_PREEMPTION_TIMER;
		vmwrite(PIN_CTLS, v->vmcs->pin_ctls);
	}
	now = rdtsc();
	ticks = deadline > now ? (deadline - now) >> l0_features.timer_rate : 0;
	vmwrite(PREEMPTION_TIMER, ticks < TIMER_MAX ? ticks : TIMER_MAX);
}

static void flush(struct vcpu *v)
{
	if (v->flush_ept)
		invept(INVEPT_ALL, 0);
	if ((v->flush_ept || v->flush_vpid) && l0_features.vpid)
		invvpid(INVVPID_ALL, 0);
	v->flush_ept = v->flush_vpid = false;
}

static __attribute__((noinline)) void prepare_events(struct vcpu *v)
{
	platform_advance(&v->vm->platform, v->now);
	if (v->sipi_for_l2)
		nested_take_sipi(v);
	if (v->init_pending && v->in_l2)
		nested_take_init(v);
	if (v->nmis_pending && !nested_takes_nmi(v))
		inject_nmi(v);
	if (v->devices->pending >= 0 && !nested_takes_interrupt(v))
		inject_interrupt(v);
	if (v->event_valid)
		write_event(v);
	if (v->flush_ept || v->flush_vpid)
		flush(v);
}

/* Inlined: it is on the way of every exit. NEVER has all bits set. */
static inline __attribute__((always_inline)) void prepare_entry(struct vcpu *v)
{
	if (v->attention || v->now >= v->vm->platform.next_event || v->devices->pending >= 0) {
		prepare_events(v);
		set_timer(v);
	} else if ((v->own_deadline & v->devices->deadline & v->l2_due) != NEVER || v->vmcs->timer_on) {
		set_timer(v);
	}
}

static void account_exit(struct vcpu *v, struct account_exit *a, uint64_t now)
{
	uint64_t end = rdtsc(), ticks = end - now;

	a->count++;
	a->ticks += ticks;
	v->account.ticks[0] += ticks;
	v->entered_at = end;
}

/* What account_exit() and the counting at the start of vcpu_exit() cost, for account_calibrate(). */
void account_exit_again(struct vcpu *v, uint64_t now)
{
	v->account.ticks[1] += now - v->entered_at;
	account_exit(v, &v->account.exit[0][EXIT_CPUID], now);
}

void vcpu_exit(struct vcpu *v)
{
	uint64_t now = rdtsc();
	unsigned level = v->in_l2;
	uint32_t reason = (uint32_t)vmread(EXIT_REASON) % ACCOUNT_REASONS;
	struct vcpu *next = v;

	v->now = now;
	v->reason = reason;
	v->account.ticks[1 + level] += now - v->entered_at;
	if (level)
		nested_exit(v, reason);
	else
		exit_handle(v, reason);
	if (sched_kicked)
		next = sched_next(v);
	prepare_entry(next);
	account_exit(v, &v->account.exit[level][reason], now);
	if (v->account_after)
		account_after(v, v->entered_at - now);
	next->entered_at = v->entered_at;
	vmx_enter(next);
}

void vcpu_enter(struct vcpu *v)
{
	prepare_entry(v);
	v->entered_at = rdtsc();
	vmx_enter(v);
}

/*
 * The entry failed before it began (SDM "VM-Instruction Error Numbers" 7, 8 and the rest). At L1 that is a
 * control or host field of L0's making; at L2 it ends the VM unless it can be mended.
 */
struct vcpu *vcpu_entry_vmfail(struct vcpu *v, unsigned carry)
{
	struct vcpu *next;
	uint64_t error = 0;

	if (!carry)
		(void)vmread_try(VM_INSTRUCTION_ERROR, &error);
	if (v->in_l2 && nested_entry_mended(v))
		return v;
	if (v->in_l2) {
		vm_stop(v, STOP_BAD_GUEST_STATE, true, "VM entry of L2 failed: VM-instruction error %llu",
			(unsigned long long)error);
		next = sched_next(v);
		prepare_entry(next);
		next->entered_at = rdtsc();
		return next;
	}
	panic("VM entry of %s, vCPU %u, failed: %s, VM-instruction error %llu", v->vm->config->name, v->id,
	      carry ? "VMfailInvalid" : "VMfailValid", (unsigned long long)error);
}

enum verdict on_preemption_timer(struct vcpu *v)
{
	drop_unfounded_step();
	v->now = rdtsc();
	platform_advance(&v->vm->platform, v->now);
	if (v->state == VCPU_HALTED)
		sched_kick();
	sched_timer(v);
	return RESUME;
}

/* A single step's trap behind HLT, which L0 makes pending as it skips it, wakes at once. */
static bool steps(void)
{
	return vmread(GUEST_RFLAGS) & RFLAGS_TF && !(vmread(GUEST_DEBUGCTL) & DEBUGCTL_BTF);
}

enum verdict on_hlt(struct vcpu *v)
{
	if (steps() || (v->in_l2 && nested_hlt_ends(v)))
		return SKIP_AND_RESUME;
	v->state = VCPU_HALTED;
	v->halted_open = vmread(GUEST_RFLAGS) & RFLAGS_IF || nested_wakes(v);
	v->vmcs->activity = ACTIVITY_HLT;
	vmwrite(GUEST_ACTIVITY, ACTIVITY_HLT);
	platform_advance(&v->vm->platform, v->now);
	sched_yield(v);
	sched_kick();
	return SKIP_AND_RESUME;
}
