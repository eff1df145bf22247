// SPDX-License-Identifier: MIT
/*
 * What an exit saved is there whatever comes between: another VMCS, VMCLEAR, a write of the field's
 * neighbour, an entry that fails. L2 changes its IDTR, which a hypervisor has no reason to look at.
 */
#include "lab_impl.h"

#define LIMIT 0x123u
#define BASE  0x5a5a0000ull
#define MINE  0x77000ull

L2_CODE(kept_code, "lidt 1f(%rip); jmp 2f; 1: .word 0x123; .quad 0x5a5a0000; 2:");
L2_CODE(kept_nothing, "nop");

static uint64_t other[512] __attribute__((aligned(4096)));

/* L2 has changed its IDTR, and nobody has looked yet. */
static void changed(void)
{
	lab_reset(&code_kept_code, KERNEL64);
	put(GUEST_SYSENTER_ESP, MINE);
	if (lab_run() != RAN)
		rt_panic("vmxtest: kept: no run");
}

/* Another run of L2 that changes nothing. */
static void again(void)
{
	put(GUEST_RIP, address_of(code_kept_nothing.start));
	if (lab_run() != RAN)
		rt_panic("vmxtest: kept: no second run");
}

static void check(const char *name, uint64_t base)
{
	const uint64_t now[3] = {get(GUEST_IDTR_BASE), get(GUEST_IDTR_LIMIT), get(GUEST_SYSENTER_ESP)};

	if (now[0] == base && now[1] == LIMIT && now[2] == MINE)
		rt_pass(name);
	else
		rt_fail(name, "IDTR 0x%lx limit 0x%lx, SYSENTER_ESP 0x%lx", now[0], now[1], now[2]);
}

static void other_vmcs(void)
{
	changed();
	*(uint32_t *)other = (uint32_t)lab_caps.basic & 0x7fffffff;
	vmclear(address_of(other));
	vmptrld(address_of(other));
	rt_check_u64("kept: nothing of it in another VMCS", get(GUEST_IDTR_LIMIT) == LIMIT, 0);
	vmptrld(lab_vmcs());
	check("kept: behind another VMCS", BASE);
	vmclear(address_of(other));
}

static void cleared(void)
{
	changed();
	vmclear(lab_vmcs());
	lab_forget_launch();
	vmptrld(lab_vmcs());
	check("kept: behind VMCLEAR", BASE);
	again();
	check("kept: behind VMCLEAR and another run", BASE);
}

/* SDM "Loading MSRs": the first entry is loaded, the second fails, and none of it is saved. */
static void failed_entry(void)
{
	struct {
		uint32_t msr, reserved;
		uint64_t value;
	} *list = (void *)lab_msr_list[0];

	changed();
	list[0].msr = IA32_SYSENTER_ESP;
	list[0].reserved = list[1].reserved = 0;
	list[0].value = 0x88000;
	list[1].msr = MSR_FS_BASE;
	list[1].value = 0;
	put(ENTRY_MSR_LOAD_COUNT, 2);
	again();
	rt_check_u64("kept: the entry fails", get(EXIT_REASON) & 0xffff, EXIT_MSR_LOADING);
	put(ENTRY_MSR_LOAD_COUNT, 0);
	check("kept: behind a failed entry", BASE);
	again();
	check("kept: behind a failed entry and another run", BASE);
}

/* VM-entry checks look at segments and control registers: at those of L2, not at older ones. */
static void checked(void)
{
	changed();
	put(GUEST_CR4, get(GUEST_CR4) ^ CR4_PGE);
	put(GUEST_RFLAGS, get(GUEST_RFLAGS) ^ 1);
	again();
	rt_check_u64("kept: the entry passes its checks", get(EXIT_REASON), EXIT_VMCALL);
	check("kept: behind VM-entry checks", BASE);
}

void test_kept(void)
{
	if (!lab_group("kept"))
		return;
	changed();
	check("kept: to be read", BASE);
	changed();
	again();
	again();
	check("kept: over two more runs", BASE);
	changed();
	put(GUEST_IDTR_BASE, 0x6000);
	check("kept: one field is written", 0x6000);
	changed();
	put(GUEST_IDTR_BASE, 0x6000);
	again();
	check("kept: one field is written, and L2 runs", 0x6000);
	other_vmcs();
	cleared();
	failed_entry();
	checked();
}
