/* SPDX-License-Identifier: MIT */
/*
 * VM-entry checks on vmcs12, clause by clause (SDM, "Checks on VMX Controls and Host-State Area" and
 * "Checking and Loading Guest State"). What fails here is L1's VMfail or entry-failure exit, never a failed
 * entry of L0's. Not here, as they need L1's memory or launch state: contents of the MSR lists, what
 * VMCS_LINK_POINTER points to, PDPTEs that L2's CR3 points to.
 */
#ifndef VMCS_MERGE_CHECKS_H
#define VMCS_MERGE_CHECKS_H

#include "vmcs_merge/caps.h"
#include "vmcs_merge/fields.h"

/* What L1 gets when a clause fails. */
enum check_failure {
	CHECK_PASSED = 0,
	CHECK_VMFAIL_CONTROLS = 7, /* VMfailValid with this VM-instruction error */
	CHECK_VMFAIL_HOST = 8, /* likewise */
	CHECK_EXIT_GUEST = 33, /* VM exit: entry failure due to invalid guest state, with the qualification */
};

/* Clauses that read the same fields are skipped together when none of those changed. */
enum check_group {
	CHECK_EXECUTION = 1u << 0,
	CHECK_EXIT = 1u << 1,
	CHECK_ENTRY = 1u << 2,
	CHECK_EVENT = 1u << 3, /* event injection */
	CHECK_HOST = 1u << 4,
	CHECK_CONTROL_REGISTERS = 1u << 5, /* of the guest, and its MSRs */
	CHECK_SEGMENTS = 1u << 6,
	CHECK_TABLES = 1u << 7, /* GDTR, IDTR */
	CHECK_RIP_RFLAGS = 1u << 8,
	CHECK_NON_REGISTER = 1u << 9,
	CHECK_PDPTES = 1u << 10,
	CHECK_ALL = (1u << 11) - 1,
	/* the groups that rows of a table may have */
	CHECK_AREA_CONTROLS = CHECK_EXECUTION | CHECK_EXIT | CHECK_ENTRY | CHECK_EVENT,
	CHECK_AREA_GUEST = CHECK_ALL & ~(CHECK_AREA_CONTROLS | CHECK_HOST),
};

struct check_env {
	const struct vmcs_image *vmcs12;
	const struct vmx_caps *caps; /* those L1 is offered (caps_for_guest) */
	unsigned physical_address_bits; /* L1's MAXPHYADDR */
	unsigned linear_address_bits; /* 48 or 57 */
	bool l1_long_mode; /* L1's IA32_EFER.LMA when it enters L2 */
};

struct check_result {
	enum check_failure failure;
	uint32_t qualification; /* exit qualification, for CHECK_EXIT_GUEST */
	const char *clause; /* what must hold and does not */
	const char *section; /* title in the SDM */
};

/* True if all clauses of the groups hold; else result says which failed first, in the SDM's order. */
bool vmcs12_check(const struct check_env *env, uint32_t groups, struct check_result *result)
	__attribute__((warn_unused_result));

/* The groups whose clauses read any of these fields. */
uint32_t vmcs12_check_groups(const struct vmcs_bitset *dirty);

/* ---- for the files that hold the clauses ---- */
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

static inline bool check_pat(uint64_t pat)
{
	for (unsigned i = 0; i < 64; i += 8) {
		uint64_t type = pat >> i & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

#endif
