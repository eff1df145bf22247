// SPDX-License-Identifier: MIT
/*
 * Blocking by NMI of L1 over VM entries and exits. SDM "Loading Guest Non-Register State", "Updating
 * Non-Register State", "VM-Entry Failures During or After Loading Guest State".
 */
#include "workloads/rt/rt_apic.h"
#include "lab_impl.h"

L2_CODE(nmi_code, "nop");
L2_CODE(nmi_iret, "movq %ss, %rax; movq %rsp, %rcx; pushq %rax; pushq %rcx; pushfq; movq %cs, %rax\n"
		  "pushq %rax; leaq 1f(%rip), %rax; pushq %rax; iretq; 1: nop");

static unsigned int count;

static void on_nmi(struct rt_regs *regs)
{
	(void)regs;
	__atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
}

/* Is an NMI that L1 sends itself held back, until IRET? */
static bool blocked(void)
{
	bool held;

	__atomic_store_n(&count, 0, __ATOMIC_RELAXED);
	rt_apic_ipi(rt_apic_id(), ICR_NMI | ICR_ASSERT);
	for (unsigned int i = 0; i < 100; i++)
		__asm__ volatile("pause");
	held = __atomic_load_n(&count, __ATOMIC_RELAXED) == 0;
	lab_unblock_nmis();
	for (unsigned int i = 0; i < 100 && !__atomic_load_n(&count, __ATOMIC_RELAXED); i++)
		__asm__ volatile("pause");
	if (__atomic_load_n(&count, __ATOMIC_RELAXED) != 1)
		rt_fail("NMI blocking: the NMI arrives once", "it did %u times", count);
	return held;
}

/* L2 blocked by NMI, which without virtual NMIs L1 is as well when it exits. */
static void block(const struct code *code)
{
	lab_reset(code, KERNEL64);
	put(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI);
	lab_run();
}

static void again(void)
{
	put(GUEST_INTERRUPTIBILITY, 0);
	put(GUEST_RIP, address_of(nmi_code));
}

/* L0's own VMCSs have virtual NMIs, all of them: Bochs keeps L2's blocking for L1. */
static void virtual_only(void)
{
	static const char name[] = "NMI blocking: of virtual NMIs is not L1's";

	if (lab_deviates(true) && rt_has_hypervisor()) {
		rt_skip(name, "Bochs keeps it");
		return;
	}
	lab_reset(&code_nmi_code, KERNEL64);
	put(PIN_CTLS, get(PIN_CTLS) | PIN_NMI | PIN_VIRTUAL_NMIS);
	put(GUEST_INTERRUPTIBILITY, BLOCKED_BY_NMI);
	lab_run();
	rt_check(name, !blocked());
}

void test_vmx_nmi(void)
{
	if (!lab_group("NMI blocking: "))
		return;
	rt_apic_enable();
	rt_on(NMI, on_nmi);
	rt_check("NMI blocking: there is none at first", !blocked());
	block(&code_nmi_code);
	rt_check("NMI blocking: L2's is L1's", blocked());
	block(&code_nmi_iret);
	rt_check("NMI blocking: L2's IRET ends it", !blocked());
	if (lab_deviates(true)) {
		rt_skip("NMI blocking: an entry without it ends it", "Bochs keeps it");
	} else {
		block(&code_nmi_code);
		again();
		lab_run();
		rt_check("NMI blocking: an entry without it ends it", !blocked());
	}
	block(&code_nmi_code);
	put(CR3_TARGET_COUNT, 0x1000);
	rt_check("NMI blocking: VMfail", lab_run() == FAIL_VALID);
	rt_check("NMI blocking: outlives it", blocked());
	block(&code_nmi_code);
	again();
	put(GUEST_CR3, ~0ull);
	lab_run();
	rt_check_u64("NMI blocking: failed entry", get(EXIT_REASON), EXIT_ENTRY_FAILURE | EXIT_GUEST_STATE);
	rt_check("NMI blocking: outlives that", blocked());
	if (caps_allow(PIN_CTLS, PIN_NMI | PIN_VIRTUAL_NMIS, 0)) {
		block(&code_nmi_code);
		again();
		put(PIN_CTLS, get(PIN_CTLS) | PIN_NMI | PIN_VIRTUAL_NMIS);
		lab_run();
		rt_check("NMI blocking: outlives L2 with virtual NMIs", blocked());
		virtual_only();
	}
	lab_reset(&code_nmi_code, KERNEL64);
	rt_on(NMI, NULL);
}
