/* SPDX-License-Identifier: MIT */
/* Events into the guest, and exits that events cause. SDM "Event Injection", "Information for VM Exits That
 * Occur During Event Delivery". */
#include "l0hv/cpu/asm.h"
#include "l0hv/exits/cr.h"
#include "l0hv/exits/exits.h"
#include "l0hv/vmx/probe.h"
#include "l0hv/vmx/vmx.h"

/* Vectors of faults: #DE, #BR to #NM, #TS to #PF, #MF, #AC, #XM, #VE, #CP. #DB is either, and never raised
 * here. */
#define FAULTS 0x003B7CE1u

/* SDM "Instruction-Breakpoint Exception Condition": a fault's delivery pushes RF set, which an injection
 * doesn't by itself. */
static void set_rf_of_fault(unsigned vector)
{
	if (FAULTS >> vector & 1)
		vmwrite(GUEST_RFLAGS, vmread(GUEST_RFLAGS) | RFLAGS_RF);
}

void inject_exception(struct vcpu *v, unsigned vector, uint32_t error_code)
{
	drop_unfounded_step();
	set_rf_of_fault(vector);
	v->event_valid = v->event_raised = true;
	v->event_info = INTR_VALID | INTR_TYPE_HW | vector;
	v->event_length = 0;
	v->event_error = 0;
	if (error_code != NO_ERROR_CODE) {
		v->event_error = error_code;
		/* "VM-Entry Control Fields": in real mode no error code is pushed */
		if (vmread(GUEST_CR0) & CR0_PE)
			v->event_info |= INTR_ERROR_CODE;
	}
}

void inject_page_fault(struct vcpu *v, uint64_t cr2, uint32_t error_code)
{
	v->event_cr2 = cr2;
	inject_exception(v, VECTOR_PF, error_code);
}

void reinject_vectoring(struct vcpu *v)
{
	uint32_t info = (uint32_t)vmread(IDT_VECTORING_INFO);
	uint32_t type = info & INTR_TYPE_MASK;

	if (!(info & INTR_VALID))
		return;
	/* "VM-Entry Control Fields": in real mode no error code is pushed; Bochs tells one */
	if (info & INTR_ERROR_CODE && !(vmread(GUEST_CR0) & CR0_PE))
		info &= ~INTR_ERROR_CODE;
	v->event_valid = true;
	v->event_info = info & (INTR_VALID | INTR_ERROR_CODE | INTR_TYPE_MASK | 0xFF);
	v->event_error = info & INTR_ERROR_CODE ? (uint32_t)vmread(IDT_VECTORING_ERROR) : 0;
	v->event_length = type == INTR_TYPE_SW_INT || type == INTR_TYPE_PRIV_SW || type == INTR_TYPE_SW_EX
				  ? (uint32_t)vmread(EXIT_INSTR_LEN)
				  : 0;
	if (type == INTR_TYPE_NMI) /* "Interruptibility State": an NMI to be injected must not be blocked */
		vmwrite(GUEST_INTERRUPTIBILITY, vmread(GUEST_INTERRUPTIBILITY) & ~(uint64_t)BLOCKED_BY_NMI);
}

void drop_unfounded_step(void)
{
	uint64_t pending = vmread(GUEST_PENDING_DEBUG);

	if (pending & PENDING_DEBUG_BS &&
	    !(vmread(GUEST_INTERRUPTIBILITY) & (BLOCKED_BY_MOV_SS | BLOCKED_BY_STI)))
		vmwrite(GUEST_PENDING_DEBUG, pending & ~(uint64_t)PENDING_DEBUG_BS);
}

