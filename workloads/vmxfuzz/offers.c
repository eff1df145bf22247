// SPDX-License-Identifier: MIT
/*
 * What the bare machine has and L0 does not offer must not be drawn, neither as a valid nor as an invalid
 * value. A control that L0 learns to offer gets its bit here.
 */
#include "fuzz.h"
#include "workloads/vmx/feature.h"

/* known: bits that some processor has. */
static const struct {
	uint32_t msr, true_msr;
	uint32_t offered, known;
} words[WORDS] = {
	[WORD_PIN] = {IA32_VMX_PIN,   IA32_VMX_TRUE_PIN,
		      PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS | PIN_PREEMPTION_TIMER,  0xe9      },
	[WORD_CPU] = {IA32_VMX_CPU,   IA32_VMX_TRUE_CPU,
		      CPU_INTERRUPT_WINDOW | CPU_TSC_OFFSETTING | CPU_HLT | CPU_INVLPG | CPU_MWAIT |
			      CPU_RDPMC | CPU_RDTSC | CPU_CR3_LOAD | CPU_CR3_STORE | CPU_CR8_LOAD |
			      CPU_CR8_STORE | CPU_TPR_SHADOW | CPU_NMI_WINDOW | CPU_MOV_DR |
			      CPU_UNCONDITIONAL_IO | CPU_IO_BITMAPS | CPU_MSR_BITMAPS | CPU_MONITOR |
			      CPU_PAUSE | CPU_SECONDARY,
		      0xfbfb9e8c									     },
	[WORD_CPU2] = {IA32_VMX_CPU2,  IA32_VMX_CPU2,
                      CPU2_EPT | CPU2_DESCRIPTOR_TABLES | CPU2_RDTSCP | CPU2_VPID | CPU2_WBINVD |
			       CPU2_UNRESTRICTED_GUEST | CPU2_RDRAND | CPU2_INVPCID | CPU2_RDSEED,
                      0xffffffff									     },
	[WORD_EXIT] = {IA32_VMX_EXIT,  IA32_VMX_TRUE_EXIT,
                      EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_ACK_INTERRUPT | EXIT_SAVE_PAT | EXIT_LOAD_PAT |
			       EXIT_SAVE_EFER | EXIT_LOAD_EFER | EXIT_SAVE_TIMER,
                      0xfffc9204									     },
	[WORD_ENTRY] = {IA32_VMX_ENTRY, IA32_VMX_TRUE_ENTRY,
                      ENTRY_LOAD_DEBUG | ENTRY_IA32E | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER,           0x00fffe04},
};

struct offers offers;

static void probe_controls(void)
{
	const bool exact = rdmsr(IA32_VMX_BASIC) & BASIC_TRUE_CTLS;

	for (unsigned int i = 0; i < WORDS; i++) {
		const uint64_t cap = i == WORD_CPU2 && !offers_can(WORD_CPU, CPU_SECONDARY)
					     ? 0
					     : rdmsr(exact ? words[i].true_msr : words[i].msr);

		offers.ctl[i].must = (uint32_t)cap;
		offers.ctl[i].may = (uint32_t)(cap >> 32) & (words[i].offered | (uint32_t)cap);
		offers.ctl[i].never = ~(uint32_t)(cap >> 32) & ~(words[i].known & ~words[i].offered);
	}
}

const char *offers_probe(void)
{
	if (!(cpuid(1, 0).ecx & 1u << 5))
		return "no VT-x";
	if (!vmx_feature_on())
		return "VT-x is off in IA32_FEATURE_CONTROL";
	probe_controls();
	offers.revision = (uint32_t)rdmsr(IA32_VMX_BASIC) & 0x7fffffff;
	offers.cr0_fixed0 = rdmsr(IA32_VMX_CR0_FIXED0);
	offers.cr0_fixed1 = rdmsr(IA32_VMX_CR0_FIXED1);
	offers.cr4_fixed0 = rdmsr(IA32_VMX_CR4_FIXED0);
	offers.cr4_fixed1 = rdmsr(IA32_VMX_CR4_FIXED1);
	offers.physical_bits = cpuid(0x80000008, 0).eax & 0xff;
	offers.timer_rate = rdmsr(IA32_VMX_MISC) & 0x1f;
	/* The watchdog of streams without end, and what keeps L2 off L1's memory */
	if (!offers_can(WORD_PIN, PIN_PREEMPTION_TIMER))
		return "no VMX-preemption timer";
	if (!offers_can(WORD_CPU2, CPU2_EPT))
		return "no EPT";
	offers.ept_vpid = rdmsr(IA32_VMX_EPT_VPID);
	if (!(offers.ept_vpid & EPT_CAP_2M))
		return "no EPT with 2 MiB pages";
	return NULL;
}
