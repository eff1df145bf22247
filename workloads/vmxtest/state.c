// SPDX-License-Identifier: MIT
/*
 * What a VMCS remembers: its launch state, widths and halves of its fields, what exits and failures leave.
 * SDM "Virtual-Machine Control Structure Types", "VMLAUNCH/VMRESUME", "VM-Exit Information Fields".
 */
#include "lab_impl.h"

L2_CODE(state_code, "nop");

static uint64_t second[512] __attribute__((aligned(4096)));

static uint64_t enter(bool resume)
{
	switch (lab_enter(&lab_regs, resume)) {
	case RAN:
		return 0x1000 | (get(EXIT_REASON) & 0xffff);
	case FAIL_VALID:
		return get(VM_INSTRUCTION_ERROR);
	default:
		return 0xfff;
	}
}

#define EXITED(reason) (0x1000u | (reason))

static void launch_state(void)
{
	lab_reset(&code_state_code, KERNEL64);
	rt_check_u64("VMRESUME of a clear VMCS: 5", enter(true), 5);
	rt_check_u64("VMLAUNCH", enter(false), EXITED(EXIT_VMCALL));
	rt_check_u64("VMLAUNCH of a launched VMCS: 4", enter(false), 4);
	put(GUEST_RIP, address_of(state_code));
	rt_check_u64("VMRESUME of a launched VMCS", enter(true), EXITED(EXIT_VMCALL));
	vmptrld(lab_vmcs());
	put(GUEST_RIP, address_of(state_code));
	rt_check_u64("VMRESUME behind another VMPTRLD", enter(true), EXITED(EXIT_VMCALL));
	put(HOST_CR3, 1ull << 52);
	rt_check_u64("VMRESUME of bad host state: 8", enter(true), 8);
	put(HOST_CR3, read_cr3());
	put(GUEST_RIP, address_of(state_code));
	rt_check_u64("VMRESUME after the failure", enter(true), EXITED(EXIT_VMCALL));
	put(GUEST_RFLAGS, 0);
	rt_check_u64("VMRESUME of bad guest state: exit 33", enter(true), EXITED(EXIT_GUEST_STATE));
	put(GUEST_RFLAGS, 2);
	put(GUEST_RIP, address_of(state_code));
	rt_check_u64("VMRESUME after the failed entry", enter(true), EXITED(EXIT_VMCALL));
	lab_reset(&code_state_code, KERNEL64);
	put(GUEST_RFLAGS, 0);
	rt_check_u64("VMLAUNCH of bad guest state: exit 33", enter(false), EXITED(EXIT_GUEST_STATE));
	put(GUEST_RFLAGS, 2);
	rt_check_u64("VMRESUME after a failed launch: 5", enter(true), 5);
	rt_check_u64("VMLAUNCH after a failed launch", enter(false), EXITED(EXIT_VMCALL));
	vmclear(lab_vmcs());
	vmptrld(lab_vmcs());
	put(GUEST_RIP, address_of(state_code));
	rt_check_u64("VMRESUME behind VMCLEAR: 5", enter(true), 5);
	rt_check_u64("VMLAUNCH behind VMCLEAR: its fields are kept", enter(false), EXITED(EXIT_VMCALL));
}

/* SDM "VM Entries": with blocking by MOV SS in L1 itself VMLAUNCH fails with error 26. */
static uint64_t launch_behind_mov_ss(void)
{
	bool failed;

	__asm__ volatile("mov %%ss, %%eax; mov %%eax, %%ss; vmresume" : "=@ccz"(failed) : : "rax", "memory");
	return failed ? get(VM_INSTRUCTION_ERROR) : 0;
}

