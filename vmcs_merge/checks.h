/* SPDX-License-Identifier: MIT */
/*
 * VM-entry checks on vmcs12, clause by clause (SDM, "Checks on VMX Controls and Host-State Area" and
 * "Checking and Loading Guest State"). What fails here is L1's VMfail or entry-failure exit, never a failed
 * entry of L0's. What clauses read of L1's memory the caller hands over. Not here: contents of the MSR lists,
 * PDPTEs that L2's CR3 points to, launch state; and clauses of controls that are 0 by another clause, as L1
 * is never offered them (FRED, tertiary controls' addresses, IA32_RTIT_CTL, IA32_LBR_CTL).
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
	CHECK_VTPR = 1u << 11, /* due at each entry with 'use TPR shadow': the page is L1's memory */
	CHECK_LINK = 1u << 12, /* due at each entry with a VMCS link pointer */
	CHECK_ALL = (1u << 13) - 1,
	/* the groups that rows of a table may have */
	CHECK_AREA_CONTROLS = CHECK_EXECUTION | CHECK_EXIT | CHECK_ENTRY | CHECK_EVENT | CHECK_VTPR,
	CHECK_AREA_GUEST = CHECK_ALL & ~(CHECK_AREA_CONTROLS | CHECK_HOST),
};

struct check_env {
	const struct vmcs_image *vmcs12;
	const struct vmx_caps *caps; /* those L1 is offered (caps_for_guest) */
	unsigned physical_address_bits; /* L1's MAXPHYADDR */
	unsigned linear_address_bits; /* 48 or 57 */
	uint64_t efer_hidden; /* bits that L1's IA32_EFER has not, though the SDM knows them */
	bool l1_long_mode; /* L1's IA32_EFER.LMA when it enters L2 */
	bool rtm; /* L1's processor has RTM */
	uint8_t vtpr; /* with 'use TPR shadow': byte 80H of the virtual-APIC page */
	uint64_t debugctl_bits; /* that L1's IA32_DEBUGCTL has */
	uint64_t perf_global_bits; /* that L1's IA32_PERF_GLOBAL_CTRL has */
	uint64_t current_vmcs; /* L1's current-VMCS pointer */
	uint32_t link_revision; /* with a VMCS link pointer: the first 4 bytes there; no memory: all ones */
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

/* The groups that are due at each entry, whatever changed: they read L1's memory. */
static inline uint32_t vmcs12_check_always(const struct vmcs_image *vmcs12)
{
	return (vmcs12->v[F_CPU_CTLS] & CPU_TPR_SHADOW ? CHECK_VTPR : 0) |
	       (vmcs12->v[F_VMCS_LINK_POINTER] != ~0ull ? CHECK_LINK : 0);
}

/* Would VM entry with 'enable EPT' take this EPTP? Also for INVEPT and EPTP switching. */
bool check_eptp(const struct vmx_caps *caps, unsigned physical_address_bits, uint64_t eptp);

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
