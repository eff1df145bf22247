/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/caps.h"
#include "vmcs_merge/fields.h"

#include <stddef.h>

/* EPT and VPID capabilities that L0's nested EPT supports. */
#define EPT_OFFERED                                                                                          \
	(EPT_CAP_EXECUTE_ONLY | EPT_CAP_4_LEVEL | EPT_CAP_UC | EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_1G |        \
	 EPT_CAP_INVEPT | EPT_CAP_ACCESSED_DIRTY | EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL)
#define VPID_OFFERED                                                                                         \
	(EPT_CAP_INVVPID | EPT_CAP_INVVPID_ADDRESS | EPT_CAP_INVVPID_SINGLE | EPT_CAP_INVVPID_ALL |          \
	 EPT_CAP_INVVPID_NO_GLOBAL)

/*
 * Timer rate, saving of LMA, activity states, CR3 targets, VMWRITE to any field and injection with length 0,
 * as the processor has them. MSR lists of up to 512 entries (field 0).
 */
#define MISC_OFFERED                                                                                         \
	(0x1full | VMX_MISC_SAVE_LMA | VMX_MISC_ACTIVITY_HLT | VMX_MISC_ACTIVITY_SHUTDOWN |                  \
	 VMX_MISC_ACTIVITY_SIPI | 0x1ffull << 16 | VMX_MISC_VMWRITE_ANY | VMX_MISC_INJECT_LEN0)

/* Bits the processor forces stay forced: they include the reserved 'default1' ones. */
static uint64_t restrict_controls(uint64_t hardware, enum control_word word)
{
	uint64_t must = hardware & 0xffffffff;
	uint64_t may = hardware >> 32 & (control_masks[word].offered | must);

	return must | may << 32;
}

/* SDM, "VMCS Enumeration": bits 9:1 hold the highest number in any encoding. */
static uint64_t highest_number(const struct vmx_caps *caps)
{
	uint32_t highest = 0;

	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		uint32_t number = vmcs_encoding_number(vmcs_field_encoding[i]);

		if (number > highest && vmcs_field_exists(i, caps))
			highest = number;
	}
	return (uint64_t)highest << 1;
}

enum limit_kind { KEEP, CONTROLS, FEATURES, FIXED_ONE, BASIC, MISC };

/* By number, from IA32_VMX_BASIC on. */
static const uint8_t limit_kinds[VMX_CAPS_COUNT] = {
	BASIC, CONTROLS, CONTROLS, CONTROLS, CONTROLS, MISC,     FIXED_ONE, FEATURES, FIXED_ONE, FEATURES,
	KEEP,  CONTROLS, FEATURES, CONTROLS, CONTROLS, CONTROLS, CONTROLS,  FEATURES, FEATURES,  FEATURES,
};

static uint64_t least(uint64_t a, uint64_t b, uint64_t mask)
{
	return (a & mask) < (b & mask) ? a & mask : b & mask;
}

static uint64_t limited(enum limit_kind kind, uint64_t value, uint64_t limit)
{
	const uint64_t features = VMX_BASIC_INS_OUTS | VMX_BASIC_TRUE_CTLS | VMX_BASIC_NO_ERROR_CODE_RULE;
	const uint64_t rate = 0x1f, targets = 0x1ffull << 16, lists = 7ull << 25;
	uint64_t may = value >> 32 & limit >> 32;

	switch (kind) {
	case CONTROLS:
		may |= (uint32_t)value;
		return may << 32 | (uint32_t)value | (limit & may);
	case FEATURES:
		return value & limit;
	case FIXED_ONE:
		return value | limit;
	case BASIC:
		return value & (limit | ~features);
	case MISC:
		return (value & rate) | least(value, limit, targets) | least(value, limit, lists) |
		       (value & limit & ~(rate | targets | lists));
	case KEEP:
	default:
		return value;
	}
}

/* SDM "Checks on VMX Controls": a control that cannot be used without another one */
static const struct {
	uint8_t word, needed_word;
	uint32_t bits, needed;
} needs[] = {
	{WORD_PIN,  WORD_PIN,  PIN_VIRTUAL_NMIS,						    PIN_NMI_EXITING     },
	{WORD_CPU,  WORD_PIN,  CPU_NMI_WINDOW,						      PIN_VIRTUAL_NMIS    },
	{WORD_EXIT, WORD_PIN,  EXIT_CTL_SAVE_TIMER,                                                 PIN_PREEMPTION_TIMER},
	{WORD_CPU2, WORD_CPU,  ~0u,								 CPU_ACTIVATE_CTLS2  },
	{WORD_CPU2, WORD_CPU,  CTL2_X2APIC_MODE | CTL2_APIC_REGISTERS | CTL2_VIRTUAL_INTR_DELIVERY,
	 CPU_TPR_SHADOW												 },
	{WORD_CPU2, WORD_CPU2, CTL2_UNRESTRICTED_GUEST | CTL2_PML | CTL2_VE | CTL2_VMFUNC,          CTL2_EPT            },
};

/* The word's pair of MSRs. 0 where there is none. */
static uint64_t *word_msrs(struct vmx_caps *caps, enum control_word word, uint64_t **true_msr)
{
	uint64_t *const plain[CONTROL_WORDS] = {&caps->pin, &caps->cpu, &caps->cpu2, &caps->exit,
						&caps->entry};
	uint64_t *const exact[CONTROL_WORDS] = {&caps->true_pin, &caps->true_cpu, NULL, &caps->true_exit,
						&caps->true_entry};

	*true_msr = exact[word];
	return plain[word];
}

