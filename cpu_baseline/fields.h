/* SPDX-License-Identifier: MIT */
/*
 * The table: one row a CPUID field or field of a capability MSR, each with the rule by which the fields of
 * several hosts become one, and why. What has no row is unknown: hidden from guests, and listed.
 */
#ifndef CPU_BASELINE_FIELDS_H
#define CPU_BASELINE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu_baseline/policy.h"

enum cpu_rule {
	CPU_AND, /* what every host has */
	CPU_OR, /* what one host needs: a weakness, or a bit that must be 1 */
	CPU_MIN, /* the least of them: counts, widths, the signature */
	CPU_EQUAL, /* the same on each host where it matters, or there is no baseline */
	CPU_SAME, /* told if all say the same, else hidden: caches, brand string */
	CPU_COMPUTED, /* from other fields of the result */
	CPU_SHAPE, /* the VM's own: topology, APIC IDs; 0 in a baseline */
	CPU_HIDE, /* bound to one host, so never shown: resource control, SGX, a serial number */
	CPU_RULES
};

#define CPU_ANY_SUBLEAF 0xFFFFFFFFu

struct cpu_field {
	/* as QEMU and libvirt call it where they do ("avx2", "vmx-ept"), else a name in the same manner */
	const char *name;
	uint32_t msr; /* of an MSR; 0: of CPUID, and then: */
	uint32_t leaf, subleaf; /* CPU_ANY_SUBLEAF: a row for each that there is */
	enum cpu_reg reg;
	uint8_t low, width; /* bits, of the register or MSR */
	enum cpu_rule rule;
	const char *reason; /* why this rule; cites the SDM by section title where that decides */
};

extern const struct cpu_field cpu_fields[];
extern const size_t cpu_field_count;

/* NULL: no such name. */
const struct cpu_field *cpu_field_find(const char *name);

/* The field's value in a policy, 0 where the policy has no such leaf or MSR. Not for CPU_ANY_SUBLEAF. */
uint64_t cpu_field_get(const struct cpu_policy *policy, const struct cpu_field *field);

const char *cpu_rule_name(enum cpu_rule rule); /* "and", "equal or refused", … */

/* The field that tells that this one may be used ("avx" for "avx2"), one at a time; NULL behind the last one.
 */
const struct cpu_field *cpu_field_needs(const struct cpu_field *field, unsigned i);

#endif
