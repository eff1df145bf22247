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

void caps_own_format(struct vmx_caps *caps)
{
	const uint64_t features = VMX_BASIC_INS_OUTS | VMX_BASIC_TRUE_CTLS | VMX_BASIC_NO_ERROR_CODE_RULE;

	caps->basic = NESTBED_VMCS_REVISION | (uint64_t)NESTBED_VMCS_SIZE << 32 | VMX_BASIC_WB |
		      (caps->basic & features);
	caps->vmcs_enum = highest_number(caps);
}

void caps_for_guest(const struct vmx_caps *hardware, struct vmx_caps *guest)
{
	*guest = (struct vmx_caps){0};
	guest->basic = hardware->basic;
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
	caps_own_format(guest);
}
