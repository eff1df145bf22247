/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/merge.h"
#include "vmcs_merge/x86.h"

/*
 * X(w, source, rows...): rows that read a field besides the one of their own name. #PF's three fields are
 * decided jointly and name each other.
 */
/* clang-format off */
#define DEPENDENCIES(X, w) \
	X(w, CPU_CTLS,         CPU_CTLS2,        TSC_OFFSET, TSC_MULTIPLIER, NONE)     /* not activated: 0 */ \
	X(w, CPU_CTLS2,        TSC_OFFSET,       TSC_MULTIPLIER, NONE,       NONE)     /* scaling */ \
	X(w, TSC_MULTIPLIER,   TSC_OFFSET,       NONE,       NONE,           NONE)     \
	X(w, EXCEPTION_BITMAP, PFEC_MASK,        PFEC_MATCH, NONE,           NONE)     \
	X(w, PFEC_MASK,        EXCEPTION_BITMAP, PFEC_MATCH, NONE,           NONE)     \
	X(w, PFEC_MATCH,       EXCEPTION_BITMAP, PFEC_MASK,  NONE,           NONE)     \
	X(w, ENTRY_CTLS,       GUEST_EFER,       GUEST_PAT,  GUEST_DEBUGCTL, GUEST_DR7) \
	X(w, GUEST_CR0,        GUEST_EFER,       CR0_SHADOW, NONE,           NONE)     /* CR0.PG decides about LME */ \
	X(w, CR0_MASK,         CR0_SHADOW,       NONE,       NONE,           NONE)     \
	X(w, GUEST_CR4,        CR4_SHADOW,       NONE,       NONE,           NONE)     \
	X(w, CR4_MASK,         CR4_SHADOW,       NONE,       NONE,           NONE)
/* clang-format on */

enum { F_NONE = F_VPID }; /* its row reads nothing */
_Static_assert(F_NONE == 0, "the fields without dependent rows have zeros below");

#define DEPENDENTS                            4
#define DEPENDENT_ROWS(w, source, a, b, c, d) [F_##source] = {F_##a, F_##b, F_##c, F_##d},
static const uint8_t dependents[VMCS_FIELD_COUNT][DEPENDENTS] = {DEPENDENCIES(DEPENDENT_ROWS, )};

#define SOURCE_BIT(w, source, a, b, c, d) | (F_##source / 64 == (w) ? 1ull << F_##source % 64 : 0)
#define SOURCES_OF_WORD(w)                (0ull DEPENDENCIES(SOURCE_BIT, w))
_Static_assert(VMCS_BITSET_WORDS == 4, "one initializer a word below");
static const struct vmcs_bitset source_fields = {
	{SOURCES_OF_WORD(0), SOURCES_OF_WORD(1), SOURCES_OF_WORD(2), SOURCES_OF_WORD(3)}
};

void vmcs_merge_dependents(const struct vmcs_bitset *dirty, struct vmcs_bitset *rows)
{
	*rows = *dirty;
	for (unsigned w = 0; w < VMCS_BITSET_WORDS; w++) {
		for (uint64_t left = dirty->w[w] & source_fields.w[w]; left; left &= left - 1) {
			const uint8_t *row = dependents[w * 64 + (unsigned)__builtin_ctzll(left)];

			for (unsigned i = 0; i < DEPENDENTS && row[i] != F_NONE; i++)
				vmcs_bitset_set(rows, row[i]);
		}
	}
}

void vmcs_merge_sources(const struct vmcs_bitset *dirty12, struct vmcs_bitset *sources)
{
	struct vmcs_bitset rows;
	unsigned source = 0;

	vmcs_merge_dependents(dirty12, &rows);
	*sources = rows;
	for (VMCS_BITSET_EACH(source, &source_fields)) {
		for (unsigned i = 0; i < DEPENDENTS && dependents[source][i] != F_NONE; i++) {
			if (vmcs_bitset_test(&rows, dependents[source][i]))
				vmcs_bitset_set(sources, source);
		}
	}
}

