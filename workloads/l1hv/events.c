// SPDX-License-Identifier: MIT
#include "events.h"
#include "guest.h"

static bool irq_waits(void)
{
	return hv.irq_pending[0] | hv.irq_pending[1] | hv.irq_pending[2] | hv.irq_pending[3];
}

static void irq_add(uint32_t vector)
{
	hv.irq_pending[(vector >> 6) & 3] |= 1ull << (vector & 63);
	hv.attention = true;
}

/* Highest vector first, as the APIC would. */
static uint32_t irq_take(void)
{
	unsigned int word = 3;
	uint32_t bit;

	while (!hv.irq_pending[word])
		word--;
	bit = 63u - (uint32_t)__builtin_clzll(hv.irq_pending[word]);
	hv.irq_pending[word] &= ~(1ull << bit);
	return word * 64 + bit;
}

static void nmi_blocking(bool blocked)
{
	uint32_t state = vmread32(GUEST_INTERRUPTIBILITY);

	vmwrite(GUEST_INTERRUPTIBILITY, blocked ? state | BLOCKED_BY_NMI : state & ~BLOCKED_BY_NMI);
}

enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum fault_class class_of(uint32_t vector)
{
	const uint32_t contributory = 1u << 0 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13;

	if (vector == VECTOR_DF)
		return DOUBLE_FAULT;
	if (vector == VECTOR_PF)
		return PAGE_FAULT;
	return vector < 32 && (contributory & (1u << vector)) ? CONTRIBUTORY : BENIGN;
}

/* The event whose delivery failed with the exception in `info`: what becomes of both? */
static uint32_t combine(uint32_t info, uint32_t *error)
{
	const uint32_t first = hv.vectoring;
	enum fault_class a, b;

	hv.vectoring = 0;
	switch (INTR_TYPE(first)) {
	case INTR_EXTERNAL: /* acknowledged already: not to be lost */
		irq_add(first & 0xFF);
		return info;
	case INTR_NMI:
		nmi_blocking(false);
		hv.nmi_pending = true;
		return info;
	case INTR_HARDWARE:
		break;
	default: /* RIP is still at the instruction that raised it */
		return info;
	}
	if (INTR_TYPE(info) != INTR_HARDWARE)
		return info;
	a = class_of(first & 0xFF);
	b = class_of(info & 0xFF);
	if (a == DOUBLE_FAULT && (b == CONTRIBUTORY || b == PAGE_FAULT))
		l2_stop(STOP_TRIPLE_FAULT, "exception during delivery of #DF");
	if ((a == CONTRIBUTORY && b == CONTRIBUTORY) ||
	    (a == PAGE_FAULT && (b == CONTRIBUTORY || b == PAGE_FAULT))) {
		*error = 0;
		return INTR_VALID | INTR_ERROR_CODE | INTR_HARDWARE << 8 | VECTOR_DF;
	}
	return info;
}

static void queue(uint32_t info, uint32_t error, uint32_t length)
{
	if (hv.vectoring)
		info = combine(info, &error);
	hv.event = info;
	hv.event_error = error;
	hv.event_length = length;
	hv.attention = true;
}

static enum verdict inject(uint32_t vector, bool with_error, uint32_t error)
{
	uint32_t info = INTR_VALID | INTR_HARDWARE << 8 | vector;

	if (with_error && (l2_cr0() & X86_CR0_PE)) /* real mode pushes none */
		info |= INTR_ERROR_CODE;
	/* these are faults: their delivery pushes RF set (SDM "Instruction-Breakpoint Exception Condition")
	 */
	vmwrite(GUEST_RFLAGS, vmread(GUEST_RFLAGS) | X86_RFLAGS_RF);
	queue(info, error, 0);
	return RESUME;
}

enum verdict inject_ud(void)
{
	return inject(VECTOR_UD, false, 0);
}

enum verdict inject_gp(void)
{
	return inject(VECTOR_GP, true, 0);
}

enum verdict inject_pf(uint64_t address, uint32_t error)
{
	write_cr2(address);
	return inject(VECTOR_PF, true, error);
}

void events_note_vectoring(void)
{
	const uint32_t info = vmread32(IDT_VECTORING_INFO);

	if (!(info & INTR_VALID))
		return;
	hv.vectoring = info & INTR_INJECTABLE;
	if (info & INTR_ERROR_CODE)
		hv.vectoring_error = vmread32(IDT_VECTORING_ERROR);
	hv.attention = true;
}

static bool software(uint32_t info)
{
	const uint32_t type = INTR_TYPE(info);

	return type == INTR_SOFTWARE || type == INTR_PRIVILEGED || type == INTR_SOFTWARE_EXCEPTION;
}

static void enter_with(uint32_t info)
{
	vmwrite(ENTRY_INTR_INFO, info);
	vmwrite(GUEST_ACTIVITY, ACTIVITY_ACTIVE);
}

