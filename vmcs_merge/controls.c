/* SPDX-License-Identifier: MIT */
#include "vmcs_merge/controls.h"

#include <stddef.h>

enum { WITHHELD, OFFERED };

const struct control_row control_table[] = {
#define ROW(a, b, word, name, bit, rule, offered, reason) {WORD_##word, bit, rule, offered, #name, reason},
	VMX_CONTROLS(ROW, , )
#undef ROW
};
const unsigned control_count = sizeof(control_table) / sizeof(control_table[0]);

const char *const control_rule_name[] = {
	[BIT_FROM12] = "FROM_VMCS12",
	[BIT_FROM01] = "FROM_VMCS01",
	[BIT_OR] = "OR",
	[BIT_AND] = "AND",
	[BIT_ON] = "ON",
	[BIT_OFF] = "OFF",
	[BIT_POLICY] = "POLICY",
};

const char *const control_word_name[CONTROL_WORDS] = {
	[WORD_PIN] = "PIN_CTLS",   [WORD_CPU] = "CPU_CTLS",     [WORD_CPU2] = "CPU_CTLS2",
	[WORD_EXIT] = "EXIT_CTLS", [WORD_ENTRY] = "ENTRY_CTLS",
};

/* Sums over the list that the compiler folds: no second list could disagree with the first. */
#define IF_RULE(w, r, word, name, bit, rule, offered, reason)                                                \
	| (WORD_##word == (w) && (rule) == (r) ? 1u << (bit) : 0u)
#define IF_OFFERED(w, o, word, name, bit, rule, offered, reason)                                             \
	| (WORD_##word == (w) && (offered) == (o) ? 1u << (bit) : 0u)
#define BY_RULE(w, r)  (0u VMX_CONTROLS(IF_RULE, w, r))
#define BY_OFFER(w, o) (0u VMX_CONTROLS(IF_OFFERED, w, o))
#define MASKS(w)                                                                                             \
	{                                                                                                    \
		.from12 = BY_RULE(w, BIT_FROM12), .from01 = BY_RULE(w, BIT_FROM01),                          \
		.either = BY_RULE(w, BIT_OR), .both = BY_RULE(w, BIT_AND), .on = BY_RULE(w, BIT_ON),         \
		.off = BY_RULE(w, BIT_OFF), .policy = BY_RULE(w, BIT_POLICY),                                \
		.offered = BY_OFFER(w, OFFERED), .known = BY_OFFER(w, OFFERED) | BY_OFFER(w, WITHHELD),      \
	}

const struct control_masks control_masks[CONTROL_WORDS] = {
	[WORD_PIN] = MASKS(WORD_PIN),   [WORD_CPU] = MASKS(WORD_CPU),     [WORD_CPU2] = MASKS(WORD_CPU2),
	[WORD_EXIT] = MASKS(WORD_EXIT), [WORD_ENTRY] = MASKS(WORD_ENTRY),
};

const struct control_row *control_find(enum control_word word, unsigned bit)
{
	for (unsigned i = 0; i < control_count; i++) {
		if (control_table[i].word == word && control_table[i].bit == bit)
			return &control_table[i];
	}
	return NULL;
}
