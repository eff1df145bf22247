// SPDX-License-Identifier: MIT
/* RDMSR and WRMSR: bitmaps. SDM "MSR-Bitmap Address"; the lists of MSRs at entries and exits. */
#include "workloads/rt/rt_apic.h"
#include "lab.h"

#define BITMAP           PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS)
#define MSR(n)           PUT(L2_REG(RCX), n)
#define READS(n)         PUT(L2_MSR_BIT, n)
#define WRITES(n)        PUT(L2_MSR_BIT, MSR_WRITE | (n))
#define MSR_EXIT(reason) EXITS(reason), IS(RIP_AT, 0), NO_QUALIFICATION, IS(EXIT_INSTR_LEN, 2)
#define X2APIC_ID        0x802u
#define NO_MSR           0x7fffffffu
#define CS_MSR           MSR_SYSENTER_CS

L2_CODE(read_msr, "9: rdmsr; 8:");
L2_CODE(write_msr, "9: wrmsr; 8:");

static const struct shot rows[] = {
	ROW("RDMSR without bitmap", read_msr, KERNEL64, SETS(MSR(CS_MSR)), WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("WRMSR without bitmap", write_msr, KERNEL64, SETS(MSR(CS_MSR)), WANTS(MSR_EXIT(EXIT_WRMSR))),
	ROW("RDMSR low, bit clear: L2's own value", read_msr, KERNEL64,
	    SETS(BITMAP, MSR(CS_MSR), PUT(GUEST_SYSENTER_CS, 0x1230)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x1230))),
	ROW("RDMSR low, bit set", read_msr, KERNEL64, SETS(BITMAP, MSR(CS_MSR), READS(CS_MSR)),
	    WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("RDMSR low, bit of writes", read_msr, KERNEL64, SETS(BITMAP, MSR(CS_MSR), WRITES(CS_MSR)),
	    WANTS(TO_THE_END)),
	ROW("WRMSR low, bit set", write_msr, KERNEL64, SETS(BITMAP, MSR(CS_MSR), WRITES(CS_MSR)),
	    WANTS(MSR_EXIT(EXIT_WRMSR))),
	ROW("WRMSR low, bit of reads: the exit saves it", write_msr, KERNEL64,
	    SETS(BITMAP, MSR(CS_MSR), READS(CS_MSR), PUT(L2_REG(RAX), 0x4560)),
	    WANTS(TO_THE_END, IS(GUEST_SYSENTER_CS, 0x4560))),
	ROW("RDMSR high, bit set", read_msr, KERNEL64, SETS(BITMAP, MSR(MSR_FS_BASE), READS(MSR_FS_BASE)),
	    WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("RDMSR high, bit clear", read_msr, KERNEL64,
	    SETS(BITMAP, MSR(MSR_FS_BASE), PUT(GUEST_FS_BASE, 0x456000)),
	    WANTS(TO_THE_END, IS(L2_REG(RAX), 0x456000))),
	ROW("RDMSR high, bit of the low one", read_msr, KERNEL64,
	    SETS(BITMAP, MSR(MSR_FS_BASE), READS(0x100)), WANTS(TO_THE_END)),
	ROW("WRMSR high, bit set", write_msr, KERNEL64, SETS(BITMAP, MSR(MSR_LSTAR), WRITES(MSR_LSTAR)),
	    WANTS(MSR_EXIT(EXIT_WRMSR))),
	ROW("RDMSR of the last low one", read_msr, KERNEL64, SETS(BITMAP, MSR(0x1fff), READS(0x1fff)),
	    WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("RDMSR behind the low ones", read_msr, KERNEL64, SETS(BITMAP, MSR(0x2000)),
	    WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("RDMSR before the high ones", read_msr, KERNEL64, SETS(BITMAP, MSR(0xbfffffff)),
	    WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("RDMSR of the last high one", read_msr, KERNEL64,
	    SETS(BITMAP, MSR(0xc0001fff), READS(0xc0001fff)), WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("WRMSR behind the high ones", write_msr, KERNEL64, SETS(BITMAP, MSR(0xc0002000)),
	    WANTS(MSR_EXIT(EXIT_WRMSR))),
	ROW_NOT_BOCHS("RDMSR of none, bit clear: #GP", read_msr, KERNEL64,
		      SETS(BITMAP, INTERCEPT(GP), MSR(0x1fff)), WANTS(FAULT_AT_WITH(GP, 0)),
		      "Bochs reads any unknown MSR as 0"),
	ROW("WRMSR of a bad value, bit clear: #GP", write_msr, KERNEL64,
	    SETS(BITMAP, INTERCEPT(GP), MSR(MSR_LSTAR), PUT(L2_REG(RDX), 0x80000000)),
	    WANTS(FAULT_AT_WITH(GP, 0))),
	ROW("RDMSR of none, bit set: exit first", read_msr, KERNEL64,
	    SETS(BITMAP, INTERCEPT(GP), MSR(0x1fff), READS(0x1fff)), WANTS(MSR_EXIT(EXIT_RDMSR))),
	ROW("RDMSR at CPL 3, bit set: #GP first", read_msr, USER64,
	    SETS(BITMAP, INTERCEPT(GP), MSR(CS_MSR), READS(CS_MSR)), WANTS(FAULT_AT_WITH(GP, 0))),
};

struct msr_entry {
	uint32_t msr, reserved;
	uint64_t value;
};

static void entry(unsigned int list, unsigned int n, uint32_t msr, uint64_t value)
{
	((struct msr_entry *)lab_msr_list[list])[n] = (struct msr_entry){msr, 0, value};
}

static void lists(void)
{
	static const struct want loaded[] = {TO_THE_END, IS(L2_REG(RAX), 0x77000)};
	const uint64_t mine = rdmsr(MSR_KERNEL_GS_BASE);

	if (!lab_group("MSR list"))
		return;
	lab_reset(&code_read_msr, KERNEL64);
	entry(0, 0, MSR_KERNEL_GS_BASE, 0x77000);
	entry(1, 0, MSR_KERNEL_GS_BASE, 0);
	entry(1, 1, MSR_LSTAR, 1);
	entry(2, 0, MSR_KERNEL_GS_BASE, 0x88000);
	put(ENTRY_MSR_LOAD_COUNT, 1);
	put(EXIT_MSR_STORE_COUNT, 2);
	put(EXIT_MSR_LOAD_COUNT, 1);
	put(CPU_CTLS, get(CPU_CTLS) | CPU_MSR_BITMAPS);
	lab_regs.r[RCX] = MSR_KERNEL_GS_BASE;
	lab_run();
	lab_compare("MSR list: loaded at entry", &code_read_msr, loaded, sizeof(loaded) / sizeof(loaded[0]));
	rt_check_u64("MSR list: stored at exit", lab_msr_list[1][1], 0x77000);
	rt_check_u64("MSR list: the second stored at exit", lab_msr_list[1][3], rdmsr(MSR_LSTAR));
	rt_check_u64("MSR list: loaded at exit", rdmsr(MSR_KERNEL_GS_BASE), 0x88000);
	wrmsr(MSR_KERNEL_GS_BASE, mine);
}

/* SDM "Loading MSRs" of VM entries: what fails, and that its number, from 1, is the qualification. */
static void bad_lists(void)
{
	static const struct {
		const char *name;
		uint32_t msr;
		uint64_t value;
	} rows_of_bad[] = {
		{"MSR list: FS base fails the entry",   MSR_FS_BASE,        0            },
		{"MSR list: GS base fails the entry",   MSR_GS_BASE,        0            },
		{"MSR list: non-canonical value fails", MSR_KERNEL_GS_BASE, NON_CANONICAL},
		{"MSR list: no such MSR fails",         NO_MSR,             0            },
		{"MSR list: x2APIC register fails",     X2APIC_ID,          0            },
	};
	static const struct want wants[] = {EXITS(EXIT_MSR_LOADING | EXIT_ENTRY_FAILURE),
					    IS(EXIT_QUALIFICATION, 2), IS(RIP_START, 0)};

	for (unsigned int i = 0; i < sizeof(rows_of_bad) / sizeof(rows_of_bad[0]); i++) {
		if (!lab_selected(rows_of_bad[i].name))
			continue;
		if (lab_deviates(false) &&
		    (rows_of_bad[i].msr == NO_MSR || (rows_of_bad[i].msr == X2APIC_ID && !rt_has_x2apic()))) {
			rt_skip(rows_of_bad[i].name, "Bochs takes any unknown MSR");
			continue;
		}
		lab_reset(&code_read_msr, KERNEL64);
		entry(0, 0, MSR_KERNEL_GS_BASE, 0);
		entry(0, 1, rows_of_bad[i].msr, rows_of_bad[i].value);
		put(ENTRY_MSR_LOAD_COUNT, 2);
		if (lab_run() == RAN)
			lab_compare(rows_of_bad[i].name, &code_read_msr, wants,
				    sizeof(wants) / sizeof(wants[0]));
		else
			rt_fail(rows_of_bad[i].name, "VMfail %lu", get(VM_INSTRUCTION_ERROR));
	}
}

void test_msr(void)
{
	SHOTS_RUN(rows);
	lists();
	bad_lists();
}
