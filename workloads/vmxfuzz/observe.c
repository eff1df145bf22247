// SPDX-License-Identifier: MIT
/*
 * What came of an entry. Left out is what the SDM leaves undefined, and time. After some exits L1 goes on as
 * a hypervisor does: it skips the instruction, or gives L2 its exception.
 */
#include "fuzz.h"

#define RESUMES 8u
#define RF      0x10000ull /* arena.c */

enum { LENGTH = 1, INFORMATION = 2, SKIP = 4, LINEAR = 8, PHYSICAL = 16, NO_QUALIFICATION = 32 };
static const uint8_t defined[EXIT_REASONS] = {
	[EXIT_TASK_SWITCH] = LENGTH,
	[EXIT_CPUID] = LENGTH | SKIP,
	[EXIT_GETSEC] = LENGTH | SKIP,
	[EXIT_HLT] = LENGTH | SKIP,
	[EXIT_INVD] = LENGTH | SKIP,
	[EXIT_INVLPG] = LENGTH | SKIP,
	[EXIT_RDPMC] = LENGTH | SKIP,
	[EXIT_RDTSC] = LENGTH | SKIP,
	[EXIT_VMCALL] = LENGTH,
	[EXIT_VMCLEAR] = LENGTH | INFORMATION | SKIP,
	[EXIT_VMLAUNCH] = LENGTH | SKIP,
	[EXIT_VMPTRLD] = LENGTH | INFORMATION | SKIP,
	[EXIT_VMPTRST] = LENGTH | INFORMATION | SKIP,
	[EXIT_VMREAD] = LENGTH | INFORMATION | SKIP,
	[EXIT_VMRESUME] = LENGTH | SKIP,
	[EXIT_VMWRITE] = LENGTH | INFORMATION | SKIP,
	[EXIT_VMXOFF] = LENGTH | SKIP,
	[EXIT_VMXON] = LENGTH | INFORMATION | SKIP,
	[EXIT_CR_ACCESS] = LENGTH | SKIP,
	[EXIT_MOV_DR] = LENGTH | SKIP,
	[EXIT_IO] = LENGTH | SKIP,
	[EXIT_RDMSR] = LENGTH | SKIP,
	[EXIT_WRMSR] = LENGTH | SKIP,
	[EXIT_MWAIT] = LENGTH | SKIP,
	[EXIT_MONITOR] = LENGTH | SKIP,
	[EXIT_PAUSE] = LENGTH | SKIP,
	[EXIT_GDTR_IDTR] = LENGTH | INFORMATION | SKIP,
	[EXIT_LDTR_TR] = LENGTH | INFORMATION | SKIP,
	[EXIT_EPT_VIOLATION] = LINEAR | PHYSICAL,
	[EXIT_EPT_MISCONFIG] = PHYSICAL | NO_QUALIFICATION,
	[EXIT_INVEPT] = LENGTH | INFORMATION | SKIP,
	[EXIT_RDTSCP] = LENGTH | SKIP,
	[EXIT_INVVPID] = LENGTH | INFORMATION | SKIP,
	[EXIT_WBINVD] = LENGTH | SKIP,
	[EXIT_XSETBV] = LENGTH | SKIP,
	[EXIT_RDRAND] = LENGTH | INFORMATION | SKIP,
	[EXIT_INVPCID] = LENGTH | INFORMATION | SKIP,
	[EXIT_RDSEED] = LENGTH | INFORMATION | SKIP,
};

static uint64_t tell_field(const char *name, enum vmcs_field field)
{
	const uint64_t value = vmread(field);

	tell(name, value);
	return value;
}

static bool software(uint32_t info)
{
	return info & INTR_VALID && INTR_TYPE(info) >= INTR_SOFTWARE &&
	       INTR_TYPE(info) <= INTR_SOFTWARE_EXCEPTION;
}

static bool is_string(uint64_t qualification)
{
	return qualification & 0x10;
}

/* Bochs tells an error code in real mode, too (docs/bochs-differences.md). */
static uint32_t event(enum vmcs_field field)
{
	const uint32_t info = vmread32(field);

	if (!(info & INTR_VALID))
		return 0;
	return vmread(GUEST_CR0) & 1 ? info : info & ~INTR_ERROR_CODE;
}

/* Then there is no displacement, and Bochs tells that of an instruction of before
 * (docs/bochs-differences.md). */
static bool on_register(uint32_t reason)
{
	return (reason == EXIT_LDTR_TR || reason == EXIT_VMREAD || reason == EXIT_VMWRITE) &&
	       vmread32(EXIT_INSTR_INFO) & 1u << 10;
}

