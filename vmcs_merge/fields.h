/* SPDX-License-Identifier: MIT */
/*
 * VMCS fields in a dense numbering (F_GUEST_RIP, ...), made from fields.def: images of a VMCS, sets of
 * fields, and what is known about each field.
 */
#ifndef VMCS_MERGE_FIELDS_H
#define VMCS_MERGE_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmcs_merge/caps.h"
#include "vmcs_merge/encoding.h"

enum vmcs_field {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason) F_##name,
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
	VMCS_FIELD_COUNT
};

/* What a field's existence hangs on: the 1-setting of any of up to two controls (fields.c has the table). */
enum vmcs_need {
	NEED_NONE,
	NEED_CTLS2,
	NEED_CTLS3,
	NEED_EXIT2,
	NEED_MSR_BITMAP,
	NEED_TPR_SHADOW,
	NEED_TIMER,
	NEED_POSTED,
	NEED_EPT,
	NEED_VPID,
	NEED_APIC_ACCESS,
	NEED_VID,
	NEED_PLE,
	NEED_VMFUNC,
	NEED_SHADOWING,
	NEED_ENCLS,
	NEED_PML,
	NEED_VE,
	NEED_XSAVES,
	NEED_PASID,
	NEED_SPP,
	NEED_TSC_SCALING,
	NEED_PCONFIG,
	NEED_ENCLV,
	NEED_TIMEOUT,
	NEED_GUEST_PAT,
	NEED_HOST_PAT,
	NEED_GUEST_EFER,
	NEED_HOST_EFER,
	NEED_GUEST_PERF,
	NEED_HOST_PERF,
	NEED_BNDCFGS,
	NEED_RTIT,
	NEED_LBR,
	NEED_UINV,
	NEED_GUEST_CET,
	NEED_HOST_CET,
	NEED_GUEST_PKRS,
	NEED_HOST_PKRS,
	NEED_FRED,
	VMCS_NEED_COUNT
};

struct vmcs_image {
	uint64_t v[VMCS_FIELD_COUNT]; /* zero-extended to 64 bits */
};

extern const uint32_t vmcs_field_encoding[VMCS_FIELD_COUNT];
extern const char *const vmcs_field_names[VMCS_FIELD_COUNT];
/* Dense index + 1 by width and type (encoding bits 14:13 and 11:10) and number; 0 = no such field. */
#define VMCS_LOOKUP_NUMBERS 64
extern const uint8_t vmcs_field_lookup[16][VMCS_LOOKUP_NUMBERS];

/*
 * Dense index of an encoding, -1 if unknown. The 'high' encoding of a 64-bit field gives the same index as
 * the full one; vmcs_image_read and vmcs_image_write tell them apart.
 */
static inline int vmcs_field_index(uint32_t encoding)
{
	uint32_t group = (encoding >> 11 & 0xc) | (encoding >> 10 & 3);
	uint32_t number = encoding >> 1 & 0x1ff;

	if ((encoding & VMCS_ENCODING_RESERVED) || number >= VMCS_LOOKUP_NUMBERS)
		return -1;
	if ((encoding & VMCS_ENCODING_HIGH) && vmcs_encoding_width(encoding) != VMCS_64)
		return -1;
	return (int)vmcs_field_lookup[group][number] - 1;
}

/*
 * A number below VMCS_KEYS for every encoding without reserved bits, high ones included: for a table that is
 * looked up at each VMREAD and VMWRITE of L1. VMCS_KEYS itself for any other, whatever its upper half.
 */
#define VMCS_KEYS         0x1000u
#define VMCS_KEY_RESERVED (~0x6c7full) /* the numbers are below VMCS_LOOKUP_NUMBERS */
static inline uint32_t vmcs_encoding_key(uint64_t encoding)
{
	if (encoding & VMCS_KEY_RESERVED)
		return VMCS_KEYS;
	return (uint32_t)(encoding & 0x7f) | (uint32_t)(encoding >> 3 & ~0x7full);
}

static inline const char *vmcs_field_name(unsigned index)
{
	return index < VMCS_FIELD_COUNT ? vmcs_field_names[index] : "?";
}

static inline enum vmcs_type vmcs_field_type(unsigned index)
{
	return vmcs_encoding_type(vmcs_field_encoding[index]);
}

static inline enum vmcs_width vmcs_field_width(unsigned index)
{
	return vmcs_encoding_width(vmcs_field_encoding[index]);
}

static inline bool vmcs_field_readonly(unsigned index)
{
	return vmcs_field_type(index) == VMCS_READ_ONLY;
}

