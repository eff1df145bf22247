// SPDX-License-Identifier: MIT
/*
 * MSR lists of VM entries and exits. SDM "Loading MSRs", "Saving MSRs", "VM-Entry Failures During or After
 * Loading Guest State".
 */
#include "workloads/rt/rt_apic.h"
#include "lab_impl.h"
#include "tries.h"

#define NO_MSR 0x7fffffffu

L2_CODE(lists_code, "nop");

struct entry {
	uint32_t msr, reserved;
	uint64_t value;
};

/* What an entry-load list must not have; the second of two entries. */
static const struct bad {
	const char *name;
	struct entry entry;
	bool unknown; /* Bochs takes MSRs that it doesn't know */
} bad[] = {
	{"entry list: FS base",                       {MSR_FS_BASE, 0, 0},               false},
	{"entry list: GS base",                       {MSR_GS_BASE, 0, 0},               false},
	{"entry list: x2APIC ID",                     {0x802, 0, 0},                     false},
	{"entry list: first x2APIC register",         {0x800, 0, 0},                     false},
	{"entry list: last x2APIC register",          {0x8ff, 0, 0},                     false},
	{"entry list: SMM monitor control",           {0x9b, 0, 0},                      true },
	{"entry list: microcode update",              {0x79, 0, 0},                      true },
	{"entry list: microcode signature",           {0x8b, 0, 0},                      true },
	{"entry list: no such MSR",                   {NO_MSR, 0, 0},                    true },
	{"entry list: read-only MSR",                 {IA32_VMX_BASIC, 0, 0},            false},
	{"entry list: reserved bits of an entry",     {MSR_KERNEL_GS_BASE, 1, 0},        false},
	{"entry list: last reserved bit of an entry", {MSR_KERNEL_GS_BASE, 1u << 31, 0}, false},
	{"entry list: value that is not canonical",   {MSR_LSTAR, 0, NON_CANONICAL},     false},
	{"entry list: reserved bits of EFER",         {MSR_EFER, 0, 2},                  false},
	{"entry list: type of PAT",                   {IA32_PAT, 0, 2},                  false},
};

static struct entry *list(unsigned int which)
{
	return (struct entry *)(void *)lab_msr_list[which];
}

static void failures(void)
{
	const uint64_t mine = rdmsr(MSR_KERNEL_GS_BASE);

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = "Bochs takes the MSR";
		const bool unknown = bad[i].unknown || (bad[i].entry.msr >> 8 == 8 && !rt_has_x2apic());

		if (!(unknown ? tries_begin_not_bochs(bad[i].name, KERNEL64, NULL, why)
			      : tries_begin(bad[i].name, KERNEL64, NULL)))
			continue;
		for (unsigned int at = 0; at < 3; at++) {
			for (unsigned int n = 0; n < 3; n++)
				list(0)[n] = (struct entry){MSR_KERNEL_GS_BASE, 0, 0x1000 + n};
			list(0)[at] = bad[i].entry;
			put(ENTRY_MSR_LOAD_COUNT, 3);
			try_now(TRY_EXIT(EXIT_MSR_LOADING, at + 1));
		}
		tries_end();
	}
	wrmsr(MSR_KERNEL_GS_BASE, mine);
}

/*
 * A failed entry loads host state and the exit-load list, not what the entry-load list changed before it
 * failed. It stores no MSR, and saves no guest state.
 */
static void remains(void)
{
	const uint64_t mine = rdmsr(MSR_KERNEL_GS_BASE), star = rdmsr(MSR_STAR);

	if (!lab_group("entry list failed: "))
		return;
	if (tries_begin("entry list failed: exit 34", KERNEL64, NULL)) {
		list(0)[0] = (struct entry){MSR_KERNEL_GS_BASE, 0, 0x77000};
		list(0)[1] = (struct entry){MSR_STAR, 0, star ^ 1ull << 40};
		list(0)[2] = (struct entry){MSR_FS_BASE, 0, 0};
		list(1)[0] = (struct entry){MSR_KERNEL_GS_BASE, 0, 0x1234};
		list(2)[0] = (struct entry){MSR_STAR, 0, star};
		put(ENTRY_MSR_LOAD_COUNT, 3);
		put(EXIT_MSR_STORE_COUNT, 1);
		put(EXIT_MSR_LOAD_COUNT, 1);
		put(GUEST_RFLAGS, 0x203);
		put(ENTRY_INTR_INFO, INTR_VALID | INTR_HARDWARE << 8 | UD);
		try_now(TRY_EXIT(EXIT_MSR_LOADING, 3));
		tries_end();
		rt_check_u64("entry list failed: what came before the failure stays",
			     rdmsr(MSR_KERNEL_GS_BASE), 0x77000);
		rt_check_u64("entry list failed: the exit-load list is loaded", rdmsr(MSR_STAR), star);
		rt_check_u64("entry list failed: the exit-store list is not stored", list(1)[0].value,
			     0x1234);
		rt_check_u64("entry list failed: the event stays valid", get(ENTRY_INTR_INFO),
			     INTR_VALID | INTR_HARDWARE << 8 | UD);
		rt_check_u64("entry list failed: guest state stays", get(GUEST_RFLAGS), 0x203);
		rt_check_u64("entry list failed: launch state stays", lab_run() == RAN, true);
	}
	wrmsr(MSR_KERNEL_GS_BASE, mine);
	wrmsr(MSR_STAR, star);
}

