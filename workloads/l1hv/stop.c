// SPDX-License-Identifier: MIT
/* The end of L2, and of l1hv with it. */
#include "output.h"
#include "report.h"

static const struct {
	const char *name;
	enum vmcs_field field;
} dumped[] = {
	{"exit_reason",             EXIT_REASON           },
	{"exit_qualification",      EXIT_QUALIFICATION    },
	{"guest_physical_address",  GUEST_PHYSICAL_ADDRESS},
	{"guest_linear_address",    GUEST_LINEAR_ADDRESS  },
	{"exit_intr_info",          EXIT_INTR_INFO        },
	{"exit_intr_error",         EXIT_INTR_ERROR       },
	{"idt_vectoring_info",      IDT_VECTORING_INFO    },
	{"exit_instruction_length", EXIT_INSTR_LEN        },
	{"entry_intr_info",         ENTRY_INTR_INFO       },
	{"rip",		     GUEST_RIP             },
	{"rsp",		     GUEST_RSP             },
	{"rflags",                  GUEST_RFLAGS          },
	{"cr0",		     GUEST_CR0             },
	{"cr0_shadow",              CR0_SHADOW            },
	{"cr3",		     GUEST_CR3             },
	{"cr4",		     GUEST_CR4             },
	{"cr4_shadow",              CR4_SHADOW            },
	{"cs",		      GUEST_CS_SEL          },
	{"cs_access_rights",        GUEST_CS_AR           },
	{"cs_base",                 GUEST_CS_BASE         },
	{"ss_access_rights",        GUEST_SS_AR           },
	{"gdtr_base",               GUEST_GDTR_BASE       },
	{"idtr_base",               GUEST_IDTR_BASE       },
	{"idtr_limit",              GUEST_IDTR_LIMIT      },
	{"interruptibility",        GUEST_INTERRUPTIBILITY},
	{"activity",                GUEST_ACTIVITY        },
	{"pending_debug",           GUEST_PENDING_DEBUG   },
	{"pin_controls",            PIN_CTLS              },
	{"cpu_controls",            CPU_CTLS              },
	{"cpu_controls2",           CPU_CTLS2             },
	{"entry_controls",          ENTRY_CTLS            },
	{"exit_controls",           EXIT_CTLS             },
	{"exception_bitmap",        EXCEPTION_BITMAP      },
	{"ept_pointer",             EPT_POINTER           },
};

static const char *const register_names[16] = {"rax", "rcx", "rdx", "rbx", NULL,  "rbp", "rsi", "rdi",
					       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

enum { FIELDS = sizeof(dumped) / sizeof(dumped[0]) };

/* L2's registers, where the last exit left them, and the VMCS. The count. */
static size_t dump(struct named_value values[FIELDS + 16])
{
	const struct l2_regs *regs = &vmx_exit_regs;
	size_t n = 0;

	for (size_t i = 0; i < FIELDS; i++)
		values[n++] = (struct named_value){dumped[i].name, vmread(dumped[i].field)};
	for (size_t i = 0; i < 16; i++)
		if (register_names[i])
			values[n++] = (struct named_value){register_names[i], regs->r[i]};
	for (size_t i = 0; i < n; i++)
		rt_printf("  %-24s %016lx\n", values[i].name, values[i].value);
	return n;
}

_Noreturn void l2_stop(enum stop_cause cause, const char *reason)
{
	struct named_value values[FIELDS + 16];
	size_t n = 0;

	output_flush();
	if (cause != STOP_SHUTDOWN) {
		rt_printf("l1hv: L2 stopped: %s\n", reason);
		n = dump(values);
	}
	report_counters(hv.opt.unit);
	report_stop(cause, reason, values, n);
	rt_shutdown();
}

_Noreturn void on_entry_failed(void)
{
	char reason[64];

	rt_snprintf(reason, sizeof(reason), "VM entry: VM-instruction error %u",
		    vmread32(VM_INSTRUCTION_ERROR));
	l2_stop(STOP_BAD_STATE, reason);
}

_Noreturn void vmx_instruction_failed(const char *what, uint64_t operand)
{
	uint64_t error = 0;

	/* plain: without a current VMCS this one fails as well */
	__asm__ volatile("vmread %1, %0" : "+r"(error) : "r"((uint64_t)VM_INSTRUCTION_ERROR) : "cc");
	rt_panic("l1hv: %s of 0x%lx failed, VM-instruction error %lu", what, operand, error);
}
