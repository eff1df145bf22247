/* SPDX-License-Identifier: MIT */
/* vmcs-explain: two VMCSs as text in, vmcs02 with the rule behind each bit out. */
#ifndef VMCS_MERGE_EXPLAIN_H
#define VMCS_MERGE_EXPLAIN_H

#include <stddef.h>
#include <stdio.h>

#include "vmcs_merge/merge.h"

struct explain_input {
	struct vmcs_image vmcs12, vmcs01;
	struct vmcs_bitset set12, set01; /* fields that the text names */
};

struct explain_error {
	unsigned line; /* from 1 */
	char text[160];
};

/*
 * Lines 'vmcs12.FIELD = VALUE' and 'vmcs01.FIELD = VALUE', or 'FIELD = VALUE' below '[vmcs12]' or '[vmcs01]';
 * '#' starts a comment. VALUE is numbers (0x.., decimal) and names of the field's control bits, joined by
 * '|'. The text need not end with a 0 byte. 0, or -EINVAL with error filled in.
 */
int explain_parse(const char *text, size_t length, struct explain_input *input, struct explain_error *error)
	__attribute__((warn_unused_result));

/* Which lines to print. */
struct explain_options {
	bool all; /* also fields that are 0 in vmcs12, vmcs01 and vmcs02 */
};

/* Merges with a processor that has every control, and prints each field and control bit. */
void explain_print(FILE *out, const struct explain_input *input, const struct explain_options *options);

#endif
