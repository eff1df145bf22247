/* SPDX-License-Identifier: MIT */
/*
 * vmcs02 = merge(vmcs12, vmcs01, L0's policy): the VMCS that the processor gets for L2. The rule of each
 * field is in fields.def, of each control bit in controls_list.h.
 *
 * A vmcs02 image is L0's record of what the processor's VMCS holds. vmcs_volatile_fields change in the
 * processor while L2 runs; before a merge reads one from vmcs12, L0 must have brought it up to date there
 * (vmcs_merge_sources says which a merge will read).
 */
#ifndef VMCS_MERGE_MERGE_H
#define VMCS_MERGE_MERGE_H

#include "vmcs_merge/caps.h"
#include "vmcs_merge/controls.h"
#include "vmcs_merge/fields.h"

/* How a field of vmcs02 gets its value. */
enum merge_rule {
	FROM_VMCS12,
	FROM_VMCS01,
	FIXED, /* the constant in the row's argument */
	NOT_MERGED, /* read-only: the processor writes it */
	COMPUTED, /* by L0, passed in struct merge_computed; argument: enum merge_value */
	MERGE_BITMAP, /* physical address of a page that L0 merged (bitmaps.h); likewise */
	MERGE_CTLS, /* bit by bit; argument: enum control_word */
	MERGE_EXCEPTIONS, /* OR; #PF jointly with mask and match */
	MERGE_PFEC, /* argument: enum merge_pfec */
	MERGE_SUM, /* of those offsets that are in use; vmcs01's scaled as vmcs12 scales */
	MERGE_FACTOR, /* vmcs12's TSC multiplier where it applies, else 1 */
	MERGE_CR_VALUE, /* argument: 0 for CR0, 4 for CR4 */
	MERGE_CR_MASK,
	MERGE_CR_SHADOW,
	MERGE_LOADED, /* vmcs12's if its entry controls load it, else L1's; argument: enum merge_loaded */
	MERGE_RULE_COUNT
};

enum merge_pfec { PFEC_IS_MASK, PFEC_IS_MATCH };
enum merge_loaded { LOADED_DEBUGCTL, LOADED_PAT, LOADED_EFER, LOADED_DR7 };
enum merge_value {
	VALUE_VPID,
	VALUE_IO_BITMAP_A,
	VALUE_IO_BITMAP_B,
	VALUE_MSR_BITMAP,
	VALUE_VMREAD_BITMAP,
	VALUE_VMWRITE_BITMAP,
	VALUE_EPTP,
	VALUE_TIMER,
	VALUE_VIRTUAL_APIC,
	VALUE_APIC_ACCESS,
	VALUE_LINK,
	VALUE_PDPTE0,
	VALUE_PDPTE1,
	VALUE_PDPTE2,
	VALUE_PDPTE3,
};

/* What L0 asks for while L2 runs, on top of the rules. clear wins over set; the capability MSRs over both. */
struct merge_policy {
	struct {
		uint32_t set, clear;
	} ctls[CONTROL_WORDS];
	uint32_t exception_bitmap; /* vectors L0 must see, besides those of vmcs01; bit 14: every #PF */
	/* Bits of CR0 and CR4 that L0 owns in L2, and what they are on the processor. */
	uint64_t cr0_owned, cr0_value;
	uint64_t cr4_owned, cr4_value;
};

/* Values that L0 computes for vmcs02. Physical addresses are the host's. */
struct merge_computed {
	uint64_t eptp;
	uint64_t virtual_apic; /* used with 'use TPR shadow' */
	uint64_t apic_access; /* used with 'virtualize APIC accesses' */
	uint64_t io_bitmap_a, io_bitmap_b, msr_bitmap;
	uint64_t vmread_bitmap, vmwrite_bitmap; /* unused while VMCS shadowing is off in vmcs02 */
	uint64_t link_pointer; /* ~0: none */
	uint64_t pdpte[4]; /* used if pdpte_valid: L2 in PAE paging and L1 without EPT */
	uint32_t preemption_timer;
	uint16_t vpid;
	bool pdpte_valid;
};

/* L1's own values, which L2 inherits where vmcs12's entry controls load none. */
struct merge_l1_state {
	uint64_t efer, pat, debugctl, dr7;
};

struct merge_input {
	const struct vmcs_image *vmcs12;
	const struct vmcs_image
		*vmcs01; /* controls, TSC_OFFSET, EXCEPTION_BITMAP, PFEC_*, HOST_*: what L0 wants */
	const struct vmx_caps *caps; /* the processor's */
	const struct vmcs_bitset *exists; /* the processor's fields (vmcs_existing_fields); NULL: all */
	const struct merge_policy *policy;
	struct merge_computed computed;
	struct merge_l1_state l1;
};

struct merge_row {
	uint8_t rule; /* enum merge_rule */
	uint8_t arg;
};
extern const struct merge_row merge_table[VMCS_FIELD_COUNT];
extern const char *const merge_reason[VMCS_FIELD_COUNT];
extern const char *const merge_rule_name[MERGE_RULE_COUNT];

/* The value that the field's rule gives; fields that are NOT_MERGED give 0. */
uint64_t vmcs_merge_field(const struct merge_input *in, unsigned index);

/* All fields. Those that are NOT_MERGED, or that the processor lacks, are left as they are. */
void vmcs_merge_full(const struct merge_input *in, struct vmcs_image *vmcs02);

/* The same; changed02: the fields whose value differs from what the image held. */
void vmcs_merge_full_diff(const struct merge_input *in, struct vmcs_image *vmcs02,
			  struct vmcs_bitset *changed02);

/*
 * Only the rows that depend on dirty12: the fields that L1 has written since the last merge, and those whose
 * other inputs changed (a field of vmcs01, a computed value: mark the field of the same name; L1's EFER:
 * GUEST_EFER; a policy's control word: that word). changed02: the fields to VMWRITE: the value differs from
 * the image's, or the field is volatile, so that the processor's may.
 */
void vmcs_merge_incremental(const struct merge_input *in, const struct vmcs_bitset *dirty12,
			    struct vmcs_image *vmcs02, struct vmcs_bitset *changed02);

/* dirty, and every field whose row reads one of them. */
void vmcs_merge_dependents(const struct vmcs_bitset *dirty, struct vmcs_bitset *rows);

/* The fields that vmcs_merge_incremental() recomputes for dirty, whether they change or not. */
void vmcs_merge_rows(const struct merge_input *in, const struct vmcs_bitset *dirty, struct vmcs_bitset *rows);

/* The vmcs12 fields that an incremental merge of dirty12 reads. */
void vmcs_merge_sources(const struct vmcs_bitset *dirty12, struct vmcs_bitset *sources);

/* A control word with its rule applied, policy and capabilities included. */
uint32_t vmcs_merge_controls(const struct merge_input *in, enum control_word word);

/* A control word as it takes effect: CPU_CTLS2 is 0 unless 'activate secondary controls' is set. */
static inline uint32_t vmcs_effective_controls(const struct vmcs_image *image, enum control_word word)
{
	static const uint8_t field[CONTROL_WORDS] = {
		[WORD_PIN] = F_PIN_CTLS,   [WORD_CPU] = F_CPU_CTLS,     [WORD_CPU2] = F_CPU_CTLS2,
		[WORD_EXIT] = F_EXIT_CTLS, [WORD_ENTRY] = F_ENTRY_CTLS,
	};

	if (word == WORD_CPU2 && !(image->v[F_CPU_CTLS] & CPU_ACTIVATE_CTLS2))
		return 0;
	return (uint32_t)image->v[field[word]];
}

#endif
