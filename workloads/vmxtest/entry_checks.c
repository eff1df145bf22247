// SPDX-License-Identifier: MIT
/*
 * What VM entry refuses. SDM "Checks on VMX Controls and Host-State Area": VMfailValid 7 and 8; "Checking and
 * Loading Guest State": exit 33 with the entry-failure bit. One bad field a row, the rest is the known state.
 */
#include "lab.h"

L2_CODE(entry_code, "nop");

enum how { CONTROLS = 7, HOST = 8, GUEST = 33 };

struct bad {
	const char *name;
	enum how how;
	struct set set[3];
	uint64_t qualification; /* of GUEST */
	const char *bochs;
};

#define BAD(row_name, where, qualified, sets)                                                                \
	{                                                                                                    \
		.name = (row_name), .how = (where), .set = sets, .qualification = (qualified)                \
	}
#define BAD_NOT_BOCHS(row_name, where, qualified, sets, why)                                                 \
	{                                                                                                    \
		.name = (row_name), .how = (where), .set = sets, .qualification = (qualified),               \
		.bochs = (why)                                                                               \
	}
#define EVENT(v) PUT(ENTRY_INTR_INFO, INTR_VALID | (v))
#define FAR      (1ull << 52) /* behind any physical address */
#define NONCANON NON_CANONICAL

