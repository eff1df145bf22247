/* SPDX-License-Identifier: MIT */
/* What the files that read the configuration text share. */
#ifndef BUNDLE_CONFIG_IMPL_H
#define BUNDLE_CONFIG_IMPL_H

#include "bundle/words.h"

#define CONFIG_KEYS_MAX 64u

struct parser {
	struct l0_config *config;
	struct config_error *error;
	struct vm_config *vm; /* of the section; NULL outside [vm …] */
	struct cpu_policy *policy; /* of the section; NULL outside [cpu …] */
	enum config_section section;
	uint32_t section_line;
	uint32_t line;
	bool l0_seen;
	uint32_t seen_at[CONFIG_KEYS_MAX]; /* line of a key in this section; 0: not yet */
};

/* -EINVAL, with a sentence about the line: before, then what the user wrote, then after. */
int config_fail(struct parser *p, const char *before, struct span quoted, const char *after);
int config_fail_plain(struct parser *p, const char *text);

/* Place of a VMX capability MSR in enum order from IA32_VMX_BASIC, by name or number. */
bool config_find_vmx_msr(struct span s, uint64_t *index);

/* cpu_section.c: [cpu NAME]. 0; -EINVAL, told; -EDOM: the value is not of the form that its key asks for. */
int config_begin_cpu(struct parser *p, struct span name);
int config_end_cpu(struct parser *p);
int config_add_cpuid(struct parser *p, struct span value);
int config_add_msr(struct parser *p, struct span value);
/* ports.c: 0; -EINVAL, told; -EDOM as above. */
int config_set_ports(struct parser *p, struct span value);
/* At the end of the text: which section each VM's cpu.policy names. */
int config_find_policies(struct parser *p);

#endif