uint32_t vmcs_merge_controls(const struct merge_input *in, enum control_word word)
{
	const struct control_masks *m = &control_masks[word];
	uint32_t c12 = vmcs_effective_controls(in->vmcs12, word);
	uint32_t c01 = vmcs_effective_controls(in->vmcs01, word);
	uint32_t merged = (c12 & m->from12) | (c01 & m->from01) | ((c12 | c01) & m->either) |
			  (c12 & c01 & m->both) | m->on;

	merged = (merged | in->policy->ctls[word].set) & ~in->policy->ctls[word].clear;
	/* A bitmap that L2 does not run on: every access exits, and L0 looks the port up. */
	if (word == WORD_CPU && (c12 | c01) & ~merged & CPU_IO_BITMAPS)
		merged |= CPU_UNCOND_IO_EXITING;
	return vmx_adjust(vmx_controls_cap(in->caps, word), merged);
}

/*
 * A wish about #PF (SDM, "Exception Bitmap"): the page fault exits if bit 14 of the exception bitmap equals
 * (PFEC & mask) == match.
 */
struct pf_wish {
	uint32_t bitmap, mask, match;
};

static bool pf_wish_is(const struct pf_wish *wish, bool exits)
{
	bool bit = wish->bitmap >> VM_VECTOR_PF & 1;

	if (wish->mask == 0 && wish->match == 0) /* every error code matches */
		return bit == exits;
	if (wish->match & ~wish->mask) /* none does */
		return bit != exits;
	return false;
}

static struct pf_wish pf_wish_of(const struct vmcs_image *image)
{
	return (struct pf_wish){(uint32_t)image->v[F_EXCEPTION_BITMAP] & 1u << VM_VECTOR_PF,
				(uint32_t)image->v[F_PFEC_MASK], (uint32_t)image->v[F_PFEC_MATCH]};
}

/* The one of the two wishes that covers the other, or every #PF where neither is seen to. */
static struct pf_wish merge_pf_wish(const struct merge_input *in)
{
	static const struct pf_wish always = {1u << VM_VECTOR_PF, 0, 0};
	struct pf_wish l1 = pf_wish_of(in->vmcs12), l0 = pf_wish_of(in->vmcs01);

	if (in->policy->exception_bitmap & always.bitmap)
		return always;
	if (pf_wish_is(&l0, false))
		return l1;
	if (pf_wish_is(&l1, false))
		return l0;
	if (l0.bitmap == l1.bitmap && l0.mask == l1.mask && l0.match == l1.match)
		return l1;
	return always;
}

static uint64_t merge_exceptions(const struct merge_input *in)
{
	uint64_t either = in->vmcs12->v[F_EXCEPTION_BITMAP] | in->vmcs01->v[F_EXCEPTION_BITMAP] |
			  in->policy->exception_bitmap;

	return (either & ~(1ull << VM_VECTOR_PF)) | merge_pf_wish(in).bitmap;
}

/* SDM "Time-Stamp Counter Offsetting and Scaling": the factor has 48 fraction bits; an offset may be
 * negative. */
#define TSC_FACTOR_ONE (1ull << 48)

/* Scaling works on what is offset only: vmcs02 may have the offset's control on for L0. */
static uint64_t tsc_factor(const struct vmcs_image *vmcs12)
{
	const bool scales = vmcs12->v[F_CPU_CTLS] & CPU_TSC_OFFSETTING &&
			    vmcs_effective_controls(vmcs12, WORD_CPU2) & CTL2_TSC_SCALING;

	return scales ? vmcs12->v[F_TSC_MULTIPLIER] : TSC_FACTOR_ONE;
}

static uint64_t scaled(const struct vmcs_image *vmcs12, uint64_t offset)
{
	return (uint64_t)((__int128)(int64_t)offset * tsc_factor(vmcs12) >> 48);
}

static uint64_t merge_tsc_offset(const struct merge_input *in)
{
	uint64_t sum = 0;

	if (in->vmcs12->v[F_CPU_CTLS] & CPU_TSC_OFFSETTING)
		sum += in->vmcs12->v[F_TSC_OFFSET];
	if (in->vmcs01->v[F_CPU_CTLS] & CPU_TSC_OFFSETTING)
		sum += scaled(in->vmcs12, in->vmcs01->v[F_TSC_OFFSET]);
	return sum;
}

