/* SPDX-License-Identifier: MIT */
/* The walk over the clauses, and which fields belong to which group. */
#include "vmcs_merge/checks_impl.h"

#include <stddef.h>

static bool check_table(const struct check_env *env, uint32_t groups, const struct check_row *rows,
			unsigned count, uint32_t area, enum check_failure failure,
			struct check_result *result)
{
	if (!(groups & area))
		return true;
	for (unsigned i = 0; i < count; i++) {
		if (!(rows[i].group & groups) || rows[i].holds(env))
			continue;
		*result = (struct check_result){failure, rows[i].qualification, rows[i].clause,
						rows[i].section};
		return false;
	}
	return true;
}

bool vmcs12_check(const struct check_env *env, uint32_t groups, struct check_result *result)
{
	*result = (struct check_result){CHECK_PASSED, 0, NULL, NULL};
	return check_table(env, groups, check_controls_table, check_controls_count, CHECK_AREA_CONTROLS,
			   CHECK_VMFAIL_CONTROLS, result) &&
	       check_table(env, groups, check_host_table, check_host_count, CHECK_HOST, CHECK_VMFAIL_HOST,
			   result) &&
	       check_table(env, groups, check_guest_table, check_guest_count, CHECK_AREA_GUEST,
			   CHECK_EXIT_GUEST, result);
}

/* Fields that clauses of several groups, or not of their area's usual one, read. */
static uint32_t special_groups(unsigned index)
{
	switch (index) {
	case F_PIN_CTLS:
		return CHECK_EXECUTION | CHECK_EXIT | CHECK_NON_REGISTER;
	case F_CPU_CTLS:
	case F_CPU_CTLS2:
		return CHECK_EXECUTION | CHECK_EVENT | CHECK_CONTROL_REGISTERS | CHECK_SEGMENTS |
		       CHECK_NON_REGISTER | CHECK_PDPTES;
	case F_EXIT_CTLS:
		return CHECK_EXECUTION | CHECK_EXIT | CHECK_HOST;
	case F_ENTRY_CTLS:
		return CHECK_ALL & ~(uint32_t)(CHECK_EXECUTION | CHECK_EXIT);
	case F_ENTRY_INTR_INFO:
		return CHECK_EVENT | CHECK_RIP_RFLAGS | CHECK_NON_REGISTER;
	case F_ENTRY_ERROR_CODE:
	case F_ENTRY_INSTR_LEN:
		return CHECK_EVENT;
	case F_GUEST_CR0:
		return CHECK_CONTROL_REGISTERS | CHECK_EVENT | CHECK_SEGMENTS | CHECK_RIP_RFLAGS |
		       CHECK_PDPTES;
	case F_GUEST_CR4:
		return CHECK_CONTROL_REGISTERS | CHECK_PDPTES;
	case F_GUEST_CS_ACCESS_RIGHTS:
		return CHECK_SEGMENTS | CHECK_RIP_RFLAGS;
	case F_GUEST_SS_ACCESS_RIGHTS:
		return CHECK_SEGMENTS | CHECK_NON_REGISTER;
	case F_GUEST_RIP:
	case F_GUEST_SSP:
		return CHECK_RIP_RFLAGS;
	case F_GUEST_RFLAGS:
		return CHECK_RIP_RFLAGS | CHECK_SEGMENTS | CHECK_NON_REGISTER;
	case F_GUEST_DEBUGCTL:
		return CHECK_CONTROL_REGISTERS | CHECK_NON_REGISTER;
	case F_GUEST_GDTR_BASE:
	case F_GUEST_GDTR_LIMIT:
	case F_GUEST_IDTR_BASE:
	case F_GUEST_IDTR_LIMIT:
		return CHECK_TABLES;
	case F_GUEST_ACTIVITY:
	case F_GUEST_INTERRUPTIBILITY:
	case F_GUEST_PENDING_DEBUG:
	case F_VMCS_LINK_POINTER:
		return CHECK_NON_REGISTER;
	case F_GUEST_PDPTE0:
	case F_GUEST_PDPTE1:
	case F_GUEST_PDPTE2:
	case F_GUEST_PDPTE3:
		return CHECK_PDPTES;
	case F_GUEST_CR3:
	case F_GUEST_PAT:
	case F_GUEST_EFER:
	case F_GUEST_DR7:
	case F_GUEST_SYSENTER_CS:
	case F_GUEST_SYSENTER_ESP:
	case F_GUEST_SYSENTER_EIP:
	case F_GUEST_PERF_GLOBAL_CTRL:
	case F_GUEST_BNDCFGS:
	case F_GUEST_PKRS:
	case F_GUEST_UINV:
	case F_GUEST_S_CET:
	case F_GUEST_INTR_SSP_TABLE:
		return CHECK_CONTROL_REGISTERS;
	case F_EXIT_MSR_STORE_ADDR:
	case F_EXIT_MSR_STORE_COUNT:
	case F_EXIT_MSR_LOAD_ADDR:
	case F_EXIT_MSR_LOAD_COUNT:
		return CHECK_EXIT;
	case F_ENTRY_MSR_LOAD_ADDR:
	case F_ENTRY_MSR_LOAD_COUNT:
		return CHECK_ENTRY;
	case F_GUEST_RSP:
		return 0;
	default:
		return CHECK_ALL;
	}
}

uint32_t vmcs12_check_groups(const struct vmcs_bitset *dirty)
{
	uint32_t groups = 0;
	unsigned index = 0;

	for (VMCS_BITSET_EACH(index, dirty)) {
		uint32_t special = special_groups(index);

		if (special != CHECK_ALL) {
			groups |= special;
			continue;
		}
		switch (vmcs_field_type(index)) {
		case VMCS_CONTROL:
			groups |= CHECK_EXECUTION;
			break;
		case VMCS_HOST:
			groups |= CHECK_HOST;
			break;
		case VMCS_GUEST:
			groups |= CHECK_SEGMENTS;
			break;
		case VMCS_READ_ONLY:
			break;
		}
	}
	return groups;
}
