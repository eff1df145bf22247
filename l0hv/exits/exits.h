/* SPDX-License-Identifier: MIT */
/* Exits that L0 handles: a handler a basic exit reason, and what it says about going on. */
#ifndef L0HV_EXITS_EXITS_H
#define L0HV_EXITS_EXITS_H

#include <stdbool.h>

#include "l0hv/vm/vm.h"
#include "l0hv/vmx/vmx.h"
#include "vmcs_merge/exit_reason.h"

enum verdict {
	RESUME, /* enter the guest as it is */
	SKIP_AND_RESUME, /* the instruction is done: advance RIP */
	STOP_VM, /* the VM has been stopped, and told why */
	/* The same as SKIP_AND_RESUME for a VMX instruction, whose arithmetic flags are the low byte: SDM
	 * "Conventions" */
	VMX_SUCCEED = 0x100,
	VMX_FAIL_INVALID = 0x101, /* CF */
	VMX_FAIL_VALID = 0x140, /* ZF */
};

typedef enum verdict exit_fn(struct vcpu *v);

/* The table's handler for a basic exit reason, with RIP advanced as it says. May be called in L1 or L2. */
void exit_handle(struct vcpu *v, uint32_t reason /* below ACCOUNT_REASONS */);

/* Events for the next entry. A pending one of the guest is replaced. */
void inject_exception(struct vcpu *v, unsigned vector, uint32_t error_code /* or NO_ERROR_CODE */);
void inject_page_fault(struct vcpu *v, uint64_t cr2, uint32_t error_code);
/* The exit came while an event was being delivered (IDT-vectoring information): deliver it again. */
void reinject_vectoring(struct vcpu *v);

/*
 * For exits that come before an instruction has completed, or between two, where L0 enters the guest again:
 * no single step can be pending then but behind a blocking MOV SS (SDM "Saving Non-Register State").
 * Bochs 2.7 saves one all the same (docs/bochs-differences.md).
 */
void drop_unfounded_step(void);

/* RIP past the instruction; ends blocking by STI and MOV SS; a single step becomes pending. */
void skip_instruction(void);
/* The same, with CF, PF, AF, ZF, SF and OF as given. */
void skip_vmx_instruction(uint64_t flags);
/* The same where the processor gave no instruction length. */
void skip_bytes(uint64_t length);

/* May a REP go on behind an iteration without looking up? Not before a single step or an interrupt. */
bool iterations_may_run(const struct vcpu *v, uint64_t rflags);
/* An iteration of a REP is done, and not the last: the instruction goes on, after what is pending. */
void end_iteration(uint64_t rflags);

/* General register by its number; RSP is in the VMCS. */
static inline uint64_t guest_gpr(const struct vcpu *v, unsigned reg)
{
	return reg == 4 ? vmread(GUEST_RSP) : v->gpr[reg];
}

static inline void guest_gpr_set(struct vcpu *v, unsigned reg, uint64_t value)
{
	if (reg == 4)
		vmwrite(GUEST_RSP, value);
	else
		v->gpr[reg] = value;
}

/* CPL of the guest: SS.DPL. */
static inline unsigned guest_cpl(void)
{
	return (unsigned)(vmread(GUEST_SS_ACCESS_RIGHTS) >> 5 & 3);
}
bool guest_in_64bit_code(void);

exit_fn on_cpuid, on_io, on_rdmsr, on_wrmsr, on_cr_access, on_ept_violation, on_ept_misconfig, on_xsetbv,
	on_hlt;
exit_fn on_exception, on_external_interrupt, on_vmx_instruction, on_vmread, on_vmwrite, on_vmcall,
	on_preemption_timer;

#endif
