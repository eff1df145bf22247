/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/fields.h"

const uint32_t vmcs_field_encoding[VMCS_FIELD_COUNT] = {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason) encoding,
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

const char *const vmcs_field_names[VMCS_FIELD_COUNT] = {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason) #name,
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

const uint64_t vmcs_field_masks[VMCS_FIELD_COUNT] = {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason)                                                  \
	((encoding) >> 13 & 3) == VMCS_16 ? 0xffff : ((encoding) >> 13 & 3) == VMCS_32 ? 0xffffffff : ~0ull,
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

_Static_assert(VMCS_FIELD_COUNT < 256, "an index + 1 fits the lookup table's byte");
const uint8_t vmcs_field_lookup[16][VMCS_LOOKUP_NUMBERS] = {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason)                                                  \
	[((encoding) >> 11 & 0xc) | ((encoding) >> 10 & 3)][(encoding) >> 1 & 0x1ff] = F_##name + 1,
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

static const uint8_t field_need[VMCS_FIELD_COUNT] = {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason) need,
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

/*
 * SDM, "Field Encoding in VMCS", the tables' notes: "This field exists only on processors that support the
 * 1-setting of ...". A need with no mask is never met: this library knows the field's encoding only.
 */
static const struct {
	struct {
		uint8_t word;
		uint32_t mask;
	} any[2];
} need_table[VMCS_NEED_COUNT] = {
	[NEED_CTLS2] = {{{WORD_CPU, CPU_ACTIVATE_CTLS2}}},
	[NEED_CTLS3] = {{{WORD_CPU, CPU_ACTIVATE_CTLS3}}},
	[NEED_EXIT2] = {{{WORD_EXIT, EXIT_CTL_ACTIVATE_CTLS2}}},
	[NEED_MSR_BITMAP] = {{{WORD_CPU, CPU_MSR_BITMAPS}}},
	[NEED_TPR_SHADOW] = {{{WORD_CPU, CPU_TPR_SHADOW}}},
	[NEED_TIMER] = {{{WORD_PIN, PIN_PREEMPTION_TIMER}}},
	[NEED_POSTED] = {{{WORD_PIN, PIN_POSTED_INTERRUPTS}}},
	[NEED_EPT] = {{{WORD_CPU2, CTL2_EPT}}},
	[NEED_VPID] = {{{WORD_CPU2, CTL2_VPID}}},
	[NEED_APIC_ACCESS] = {{{WORD_CPU2, CTL2_APIC_ACCESSES}}},
	[NEED_VID] = {{{WORD_CPU2, CTL2_VIRTUAL_INTR_DELIVERY}}},
	[NEED_PLE] = {{{WORD_CPU2, CTL2_PAUSE_LOOP_EXITING}}},
	[NEED_VMFUNC] = {{{WORD_CPU2, CTL2_VMFUNC}}},
	[NEED_SHADOWING] = {{{WORD_CPU2, CTL2_VMCS_SHADOWING}}},
	[NEED_ENCLS] = {{{WORD_CPU2, CTL2_ENCLS_EXITING}}},
	[NEED_PML] = {{{WORD_CPU2, CTL2_PML}}},
	[NEED_VE] = {{{WORD_CPU2, CTL2_VE}}},
	[NEED_XSAVES] = {{{WORD_CPU2, CTL2_XSAVES}}},
	[NEED_PASID] = {{{WORD_CPU2, CTL2_PASID}}},
	[NEED_SPP] = {{{WORD_CPU2, CTL2_SUB_PAGE}}},
	[NEED_TSC_SCALING] = {{{WORD_CPU2, CTL2_TSC_SCALING}}},
	[NEED_PCONFIG] = {{{WORD_CPU2, CTL2_PCONFIG}}},
	[NEED_ENCLV] = {{{WORD_CPU2, CTL2_ENCLV_EXITING}}},
	[NEED_TIMEOUT] = {{{WORD_CPU2, CTL2_INSTR_TIMEOUT}}},
	[NEED_GUEST_PAT] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_PAT}, {WORD_EXIT, EXIT_CTL_SAVE_PAT}}},
	[NEED_HOST_PAT] = {{{WORD_EXIT, EXIT_CTL_LOAD_PAT}}},
	[NEED_GUEST_EFER] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_EFER}, {WORD_EXIT, EXIT_CTL_SAVE_EFER}}},
	[NEED_HOST_EFER] = {{{WORD_EXIT, EXIT_CTL_LOAD_EFER}}},
	[NEED_GUEST_PERF] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_PERF_GLOBAL},
			      {WORD_EXIT, EXIT_CTL_SAVE_PERF_GLOBAL}}},
	[NEED_HOST_PERF] = {{{WORD_EXIT, EXIT_CTL_LOAD_PERF_GLOBAL}}},
	[NEED_BNDCFGS] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_BNDCFGS}, {WORD_EXIT, EXIT_CTL_CLEAR_BNDCFGS}}},
	[NEED_RTIT] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_RTIT}, {WORD_EXIT, EXIT_CTL_CLEAR_RTIT}}},
	[NEED_LBR] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_LBR}, {WORD_EXIT, EXIT_CTL_CLEAR_LBR}}},
	[NEED_UINV] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_UINV}, {WORD_EXIT, EXIT_CTL_CLEAR_UINV}}},
	[NEED_GUEST_CET] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_CET}}},
	[NEED_HOST_CET] = {{{WORD_EXIT, EXIT_CTL_LOAD_CET}}},
	[NEED_GUEST_PKRS] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_PKRS}}},
	[NEED_HOST_PKRS] = {{{WORD_EXIT, EXIT_CTL_LOAD_PKRS}}},
	[NEED_FRED] = {{{WORD_ENTRY, ENTRY_CTL_LOAD_FRED}}},
};