static void fields(void)
{
	static const struct {
		const char *name;
		uint32_t field;
		uint64_t written, read;
	} widths[] = {
		{"a 16-bit field keeps 16 bits",        GUEST_ES_SEL,     0x123456789, 0x6789    },
		{"a 32-bit field keeps 32 bits",        GUEST_ES_LIMIT,   0x123456789, 0x23456789},
		{"a 64-bit field keeps 64 bits",        TSC_OFFSET,       ~0ull,       ~0ull     },
		{"the high half of a 64-bit field",     TSC_OFFSET | 1,   0x12345678,  0x12345678},
		{"the low half was not touched",        TSC_OFFSET,       0,           0         },
		{"a natural-width field keeps 64 bits", GUEST_ES_BASE,    ~0ull,       ~0ull     },
		{"error code of injection",             ENTRY_ERROR_CODE, 0xffffffff,  0xffffffff},
	};

	lab_reset(&code_state_code, KERNEL64);
	for (unsigned int i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		put(widths[i].field, widths[i].written);
		rt_check_u64(widths[i].name, get(widths[i].field), widths[i].read);
	}
	put(TSC_OFFSET, 0x1122334455667788);
	rt_check_u64("the high half is read alone", get(TSC_OFFSET | 1), 0x11223344);
	put(TSC_OFFSET | 1, 0x99aabbccull);
	rt_check_u64("the high half is written alone", get(TSC_OFFSET), 0x99aabbcc55667788);
}

/* Two VMCSs: each keeps its own. */
static void two(void)
{
	uint64_t other = address_of(second);

	lab_reset(&code_state_code, KERNEL64);
	put(GUEST_RSP, 0x1111);
	*(uint32_t *)second = (uint32_t)lab_caps.basic & 0x7fffffff;
	vmclear(other);
	vmptrld(other);
	put(GUEST_RSP, 0x2222);
	put(EXCEPTION_BITMAP, 0x40);
	vmptrld(lab_vmcs());
	rt_check_u64("the first VMCS keeps its RSP", get(GUEST_RSP), 0x1111);
	rt_check_u64("the first VMCS keeps its exception bitmap", get(EXCEPTION_BITMAP), 0);
	vmptrld(other);
	rt_check_u64("the second VMCS keeps its RSP", get(GUEST_RSP), 0x2222);
	vmptrld(lab_vmcs());
	put(GUEST_RSP, address_of(l2.stack[0] + STACK_WORDS - 32));
	rt_check_u64("the first VMCS runs", enter(false), EXITED(EXIT_VMCALL));
	vmclear(other);
	put(GUEST_RIP, address_of(state_code));
	rt_check_u64("VMCLEAR of the second leaves the first", enter(true), EXITED(EXIT_VMCALL));
	rt_check_u64("VMRESUME behind MOV SS: 26", launch_behind_mov_ss(), 26);
}

/* SDM "Loading Host State": what an exit must have put back. */
static void host_after_exit(void)
{
	const uint64_t cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();

	lab_reset(&code_state_code, KERNEL64);
	put(GUEST_DR7, 0x455);
	put(GUEST_SYSENTER_CS, 0x99);
	put(HOST_SYSENTER_CS, 0x77);
	put(HOST_FS_BASE, rdmsr(MSR_FS_BASE));
	put(HOST_GS_BASE, 0x123000);
	rt_check_u64("the run", enter(false), EXITED(EXIT_VMCALL));
	rt_check_u64("CR0 of L1 after an exit", read_cr0(), cr0);
	rt_check_u64("CR3 of L1 after an exit", read_cr3(), cr3);
	rt_check_u64("CR4 of L1 after an exit", read_cr4(), cr4);
	rt_check_u64("DR7 of L1 after an exit", read_dr7(), 0x400);
	rt_check_u64("DR7 of L2 saved", get(GUEST_DR7), 0x455);
	rt_check_u64("RFLAGS of L1 after an exit", read_rflags() & 0x4700, 0);
	rt_check_u64("SYSENTER_CS of L1 after an exit", rdmsr(MSR_SYSENTER_CS), 0x77);
	rt_check_u64("GS base of L1 after an exit", rdmsr(MSR_GS_BASE), 0x123000);
	wrmsr(MSR_GS_BASE, 0);
	wrmsr(MSR_SYSENTER_CS, 0);
}

void test_state(void)
{
	if (!lab_group("state"))
		return;
	launch_state();
	fields();
	two();
	host_after_exit();
}