/* The handler settled what interrupted the delivery: deliver the event again. */
static void requeue_vectoring(void)
{
	if (INTR_TYPE(hv.vectoring) == INTR_NMI)
		nmi_blocking(false); /* or the entry that injects it would fail its checks */
	hv.event = hv.vectoring;
	hv.event_error = hv.vectoring_error;
	hv.event_length = software(hv.vectoring) ? vmread32(EXIT_INSTR_LEN) : 0;
	hv.vectoring = 0;
}

static void enter_with_interrupt(void)
{
	const uint32_t blocking = vmread32(GUEST_INTERRUPTIBILITY);

	if (hv.nmi_pending && !(blocking & (BLOCKED_BY_NMI | BLOCKED_BY_MOV_SS | BLOCKED_BY_STI))) {
		hv.nmi_pending = false;
		enter_with(INTR_VALID | INTR_NMI << 8 | VECTOR_NMI);
	} else if (irq_waits() && !(blocking & (BLOCKED_BY_MOV_SS | BLOCKED_BY_STI)) &&
		   (vmread(GUEST_RFLAGS) & X86_RFLAGS_IF)) {
		enter_with(INTR_VALID | INTR_EXTERNAL << 8 | irq_take());
	}
}

void events_deliver(void)
{
	uint32_t windows;

	if (hv.vectoring)
		requeue_vectoring();
	if (hv.event) {
		if (hv.event & INTR_ERROR_CODE)
			vmwrite(ENTRY_ERROR_CODE, hv.event_error);
		if (software(hv.event))
			vmwrite(ENTRY_INSTR_LEN, hv.event_length);
		enter_with(hv.event);
		hv.event = 0;
	} else {
		enter_with_interrupt();
	}
	windows = (irq_waits() ? CPU_INTERRUPT_WINDOW : 0) | (hv.nmi_pending ? CPU_NMI_WINDOW : 0);
	if (windows != (hv.cap.cpu & (CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW))) {
		hv.cap.cpu = (hv.cap.cpu & ~(CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW)) | windows;
		vmwrite(CPU_CTLS, hv.cap.cpu);
	}
	hv.attention = windows;
}

void events_nmi_in_root(void)
{
	hv.nmi_pending = true;
	hv.attention = true;
}

/* An exit by NMI leaves NMIs blocked until the next IRET: SDM volume 3, "Updating Non-Register State". */
static void unblock_nmis(void)
{
	uint64_t scratch;

	__asm__ volatile("mov %%rsp, %0\n\t"
			 "pushq %1\n\t"
			 "push %0\n\t"
			 "pushfq\n\t"
			 "pushq %2\n\t"
			 "pushq $1f\n\t"
			 "iretq\n"
			 "1:"
			 : "=&r"(scratch)
			 : "r"((uint64_t)vmread(HOST_SS_SEL)), "r"((uint64_t)vmread(HOST_CS_SEL))
			 : "memory", "cc");
}

/* DR6 and DR7.GD as a delivered #DB would leave them; an exit leaves both to us. */
static void note_debug_exception(uint64_t conditions)
{
	const uint64_t hit = 0xF, detected = hit | 1ull << 13 | 1ull << 14;
	uint64_t dr6;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	dr6 = (dr6 & ~hit) | (conditions & detected);
	__asm__ volatile("mov %0, %%dr6" ::"r"(dr6));
	vmwrite(GUEST_DR7, vmread(GUEST_DR7) & ~(1ull << 13));
	/* SDM volume 3, "Checks on Guest Non-Register State": blocking with TF set demands BS */
	if ((vmread32(GUEST_INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) &&
	    (vmread(GUEST_RFLAGS) & X86_RFLAGS_TF))
		vmwrite(GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

/* An exception that the configuration intercepts goes to L2 unchanged, as if nobody had looked. */
enum verdict on_exception_or_nmi(struct l2_regs *regs)
{
	const uint32_t info = vmread32(EXIT_INTR_INFO), vector = info & 0xFF;

	(void)regs;
	if (INTR_TYPE(info) == INTR_NMI) {
		events_nmi_in_root();
		unblock_nmis();
		return RESUME;
	}
	if ((info & INTR_NMI_UNBLOCK) && vector != VECTOR_DF && !hv.vectoring)
		nmi_blocking(true); /* the IRET that faulted must not have unblocked */
	if (vector == VECTOR_PF)
		write_cr2(vmread(EXIT_QUALIFICATION));
	if (vector == VECTOR_DB && INTR_TYPE(info) == INTR_HARDWARE)
		note_debug_exception(vmread(EXIT_QUALIFICATION));
	queue(info & INTR_INJECTABLE, info & INTR_ERROR_CODE ? vmread32(EXIT_INTR_ERROR) : 0,
	      software(info) ? vmread32(EXIT_INSTR_LEN) : 0);
	return RESUME;
}

enum verdict on_external_interrupt(struct l2_regs *regs)
{
	(void)regs;
	irq_add(vmread32(EXIT_INTR_INFO) & 0xFF);
	return RESUME;
}

/* events_deliver() does it all. */
enum verdict on_window(struct l2_regs *regs)
{
	(void)regs;
	hv.attention = true;
	return RESUME;
}