static void take_away(struct vmx_caps *caps, enum control_word word, uint32_t bits)
{
	uint64_t *exact, *plain = word_msrs(caps, word, &exact);

	*plain &= ~((uint64_t)(bits & ~(uint32_t)*plain) << 32);
	if (exact)
		*exact &= ~((uint64_t)(bits & ~(uint32_t)*exact) << 32);
}

/* Both MSRs of a word allow the same bits to be 1. */
static void align_true(struct vmx_caps *caps)
{
	if (!(caps->basic & VMX_BASIC_TRUE_CTLS)) {
		caps->true_pin = caps->true_cpu = caps->true_exit = caps->true_entry = 0;
		return;
	}
	for (unsigned word = 0; word < CONTROL_WORDS; word++) {
		uint64_t *exact, *plain = word_msrs(caps, (enum control_word)word, &exact);

		if (exact)
			take_away(caps, (enum control_word)word,
				  (uint32_t)(~*plain >> 32) | (uint32_t)(~*exact >> 32));
	}
}

static void make_consistent(struct vmx_caps *caps)
{
	const uint64_t usable_ept = EPT_CAP_4_LEVEL | EPT_CAP_WB;

	align_true(caps);
	if ((caps->ept_vpid & usable_ept) != usable_ept)
		take_away(caps, WORD_CPU2, CTL2_EPT);
	if (!(caps->ept_vpid & EPT_CAP_ACCESSED_DIRTY))
		take_away(caps, WORD_CPU2, CTL2_PML);
	if (!caps->vmfunc)
		take_away(caps, WORD_CPU2, CTL2_VMFUNC);
	for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (!vmx_can(caps, (enum control_word)needs[i].needed_word, needs[i].needed))
			take_away(caps, (enum control_word)needs[i].word, needs[i].bits);
	if (!vmx_can(caps, WORD_CPU, CPU_ACTIVATE_CTLS2))
		caps->cpu2 = 0;
	if (!vmx_can(caps, WORD_CPU2, CTL2_EPT))
		caps->ept_vpid &= ~EPT_OFFERED;
	if (!vmx_can(caps, WORD_CPU2, CTL2_VPID))
		caps->ept_vpid &= ~VPID_OFFERED;
	if (!vmx_can(caps, WORD_CPU2, CTL2_VMFUNC))
		caps->vmfunc = 0;
	caps->vmcs_enum = highest_number(caps);
}

void caps_limit(struct vmx_caps *caps, const uint64_t limit[VMX_CAPS_COUNT], uint32_t given)
{
	if (!given)
		return;
	for (unsigned i = 0; i < VMX_CAPS_COUNT; i++)
		if (given >> i & 1)
			caps->msr[i] = limited((enum limit_kind)limit_kinds[i], caps->msr[i], limit[i]);
	make_consistent(caps);
}

void caps_for_guest(const struct vmx_caps *hardware, struct vmx_caps *guest)
{
	*guest = (struct vmx_caps){0};
	guest->basic =
		NESTBED_VMCS_REVISION | (uint64_t)NESTBED_VMCS_SIZE << 32 | VMX_BASIC_WB |
		(hardware->basic & (VMX_BASIC_INS_OUTS | VMX_BASIC_TRUE_CTLS | VMX_BASIC_NO_ERROR_CODE_RULE));
	guest->pin = restrict_controls(hardware->pin, WORD_PIN);
	guest->cpu = restrict_controls(hardware->cpu, WORD_CPU);
	guest->exit = restrict_controls(hardware->exit, WORD_EXIT);
	guest->entry = restrict_controls(hardware->entry, WORD_ENTRY);
	guest->misc = hardware->misc & MISC_OFFERED;
	guest->cr0_fixed0 = hardware->cr0_fixed0;
	guest->cr0_fixed1 = hardware->cr0_fixed1;
	guest->cr4_fixed0 = hardware->cr4_fixed0;
	guest->cr4_fixed1 = hardware->cr4_fixed1;
	if (guest->cpu >> 32 & CPU_ACTIVATE_CTLS2)
		guest->cpu2 = restrict_controls(hardware->cpu2, WORD_CPU2);
	if (guest->cpu2 >> 32 & CTL2_EPT)
		guest->ept_vpid |= hardware->ept_vpid & EPT_OFFERED;
	if (guest->cpu2 >> 32 & CTL2_VMFUNC)
		guest->vmfunc = hardware->vmfunc & VMFUNC_EPTP_SWITCHING;
	if (guest->cpu2 >> 32 & CTL2_VPID)
		guest->ept_vpid |= hardware->ept_vpid & VPID_OFFERED;
	if (hardware->basic & VMX_BASIC_TRUE_CTLS) {
		guest->true_pin = restrict_controls(hardware->true_pin, WORD_PIN);
		guest->true_cpu = restrict_controls(hardware->true_cpu, WORD_CPU);
		guest->true_exit = restrict_controls(hardware->true_exit, WORD_EXIT);
		guest->true_entry = restrict_controls(hardware->true_entry, WORD_ENTRY);
	}
	make_consistent(guest);
}