static const struct bad rows[] = {
	/* VM-execution, exit and entry controls, event injection */
	BAD("entry: pin controls of 0", CONTROLS, 0, SETS(PUT(PIN_CTLS, 0))),
	BAD("entry: pin controls of ones", CONTROLS, 0, SETS(PUT(PIN_CTLS, 0xffffffff))),
	BAD("entry: primary controls of 0", CONTROLS, 0, SETS(PUT(CPU_CTLS, 0))),
	BAD("entry: secondary controls of ones", CONTROLS, 0, SETS(PUT(CPU_CTLS2, 0xffffffff))),
	BAD("entry: exit controls of 0", CONTROLS, 0, SETS(PUT(EXIT_CTLS, 0))),
	BAD("entry: entry controls of ones", CONTROLS, 0, SETS(PUT(ENTRY_CTLS, 0xffffffff))),
	BAD("entry: 513 CR3 targets", CONTROLS, 0, SETS(PUT(CR3_TARGET_COUNT, 513))),
	BAD("entry: I/O bitmap A unaligned", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS), CPU_IO_BITMAPS), PUT(IO_BITMAP_A, 0x1001))),
	BAD("entry: I/O bitmap B far", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS), CPU_IO_BITMAPS), PUT(IO_BITMAP_B, FAR))),
	BAD("entry: MSR bitmap unaligned", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS), PUT(MSR_BITMAP, 0x1800))),
	BAD("entry: MSR bitmap far", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS), CPU_MSR_BITMAPS), PUT(MSR_BITMAP, FAR))),
	BAD("entry: virtual-APIC page unaligned", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS), CPU_TPR_SHADOW), PUT(VIRTUAL_APIC_PAGE, 0x1010))),
	BAD("entry: TPR threshold's high bits", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS), CPU_TPR_SHADOW), PUT(VIRTUAL_APIC_PAGE, 0x1000),
		 PUT(TPR_THRESHOLD, 0x10))),
	BAD("entry: APIC-access page unaligned", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS2), CPU2_APIC_ACCESSES), PUT(APIC_ACCESS_PAGE, 0x1010))),
	BAD("entry: x2APIC mode without TPR shadow", CONTROLS, 0, SETS(PUT(OR(CPU_CTLS2), CPU2_X2APIC))),
	BAD("entry: virtual NMIs without NMI exiting", CONTROLS, 0,
	    SETS(PUT(OR(PIN_CTLS), PIN_VIRTUAL_NMIS))),
	BAD("entry: NMI window without virtual NMIs", CONTROLS, 0, SETS(PUT(OR(CPU_CTLS), CPU_NMI_WINDOW))),
	BAD("entry: VPID 0", CONTROLS, 0, SETS(PUT(OR(CPU_CTLS2), CPU2_VPID), PUT(0x10000u | VPID, 0))),
	BAD("entry: unrestricted guest without EPT", CONTROLS, 0,
	    SETS(PUT(OR(CPU_CTLS2), CPU2_UNRESTRICTED_GUEST), PUT(CLEAR(CPU_CTLS2), CPU2_EPT))),
	BAD("entry: EPTP with memory type 2", CONTROLS, 0, SETS(PUT(EPT_POINTER, 0x100000 | 3 << 3 | 2))),
	BAD("entry: EPTP with 3 levels", CONTROLS, 0, SETS(PUT(EPT_POINTER, 0x100000 | 2 << 3 | 6))),
	BAD("entry: EPTP with reserved bits", CONTROLS, 0,
	    SETS(PUT(EPT_POINTER, 0x100000 | 3 << 3 | 6 | 1 << 11))),
	BAD("entry: EPTP far", CONTROLS, 0, SETS(PUT(EPT_POINTER, FAR | 3 << 3 | 6))),
	BAD("entry: save timer without timer", CONTROLS, 0, SETS(PUT(OR(EXIT_CTLS), EXIT_SAVE_TIMER))),
	BAD("entry: exit-store list unaligned", CONTROLS, 0,
	    SETS(PUT(EXIT_MSR_STORE_COUNT, 1), PUT(EXIT_MSR_STORE_ADDRESS, 0x1008))),
	BAD("entry: exit-load list far", CONTROLS, 0,
	    SETS(PUT(EXIT_MSR_LOAD_COUNT, 1), PUT(EXIT_MSR_LOAD_ADDRESS, FAR))),
	BAD("entry: entry-load list unaligned", CONTROLS, 0,
	    SETS(PUT(ENTRY_MSR_LOAD_COUNT, 1), PUT(ENTRY_MSR_LOAD_ADDRESS, 0x1004))),
	BAD("entry: entry-load list's end far", CONTROLS, 0,
	    SETS(PUT(ENTRY_MSR_LOAD_COUNT, 2), PUT(ENTRY_MSR_LOAD_ADDRESS, FAR - 16))),
	BAD("entry: event of type 1", CONTROLS, 0, SETS(EVENT(0x100))),
	BAD("entry: event with reserved bits", CONTROLS, 0, SETS(EVENT(0x300 | UD | 1 << 13))),
	BAD("entry: NMI of vector 3", CONTROLS, 0, SETS(EVENT(0x203))),
	BAD("entry: hardware exception 32", CONTROLS, 0, SETS(EVENT(0x320))),
	BAD("entry: #GP without its error code", CONTROLS, 0,
	    SETS(PUT(NEED(NEED_STRICT_CODES), 0), EVENT(0x300 | GP))),
	BAD("entry: #UD with an error code", CONTROLS, 0,
	    SETS(PUT(NEED(NEED_STRICT_CODES), 0), EVENT(0x300 | UD | INTR_ERROR_CODE))),
	BAD("entry: interrupt with an error code", CONTROLS, 0,
	    SETS(PUT(NEED(NEED_STRICT_CODES), 0), EVENT(0x40 | INTR_ERROR_CODE))),
	BAD("entry: error code's bits 31 to 16", CONTROLS, 0,
	    SETS(EVENT(0x300 | GP | INTR_ERROR_CODE), PUT(ENTRY_ERROR_CODE, 0x10000))),
	BAD("entry: INT n of 16 bytes", CONTROLS, 0, SETS(EVENT(0x440), PUT(ENTRY_INSTR_LEN, 16))),
	BAD_NOT_BOCHS("entry: event 7, pending MTF, without MTF", CONTROLS, 0,
		      SETS(PUT(NEED(NEED_NO_MTF), 0), EVENT(0x700)), "Bochs does not check it and hangs"),
	BAD_NOT_BOCHS("entry: entry into SMM", CONTROLS, 0, SETS(PUT(OR(ENTRY_CTLS), 1 << 10)),
		      "Bochs takes it for bad guest state"),
	/* host state */
	BAD("entry: host CR0 without PG", HOST, 0, SETS(PUT(CLEAR(HOST_CR0), 0x80000000))),
	BAD("entry: host CR0 without NE", HOST, 0, SETS(PUT(CLEAR(HOST_CR0), 0x20))),
	BAD("entry: host CR4 without VMXE", HOST, 0, SETS(PUT(CLEAR(HOST_CR4), 0x2000))),
	BAD("entry: host CR4 without PAE", HOST, 0, SETS(PUT(CLEAR(HOST_CR4), 0x20))),
	BAD("entry: host CR3 far", HOST, 0, SETS(PUT(HOST_CR3, FAR))),
	BAD("entry: host SYSENTER_ESP non-canonical", HOST, 0, SETS(PUT(HOST_SYSENTER_ESP, NONCANON))),
	BAD("entry: host SYSENTER_EIP non-canonical", HOST, 0, SETS(PUT(HOST_SYSENTER_EIP, NONCANON))),
	BAD("entry: host CS null", HOST, 0, SETS(PUT(HOST_CS_SEL, 0))),
	BAD("entry: host TR null", HOST, 0, SETS(PUT(HOST_TR_SEL, 0))),
	BAD("entry: host CS with RPL", HOST, 0, SETS(PUT(HOST_CS_SEL, 0xb))),
	BAD("entry: host DS with TI", HOST, 0, SETS(PUT(HOST_DS_SEL, 0x14))),
	BAD("entry: host FS base non-canonical", HOST, 0, SETS(PUT(HOST_FS_BASE, NONCANON))),
	BAD("entry: host TR base non-canonical", HOST, 0, SETS(PUT(HOST_TR_BASE, NONCANON))),
	BAD("entry: host GDTR base non-canonical", HOST, 0, SETS(PUT(HOST_GDTR_BASE, NONCANON))),
	BAD("entry: host IDTR base non-canonical", HOST, 0, SETS(PUT(HOST_IDTR_BASE, NONCANON))),
	BAD("entry: host RIP non-canonical", HOST, 0, SETS(PUT(HOST_RIP, NONCANON))),
	BAD("entry: host not of 64 bits", HOST, 0, SETS(PUT(CLEAR(EXIT_CTLS), EXIT_HOST_64))),
	BAD("entry: host PAT of type 2", HOST, 0,
	    SETS(PUT(OR(EXIT_CTLS), EXIT_LOAD_PAT), PUT(HOST_PAT, 0x0202020202020202))),
	BAD("entry: host EFER without LMA", HOST, 0,
	    SETS(PUT(OR(EXIT_CTLS), EXIT_LOAD_EFER), PUT(CLEAR(HOST_EFER), 0x400))),
	BAD("entry: host EFER reserved bits", HOST, 0,
	    SETS(PUT(OR(EXIT_CTLS), EXIT_LOAD_EFER), PUT(OR(HOST_EFER), 2))),
	/* guest state */
	BAD("entry: guest CR0 without NE", GUEST, 0, SETS(PUT(CLEAR(GUEST_CR0), 0x20))),
	BAD("entry: guest CR0 with PG and no PE", GUEST, 0, SETS(PUT(CLEAR(GUEST_CR0), 1))),
	BAD("entry: guest CR4 without VMXE", GUEST, 0, SETS(PUT(CLEAR(GUEST_CR4), 0x2000))),
	BAD("entry: IA-32e mode without PAE", GUEST, 0, SETS(PUT(CLEAR(GUEST_CR4), 0x20))),
	BAD("entry: guest CR3 far", GUEST, 0, SETS(PUT(GUEST_CR3, FAR))),
	BAD_NOT_BOCHS("entry: guest DEBUGCTL reserved", GUEST, 0, SETS(PUT(GUEST_DEBUGCTL, 0x8000000000)),
		      "Bochs does not check it"),
	BAD("entry: guest DR7's high half", GUEST, 0, SETS(PUT(GUEST_DR7, 0x100000400))),
	BAD("entry: guest SYSENTER_ESP non-canonical", GUEST, 0, SETS(PUT(GUEST_SYSENTER_ESP, NONCANON))),
	BAD("entry: guest PAT of type 3", GUEST, 0,
	    SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_PAT), PUT(GUEST_PAT, 0x0303030303030303))),
	BAD("entry: guest EFER without LMA", GUEST, 0,
	    SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_EFER), PUT(CLEAR(GUEST_EFER), 0x400))),
	BAD("entry: guest EFER reserved", GUEST, 0,
	    SETS(PUT(OR(ENTRY_CTLS), ENTRY_LOAD_EFER), PUT(OR(GUEST_EFER), 2))),
	BAD("entry: guest CS a data segment", GUEST, 0, SETS(PUT(GUEST_CS_AR, 0xc093))),
	BAD("entry: guest CS with L and D", GUEST, 0, SETS(PUT(OR(GUEST_CS_AR), AR_BIG))),
	BAD("entry: guest CS not present", GUEST, 0, SETS(PUT(CLEAR(GUEST_CS_AR), 0x80))),
	BAD("entry: guest CS reserved bits", GUEST, 0, SETS(PUT(OR(GUEST_CS_AR), 0x100))),
	BAD("entry: guest CS granularity against its limit", GUEST, 0, SETS(PUT(CLEAR(GUEST_CS_AR), 0x8000))),
	BAD("entry: guest CS base's high half", GUEST, 0, SETS(PUT(GUEST_CS_BASE, 1ull << 32))),
	BAD("entry: guest SS of RPL 3 with CPL 0", GUEST, 0, SETS(PUT(GUEST_SS_SEL, 0x13))),
	BAD("entry: guest SS DPL 3 with CS DPL 0", GUEST, 0, SETS(PUT(OR(GUEST_SS_AR), 0x60))),
	BAD("entry: guest SS read-only", GUEST, 0, SETS(PUT(GUEST_SS_AR, 0xc091))),
	BAD("entry: guest DS not accessed", GUEST, 0, SETS(PUT(GUEST_DS_AR, 0xc092))),
	BAD("entry: guest DS execute-only", GUEST, 0, SETS(PUT(GUEST_DS_AR, 0xc099))),
	BAD("entry: guest TR unusable", GUEST, 0, SETS(PUT(OR(GUEST_TR_AR), AR_UNUSABLE))),
	BAD("entry: guest TR available, not busy", GUEST, 0, SETS(PUT(GUEST_TR_AR, 0x89))),
	BAD("entry: guest TR of 16 bits", GUEST, 0, SETS(PUT(GUEST_TR_AR, 0x83))),
	BAD("entry: guest TR in the LDT", GUEST, 0, SETS(PUT(GUEST_TR_SEL, 0x44))),
	BAD("entry: guest TR base non-canonical", GUEST, 0, SETS(PUT(GUEST_TR_BASE, NONCANON))),
	BAD("entry: guest LDTR in the LDT", GUEST, 0,
	    SETS(PUT(GUEST_LDTR_AR, 0x82), PUT(GUEST_LDTR_SEL, 0x4c))),
	BAD("entry: guest FS base non-canonical", GUEST, 0, SETS(PUT(GUEST_FS_BASE, NONCANON))),
	BAD("entry: guest GDTR base non-canonical", GUEST, 0, SETS(PUT(GUEST_GDTR_BASE, NONCANON))),
	BAD("entry: guest IDTR limit over 16 bits", GUEST, 0, SETS(PUT(GUEST_IDTR_LIMIT, 0x10000))),
	BAD_NOT_BOCHS("entry: guest RIP non-canonical", GUEST, 0, SETS(PUT(GUEST_RIP, NONCANON)),
		      "Bochs does not check it"),
	BAD("entry: guest RIP's high half in compatibility mode", GUEST, 0,
	    SETS(PUT(CLEAR(GUEST_CS_AR), AR_LONG), PUT(GUEST_RIP, 1ull << 32))),
	BAD("entry: guest RFLAGS bit 1 clear", GUEST, 0, SETS(PUT(GUEST_RFLAGS, 0))),
	BAD("entry: guest RFLAGS reserved", GUEST, 0, SETS(PUT(GUEST_RFLAGS, 0x8002))),
	BAD("entry: guest RFLAGS.VM in IA-32e mode", GUEST, 0, SETS(PUT(GUEST_RFLAGS, 0x20002))),
	BAD("entry: interrupt injected with IF clear", GUEST, 0, SETS(EVENT(0x40))),
	BAD("entry: interrupt injected behind MOV SS", GUEST, 0,
	    SETS(EVENT(0x40), PUT(GUEST_RFLAGS, 0x202), PUT(GUEST_INTERRUPTIBILITY, 2))),
	BAD("entry: interrupt injected behind STI", GUEST, 0,
	    SETS(EVENT(0x40), PUT(GUEST_RFLAGS, 0x202), PUT(GUEST_INTERRUPTIBILITY, 1))),
	BAD("entry: NMI injected behind MOV SS", GUEST, 0,
	    SETS(EVENT(0x202), PUT(GUEST_INTERRUPTIBILITY, 2))),
	BAD_NOT_BOCHS("entry: virtual NMI injected while blocked", GUEST, 0,
		      SETS(EVENT(0x202), PUT(OR(PIN_CTLS), PIN_NMI | PIN_VIRTUAL_NMIS),
			   PUT(GUEST_INTERRUPTIBILITY, 8)),
		      "Bochs does not check it"),
	BAD("entry: blocked by STI and MOV SS", GUEST, 0,
	    SETS(PUT(GUEST_RFLAGS, 0x202), PUT(GUEST_INTERRUPTIBILITY, 3))),
	BAD("entry: blocked by STI with IF clear", GUEST, 0, SETS(PUT(GUEST_INTERRUPTIBILITY, 1))),
	BAD("entry: interruptibility reserved", GUEST, 0, SETS(PUT(GUEST_INTERRUPTIBILITY, 0x20))),
	BAD("entry: blocked by SMI outside SMM", GUEST, 0, SETS(PUT(GUEST_INTERRUPTIBILITY, 4))),
	BAD("entry: activity state 4", GUEST, 0, SETS(PUT(GUEST_ACTIVITY, 4))),
	BAD("entry: HLT at CPL 3", GUEST, 0,
	    SETS(PUT(GUEST_ACTIVITY, 1), PUT(OR(GUEST_SS_AR), 0x60), PUT(OR(GUEST_CS_AR), 0x60))),
	BAD("entry: HLT blocked by MOV SS", GUEST, 0,
	    SETS(PUT(GUEST_ACTIVITY, 1), PUT(GUEST_INTERRUPTIBILITY, 2))),
	BAD_NOT_BOCHS("entry: HLT with an injected #UD", GUEST, 0,
		      SETS(PUT(GUEST_ACTIVITY, 1), EVENT(0x300 | UD)), "Bochs does not check it"),
	BAD("entry: pending debug exceptions reserved", GUEST, 0, SETS(PUT(GUEST_PENDING_DEBUG, 1 << 13))),
	BAD_NOT_BOCHS("entry: MOV SS and TF without pending BS", GUEST, 0,
		      SETS(PUT(GUEST_RFLAGS, 0x102), PUT(GUEST_INTERRUPTIBILITY, 2)),
		      "Bochs does not check it"),
	BAD_NOT_BOCHS("entry: MOV SS and pending BS without TF", GUEST, 0,
		      SETS(PUT(GUEST_PENDING_DEBUG, DEBUG_BS), PUT(GUEST_INTERRUPTIBILITY, 2)),
		      "Bochs does not check it"),
	BAD("entry: VMCS link pointer unaligned", GUEST, 4, SETS(PUT(VMCS_LINK_POINTER, 0x1001))),
	BAD("entry: VMCS link pointer far", GUEST, 4, SETS(PUT(VMCS_LINK_POINTER, FAR))),
	BAD("entry: VMCS link pointer to no VMCS", GUEST, 4,
	    SETS(PUT(VMCS_LINK_POINTER, (uint64_t)(uintptr_t)lab_page[3]), PUT(L2_WORD(3), 0x7ffffff0))),
};

