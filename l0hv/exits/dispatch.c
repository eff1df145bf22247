/* SPDX-License-Identifier: MIT */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/exits.h"
#include "l0hv/migrate/move.h"
#include "l0hv/migrate/track.h"
#include "l0hv/sched/sched.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/run.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/exit_reason.h"

static enum verdict on_triple_fault(struct vcpu *v)
{
	vm_stop(v, STOP_TRIPLE_FAULT, true, "triple fault");
	return STOP_VM;
}

/* INIT and SIPI are L0's own to send; a stray one of the machine's changes nothing for a guest. */
static enum verdict on_ignored(struct vcpu *v)
{
	(void)v;
	return RESUME;
}

/* Caches: guest memory is coherent and L0 has no device that is not, so that writing back would change
 * nothing. */
static enum verdict on_nothing_to_do(struct vcpu *v)
{
	(void)v;
	return SKIP_AND_RESUME;
}

/* The same, but for a VM that moves: all that was written before must arrive before it goes on. */
static enum verdict on_cache_write_back(struct vcpu *v)
{
	if (v->vm->tracked) /* it moves, perhaps */
		(void)move_barrier(v);
	return SKIP_AND_RESUME;
}

/* prepare_entry() opens windows and looks again. */
static enum verdict on_interrupt_window(struct vcpu *v)
{
	drop_unfounded_step();
	v->vmcs->window_open = false;
	set_cpu_control(v, CPU_INTR_WINDOW, false);
	return RESUME;
}

static enum verdict on_nmi_window(struct vcpu *v)
{
	drop_unfounded_step();
	v->vmcs->nmi_window_open = false;
	set_cpu_control(v, CPU_NMI_WINDOW, false);
	return RESUME;
}

/* L0's own: L1's log is filled by L0 (l0hv/nested/memory.c). */
static enum verdict on_pml_full(struct vcpu *v)
{
	drop_unfounded_step();
	track_log_full(v);
	return RESUME;
}

static enum verdict on_undefined(struct vcpu *v)
{
	inject_exception(v, VECTOR_UD, NO_ERROR_CODE);
	return RESUME;
}

static enum verdict on_general_protection(struct vcpu *v)
{
	inject_exception(v, VECTOR_GP, 0);
	return RESUME;
}

static enum verdict on_task_switch(struct vcpu *v)
{
	vm_stop(v, STOP_UNSUPPORTED, true, "hardware task switch");
	return STOP_VM;
}

static enum verdict on_bad_guest_state(struct vcpu *v)
{
	vm_stop(v, STOP_BAD_GUEST_STATE, true, "VM entry failed: %s, qualification %llu",
		exit_reason_name((uint32_t)vmread(EXIT_REASON) & 0xFFFF),
		(unsigned long long)vmread(EXIT_QUALIFICATION));
	return STOP_VM;
}

static const struct {
	exit_fn *fn;
	bool during_delivery; /* may come while an event is being delivered */
} exit_table[ACCOUNT_REASONS] = {
	[EXIT_EXCEPTION_NMI] = {on_exception,          true },
	[EXIT_EXTERNAL_INTERRUPT] = {on_external_interrupt, false},
	[EXIT_TRIPLE_FAULT] = {on_triple_fault,       false},
	[EXIT_INIT] = {on_ignored,            false},
	[EXIT_SIPI] = {on_ignored,            false},
	[EXIT_INTR_WINDOW] = {on_interrupt_window,   false},
	[EXIT_NMI_WINDOW] = {on_nmi_window,         false},
	[EXIT_TASK_SWITCH] = {on_task_switch,        true },
	[EXIT_CPUID] = {on_cpuid,              false},
	[EXIT_GETSEC] = {on_undefined,          false},
	[EXIT_HLT] = {on_hlt,                false},
	[EXIT_INVD] = {on_cache_write_back,   false},
	[EXIT_INVLPG] = {on_nothing_to_do,      false},
	[EXIT_RDPMC] = {on_general_protection, false},
	[EXIT_RDTSC] = {on_undefined,          false},
	[EXIT_VMCALL] = {on_vmcall,             false},
	[EXIT_VMCLEAR] = {on_vmx_instruction,    false},
	[EXIT_VMLAUNCH] = {on_vmx_instruction,    false},
	[EXIT_VMPTRLD] = {on_vmx_instruction,    false},
	[EXIT_VMPTRST] = {on_vmx_instruction,    false},
	[EXIT_VMREAD] = {on_vmread,             false},
	[EXIT_VMRESUME] = {on_vmx_instruction,    false},
	[EXIT_VMWRITE] = {on_vmwrite,            false},
	[EXIT_VMXOFF] = {on_vmx_instruction,    false},
	[EXIT_VMXON] = {on_vmx_instruction,    false},
	[EXIT_CR_ACCESS] = {on_cr_access,          false},
	[EXIT_IO] = {on_io,                 false},
	[EXIT_MSR_READ] = {on_rdmsr,              false},
	[EXIT_MSR_WRITE] = {on_wrmsr,              false},
	[EXIT_ENTRY_GUEST_STATE] = {on_bad_guest_state,    false},
	[EXIT_ENTRY_MSR_LOADING] = {on_bad_guest_state,    false},
	[EXIT_MWAIT] = {on_undefined,          false},
	[EXIT_MONITOR] = {on_undefined,          false},
	[EXIT_EPT_VIOLATION] = {on_ept_violation,      true },
	[EXIT_EPT_MISCONFIG] = {on_ept_misconfig,      true },
	[EXIT_INVEPT] = {on_vmx_instruction,    false},
	[EXIT_RDTSCP] = {on_undefined,          false},
	[EXIT_PREEMPTION_TIMER] = {on_preemption_timer,   false},
	[EXIT_INVVPID] = {on_vmx_instruction,    false},
	[EXIT_WBINVD] = {on_cache_write_back,   false},
	[EXIT_XSETBV] = {on_xsetbv,             false},
	[EXIT_RDRAND] = {on_undefined,          false},
	[EXIT_INVPCID] = {on_undefined,          false},
	[EXIT_VMFUNC] = {on_undefined,          false},
	[EXIT_ENCLS] = {on_undefined,          false},
	[EXIT_RDSEED] = {on_undefined,          false},
	[EXIT_PML_FULL] = {on_pml_full,           true },
	[EXIT_XSAVES] = {on_undefined,          false},
	[EXIT_XRSTORS] = {on_undefined,          false},
};

static inline __attribute__((always_inline)) void finish(enum verdict verdict)
{
	if (verdict == SKIP_AND_RESUME)
		skip_instruction();
	else if (verdict >= VMX_SUCCEED)
		skip_vmx_instruction(verdict & 0xFF);
}

static __attribute__((noinline)) void handle_during_delivery(struct vcpu *v, exit_fn *fn)
{
	reinject_vectoring(v);
	finish(fn(v));
}

static __attribute__((noinline)) void unexpected(struct vcpu *v, uint32_t reason)
{
	vm_stop(v, STOP_UNEXPECTED_EXIT, true, "exit reason %u (%s) that L0 did not ask for", reason,
		exit_reason_name(reason));
}

/* What is rare is apart, so that nothing has to be kept for it. */
void exit_handle(struct vcpu *v, uint32_t reason)
{
	exit_fn *fn = exit_table[reason].fn;

	if (!fn)
		unexpected(v, reason);
	else if (exit_table[reason].during_delivery)
		handle_during_delivery(v, fn);
	else
		finish(fn(v));
}