/* SDM, "Guest/Host Masks and Read Shadows for CR0 and CR4" */
static uint64_t merge_cr(const struct merge_input *in, enum merge_rule rule, unsigned cr)
{
	const struct merge_policy *policy = in->policy;
	uint64_t owned = cr == 0 ? policy->cr0_owned : policy->cr4_owned;
	uint64_t guest = in->vmcs12->v[cr == 0 ? F_GUEST_CR0 : F_GUEST_CR4];
	uint64_t mask = in->vmcs12->v[cr == 0 ? F_CR0_MASK : F_CR4_MASK];
	uint64_t shadow = in->vmcs12->v[cr == 0 ? F_CR0_SHADOW : F_CR4_SHADOW];

	if (rule == MERGE_CR_VALUE)
		return (guest & ~owned) | ((cr == 0 ? policy->cr0_value : policy->cr4_value) & owned);
	if (rule == MERGE_CR_MASK)
		return mask | owned;
	return (shadow & mask) | (guest & ~mask);
}

/*
 * SDM, "Loading Guest Control Registers, Debug Registers, and MSRs": without 'load IA32_EFER', LMA becomes
 * 'IA-32e mode guest', and so does LME if CR0.PG is being set; the rest keeps its value, which is L1's.
 */
static uint64_t inherited_efer(const struct merge_input *in)
{
	uint64_t follows = VM_EFER_LMA;
	bool ia32e = in->vmcs12->v[F_ENTRY_CTLS] & ENTRY_CTL_IA32E_GUEST;

	if (in->vmcs12->v[F_GUEST_CR0] & VM_CR0_PG)
		follows |= VM_EFER_LME;
	return (in->l1.efer & ~follows) | (ia32e ? follows : 0);
}

static uint64_t merge_loaded(const struct merge_input *in, enum merge_loaded what)
{
	uint64_t entry = in->vmcs12->v[F_ENTRY_CTLS];

	switch (what) {
	case LOADED_DEBUGCTL:
		return entry & ENTRY_CTL_LOAD_DEBUG ? in->vmcs12->v[F_GUEST_DEBUGCTL] : in->l1.debugctl;
	case LOADED_DR7:
		return entry & ENTRY_CTL_LOAD_DEBUG ? in->vmcs12->v[F_GUEST_DR7] : in->l1.dr7;
	case LOADED_PAT:
		return entry & ENTRY_CTL_LOAD_PAT ? in->vmcs12->v[F_GUEST_PAT] : in->l1.pat;
	case LOADED_EFER:
	default:
		return entry & ENTRY_CTL_LOAD_EFER ? in->vmcs12->v[F_GUEST_EFER] : inherited_efer(in);
	}
}

static uint64_t computed_value(const struct merge_input *in, enum merge_value value)
{
	const struct merge_computed *c = &in->computed;

	switch (value) {
	case VALUE_VPID:
		return c->vpid;
	case VALUE_IO_BITMAP_A:
		return c->io_bitmap_a;
	case VALUE_IO_BITMAP_B:
		return c->io_bitmap_b;
	case VALUE_MSR_BITMAP:
		return c->msr_bitmap;
	case VALUE_VMREAD_BITMAP:
		return c->vmread_bitmap;
	case VALUE_VMWRITE_BITMAP:
		return c->vmwrite_bitmap;
	case VALUE_EPTP:
		return c->eptp;
	case VALUE_TIMER:
		return c->preemption_timer;
	case VALUE_VIRTUAL_APIC:
		return c->virtual_apic;
	case VALUE_APIC_ACCESS:
		return c->apic_access;
	case VALUE_LINK:
		return c->link_pointer;
	case VALUE_PDPTE0:
	case VALUE_PDPTE1:
	case VALUE_PDPTE2:
	case VALUE_PDPTE3:
	default:
		if (c->pdpte_valid)
			return c->pdpte[(value - VALUE_PDPTE0) & 3];
		return in->vmcs12->v[F_GUEST_PDPTE0 + ((value - VALUE_PDPTE0) & 3)];
	}
}

