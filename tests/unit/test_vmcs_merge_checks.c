/* SPDX-License-Identifier: MIT */
/* VM-entry checks: each row breaks one clause of a vmcs12 that passes. */
#include "tests/unit/merge_fixture.h"

/* clang-format off */
static const struct {
	const char *name;
	struct {
		unsigned field;
		uint64_t value; /* XORed into the field */
	} flip[3];
	enum check_failure failure;
	uint32_t qualification;
} rows[] = {
	{"passes", {{0, 0}}, CHECK_PASSED, 0},
	{"default1 bit of the pin controls", {{F_PIN_CTLS, 2}}, CHECK_VMFAIL_CONTROLS, 0},
	{"pin control not offered", {{F_PIN_CTLS, PIN_POSTED_INTERRUPTS}}, CHECK_VMFAIL_CONTROLS, 0},
	{"primary control not offered", {{F_CPU_CTLS, CPU_ACTIVATE_CTLS3}}, CHECK_VMFAIL_CONTROLS, 0},
	{"secondary control not offered", {{F_CPU_CTLS2, CTL2_SUB_PAGE}}, CHECK_VMFAIL_CONTROLS, 0},
	{"five CR3 targets", {{F_CR3_TARGET_COUNT, 5}}, CHECK_VMFAIL_CONTROLS, 0},
	{"I/O bitmap not aligned", {{F_CPU_CTLS, CPU_IO_BITMAPS}, {F_IO_BITMAP_B, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"I/O bitmap unused", {{F_IO_BITMAP_B, 8}}, CHECK_PASSED, 0},
	{"MSR bitmap too high", {{F_CPU_CTLS, CPU_MSR_BITMAPS}, {F_MSR_BITMAP, 1ull << 40}}, CHECK_VMFAIL_CONTROLS, 0},
	{"virtual NMIs without NMI exiting", {{F_PIN_CTLS, PIN_VIRTUAL_NMIS}}, CHECK_VMFAIL_CONTROLS, 0},
	{"NMI window without virtual NMIs", {{F_CPU_CTLS, CPU_NMI_WINDOW}}, CHECK_VMFAIL_CONTROLS, 0},
	{"VPID 0", {{F_VPID, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP memory type", {{F_EPT_POINTER, 1}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP walk length", {{F_EPT_POINTER, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"EPTP accessed and dirty", {{F_EPT_POINTER, 0x40}}, CHECK_PASSED, 0},
	{"EPTP reserved bit", {{F_EPT_POINTER, 0x80}}, CHECK_VMFAIL_CONTROLS, 0},
	{"unrestricted guest without EPT", {{F_CPU_CTLS2, CTL2_EPT | CTL2_UNRESTRICTED_GUEST}}, CHECK_VMFAIL_CONTROLS, 0},
	{"exit control not offered", {{F_EXIT_CTLS, EXIT_CTL_CLEAR_BNDCFGS}}, CHECK_VMFAIL_CONTROLS, 0},
	{"exit MSR-store list not aligned", {{F_EXIT_MSR_STORE_COUNT, 1}, {F_EXIT_MSR_STORE_ADDR, 8}}, CHECK_VMFAIL_CONTROLS, 0},
	{"exit MSR-load list ends too high", {{F_EXIT_MSR_LOAD_COUNT, 2}, {F_EXIT_MSR_LOAD_ADDR, (1ull << 40) - 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"entry MSR-load list too high", {{F_ENTRY_MSR_LOAD_COUNT, 1}, {F_ENTRY_MSR_LOAD_ADDR, 1ull << 40}}, CHECK_VMFAIL_CONTROLS, 0},
	{"entry control not offered", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_CET}}, CHECK_VMFAIL_CONTROLS, 0},
	{"entry to SMM", {{F_ENTRY_CTLS, ENTRY_CTL_ENTRY_TO_SMM}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects type 1", {{F_ENTRY_INTR_INFO, 0x80000120}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects MTF", {{F_ENTRY_INTR_INFO, 0x80000700}}, CHECK_PASSED, 0},
	{"injects an NMI with vector 3", {{F_ENTRY_INTR_INFO, 0x80000203}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects exception 32", {{F_ENTRY_INTR_INFO, 0x80000320}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects #GP without error code", {{F_ENTRY_INTR_INFO, 0x8000030d}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects #UD with error code", {{F_ENTRY_INTR_INFO, 0x80000b06}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects #GP", {{F_ENTRY_INTR_INFO, 0x80000b0d}}, CHECK_PASSED, 0},
	{"injects with a reserved bit", {{F_ENTRY_INTR_INFO, 0x80001b0d}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects a wide error code", {{F_ENTRY_INTR_INFO, 0x80000b0d}, {F_ENTRY_ERROR_CODE, 1u << 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"injects INT n of 16 bytes", {{F_ENTRY_INTR_INFO, 0x80000480}, {F_ENTRY_INSTR_LEN, 16}}, CHECK_VMFAIL_CONTROLS, 0},
	{"nothing injected: the rest is ignored", {{F_ENTRY_INTR_INFO, 0x7ffff120}}, CHECK_PASSED, 0},
	{"host CR0.PE", {{F_HOST_CR0, 1}}, CHECK_VMFAIL_HOST, 0},
	{"host CR0 bit 32", {{F_HOST_CR0, 1ull << 32}}, CHECK_VMFAIL_HOST, 0},
	{"host CR4.VMXE", {{F_HOST_CR4, 0x2000}}, CHECK_VMFAIL_HOST, 0},
	{"host CR3 too wide", {{F_HOST_CR3, 1ull << 40}}, CHECK_VMFAIL_HOST, 0},
	{"host SYSENTER_EIP", {{F_HOST_SYSENTER_EIP, 1ull << 48}}, CHECK_VMFAIL_HOST, 0},
	{"host PAT", {{F_EXIT_CTLS, EXIT_CTL_LOAD_PAT}, {F_HOST_PAT, 2}}, CHECK_VMFAIL_HOST, 0},
	{"host EFER.LMA", {{F_HOST_EFER, 0x400}}, CHECK_VMFAIL_HOST, 0},
	{"host EFER reserved", {{F_HOST_EFER, 2}}, CHECK_VMFAIL_HOST, 0},
	{"host FS RPL", {{F_HOST_FS_SELECTOR, 3}}, CHECK_VMFAIL_HOST, 0},
	{"host TR null", {{F_HOST_TR_SELECTOR, 0x18}}, CHECK_VMFAIL_HOST, 0},
	{"host GS base", {{F_HOST_GS_BASE, 1ull << 63}}, CHECK_VMFAIL_HOST, 0},
	{"32-bit host below a 64-bit L1", {{F_EXIT_CTLS, EXIT_CTL_HOST_64}, {F_HOST_EFER, 0x500}}, CHECK_VMFAIL_HOST, 0},
	{"host RIP", {{F_HOST_RIP, 1ull << 60}}, CHECK_VMFAIL_HOST, 0},
	{"host without PAE", {{F_HOST_CR4, 0x20}}, CHECK_VMFAIL_HOST, 0},
	{"guest CR0.NE", {{F_GUEST_CR0, 0x20}}, CHECK_EXIT_GUEST, 0},
	{"guest CR0.PG without unrestricted guest", {{F_GUEST_CR0, 1u << 31}, {F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x500}}, CHECK_EXIT_GUEST, 0},
	{"guest CR0.PG without PE", {{F_CPU_CTLS2, CTL2_UNRESTRICTED_GUEST}, {F_GUEST_CR0, 1}}, CHECK_EXIT_GUEST, 0},
	{"guest CR4 reserved", {{F_GUEST_CR4, 1ull << 40}}, CHECK_EXIT_GUEST, 0},
	{"guest DEBUGCTL", {{F_GUEST_DEBUGCTL, 8}}, CHECK_EXIT_GUEST, 0},
	{"long mode without PAE", {{F_GUEST_CR4, 0x20}}, CHECK_EXIT_GUEST, 0},
	{"guest DR7", {{F_GUEST_DR7, 1ull << 32}}, CHECK_EXIT_GUEST, 0},
	{"guest EFER.LMA", {{F_GUEST_EFER, 0x400}}, CHECK_EXIT_GUEST, 0},
	{"guest PAT", {{F_ENTRY_CTLS, ENTRY_CTL_LOAD_PAT}, {F_GUEST_PAT, 4}}, CHECK_EXIT_GUEST, 0},
	{"TR in the LDT", {{F_GUEST_TR_SELECTOR, 4}}, CHECK_EXIT_GUEST, 0},
	{"RPL of SS", {{F_GUEST_SS_SELECTOR, 3}}, CHECK_EXIT_GUEST, 0},
	{"CS base above 4 GBytes", {{F_GUEST_CS_BASE, 1ull << 32}}, CHECK_EXIT_GUEST, 0},
	{"FS base", {{F_GUEST_FS_BASE, 1ull << 63}}, CHECK_EXIT_GUEST, 0},
	{"CS is data", {{F_GUEST_CS_ACCESS_RIGHTS, 8}}, CHECK_EXIT_GUEST, 0},
	{"CS with L and D", {{F_GUEST_CS_ACCESS_RIGHTS, 0x4000}}, CHECK_EXIT_GUEST, 0},
	{"SS not present", {{F_GUEST_SS_ACCESS_RIGHTS, 0x80}}, CHECK_EXIT_GUEST, 0},
	{"DS unusable", {{F_GUEST_DS_ACCESS_RIGHTS, 0x10000}}, CHECK_PASSED, 0},
	{"DS not accessed", {{F_GUEST_DS_ACCESS_RIGHTS, 1}}, CHECK_EXIT_GUEST, 0},
	{"ES granularity", {{F_GUEST_ES_LIMIT, 1}}, CHECK_EXIT_GUEST, 0},
	{"TR available", {{F_GUEST_TR_ACCESS_RIGHTS, 2}}, CHECK_EXIT_GUEST, 0},
	{"LDTR usable but empty", {{F_GUEST_LDTR_ACCESS_RIGHTS, 0x10000}}, CHECK_EXIT_GUEST, 0},
	{"virtual-8086 in long mode", {{F_GUEST_RFLAGS, 1u << 17}}, CHECK_EXIT_GUEST, 0},
	{"IDTR limit", {{F_GUEST_IDTR_LIMIT, 0x10000}}, CHECK_EXIT_GUEST, 0},
	{"RIP above 4 GBytes outside 64-bit mode", {{F_GUEST_RIP, 1ull << 32}, {F_ENTRY_CTLS, ENTRY_CTL_IA32E_GUEST}, {F_GUEST_EFER, 0x500}}, CHECK_EXIT_GUEST, 0},
	{"RIP not canonical", {{F_GUEST_RIP, 1ull << 50}}, CHECK_EXIT_GUEST, 0},
	{"RIP at the edge is let through", {{F_GUEST_RIP, 0x800000000000}}, CHECK_PASSED, 0},
	{"RFLAGS bit 1", {{F_GUEST_RFLAGS, 2}}, CHECK_EXIT_GUEST, 0},
	{"interrupt with IF clear", {{F_ENTRY_INTR_INFO, 0x80000020}}, CHECK_EXIT_GUEST, 0},
	{"interrupt with IF set", {{F_ENTRY_INTR_INFO, 0x80000020}, {F_GUEST_RFLAGS, 0x200}}, CHECK_PASSED, 0},
	{"activity HLT", {{F_GUEST_ACTIVITY, 1}}, CHECK_PASSED, 0},
	{"activity 4", {{F_GUEST_ACTIVITY, 4}}, CHECK_EXIT_GUEST, 0},
	{"#GP into HLT", {{F_GUEST_ACTIVITY, 1}, {F_ENTRY_INTR_INFO, 0x80000b0d}}, CHECK_EXIT_GUEST, 0},
	{"STI blocking with IF clear", {{F_GUEST_INTERRUPTIBILITY, 1}}, CHECK_EXIT_GUEST, 0},
	{"STI and MOV SS blocking", {{F_GUEST_INTERRUPTIBILITY, 3}, {F_GUEST_RFLAGS, 0x200}}, CHECK_EXIT_GUEST, 0},
	{"interrupt while STI blocks", {{F_GUEST_INTERRUPTIBILITY, 1}, {F_GUEST_RFLAGS, 0x200}, {F_ENTRY_INTR_INFO, 0x80000020}}, CHECK_EXIT_GUEST, 0},
	{"pending debug reserved", {{F_GUEST_PENDING_DEBUG, 0x10}}, CHECK_EXIT_GUEST, 0},
	{"BS missing", {{F_GUEST_INTERRUPTIBILITY, 2}, {F_GUEST_RFLAGS, 0x100}}, CHECK_EXIT_GUEST, 0},
	{"link pointer not aligned", {{F_VMCS_LINK_POINTER, 1ull << 63 | 1}}, CHECK_EXIT_GUEST, 4},
};
/* clang-format on */

static void clauses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct check_result result;
		struct check_env env;
		bool passed;

		fixture_init(&f);
		for (unsigned n = 0; n < 3; n++)
			f.vmcs12.v[rows[i].flip[n].field] ^= rows[i].flip[n].value;
		env = fixture_env(&f);
		passed = vmcs12_check(&env, CHECK_ALL, &result);
		if (passed != (rows[i].failure == CHECK_PASSED) || result.failure != rows[i].failure ||
		    result.qualification != rows[i].qualification)
			fail_msg("%s: %d (%s)", rows[i].name, result.failure,
				 result.clause ? result.clause : "passed");
	}
}

static void pdpte_clause(void **state)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;

	(void)state;
	fixture_init(&f);
	f.vmcs12.v[F_ENTRY_CTLS] &= ~(uint64_t)ENTRY_CTL_IA32E_GUEST;
	f.vmcs12.v[F_GUEST_EFER] = 0;
	f.vmcs12.v[F_GUEST_CS_ACCESS_RIGHTS] = 0xc09b;
	f.vmcs12.v[F_GUEST_PDPTE2] = 0x1001;
	env = fixture_env(&f);
	assert_true(vmcs12_check(&env, CHECK_ALL, &result));
	f.vmcs12.v[F_GUEST_PDPTE2] = 0x1003;
	assert_false(vmcs12_check(&env, CHECK_ALL, &result));
	assert_int_equal(result.qualification, 2);
}

/* Whatever field changes: a clause whose verdict changes is in a group that the field belongs to. */
static void table_groups(const struct check_row *table, unsigned count, const struct check_env *before,
			 const struct check_env *after, unsigned field)
{
	struct vmcs_bitset dirty = {{0}};
	uint32_t groups;

	vmcs_bitset_set(&dirty, field);
	groups = vmcs12_check_groups(&dirty);
	for (unsigned i = 0; i < count; i++) {
		if (table[i].holds(before) != table[i].holds(after) && !(table[i].group & groups))
			fail_msg("%s changes: '%s' is in no group of its", vmcs_field_name(field),
				 table[i].clause);
	}
}

static void groups_cover_their_clauses(void **state)
{
	uint64_t random = 0x636865636b73;

	(void)state;
	for (unsigned n = 0; n < 200000; n++) {
		static struct fixture f;
		struct vmcs_image changed;
		unsigned field = (unsigned)(fixture_random(&random) % VMCS_FIELD_COUNT);
		struct check_env before, after;

		if (n % 50 == 0)
			fixture_init(&f);
		changed = f.vmcs12;
		changed.v[field] ^= 1ull << fixture_random(&random) % 64 & vmcs_field_width_mask(field);
		before = after = fixture_env(&f);
		after.vmcs12 = &changed;
		table_groups(check_controls_table, check_controls_count, &before, &after, field);
		table_groups(check_host_table, check_host_count, &before, &after, field);
		table_groups(check_guest_table, check_guest_count, &before, &after, field);
		f.vmcs12 = changed;
	}
}

static void skipped_groups(void **state)
{
	struct fixture f;
	struct check_result result;
	struct check_env env;

	(void)state;
	fixture_init(&f);
	f.vmcs12.v[F_HOST_CR3] = ~0ull;
	env = fixture_env(&f);
	assert_true(vmcs12_check(&env, CHECK_ALL & ~(uint32_t)CHECK_HOST, &result));
	assert_int_equal(result.failure, CHECK_PASSED);
	assert_false(vmcs12_check(&env, CHECK_HOST, &result));
	assert_non_null(result.section);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clauses),
		cmocka_unit_test(pdpte_clause),
		cmocka_unit_test(groups_cover_their_clauses),
		cmocka_unit_test(skipped_groups),
	};

	return cmocka_run_group_tests_name("vmcs_merge_checks", tests, NULL, NULL);
}
