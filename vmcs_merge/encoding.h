/* SPDX-License-Identifier: MIT */
/*
 * VMCS field encodings by name (SDM, "Field Encoding in VMCS"), made from fields.def, and the parts of an
 * encoding (SDM, "VMREAD, VMWRITE, and Encodings of VMCS Fields"). HOST_RIP is the number that VMREAD takes;
 * F_HOST_RIP (fields.h) is its place in a struct vmcs_image.
 */
#ifndef VMCS_MERGE_ENCODING_H
#define VMCS_MERGE_ENCODING_H

#include <stdint.h>

enum vmcs_encoding {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason) name = (encoding),
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

enum vmcs_width { VMCS_16, VMCS_64, VMCS_32, VMCS_NATURAL };
enum vmcs_type { VMCS_CONTROL, VMCS_READ_ONLY, VMCS_GUEST, VMCS_HOST };

#define VMCS_ENCODING_HIGH     0x1u /* access type: the upper half of a 64-bit field */
#define VMCS_ENCODING_RESERVED 0xffff9000u /* bits 12 and 31:15 are 0 in every encoding */

static inline enum vmcs_width vmcs_encoding_width(uint32_t encoding)
{
	return (enum vmcs_width)(encoding >> 13 & 3);
}

static inline enum vmcs_type vmcs_encoding_type(uint32_t encoding)
{
	return (enum vmcs_type)(encoding >> 10 & 3);
}

static inline uint32_t vmcs_encoding_number(uint32_t encoding)
{
	return encoding >> 1 & 0x1ff;
}

#endif
