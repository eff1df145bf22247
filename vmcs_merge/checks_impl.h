/* SPDX-License-Identifier: MIT */
/* For the files that hold the clauses of checks.h. */
#ifndef VMCS_MERGE_CHECKS_IMPL_H
#define VMCS_MERGE_CHECKS_IMPL_H

#include "vmcs_merge/checks.h"
#include "vmcs_merge/merge.h"

#define CLAUSE(name) static bool name(const struct check_env *e)
#define V(field)     (e->vmcs12->v[F_##field])

typedef bool check_fn(const struct check_env *env);
struct check_row {
	check_fn *holds;
	uint32_t group;
	uint32_t qualification;
	const char *clause;
	const char *section;
};
extern const struct check_row check_controls_table[], check_host_table[], check_guest_table[];
extern const unsigned check_controls_count, check_host_count, check_guest_count;

static inline bool check_canonical(const struct check_env *env, uint64_t address)
{
	unsigned unused = 64 - env->linear_address_bits;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

static inline bool check_physical(const struct check_env *env, uint64_t address, uint64_t alignment)
{
	return (address & (alignment - 1)) == 0 && address >> env->physical_address_bits == 0;
}

/* An address that is 64 bits wide and canonical, or 32 bits wide. */
static inline bool check_width(const struct check_env *env, uint64_t address, bool wide)
{
	return wide ? check_canonical(env, address) : address >> 32 == 0;
}

/* IA32_S_CET: bits 9:6 reserved, SUPPRESS (10) and TRACKER (11) not together, the bitmap's address above. */
static inline bool check_s_cet(const struct check_env *env, uint64_t cet, bool wide)
{
	return !(cet & 0x3c0) && (cet & 0xc00) != 0xc00 && check_width(env, cet & ~0xfffull, wide);
}

static inline bool implies(bool a, bool b)
{
	return !a || b;
}

/* Secondary controls; 0 where they are not activated. */
static inline uint32_t cpu2(const struct check_env *e)
{
	return vmcs_effective_controls(e->vmcs12, WORD_CPU2);
}

#endif