/* "VMLAUNCH/VMRESUME—Launch/Resume Virtual Machine" */
static uint64_t behind_mov_ss(bool resume)
{
	uint64_t flags;

	__asm__ volatile("testl %2, %2; jnz 1f\n"
			 "movl %1, %%ss; vmlaunch; jmp 2f\n"
			 "1: movl %1, %%ss; vmresume\n"
			 "2: pushfq; popq %0"
			 : "=r"(flags)
			 : "r"(SEL_DATA), "r"((uint32_t)resume)
			 : "cc", "memory");
	return flags & RFLAGS_CF ? 0 : flags & RFLAGS_ZF ? get(VM_INSTRUCTION_ERROR) : ~0ull;
}

static void mov_ss(void)
{
	if (!lab_group("entry behind MOV SS"))
		return;
	lab_reset(&code_lists_code, KERNEL64);
	rt_check_u64("entry behind MOV SS: VMLAUNCH", behind_mov_ss(false), 26);
	rt_check_u64("entry behind MOV SS: VMRESUME of a clear VMCS", behind_mov_ss(true), 26);
	put(CPU_CTLS, 0);
	rt_check_u64("entry behind MOV SS: bad controls", behind_mov_ss(false), 26);
	vmclear(lab_vmcs());
	rt_check_u64("entry behind MOV SS: no VMCS", behind_mov_ss(false), 0);
	vmptrld(lab_vmcs());
}

/* As long as the processor recommends, here a page. */
static void long_lists(void)
{
	const uint64_t mine = rdmsr(MSR_KERNEL_GS_BASE);

	if (!lab_group("long MSR list"))
		return;
	lab_reset(&code_lists_code, KERNEL64);
	for (unsigned int n = 0; n < 256; n++) {
		list(0)[n] = (struct entry){MSR_KERNEL_GS_BASE, 0, 0x1000 + n};
		list(1)[n] = (struct entry){MSR_KERNEL_GS_BASE, 0, 0};
		list(2)[n] = (struct entry){MSR_KERNEL_GS_BASE, 0, 0x2000 + n};
	}
	put(ENTRY_MSR_LOAD_COUNT, 256);
	put(EXIT_MSR_STORE_COUNT, 256);
	put(EXIT_MSR_LOAD_COUNT, 256);
	rt_check("long MSR list: the entry", lab_run() == RAN && get(EXIT_REASON) == EXIT_VMCALL);
	rt_check_u64("long MSR list: loaded at entry, first stored", list(1)[0].value, 0x10ff);
	rt_check_u64("long MSR list: last stored", list(1)[255].value, 0x10ff);
	rt_check_u64("long MSR list: loaded at exit", rdmsr(MSR_KERNEL_GS_BASE), 0x20ff);
	wrmsr(MSR_KERNEL_GS_BASE, mine);
}

/* "VMX Aborts": the second entry of a VM-exit list must not be there. Comes back if it fails. */
void test_vmx_abort(const char *which)
{
	const bool store = !strcmp(which, "store");
	const uint32_t msr = !strcmp(which, "base") ? MSR_FS_BASE : store ? 0x808 : 0x8ff;

	lab_reset(&code_lists_code, KERNEL64);
	list(1)[0] = list(2)[0] = (struct entry){MSR_KERNEL_GS_BASE, 0, 0};
	list(1)[1] = list(2)[1] = (struct entry){msr, 0, 0};
	put(store ? EXIT_MSR_STORE_COUNT : EXIT_MSR_LOAD_COUNT, 2);
	lab_run();
	rt_fail("VMX abort", "the exit came");
}

void test_entry_lists(void)
{
	failures();
	remains();
	long_lists();
	mov_ss();
}