/* "Single-Step Exception Condition" */
static void step_trap(uint64_t rflags)
{
	if (rflags & RFLAGS_TF && !(vmread(GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmwrite(GUEST_PENDING_DEBUG, vmread(GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

/* What advance() leaves out: RIP and RFLAGS are as it wrote them, RFLAGS but for RF. */
static __attribute__((noinline)) void advance_rest(uint64_t rip, uint64_t next, uint64_t blocked,
						   uint64_t rflags)
{
	if ((rip ^ next) >> 32 && !guest_in_64bit_code())
		vmwrite(GUEST_RIP, (uint32_t)next);
	if (blocked & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS))
		vmwrite(GUEST_INTERRUPTIBILITY, blocked & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
	/* an instruction that completes clears RF: "Instruction-Breakpoint Exception Condition" */
	if (rflags & RFLAGS_RF)
		vmwrite(GUEST_RFLAGS, rflags & ~RFLAGS_RF);
	step_trap(rflags);
}

bool iterations_may_run(const struct vcpu *v, uint64_t rflags)
{
	return !(rflags & RFLAGS_TF) && v->devices->pending < 0 && !(v->vmcs->cpu_ctls & CPU_INTR_WINDOW);
}

void end_iteration(uint64_t rflags)
{
	uint64_t blocked = vmread(GUEST_INTERRUPTIBILITY);

	/* "Instruction-Breakpoint Exception Condition": an event there finds RF set, so that the breakpoint
	 * at the instruction isn't met once more */
	vmwrite(GUEST_RFLAGS, rflags | RFLAGS_RF);
	if (blocked & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS))
		vmwrite(GUEST_INTERRUPTIBILITY, blocked & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
	step_trap(rflags);
}

/*
 * reads: VMREADs of the caller's that nobody has counted. clear, set: flags of RFLAGS that the instruction
 * changes; they are written even where nothing changes: what an instruction costs must not hang on the flags
 * that it finds. On the way of most exits: the rest is apart, so that nothing has to be kept for it.
 */
static inline __attribute__((always_inline)) void advance(uint64_t length, unsigned reads, uint64_t clear,
							  uint64_t set)
{
	uint64_t rip = vmread_uncounted(GUEST_RIP), next = rip + length;
	uint64_t blocked = vmread_uncounted(GUEST_INTERRUPTIBILITY), rflags = vmread_uncounted(GUEST_RFLAGS);

	vmwrite_uncounted(GUEST_RIP, next);
	rflags = (rflags & ~clear) | set;
	if (clear)
		vmwrite_uncounted(GUEST_RFLAGS, rflags);
	vmx_count(3 + reads, clear ? 2 : 1);
	if ((rip ^ next) >> 32 | (blocked & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) |
	    (rflags & (RFLAGS_RF | RFLAGS_TF)))
		advance_rest(rip, next, blocked, rflags);
}

void skip_bytes(uint64_t length)
{
	advance(length, 0, 0, 0);
}

void skip_instruction(void)
{
	advance(vmread_uncounted(EXIT_INSTR_LEN), 1, 0, 0);
}

void skip_vmx_instruction(uint64_t flags)
{
	advance(vmread_uncounted(EXIT_INSTR_LEN), 1, RFLAGS_ARITH, flags);
}

bool guest_in_64bit_code(void)
{
	return vmread(GUEST_CS_ACCESS_RIGHTS) >> 13 & 1 && vmread(GUEST_EFER) & EFER_LMA;
}

enum verdict on_exception(struct vcpu *v)
{
	uint32_t info = (uint32_t)vmread(EXIT_INTR_INFO), idt = (uint32_t)vmread(IDT_VECTORING_INFO);

	if ((info & INTR_TYPE_MASK) == INTR_TYPE_NMI) {
		__asm__ volatile("int $2"); /* run L0's handler; its IRET unblocks NMIs */
		return RESUME;
	}
	/* "VM Exits Due to Exceptions": NMIs unblocked by an IRET that then faulted are blocked again */
	if (info & INTR_NMI_UNBLOCK && !(idt & INTR_VALID) && (info & 0xFF) != VECTOR_DF)
		vmwrite(GUEST_INTERRUPTIBILITY, vmread(GUEST_INTERRUPTIBILITY) | BLOCKED_BY_NMI);
	if ((info & (INTR_TYPE_MASK | 0xFF)) == (INTR_TYPE_HW | VECTOR_NM) && cr_use_hidden_fpu(v)) {
		drop_unfounded_step();
		return RESUME;
	}
	v->event_valid = true;
	v->event_info = info & (INTR_VALID | INTR_ERROR_CODE | INTR_TYPE_MASK | 0xFF);
	v->event_error = info & INTR_ERROR_CODE ? (uint32_t)vmread(EXIT_INTR_ERROR) : 0;
	v->event_length = (uint32_t)vmread(EXIT_INSTR_LEN);
	if ((info & INTR_TYPE_MASK) == INTR_TYPE_HW)
		set_rf_of_fault(info & 31);
	if ((info & 0xFF) == VECTOR_PF)
		write_cr2(vmread(EXIT_QUALIFICATION));
	return RESUME;
}

/* L0 keeps the machine's interrupt controllers masked; what comes all the same is taken and dropped. */
enum verdict on_external_interrupt(struct vcpu *v)
{
	(void)v;
	drop_unfounded_step();
	__asm__ volatile("sti; nop; cli");
	return RESUME;
}