bool vmcs_field_exists(unsigned index, const struct vmx_caps *caps)
{
	enum vmcs_need need = index < VMCS_FIELD_COUNT ? (enum vmcs_need)field_need[index] : VMCS_NEED_COUNT;

	if (need == NEED_NONE || need == VMCS_NEED_COUNT)
		return need == NEED_NONE;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t mask = need_table[need].any[i].mask;

		if (mask && vmx_can(caps, (enum control_word)need_table[need].any[i].word, mask))
			return true;
	}
	return false;
}

void vmcs_existing_fields(const struct vmx_caps *caps, struct vmcs_bitset *set)
{
	vmcs_bitset_clear_all(set);
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		if (vmcs_field_exists(i, caps))
			vmcs_bitset_set(set, i);
	}
}

/* Guest-state fields, ENTRY_INTR_INFO, and ENTRY_CTLS ('IA-32e mode guest' follows IA32_EFER.LMA). */
#define VOLATILE(name, encoding)                                                                             \
	(((encoding) >> 10 & 3) == VMCS_GUEST || F_##name == F_ENTRY_INTR_INFO || F_##name == F_ENTRY_CTLS)
#define VMCS_FIELD(name, encoding, need, rule, arg, reason)                                                  \
	| (F_##name / 64 == WORD_OF_SET && VOLATILE(name, encoding) ? 1ull << F_##name % 64 : 0)
_Static_assert(VMCS_BITSET_WORDS == 4, "one initializer a word below");
const struct vmcs_bitset vmcs_volatile_fields = {
	{
#define WORD_OF_SET 0
         0ull
#include "vmcs_merge/fields.def"
		,
#undef WORD_OF_SET
#define WORD_OF_SET 1
         0ull
#include "vmcs_merge/fields.def"
		,
#undef WORD_OF_SET
#define WORD_OF_SET 2
         0ull
#include "vmcs_merge/fields.def"
		,
#undef WORD_OF_SET
#define WORD_OF_SET 3
         0ull
#include "vmcs_merge/fields.def"
#undef WORD_OF_SET
	}
};
#undef VMCS_FIELD