/* SDM "VM-Exit Information Fields", field by field: when it is defined. */
static void tell_exit(uint32_t reason, const struct registers *regs)
{
	const uint8_t what = reason < EXIT_REASONS ? defined[reason] : 0;
	const uint64_t qualification =
		what & NO_QUALIFICATION || on_register(reason) ? 0 : vmread(EXIT_QUALIFICATION);
	const uint32_t info = event(EXIT_INTR_INFO), vectoring = event(IDT_VECTORING_INFO);
	const bool io_string = reason == EXIT_IO && is_string(qualification);

	tell("reason", reason);
	tell("qualification", qualification);
	tell("interruption", info);
	if (info & INTR_ERROR_CODE)
		tell_field("interruption error", EXIT_INTR_ERROR);
	tell("vectoring", vectoring);
	if (vectoring & INTR_ERROR_CODE)
		tell_field("vectoring error", IDT_VECTORING_ERROR);
	if ((what & LENGTH && (reason != EXIT_TASK_SWITCH || qualification >> 30 != 3)) || software(info) ||
	    software(vectoring))
		tell_field("length", EXIT_INSTR_LEN);
	if (what & INFORMATION)
		tell_field("information", EXIT_INSTR_INFO);
	if ((what & LINEAR && qualification & 0x80) || io_string)
		tell_field("linear", GUEST_LINEAR_ADDRESS);
	if (what & PHYSICAL)
		tell_field("physical", GUEST_PHYSICAL_ADDRESS);
	tell_field("RIP", GUEST_RIP);
	tell_field("RSP", GUEST_RSP);
	tell("RFLAGS", vmread(GUEST_RFLAGS) & ~RF);
	tell_bytes("registers", regs->r, 16, ~RF);
}

/* ---- guest state ---- */

static const struct {
	uint16_t field;
	const char *name;
} state[] = {
	{GUEST_CR0,              "CR0"             },
	{GUEST_CR3,              "CR3"             },
	{GUEST_CR4,              "CR4"             },
	{GUEST_GDTR_BASE,        "GDTR base"       },
	{GUEST_GDTR_LIMIT,       "GDTR limit"      },
	{GUEST_IDTR_BASE,        "IDTR base"       },
	{GUEST_IDTR_LIMIT,       "IDTR limit"      },
	{GUEST_SYSENTER_CS,      "SYSENTER_CS"     },
	{GUEST_SYSENTER_ESP,     "SYSENTER_ESP"    },
	{GUEST_SYSENTER_EIP,     "SYSENTER_EIP"    },
	{GUEST_INTERRUPTIBILITY, "interruptibility"},
	{GUEST_ACTIVITY,         "activity"        },
	{GUEST_PENDING_DEBUG,    "pending debug"   },
	{GUEST_DR7,              "DR7"             },
	{GUEST_DEBUGCTL,         "DEBUGCTL"        },
	{ENTRY_CTLS,             "entry controls"  },
	{ENTRY_INTR_INFO,        "entry event"     },
};

static void tell_saved(const char *name, enum vmcs_field field)
{
	const uint64_t value = tell_field(name, field);

	machine_saved(field, value);
}

/* SDM "Saving Segment Registers and Descriptor-Table Registers": of an unusable one little is defined. */
static void tell_segment(unsigned int i)
{
	static const char *const names[] = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};
	const uint64_t rights = vmread((enum vmcs_field)(GUEST_ES_AR + 2 * i));
	const uint64_t base = vmread((enum vmcs_field)(GUEST_ES_BASE + 2 * i));
	const uint64_t limit = vmread((enum vmcs_field)(GUEST_ES_LIMIT + 2 * i));
	const bool unusable = rights & AR_UNUSABLE;

	machine_saved(GUEST_ES_AR + 2 * i, rights);
	machine_saved(GUEST_ES_BASE + 2 * i, base);
	machine_saved(GUEST_ES_LIMIT + 2 * i, limit);
	tell_saved(names[i], (enum vmcs_field)(GUEST_ES_SEL + 2 * i));
	tell("  rights", unusable ? AR_UNUSABLE : rights);
	tell("  base", unusable ? 0 : base);
	tell("  limit", unusable ? 0 : limit);
}

static void tell_guest(const struct plan *p)
{
	for (unsigned int i = 0; i < sizeof(state) / sizeof(state[0]); i++)
		tell_saved(state[i].name, (enum vmcs_field)state[i].field);
	for (unsigned int i = 0; i < 8; i++)
		tell_segment(i);
	machine_saved(GUEST_RFLAGS, vmread(GUEST_RFLAGS));
	tell_saved("RIP", GUEST_RIP);
	tell_saved("RSP", GUEST_RSP);
	if (offers_can(WORD_ENTRY, ENTRY_LOAD_EFER))
		tell_saved("EFER", GUEST_EFER);
	if (offers_can(WORD_ENTRY, ENTRY_LOAD_PAT))
		tell_saved("PAT", GUEST_PAT);
	for (unsigned int i = 0; i < 4; i++) {
		const enum vmcs_field field = (enum vmcs_field)(GUEST_PDPTE0 + 2 * i);
		const uint64_t value = vmread(field);

		machine_saved(field, value);
		if (p->ept &&
		    p->mode == PAE32) /* "the values saved are undefined" in any other paging mode */
			tell("PDPTE", value);
	}
	machine_saved(PREEMPTION_TIMER, vmread(PREEMPTION_TIMER));
}

