/* SPDX-License-Identifier: MIT */
/* What the writers share: words in lines of bounded width, names of places. */
#ifndef CPU_BASELINE_WRITE_TEXT_H
#define CPU_BASELINE_WRITE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cpu_baseline/fields.h"

#define TEXT_WIDTH     100u
#define PLACE_TEXT_MAX 48u /* with its NUL */

/* A paragraph: text that goes on in the next line, indented, where TEXT_WIDTH is reached. */
struct paragraph {
	FILE *out;
	unsigned indent; /* of lines behind the first */
	unsigned column;
};

/* A word, with a blank before it or on a new line. Words are counted in characters, not bytes. */
void paragraph_word(struct paragraph *p, const char *word);
void paragraph_text(struct paragraph *p, const char *text); /* each of its words */
void paragraph_end(struct paragraph *p);

/* "leaf 7 EBX", "leaf 0xd.1 EAX", "IA32_VMX_MISC": `to` holds PLACE_TEXT_MAX. */
void place_text(char *to, uint32_t msr, uint32_t leaf, uint32_t subleaf, enum cpu_reg reg);
/* The SDM's name of a capability MSR; NULL: not known here. */
const char *msr_name(uint32_t msr);

/* "GenuineIntel, family 6, model 42, stepping 7"; of a list of features the vendor only. */
#define IDENTITY_TEXT_MAX 80u /* with its NUL */
void identity_text(char *to, const struct cpu_policy *policy);
struct identity {
	char vendor[13]; /* empty: not told */
	uint32_t family, model, stepping; /* as the SDM reckons them; 0: not told */
};
struct identity identity_of(const struct cpu_policy *policy);

/* "x86-64-v3": the highest level of the psABI whose features are all there; "less
 * than x86-64" where there is none. */
const char *level_name(const struct cpu_policy *policy);
/* The place of a feature in the psABI's list of levels, 0 the first; a large number: in none. */
unsigned level_order(const struct cpu_field *field);

#endif
