/* SPDX-License-Identifier: MIT */
/*
 * VMX capability MSRs (SDM, appendix "VMX Capability Reporting Facility"): the processor's, and those that L0
 * offers L1.
 */
#ifndef VMCS_MERGE_CAPS_H
#define VMCS_MERGE_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmcs_merge/controls.h"

#define VMX_CAPS_FIRST_MSR 0x480u
#define VMX_CAPS_COUNT     0x14u

/* Raw values, 0 where the processor has no such MSR. msr[i] is MSR 0x480 + i. */
struct vmx_caps {
	union {
		uint64_t msr[VMX_CAPS_COUNT];
		struct {
			uint64_t basic; /* 480 */
			uint64_t pin; /* 481 */
			uint64_t cpu; /* 482 */
			uint64_t exit; /* 483 */
			uint64_t entry; /* 484 */
			uint64_t misc; /* 485 */
			uint64_t cr0_fixed0; /* 486: bits that must be 1 */
			uint64_t cr0_fixed1; /* 487: bits that may be 1 */
			uint64_t cr4_fixed0; /* 488 */
			uint64_t cr4_fixed1; /* 489 */
			uint64_t vmcs_enum; /* 48A */
			uint64_t cpu2; /* 48B */
			uint64_t ept_vpid; /* 48C */
			uint64_t true_pin; /* 48D */
			uint64_t true_cpu; /* 48E */
			uint64_t true_exit; /* 48F */
			uint64_t true_entry; /* 490 */
			uint64_t vmfunc; /* 491 */
			uint64_t cpu3; /* 492: a bit each, not a pair of halves */
			uint64_t exit2; /* 493: likewise */
		};
	};
};

/* IA32_VMX_BASIC */
#define VMX_BASIC_REVISION(basic)    ((uint32_t)(basic)&0x7fffffffu)
#define VMX_BASIC_REGION_SIZE(basic) ((uint32_t)((basic) >> 32) & 0x1fffu)
#define VMX_BASIC_WB                 (6ull << 50)
#define VMX_BASIC_INS_OUTS           (1ull << 54)
#define VMX_BASIC_TRUE_CTLS          (1ull << 55)
#define VMX_BASIC_NO_ERROR_CODE_RULE (1ull << 56) /* hardware exceptions with or without error code */

/* IA32_VMX_MISC */
#define VMX_MISC_TIMER_RATE(misc)   ((unsigned)(misc)&0x1fu)
#define VMX_MISC_SAVE_LMA           (1ull << 5)
#define VMX_MISC_ACTIVITY_HLT       (1ull << 6)
#define VMX_MISC_ACTIVITY_SHUTDOWN  (1ull << 7)
#define VMX_MISC_ACTIVITY_SIPI      (1ull << 8)
#define VMX_MISC_CR3_TARGETS(misc)  ((unsigned)((misc) >> 16) & 0x1ffu)
#define VMX_MISC_MSR_LIST_MAX(misc) (512u * (((unsigned)((misc) >> 25) & 7u) + 1))
#define VMX_MISC_VMWRITE_ANY        (1ull << 29)
#define VMX_MISC_INJECT_LEN0        (1ull << 30)

/* IA32_VMX_EPT_VPID_CAP */
#define EPT_CAP_EXECUTE_ONLY      (1ull << 0)
#define EPT_CAP_4_LEVEL           (1ull << 6)
#define EPT_CAP_5_LEVEL           (1ull << 7)
#define EPT_CAP_UC                (1ull << 8)
#define EPT_CAP_WB                (1ull << 14)
#define EPT_CAP_2M                (1ull << 16)
#define EPT_CAP_1G                (1ull << 17)
#define EPT_CAP_INVEPT            (1ull << 20)
#define EPT_CAP_ACCESSED_DIRTY    (1ull << 21)
#define EPT_CAP_INVEPT_SINGLE     (1ull << 25)
#define EPT_CAP_INVEPT_ALL        (1ull << 26)
#define EPT_CAP_INVVPID           (1ull << 32)
#define EPT_CAP_INVVPID_ADDRESS   (1ull << 40)
#define EPT_CAP_INVVPID_SINGLE    (1ull << 41)
#define EPT_CAP_INVVPID_ALL       (1ull << 42)
#define EPT_CAP_INVVPID_NO_GLOBAL (1ull << 43)

/* The revision identifier of the VMCS format that L0 gives L1; bit 31 is the shadow-VMCS indicator and 0. */
#define NESTBED_VMCS_REVISION 0x4e420001u
#define NESTBED_VMCS_SIZE     4096u
#define VMCS_SHADOW_INDICATOR 0x80000000u

/* IA32_VMX_VMFUNC and the VM-function controls */
#define VMFUNC_EPTP_SWITCHING 1ull

/* Bits that must be 1 (low half of a capability MSR) set, bits that may not be 1 (high half) cleared. */
static inline uint32_t vmx_adjust(uint64_t capability_msr, uint32_t wanted)
{
	return (wanted | (uint32_t)capability_msr) & (uint32_t)(capability_msr >> 32);
}

/* May a control word have this value? */
static inline bool vmx_allows(uint64_t capability_msr, uint32_t value)
{
	return vmx_adjust(capability_msr, value) == value;
}

/* The capability MSR that rules a control word: the TRUE one where there is one (IA32_VMX_BASIC bit 55). */
static inline uint64_t vmx_controls_cap(const struct vmx_caps *caps, enum control_word word)
{
	bool use_true = caps->basic & VMX_BASIC_TRUE_CTLS;

	switch (word) {
	case WORD_PIN:
		return use_true ? caps->true_pin : caps->pin;
	case WORD_CPU:
		return use_true ? caps->true_cpu : caps->cpu;
	case WORD_EXIT:
		return use_true ? caps->true_exit : caps->exit;
	case WORD_ENTRY:
		return use_true ? caps->true_entry : caps->entry;
	case WORD_CPU2:
		return caps->cpu >> 32 & CPU_ACTIVATE_CTLS2 ? caps->cpu2 : 0;
	case CONTROL_WORDS:
	default:
		return 0;
	}
}

/* Can all bits of the mask be set? */
static inline bool vmx_can(const struct vmx_caps *caps, enum control_word word, uint32_t mask)
{
	return (vmx_controls_cap(caps, word) >> 32 & mask) == mask;
}

/* What L0 offers L1 on such a processor: what it can do and L0's nested VMX supports. */
void caps_for_guest(const struct vmx_caps *hardware, struct vmx_caps *guest);

/* IA32_VMX_BASIC and IA32_VMX_VMCS_ENUM of L0's own VMCS format, with the features that are there already. */
void caps_own_format(struct vmx_caps *caps);

#endif
