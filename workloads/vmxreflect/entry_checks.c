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

#define NONE                                                                                                 \
	{                                                                                                    \
		0, 0                                                                                         \
	}
#define ONE(f, v)                                                                                            \
	{                                                                                                    \
		{f, v}, NONE, NONE                                                                           \
	}
#define TWO(a, b)                                                                                            \
	{                                                                                                    \
		a, b, NONE                                                                                   \
	}
#define THREE(a, b, c)                                                                                       \
	{                                                                                                    \
		a, b, c                                                                                      \
	}
#define EVENT(v) PUT(ENTRY_INTR_INFO, INTR_VALID | (v))
#define FAR      (1ull << 52) /* behind any physical address */
#define NONCANON NON_CANONICAL

static const struct bad rows[] = {
  /* VM-execution controls */
	{"entry: pin controls of 0",                      CONTROLS,                                       ONE(PIN_CTLS,0),           0,      0},
	{"entry: pin controls of ones",					       CONTROLS,								 ONE(PIN_CTLS,0xffffffff),0,0},
	{"entry: primary controls of 0",					      CONTROLS,											    ONE(CPU_CTLS,0),0,0},
	{"entry: secondary controls of ones",					      CONTROLS,											   ONE(CPU_CTLS2,0xffffffff),                                                0,																	  0},
	{"entry: exit controls of 0",                                    CONTROLS,										 ONE(EXIT_CTLS,0),0,0},
	{"entry: entry controls of ones",                                  CONTROLS,ONE(ENTRY_CTLS,0xffffffff),0,																		0},
	{"entry: 513 CR3 targets",      CONTROLS,                                         ONE(CR3_TARGET_COUNT,                       513),												    0,0},
	{"entry: I/O bitmap A unaligned",                        CONTROLS,
	 TWO(PUT(OR(CPU_CTLS),CPU_IO_BITMAPS),PUT(IO_BITMAP_A,0x1001)), 0, 0},
	{"entry: I/O bitmap B far",					       CONTROLS,							       TWO(PUT(OR(CPU_CTLS),CPU_IO_BITMAPS),PUT(IO_BITMAP_B,                                                                                       FAR)),
	 0, 0},
	{"entry: MSR bitmap unaligned",                                       CONTROLS,
	 TWO(PUT(OR(CPU_CTLS),CPU_MSR_BITMAPS),PUT(MSR_BITMAP,																							     0x1800)), 0, 0},
	{"entry: MSR bitmap far",                           CONTROLS,TWO(PUT(OR(CPU_CTLS),CPU_MSR_BITMAPS),PUT(MSR_BITMAP,FAR)), 0,
	 0},
	{"entry: virtual-APIC page unaligned",					       CONTROLS,
	 TWO(PUT(OR(CPU_CTLS),CPU_TPR_SHADOW),PUT(VIRTUAL_APIC_PAGE,0x1010)), 0, 0},
	{"entry: TPR threshold's high bits",                                       CONTROLS,
	 THREE(PUT(OR(CPU_CTLS),CPU_TPR_SHADOW),PUT(VIRTUAL_APIC_PAGE,0x1000), PUT(TPR_THRESHOLD, 0x10)),
	 0, 0},
	{"entry: APIC-access page unaligned",                           CONTROLS,
	 TWO(PUT(OR(CPU_CTLS2),CPU2_APIC_ACCESSES),PUT(APIC_ACCESS_PAGE,0x1010)), 0, 0},
	{"entry: x2APIC mode without TPR shadow",                                               CONTROLS,                                                          ONE(OR(CPU_CTLS2),CPU2_X2APIC),0,                                                                 0},
	{"entry: virtual NMIs without NMI exiting",                                       CONTROLS,										    ONE(OR(PIN_CTLS),PIN_VIRTUAL_NMIS),0,0},
	{"entry: NMI window without virtual NMIs",                          CONTROLS,                                                         ONE(OR(CPU_CTLS),CPU_NMI_WINDOW),0,																												0},
	{"entry: VPID 0",					       CONTROLS,											    TWO(PUT(OR(CPU_CTLS2),CPU2_VPID),PUT(0x10000u | VPID,0)), 0, 0},
	{"entry: unrestricted guest without EPT",                            CONTROLS,
	 TWO(PUT(OR(CPU_CTLS2),CPU2_UNRESTRICTED_GUEST),PUT(CLEAR(CPU_CTLS2),CPU2_EPT)), 0, 0},
	{"entry: EPTP with memory type 2",         CONTROLS, ONE(EPT_POINTER,0x100000 | 3 << 3 | 2),0,0},
	{"entry: EPTP with 3 levels",					       CONTROLS,						     ONE(EPT_POINTER,0x100000 | 2 << 3 | 6),0,0},
	{"entry: EPTP with reserved bits",					      CONTROLS,											    ONE(EPT_POINTER,0x100000 | 3 << 3 | 6 | 1 << 11),0,0},
	{"entry: EPTP far",					      CONTROLS,											   ONE(EPT_POINTER,FAR | 3 << 3 | 6),0,0},
	{"entry: save timer without timer",                                     CONTROLS,								ONE(OR(EXIT_CTLS),EXIT_SAVE_TIMER),                                          0,																	0},
	{"entry: exit-store list unaligned",         CONTROLS,
	 TWO(PUT(EXIT_MSR_STORE_COUNT,1),PUT(EXIT_MSR_STORE_ADDRESS,0x1008)), 0, 0},
	{"entry: exit-load list far",					      CONTROLS,
	 TWO(PUT(EXIT_MSR_LOAD_COUNT,1),PUT(EXIT_MSR_LOAD_ADDRESS,FAR)), 0, 0},
	{"entry: entry-load list unaligned",                         CONTROLS,
	 TWO(PUT(ENTRY_MSR_LOAD_COUNT,																	       1),																													PUT(ENTRY_MSR_LOAD_ADDRESS,																														     0x1004)), 0, 0},
	{"entry: entry-load list's end far",                                CONTROLS,
	 TWO(PUT(ENTRY_MSR_LOAD_COUNT,2),																											   PUT(ENTRY_MSR_LOAD_ADDRESS,																																																	       FAR - 16)), 0, 0},
 /* event injection */
	{"entry: event of type 1",CONTROLS,{EVENT(0x100), NONE, NONE},0,0                                                                   },
	{"entry: event with reserved bits",                               CONTROLS,                        {EVENT(0x300 | UD | 1 << 13), NONE, NONE},0,0},
	{"entry: NMI of vector 3",					       CONTROLS,							     {EVENT(0x203), NONE, NONE},0,0},
	{"entry: hardware exception 32",					      CONTROLS,											    {EVENT(0x320), NONE, NONE},0,0},
	{"entry: #GP without its error code",                     CONTROLS,							   {EVENT(0x300 | GP), NONE, NONE},0,0},
	{"entry: #UD with an error code",CONTROLS,								     {EVENT(0x300 | UD | INTR_ERROR_CODE), NONE, NONE},0,                       0                                                                                            },
	{"entry: interrupt with an error code",                                              CONTROLS,											    {EVENT(0x40 | INTR_ERROR_CODE), NONE, NONE},0,0},
	{"entry: error code's bits 31 to 16",                     CONTROLS,
	 TWO(EVENT(0x300 | GP | INTR_ERROR_CODE),PUT(ENTRY_ERROR_CODE,0x10000)),0, 0},
	{"entry: INT n of 16 bytes",        CONTROLS,								    TWO(EVENT(0x440),PUT(ENTRY_INSTR_LEN,16)),0, 0},
	{"entry: event 7, pending MTF, without MTF",
	 CONTROLS,											    {EVENT(0x700), NONE, NONE},
	 0,"Bochs does not check it and hangs"},
	{"entry: entry into SMM",					      CONTROLS,											    ONE(OR(ENTRY_CTLS),1 << 10),0,
	 "Bochs takes it for bad guest state"},
 /* host state */
	{"entry: host CR0 without PG",					      HOST,											    ONE(CLEAR(HOST_CR0),0x80000000),                                                                          0,																  0},
	{"entry: host CR0 without NE",					      HOST,											    ONE(CLEAR(HOST_CR0),0x20),									  0,															    0},
	{"entry: host CR4 without VMXE",					      HOST,											    ONE(CLEAR(HOST_CR4),0x2000),0,0},
	{"entry: host CR4 without PAE",					      HOST,											    ONE(CLEAR(HOST_CR4),0x20),0,0},
	{"entry: host CR3 far",					      HOST,											    ONE(HOST_CR3,FAR),0,0},
	{"entry: host SYSENTER_ESP non-canonical",                                              HOST,											    ONE(HOST_SYSENTER_ESP,NONCANON),    0,0},
	{"entry: host SYSENTER_EIP non-canonical",                                      HOST,										   ONE(HOST_SYSENTER_EIP,NONCANON),																																 0,																																																																																																 0},
	{"entry: host CS null",                               HOST,ONE(HOST_CS_SEL,0),																											      0,																																																																																																																			  0},
	{"entry: host TR null",      HOST,											ONE(HOST_TR_SEL,0),0,   0},
	{"entry: host CS with RPL",                         HOST,                  ONE(HOST_CS_SEL,0xb),0,0},
	{"entry: host DS with TI",					       HOST,								  ONE(HOST_DS_SEL,0x14),0,0},
	{"entry: host FS base non-canonical",					      HOST,											    ONE(HOST_FS_BASE,NONCANON),0,0},
	{"entry: host TR base non-canonical",					      HOST,											   ONE(HOST_TR_BASE,NONCANON),0,0},
	{"entry: host GDTR base non-canonical",                                        HOST,										     ONE(HOST_GDTR_BASE,                           NONCANON),                                                    0,                                                                                       0},
	{"entry: host IDTR base non-canonical",                            HOST,ONE(HOST_IDTR_BASE,NONCANON),0,                        0},
	{"entry: host RIP non-canonical",HOST,ONE(HOST_RIP,NONCANON),                               0,																																																	  0},
	{"entry: host not of 64 bits",        HOST,     ONE(CLEAR(EXIT_CTLS),EXIT_HOST_64),0,0},
	{"entry: host PAT of type 2",					       HOST,
	 TWO(PUT(OR(EXIT_CTLS),EXIT_LOAD_PAT),PUT(HOST_PAT,0x0202020202020202)), 0, 0},
	{"entry: host EFER without LMA",					      HOST,
	 TWO(PUT(OR(EXIT_CTLS),EXIT_LOAD_EFER),PUT(CLEAR(HOST_EFER),0x400)), 0, 0},
	{"entry: host EFER reserved bits",					      HOST,
	 TWO(PUT(OR(EXIT_CTLS),EXIT_LOAD_EFER),PUT(OR(HOST_EFER),2)), 0, 0},
 /* guest state */
	{"entry: guest CR0 without NE",					     GUEST,											  ONE(CLEAR(GUEST_CR0),														       0x20),																		       0,																   0},
	{"entry: guest CR0 with PG and no PE",                                GUEST,							 ONE(CLEAR(GUEST_CR0),																		    1),																																						  0,																																																	      0},
	{"entry: guest CR4 without VMXE",GUEST,ONE(CLEAR(GUEST_CR4),0x2000),																				     0,																																								     0},
	{"entry: IA-32e mode without PAE",             GUEST,          ONE(CLEAR(GUEST_CR4),0x20),0,0},
	{"entry: guest CR3 far",					       GUEST,							   ONE(GUEST_CR3,FAR),0,0},
	{"entry: guest DEBUGCTL reserved",					      GUEST,											    ONE(GUEST_DEBUGCTL,0x8000000000),0,
	 "Bochs does not check it"},
	{"entry: guest DR7's high half",					      GUEST,											   ONE(GUEST_DR7,0x100000400),0,0},
	{"entry: guest SYSENTER_ESP non-canonical",                                      GUEST,										   ONE(GUEST_SYSENTER_ESP,                                     NONCANON),														  0,                                                                   0},
	{"entry: guest PAT of type 3",                                   GUEST,
	 TWO(PUT(OR(ENTRY_CTLS),															ENTRY_LOAD_PAT),												     PUT(GUEST_PAT,0x0303030303030303)), 0, 0},
	{"entry: guest EFER without LMA",                                    GUEST,
	 TWO(PUT(OR(ENTRY_CTLS),																			 ENTRY_LOAD_EFER),																																								      PUT(CLEAR(GUEST_EFER),																																																													   0x400)), 0, 0},
	{"entry: guest EFER reserved",                     GUEST,
	 TWO(PUT(OR(ENTRY_CTLS),ENTRY_LOAD_EFER),							       PUT(OR(GUEST_EFER),																																	  2)), 0, 0},
	{"entry: guest CS a data segment",					      GUEST,											   ONE(GUEST_CS_AR,0xc093),0,0},
	{"entry: guest CS with L and D",                                GUEST,							  ONE(OR(GUEST_CS_AR),AR_BIG),                                                                        0,																																																																																																																			     0},
	{"entry: guest CS not present",                GUEST,             ONE(CLEAR(GUEST_CS_AR),0x80),0,																														  0},
	{"entry: guest CS reserved bits",					      GUEST,											   ONE(OR(GUEST_CS_AR),0x100),0,0},
	{"entry: guest CS granularity against its limit",                                          GUEST,										       ONE(CLEAR(GUEST_CS_AR),0x8000),0,0},
	{"entry: guest CS base's high half",                           GUEST,               ONE(GUEST_CS_BASE,1ull << 32),0,0},
	{"entry: guest SS of RPL 3 with CPL 0",                                              GUEST,													      ONE(GUEST_SS_SEL,                                0x13),0,0},
	{"entry: guest SS DPL 3 with CS DPL 0",                GUEST,                                             ONE(OR(GUEST_SS_AR),0x60),															 0,																																			     0},
	{"entry: guest SS read-only",					       GUEST,									ONE(GUEST_SS_AR,0xc091),0,0},
	{"entry: guest DS not accessed",					      GUEST,											    ONE(GUEST_DS_AR,0xc092),0,0},
	{"entry: guest DS execute-only",					      GUEST,								       ONE(GUEST_DS_AR,0xc099),0,0},
	{"entry: guest TR unusable",                                   GUEST,										ONE(OR(GUEST_TR_AR),AR_UNUSABLE),														    0,																																						    0},
	{"entry: guest TR available, not busy",                         GUEST,ONE(GUEST_TR_AR,0x89),0,0},
	{"entry: guest TR of 16 bits",        GUEST,									  ONE(GUEST_TR_AR,0x83),0,0},
	{"entry: guest TR in the LDT",					      GUEST,											    ONE(GUEST_TR_SEL,0x44),0,0},
	{"entry: guest TR base non-canonical",                          GUEST,								 ONE(GUEST_TR_BASE,NONCANON),0,0},
	{"entry: guest LDTR in the LDT",                      GUEST,									  TWO(PUT(GUEST_LDTR_AR,0x82),PUT(GUEST_LDTR_SEL,0x4c)), 0,
	 0},
	{"entry: guest FS base non-canonical",                                              GUEST,											    ONE(GUEST_FS_BASE,NONCANON),0,0},
	{"entry: guest GDTR base non-canonical",                                              GUEST,											   ONE(GUEST_GDTR_BASE,NONCANON), 0,                                                                       0},
	{"entry: guest IDTR limit over 16 bits",                                        GUEST,										     ONE(GUEST_IDTR_LIMIT,0x10000),0,0},
	{"entry: guest RIP non-canonical",                         GUEST,						      ONE(GUEST_RIP,NONCANON),     0,"Bochs does not check it"},
	{"entry: guest RIP's high half in compatibility mode",GUEST,
	 TWO(PUT(CLEAR(GUEST_CS_AR),AR_LONG),PUT(GUEST_RIP,         1ull << 32)), 0, 0},
	{"entry: guest RFLAGS bit 1 clear", GUEST, ONE(GUEST_RFLAGS,0),0,																													     0},
	{"entry: guest RFLAGS reserved",					       GUEST,							    ONE(GUEST_RFLAGS,0x8002),0,																	   0},
	{"entry: guest RFLAGS.VM in IA-32e mode",                                              GUEST,											    ONE(GUEST_RFLAGS,0x20002),0,																																																																																									      0},
	{"entry: interrupt injected with IF clear",                                              GUEST,											   {EVENT(0x40), NONE, NONE},0,                                                           0																																																												     },
	{"entry: interrupt injected behind MOV SS",                                          GUEST,
	 THREE(EVENT(0x40),								       PUT(GUEST_RFLAGS,0x202),PUT(GUEST_INTERRUPTIBILITY, 2)), 0, 0},
	{"entry: interrupt injected behind STI",                                GUEST,
	 THREE(EVENT(0x40),PUT(GUEST_RFLAGS,																			       0x202),																										   PUT(GUEST_INTERRUPTIBILITY, 1)), 0, 0},
	{"entry: NMI injected behind MOV SS",GUEST,TWO(EVENT(0x202),PUT(GUEST_INTERRUPTIBILITY,2)),                           0, 0},
	{"entry: virtual NMI injected while blocked",                  GUEST,
	 THREE(EVENT(0x202),PUT(OR(PIN_CTLS),PIN_NMI | PIN_VIRTUAL_NMIS),PUT(GUEST_INTERRUPTIBILITY, 8)),
	 0, "Bochs does not check it"},
	{"entry: blocked by STI and MOV SS",					       GUEST,
	 TWO(PUT(GUEST_RFLAGS,0x202),PUT(GUEST_INTERRUPTIBILITY,3)), 0, 0},
	{"entry: blocked by STI with IF clear",                                              GUEST,											    ONE(GUEST_INTERRUPTIBILITY,1),0,0},
	{"entry: interruptibility reserved",					      GUEST,											   ONE(GUEST_INTERRUPTIBILITY,0x20),																													    0,																																																																								    0},
	{"entry: blocked by SMI outside SMM",                                          GUEST,										       ONE(GUEST_INTERRUPTIBILITY,																		   4),																																																								   0,																																																								 0},
	{"entry: activity state 4",                               GUEST,ONE(GUEST_ACTIVITY,4),                           0,                                                                  0},
	{"entry: HLT at CPL 3",                 GUEST,
	 THREE(PUT(GUEST_ACTIVITY,1),																																					      PUT(OR(GUEST_SS_AR),																																																																																																																																																		    0x60), PUT(OR(GUEST_CS_AR), 0x60)), 0, 0},
	{"entry: HLT blocked by MOV SS",                  GUEST,                                      TWO(PUT(GUEST_ACTIVITY,1),PUT(GUEST_INTERRUPTIBILITY,2)),
	 0, 0},
	{"entry: HLT with an injected #UD",					      GUEST,											       TWO(PUT(GUEST_ACTIVITY,1),EVENT(0x300 | UD)),0,
	 "Bochs does not check it"},
	{"entry: pending debug exceptions reserved",                                      GUEST,										   ONE(GUEST_PENDING_DEBUG,                      1 << 13),																	      0,																																							      0},
	{"entry: MOV SS and TF without pending BS",                            GUEST,
	 TWO(PUT(GUEST_RFLAGS,0x102),PUT(GUEST_INTERRUPTIBILITY,2)), 0, "Bochs does not check it"},
	{"entry: MOV SS and pending BS without TF",   GUEST,
	 TWO(PUT(GUEST_PENDING_DEBUG,DEBUG_BS),PUT(GUEST_INTERRUPTIBILITY,																																																																																																																								     2)), 0,
	 "Bochs does not check it"},
	{"entry: VMCS link pointer unaligned",                GUEST,                                 ONE(VMCS_LINK_POINTER,0x1001),4,0},
	{"entry: VMCS link pointer far",					       GUEST,                                          ONE(VMCS_LINK_POINTER,FAR),4,														     0},
	{"entry: VMCS link pointer to no VMCS",
	 GUEST,										{{VMCS_LINK_POINTER, (uint64_t)(uintptr_t)lab_page[3]}, {L2_WORD(3), 0x7ffffff0}, NONE},
	 4,0},
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