static uint64_t row_value(const struct merge_input *in, unsigned index)
{
	const struct merge_row *row = &merge_table[index];

	switch ((enum merge_rule)row->rule) {
	case FROM_VMCS12:
		return in->vmcs12->v[index];
	case FROM_VMCS01:
		return in->vmcs01->v[index];
	case FIXED:
		return row->arg;
	case COMPUTED:
	case MERGE_BITMAP:
		return computed_value(in, (enum merge_value)row->arg);
	case MERGE_CTLS:
		return vmcs_merge_controls(in, (enum control_word)row->arg);
	case MERGE_EXCEPTIONS:
		return merge_exceptions(in);
	case MERGE_PFEC:
		return row->arg == PFEC_IS_MASK ? merge_pf_wish(in).mask : merge_pf_wish(in).match;
	case MERGE_SUM:
		return merge_tsc_offset(in);
	case MERGE_FACTOR:
		return tsc_factor(in->vmcs12);
	case MERGE_CR_VALUE:
	case MERGE_CR_MASK:
	case MERGE_CR_SHADOW:
		return merge_cr(in, (enum merge_rule)row->rule, row->arg);
	case MERGE_LOADED:
		return merge_loaded(in, (enum merge_loaded)row->arg);
	case NOT_MERGED:
	case MERGE_RULE_COUNT:
	default:
		return 0;
	}
}

uint64_t vmcs_merge_field(const struct merge_input *in, unsigned index)
{
	return row_value(in, index);
}

static bool takes_part(const struct merge_input *in, unsigned index)
{
	return merge_table[index].rule != NOT_MERGED && (!in->exists || vmcs_bitset_test(in->exists, index));
}

void vmcs_merge_rows(const struct merge_input *in, const struct vmcs_bitset *dirty, struct vmcs_bitset *rows)
{
	struct vmcs_bitset all;
	unsigned index = 0;

	vmcs_merge_dependents(dirty, &all);
	vmcs_bitset_clear_all(rows);
	for (VMCS_BITSET_EACH(index, &all)) {
		if (takes_part(in, index))
			vmcs_bitset_set(rows, index);
	}
}

void vmcs_merge_full(const struct merge_input *in, struct vmcs_image *vmcs02)
{
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		if (takes_part(in, i))
			vmcs02->v[i] = row_value(in, i);
	}
}

void vmcs_merge_full_diff(const struct merge_input *in, struct vmcs_image *vmcs02,
			  struct vmcs_bitset *changed02)
{
	vmcs_bitset_clear_all(changed02);
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
		uint64_t value;

		if (!takes_part(in, i))
			continue;
		value = row_value(in, i);
		if (value != vmcs02->v[i]) {
			vmcs02->v[i] = value;
			vmcs_bitset_set(changed02, i);
		}
	}
}

/* One word of the set of rows; returns the fields to VMWRITE. */
static uint64_t merge_word(const struct merge_input *in, unsigned w, uint64_t rows, struct vmcs_image *vmcs02)
{
	uint64_t volatile_bits = vmcs_volatile_fields.w[w];
	uint64_t changed = 0;

	for (uint64_t left = rows; left; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left);
		unsigned index = w * 64 + bit;
		uint8_t rule = merge_table[index].rule;
		uint64_t value;

		if (rule == NOT_MERGED)
			continue;
		value = rule == FROM_VMCS12 ? in->vmcs12->v[index] : row_value(in, index);
		if (value != vmcs02->v[index] || (volatile_bits >> bit & 1)) {
			vmcs02->v[index] = value;
			changed |= left & -left;
		}
	}
	return changed;
}

void vmcs_merge_incremental(const struct merge_input *in, const struct vmcs_bitset *dirty12,
			    struct vmcs_image *vmcs02, struct vmcs_bitset *changed02)
{
	const struct vmcs_bitset *rows = dirty12;
	struct vmcs_bitset expanded;
	uint64_t sources = 0;

	for (unsigned w = 0; w < VMCS_BITSET_WORDS; w++)
		sources |= dirty12->w[w] & source_fields.w[w];
	if (sources) {
		vmcs_merge_dependents(dirty12, &expanded);
		rows = &expanded;
	}
	for (unsigned w = 0; w < VMCS_BITSET_WORDS; w++) {
		uint64_t left = rows->w[w];

		if (left && in->exists)
			left &= in->exists->w[w];
		changed02->w[w] = left ? merge_word(in, w, left, vmcs02) : 0;
	}
}