/* ---- L1's own state behind an exit ---- */

static void tell_host(void)
{
	static const uint32_t msrs[] = {IA32_SYSENTER_CS, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP, IA32_PAT,
					IA32_EFER,        IA32_FS_BASE,      IA32_GS_BASE,      0xc0000081,
					0xc0000082,       0xc0000083,        0xc0000084,        0xc0000102};
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdt, idt;
	uint16_t selector[6];

	tell("L1 CR0", read_cr0());
	tell("L1 CR2", read_cr2());
	tell("L1 CR3", read_cr3());
	tell("L1 CR4", read_cr4());
	tell("L1 CR8", read_cr8());
	tell("L1 DR0", read_dr0());
	tell("L1 DR3", read_dr3());
	tell("L1 DR6", read_dr6());
	tell("L1 DR7", read_dr7());
	for (unsigned int i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		tell("L1 MSR", rdmsr(msrs[i]));
	__asm__ volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
	__asm__ volatile("mov %%es, %0; mov %%ds, %1; mov %%fs, %2; mov %%gs, %3; sldt %4; str %5"
			 : "=r"(selector[0]), "=r"(selector[1]), "=r"(selector[2]), "=r"(selector[3]),
			   "=r"(selector[4]), "=r"(selector[5]));
	tell("L1 GDT", gdt.limit);
	tell("L1 IDT", idt.limit);
	for (unsigned int i = 0; i < 6; i++)
		tell("L1 selector", selector[i]);
	tell("L1 RFLAGS", read_rflags() & ~0x8d5ull);
}

/* ---- going on ---- */

static void skip(void)
{
	vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(EXIT_INSTR_LEN));
	vmwrite(GUEST_INTERRUPTIBILITY, vmread(GUEST_INTERRUPTIBILITY) & ~3ull);
}

static void put(enum vmcs_field field, uint64_t value)
{
	vmwrite(field, value);
	machine_saved(field, value);
}

/* The exception that exited is L2's, as if it had not. */
static bool give_back(uint32_t info)
{
	if (INTR_TYPE(info) == INTR_NMI || vmread32(IDT_VECTORING_INFO) & INTR_VALID)
		return false;
	put(ENTRY_INTR_INFO, info & INTR_INJECTABLE);
	if (info & INTR_ERROR_CODE)
		put(ENTRY_ERROR_CODE, vmread(EXIT_INTR_ERROR));
	if (software(info))
		put(ENTRY_INSTR_LEN, vmread(EXIT_INSTR_LEN));
	return true;
}

static bool go_on(uint32_t reason)
{
	const uint64_t vectors = PAGE_ADDRESS(PAGE_VECTORS);

	if (reason == EXIT_EXCEPTION_NMI)
		return one_in(3) && give_back(event(EXIT_INTR_INFO));
	if (reason >= EXIT_REASONS || vmread32(IDT_VECTORING_INFO) & INTR_VALID)
		return false;
	if (reason == EXIT_VMCALL ? (vmread(GUEST_RIP) & ~0xfffull) != vectors || one_in(2)
				  : !(defined[reason] & SKIP) || one_in(8))
		return false;
	skip();
	return true;
}

/* With several mistakes in the VMCS it is up to the processor whether it tells of controls or of host state.
 */
static void tell_failure(const struct plan *p, enum entered how)
{
	uint64_t error;

	tell("VMfail", how);
	if (how != FAIL_VALID)
		return;
	error = vmread(VM_INSTRUCTION_ERROR);
	tell("error", p->spoils > 1 && error == 8 ? 7 : error);
}

void observe(struct plan *p, enum entered how)
{
	for (unsigned int n = 0;; n++) {
		uint32_t reason;

		if (how != ENTERED) {
			tell_failure(p, how);
			break;
		}
		reason = vmread32(EXIT_REASON);
		if (reason & EXIT_ENTRY_FAILURE) {
			tell("entry failure", reason);
			/* with several mistakes it is up to the processor which it tells of */
			tell("qualification", p->spoils > 1 ? 0 : vmread(EXIT_QUALIFICATION));
			break;
		}
		if (reason == EXIT_TIMER) { /* how far it came is a matter of time */
			tell("no end", reason);
			machine_forget();
			return;
		}
		tell_exit(reason, &p->regs);
		if (n == RESUMES || !go_on(reason))
			break;
		how = machine_enter(&p->regs, false, false);
	}
	tell_guest(p);
	tell_host();
	arena_tell();
}
