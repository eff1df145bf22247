// SPDX-License-Identifier: MIT
/* From the exit reason to the handler and back. The one place that moves RIP past an instruction. */
#include "events.h"
#include "exits.h"
#include "guest.h"
#include "report.h"

struct hv hv;

#define DEBUGCTL_BTF (1ull << 1)

/* Exits that can interrupt the delivery of an event: SDM volume 3, "Information for VM Exits During Event
 * Delivery". */
#define VECTORING true

static const struct {
	const char *name;
	exit_fn *fn;
	bool vectoring;
} exit_table[EXIT_REASONS] = {
	[EXIT_EXCEPTION_NMI] = {"exception_nmi",        on_exception_or_nmi,     VECTORING},
	[EXIT_EXTERNAL_INTERRUPT] = {"external_interrupt",   on_external_interrupt,   false    },
	[EXIT_TRIPLE_FAULT] = {"triple_fault",         on_triple_fault,         false    },
	[EXIT_INTERRUPT_WINDOW] = {"interrupt_window",     on_window,               false    },
	[EXIT_NMI_WINDOW] = {"nmi_window",           on_window,               false    },
	[EXIT_TASK_SWITCH] = {"task_switch",          on_task_switch,          VECTORING},
	[EXIT_CPUID] = {"cpuid",                on_cpuid,                false    },
	[EXIT_GETSEC] = {"getsec",               on_vmx_instruction,      false    },
	[EXIT_HLT] = {"hlt",                  on_hlt,                  false    },
	[EXIT_INVD] = {"invd",                 on_write_back,           false    },
	[EXIT_INVLPG] = {"invlpg",               on_invlpg,               false    },
	[EXIT_RDTSC] = {"rdtsc",                on_rdtsc,                false    },
	[EXIT_VMCALL] = {"vmcall",               on_vmcall,               false    },
	[EXIT_VMCLEAR] = {"vmclear",              on_vmx_instruction,      false    },
	[EXIT_VMLAUNCH] = {"vmlaunch",             on_vmx_instruction,      false    },
	[EXIT_VMPTRLD] = {"vmptrld",              on_vmx_instruction,      false    },
	[EXIT_VMPTRST] = {"vmptrst",              on_vmx_instruction,      false    },
	[EXIT_VMREAD] = {"vmread",               on_vmx_instruction,      false    },
	[EXIT_VMRESUME] = {"vmresume",             on_vmx_instruction,      false    },
	[EXIT_VMWRITE] = {"vmwrite",              on_vmx_instruction,      false    },
	[EXIT_VMXOFF] = {"vmxoff",               on_vmx_instruction,      false    },
	[EXIT_VMXON] = {"vmxon",                on_vmx_instruction,      false    },
	[EXIT_CR_ACCESS] = {"cr_access",            on_cr_access,            false    },
	[EXIT_IO] = {"io",                   on_io,                   false    },
	[EXIT_RDMSR] = {"rdmsr",                on_rdmsr,                false    },
	[EXIT_WRMSR] = {"wrmsr",                on_wrmsr,                false    },
	[EXIT_PAUSE] = {"pause",                on_nothing_to_do,        false    },
	[EXIT_EPT_VIOLATION] = {"ept_violation",        on_ept_violation,        VECTORING},
	[EXIT_EPT_MISCONFIG] = {"ept_misconfiguration", on_ept_misconfiguration, VECTORING},
	[EXIT_INVEPT] = {"invept",               on_vmx_instruction,      false    },
	[EXIT_RDTSCP] = {"rdtscp",               on_rdtscp,               false    },
	[EXIT_INVVPID] = {"invvpid",              on_vmx_instruction,      false    },
	[EXIT_WBINVD] = {"wbinvd",               on_write_back,           false    },
	[EXIT_XSETBV] = {"xsetbv",               on_xsetbv,               false    },
};

const char *exit_name(uint32_t basic_reason)
{
	return basic_reason < EXIT_REASONS ? exit_table[basic_reason].name : NULL;
}

/* RF ends with the emulated instruction; so does a single step: the #DB is due before the next one. */
static __attribute__((cold, noinline)) void end_of_instruction(uint64_t rflags)
{
	if (rflags & X86_RFLAGS_RF)
		vmwrite(GUEST_RFLAGS, rflags & ~X86_RFLAGS_RF);
	if (rflags & X86_RFLAGS_TF && !(vmread(GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmwrite(GUEST_PENDING_DEBUG, vmread(GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

void l2_end_iteration(uint64_t rflags)
{
	vmwrite(GUEST_RFLAGS, rflags | X86_RFLAGS_RF);
	if (rflags & X86_RFLAGS_TF && !(vmread(GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmwrite(GUEST_PENDING_DEBUG, vmread(GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

void l2_advance(uint32_t length)
{
	const uint64_t rip = vmread(GUEST_RIP);
	uint64_t next = rip + length;
	uint64_t rflags;
	uint32_t blocking;

	if (__builtin_expect((rip ^ next) >> 32 != 0, 0) && !l2_code64())
		next = (uint32_t)next;
	vmwrite(GUEST_RIP, next);
	blocking =
		vmread32(GUEST_INTERRUPTIBILITY); /* STI and MOV SS block for one instruction: this was it */
	if (blocking & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS))
		vmwrite(GUEST_INTERRUPTIBILITY, blocking & ~(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
	rflags = vmread(GUEST_RFLAGS);
	if (__builtin_expect(rflags & (X86_RFLAGS_TF | X86_RFLAGS_RF), 0))
		end_of_instruction(rflags);
}

static _Noreturn __attribute__((cold)) void on_strange_exit(uint32_t reason)
{
	if (reason & EXIT_ENTRY_FAILURE)
		l2_stop(STOP_BAD_STATE, "VM entry failed: guest state");
	l2_stop(STOP_UNEXPECTED, "exit reason without a handler");
}

void on_exit(struct l2_regs *regs)
{
	const uint64_t start = rdtsc();
	const uint32_t reason = vmread32(EXIT_REASON);

	if (__builtin_expect(reason >= EXIT_REASONS || !exit_table[reason].fn, 0))
		on_strange_exit(reason);
	hv.exit[reason].count++;
	if (exit_table[reason].vectoring)
		events_note_vectoring();
	if (exit_table[reason].fn(regs) == SKIP)
		l2_advance(vmread32(EXIT_INSTR_LEN));
	if (hv.attention)
		events_deliver();
	hv.exit[reason].ticks += rdtsc() - start;
}