static const char *text_of(uint64_t got, char *text, size_t size)
{
	if (got & EXIT_ENTRY_FAILURE)
		rt_snprintf(text, size, "exit %lu at entry", got & 0xffff);
	else if (got >= 0x10000)
		rt_snprintf(text, size, "L2 ran to exit %lu", got & 0xffff);
	else
		rt_snprintf(text, size, "VMfail %lu", got);
	return text;
}

static uint64_t outcome(void)
{
	switch (lab_run()) {
	case FAIL_VALID:
		return get(VM_INSTRUCTION_ERROR);
	case FAIL_INVALID:
		return 0;
	case RAN:
		break;
	}
	return get(EXIT_REASON) & EXIT_ENTRY_FAILURE ? get(EXIT_REASON) : 0x10000 | get(EXIT_REASON);
}

static void check(const struct bad *bad)
{
	const uint64_t wanted =
		bad->how == GUEST ? EXIT_ENTRY_FAILURE | EXIT_GUEST_STATE : (uint64_t)bad->how;
	char a[32], b[32];
	uint64_t got;

	lab_reset(&code_entry_code, KERNEL64);
	for (unsigned int i = 0; i < 3 && bad->set[i].field; i++)
		lab_set(&bad->set[i]);
	got = outcome();
	if (got != wanted)
		rt_fail(bad->name, "%s, wanted %s", text_of(got, a, sizeof(a)),
			text_of(wanted, b, sizeof(b)));
	else if (bad->how == GUEST && get(EXIT_QUALIFICATION) != bad->qualification)
		rt_fail(bad->name, "qualification %lu, wanted %lu", get(EXIT_QUALIFICATION),
			bad->qualification);
	else if (bad->how == GUEST && get(GUEST_RIP) != (uint64_t)(uintptr_t)entry_code &&
		 bad->set[0].field != GUEST_RIP && bad->set[1].field != GUEST_RIP)
		rt_fail(bad->name, "the guest's RIP changed");
	else
		rt_pass(bad->name);
}

void test_entry_checks(void)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Under a hypervisor it is that which checks. */
		struct shot shot = {.bochs = rt_has_hypervisor() ? NULL : rows[i].bochs};
		const char *unfit;

		memcpy(shot.set, rows[i].set, sizeof(rows[i].set));
		if (!lab_selected(rows[i].name))
			continue;
		unfit = lab_unfit(&shot);
		if (unfit)
			rt_skip(rows[i].name, unfit);
		else
			check(&rows[i]);
	}
}