/* Which bits a field keeps; natural width is 64 bits, as L1 is offered Intel 64 processors only. */
extern const uint64_t vmcs_field_masks[VMCS_FIELD_COUNT];
static inline uint64_t vmcs_field_width_mask(unsigned index)
{
	return vmcs_field_masks[index];
}

/* Value that VMREAD of the encoding gives; index as vmcs_field_index(encoding) gave it. */
static inline uint64_t vmcs_image_read(const struct vmcs_image *image, uint32_t encoding, unsigned index)
{
	return encoding & VMCS_ENCODING_HIGH ? image->v[index] >> 32 : image->v[index];
}

/* What VMWRITE of the encoding does. */
static inline void vmcs_image_write(struct vmcs_image *image, uint32_t encoding, unsigned index,
				    uint64_t value)
{
	if (encoding & VMCS_ENCODING_HIGH)
		image->v[index] = (image->v[index] & 0xffffffff) | value << 32;
	else
		image->v[index] = value & vmcs_field_width_mask(index);
}

/* ---- sets of fields ---- */
#define VMCS_BITSET_WORDS ((VMCS_FIELD_COUNT + 63) / 64)

struct vmcs_bitset {
	uint64_t w[VMCS_BITSET_WORDS];
};

static inline void vmcs_bitset_clear_all(struct vmcs_bitset *set)
{
	for (unsigned i = 0; i < VMCS_BITSET_WORDS; i++)
		set->w[i] = 0;
}

static inline void vmcs_bitset_set_all(struct vmcs_bitset *set)
{
	for (unsigned i = 0; i < VMCS_BITSET_WORDS; i++)
		set->w[i] = ~0ull;
	if (VMCS_FIELD_COUNT % 64)
		set->w[VMCS_BITSET_WORDS - 1] = (1ull << VMCS_FIELD_COUNT % 64) - 1;
}

static inline void vmcs_bitset_set(struct vmcs_bitset *set, unsigned index)
{
	set->w[index / 64] |= 1ull << index % 64;
}

static inline void vmcs_bitset_clear(struct vmcs_bitset *set, unsigned index)
{
	set->w[index / 64] &= ~(1ull << index % 64);
}

static inline bool vmcs_bitset_test(const struct vmcs_bitset *set, unsigned index)
{
	return set->w[index / 64] >> index % 64 & 1;
}

static inline void vmcs_bitset_or(struct vmcs_bitset *set, const struct vmcs_bitset *other)
{
	for (unsigned i = 0; i < VMCS_BITSET_WORDS; i++)
		set->w[i] |= other->w[i];
}

static inline void vmcs_bitset_and(struct vmcs_bitset *set, const struct vmcs_bitset *other)
{
	for (unsigned i = 0; i < VMCS_BITSET_WORDS; i++)
		set->w[i] &= other->w[i];
}

static inline bool vmcs_bitset_empty(const struct vmcs_bitset *set)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < VMCS_BITSET_WORDS; i++)
		any |= set->w[i];
	return any == 0;
}

/*
 * for (VMCS_BITSET_EACH(index, set)) { ... }: each member, ascending. The set is copied a word at a time;
 * members added to the current word while iterating are not visited.
 */
struct vmcs_bitset_iter {
	uint64_t left;
	unsigned word;
};

static inline bool vmcs_bitset_next(const struct vmcs_bitset *set, struct vmcs_bitset_iter *it,
				    unsigned *index)
{
	while (it->left == 0) {
		if (++it->word >= VMCS_BITSET_WORDS)
			return false;
		it->left = set->w[it->word];
	}
	*index = it->word * 64 + (unsigned)__builtin_ctzll(it->left);
	it->left &= it->left - 1;
	return true;
}

#define VMCS_BITSET_EACH(index, set)                                                                         \
	struct vmcs_bitset_iter index##_it = {(set)->w[0], 0};                                               \
	vmcs_bitset_next((set), &index##_it, &(index));

/* ---- which fields there are ---- */

/*
 * Does a processor with these capabilities have the field? VMREAD and VMWRITE of one it lacks fail with
 * VM-instruction error 12. With caps_for_guest's result: does L1 have it?
 */
bool vmcs_field_exists(unsigned index, const struct vmx_caps *caps);
void vmcs_existing_fields(const struct vmx_caps *caps, struct vmcs_bitset *set);

/*
 * Fields that the processor itself changes while the guest runs: it saves them at VM exit (SDM, "Saving Guest
 * State"), or clears them there (the valid bit of ENTRY_INTR_INFO). An image of them grows stale.
 */
extern const struct vmcs_bitset vmcs_volatile_fields;

#endif
