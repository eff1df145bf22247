/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/merge.h"

const struct merge_row merge_table[VMCS_FIELD_COUNT] = {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason) {rule, arg},
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

const char *const merge_reason[VMCS_FIELD_COUNT] = {
#define VMCS_FIELD(name, encoding, need, rule, arg, reason) reason,
#include "vmcs_merge/fields.def"
#undef VMCS_FIELD
};

const char *const merge_rule_name[MERGE_RULE_COUNT] = {
	[FROM_VMCS12] = "FROM_VMCS12",
	[FROM_VMCS01] = "FROM_VMCS01",
	[FIXED] = "FIXED",
	[NOT_MERGED] = "NOT_MERGED",
	[COMPUTED] = "COMPUTED",
	[MERGE_BITMAP] = "MERGE_BITMAP",
	[MERGE_CTLS] = "MERGE_CTLS",
	[MERGE_EXCEPTIONS] = "MERGE_EXCEPTIONS",
	[MERGE_PFEC] = "MERGE_PFEC",
	[MERGE_SUM] = "MERGE_SUM",
	[MERGE_FACTOR] = "MERGE_FACTOR",
	[MERGE_CR_VALUE] = "MERGE_CR_VALUE",
	[MERGE_CR_MASK] = "MERGE_CR_MASK",
	[MERGE_CR_SHADOW] = "MERGE_CR_SHADOW",
	[MERGE_LOADED] = "MERGE_LOADED",
};
