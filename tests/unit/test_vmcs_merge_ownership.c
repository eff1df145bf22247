/* SPDX-License-Identifier: MIT */
/* Whose exit is it: a row a case. Fields not named are as in the fixture, where L1 wants HLT only. */
#include "tests/unit/merge_fixture.h"
#include "vmcs_merge/bitmaps.h"
#include "vmcs_merge/ownership.h"

#define EXCEPTION(vector) (0x80000300u | (vector))
#define NMI               0x80000202u
#define MOV_TO(cr)        (cr)
#define MOV_FROM(cr)      (0x10u | (cr))
#define CLTS              0x20u
#define LMSW(source)      (0x30u | (uint32_t)(source) << 16)

/* clang-format off */
static const struct {
	const char *name;
	uint32_t reason;
	struct {
		unsigned field;
		uint64_t value;
	} set[3];
	uint64_t qualification, operand;
	uint32_t intr_info, intr_error, msr;
	bool wants;
} rows[] = {
	{"CPUID always", EXIT_CPUID, {{0, 0}}, 0, 0, 0, 0, 0, true},
	{"VMCALL always", EXIT_VMCALL, {{0, 0}}, 0, 0, 0, 0, 0, true},
	{"triple fault always", EXIT_TRIPLE_FAULT, {{0, 0}}, 0, 0, 0, 0, 0, true},
	{"XSETBV always", EXIT_XSETBV, {{0, 0}}, 0, 0, 0, 0, 0, true},
	{"failed entry is L1's", EXIT_ENTRY_GUEST_STATE | EXIT_REASON_ENTRY_FAILURE, {{0, 0}}, 0, 0, 0, 0, 0, true},
	{"interrupt is L0's", EXIT_EXTERNAL_INTERRUPT, {{0, 0}}, 0, 0, 0, 0, 0, false},
	{"preemption timer is L0's", EXIT_PREEMPTION_TIMER, {{0, 0}}, 0, 0, 0, 0, 0, false},
	{"EPT violation: caller's", EXIT_EPT_VIOLATION, {{0, 0}}, 0, 0, 0, 0, 0, false},
	{"unknown reason", 200, {{0, 0}}, 0, 0, 0, 0, 0, false},
	{"HLT wanted", EXIT_HLT, {{0, 0}}, 0, 0, 0, 0, 0, true},
	{"HLT not wanted", EXIT_HLT, {{F_CPU_CTLS, 0}}, 0, 0, 0, 0, 0, false},
	{"PAUSE not wanted", EXIT_PAUSE, {{0, 0}}, 0, 0, 0, 0, 0, false},
	{"PAUSE wanted", EXIT_PAUSE, {{F_CPU_CTLS, CPU_PAUSE_EXITING}}, 0, 0, 0, 0, 0, true},
	{"RDTSCP by RDTSC exiting", EXIT_RDTSCP, {{F_CPU_CTLS, CPU_RDTSC_EXITING}}, 0, 0, 0, 0, 0, true},
	{"window not asked for", EXIT_INTR_WINDOW, {{0, 0}}, 0, 0, 0, 0, 0, false},
	{"window asked for", EXIT_INTR_WINDOW, {{F_CPU_CTLS, CPU_INTR_WINDOW}}, 0, 0, 0, 0, 0, true},
	{"WBINVD", EXIT_WBINVD, {{F_CPU_CTLS2, CTL2_WBINVD_EXITING}}, 0, 0, 0, 0, 0, true},
	{"WBINVD, secondary controls inactive", EXIT_WBINVD,
	 {{F_CPU_CTLS2, CTL2_WBINVD_EXITING}, {F_CPU_CTLS, 0}}, 0, 0, 0, 0, 0, false},
	{"#UD wanted", EXIT_EXCEPTION_NMI, {{F_EXCEPTION_BITMAP, 1u << 6}}, 0, 0, EXCEPTION(6), 0, 0, true},
	{"#UD not wanted", EXIT_EXCEPTION_NMI, {{F_EXCEPTION_BITMAP, 1u << 7}}, 0, 0, EXCEPTION(6), 0, 0, false},
	{"NMI is L0's", EXIT_EXCEPTION_NMI, {{F_EXCEPTION_BITMAP, 1u << 2}}, 0, 0, NMI, 0, 0, false},
	{"no valid event", EXIT_EXCEPTION_NMI, {{F_EXCEPTION_BITMAP, 1u << 6}}, 0, 0, 0x306, 0, 0, false},
	{"#PF matches, bit set", EXIT_EXCEPTION_NMI,
	 {{F_EXCEPTION_BITMAP, 1u << 14}, {F_PFEC_MASK, 2}, {F_PFEC_MATCH, 2}}, 0, 0, EXCEPTION(14), 7, 0, true},
	{"#PF does not match, bit set", EXIT_EXCEPTION_NMI,
	 {{F_EXCEPTION_BITMAP, 1u << 14}, {F_PFEC_MASK, 2}, {F_PFEC_MATCH, 2}}, 0, 0, EXCEPTION(14), 5, 0, false},
	{"#PF does not match, bit clear", EXIT_EXCEPTION_NMI,
	 {{F_EXCEPTION_BITMAP, 0}, {F_PFEC_MASK, 2}, {F_PFEC_MATCH, 2}}, 0, 0, EXCEPTION(14), 5, 0, true},
	{"#PF, none wanted", EXIT_EXCEPTION_NMI, {{0, 0}}, 0, 0, EXCEPTION(14), 5, 0, false},
	{"CR0.TS owned, changed", EXIT_CR_ACCESS, {{F_CR0_MASK, 8}}, MOV_TO(0), 8, 0, 0, 0, true},
	{"CR0.TS owned, as the shadow", EXIT_CR_ACCESS, {{F_CR0_MASK, 8}, {F_CR0_SHADOW, 8}}, MOV_TO(0), 8, 0, 0, 0,
	 false},
	{"CR0.TS not owned", EXIT_CR_ACCESS, {{0, 0}}, MOV_TO(0), 8, 0, 0, 0, false},
	{"CR4.PAE owned, changed", EXIT_CR_ACCESS, {{F_CR4_MASK, 0x20}}, MOV_TO(4), 0x20, 0, 0, 0, true},
	{"CR3 load", EXIT_CR_ACCESS, {{F_CPU_CTLS, CPU_CR3_LOAD_EXITING}}, MOV_TO(3), 0x5000, 0, 0, 0, true},
	{"CR3 target", EXIT_CR_ACCESS,
	 {{F_CPU_CTLS, CPU_CR3_LOAD_EXITING}, {F_CR3_TARGET_COUNT, 1}, {F_CR3_TARGET0, 0x5000}}, MOV_TO(3), 0x5000, 0,
	 0, 0, false},
	{"CR3 target beyond the count", EXIT_CR_ACCESS,
	 {{F_CPU_CTLS, CPU_CR3_LOAD_EXITING}, {F_CR3_TARGET_COUNT, 1}, {F_CR3_TARGET1, 0x5000}}, MOV_TO(3), 0x5000, 0,
	 0, 0, true},
	{"CR3 store", EXIT_CR_ACCESS, {{F_CPU_CTLS, CPU_CR3_STORE_EXITING}}, MOV_FROM(3), 0, 0, 0, 0, true},
	{"CR8 load", EXIT_CR_ACCESS, {{F_CPU_CTLS, CPU_CR8_LOAD_EXITING}}, MOV_TO(8), 0, 0, 0, 0, true},
	{"CR8 store", EXIT_CR_ACCESS, {{F_CPU_CTLS, CPU_CR8_LOAD_EXITING}}, MOV_FROM(8), 0, 0, 0, 0, false},
	{"CLTS, owned and set in the shadow", EXIT_CR_ACCESS, {{F_CR0_MASK, 8}, {F_CR0_SHADOW, 8}}, CLTS, 0, 0, 0, 0,
	 true},
	{"CLTS, clear in the shadow", EXIT_CR_ACCESS, {{F_CR0_MASK, 8}}, CLTS, 0, 0, 0, 0, false},
	{"LMSW sets PE", EXIT_CR_ACCESS, {{F_CR0_MASK, 1}}, LMSW(1), 0, 0, 0, 0, true},
	{"LMSW cannot clear PE", EXIT_CR_ACCESS, {{F_CR0_MASK, 1}, {F_CR0_SHADOW, 1}}, LMSW(0), 0, 0, 0, 0, false},
	{"LMSW clears TS", EXIT_CR_ACCESS, {{F_CR0_MASK, 8}, {F_CR0_SHADOW, 8}}, LMSW(0), 0, 0, 0, 0, true},
	{"LMSW: NE is out of its reach", EXIT_CR_ACCESS, {{F_CR0_MASK, 0x20}}, LMSW(0x20), 0, 0, 0, 0, false},
	{"I/O, unconditional", EXIT_IO, {{F_CPU_CTLS, CPU_UNCOND_IO_EXITING}}, 0x61u << 16, 0, 0, 0, 0, true},
	{"I/O, none", EXIT_IO, {{0, 0}}, 0x60u << 16, 0, 0, 0, 0, false},
	{"I/O bitmap, wanted", EXIT_IO, {{F_CPU_CTLS, CPU_IO_BITMAPS}}, 0x60u << 16, 0, 0, 0, 0, true},
	{"I/O bitmap goes before unconditional", EXIT_IO, {{F_CPU_CTLS, CPU_IO_BITMAPS | CPU_UNCOND_IO_EXITING}},
	 0x61u << 16, 0, 0, 0, 0, false},
	{"I/O bitmap, wide access", EXIT_IO, {{F_CPU_CTLS, CPU_IO_BITMAPS}}, 0x5du << 16 | 3, 0, 0, 0, 0, true},
	{"MSR, no bitmap", EXIT_MSR_READ, {{0, 0}}, 0, 0, 0, 0, 0x10, true},
	{"MSR bitmap, wanted", EXIT_MSR_READ, {{F_CPU_CTLS, CPU_MSR_BITMAPS}}, 0, 0, 0, 0, 0xc0000080, true},
	{"MSR bitmap, write not wanted", EXIT_MSR_WRITE, {{F_CPU_CTLS, CPU_MSR_BITMAPS}}, 0, 0, 0, 0, 0xc0000080, false},
	{"MSR out of range", EXIT_MSR_WRITE, {{F_CPU_CTLS, CPU_MSR_BITMAPS}}, 0, 0, 0, 0, 0x2000, true},
};
/* clang-format on */

static void ownership(void **state)
{
	static uint8_t io_a[4096], io_b[4096], msr[4096];

	(void)state;
	io_bitmap_set(io_a, io_b, 0x60, 1, true);
	msr_bitmap_set(msr, 0xc0000080, false, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct exit_query q = {&f.vmcs12,
				       rows[i].reason,
				       rows[i].qualification,
				       rows[i].intr_info,
				       rows[i].intr_error,
				       rows[i].operand,
				       rows[i].msr,
				       io_a,
				       io_b,
				       msr};

		fixture_init(&f);
		for (unsigned s = 0; s < 3; s++) {
			if (rows[i].set[s].field)
				f.vmcs12.v[rows[i].set[s].field] = rows[i].set[s].value;
		}
		if (vmcs12_wants_exit(&q) != rows[i].wants)
			fail_msg("%s", rows[i].name);
	}
}

static void every_reason(void **state)
{
	(void)state;
	for (uint32_t reason = 0; reason < EXIT_REASON_COUNT; reason++) {
		bool reserved = reason == 35 || reason == 38 || reason == 42 || reason == 71;

		if ((exit_owner(reason) == OWN_UNKNOWN) != reserved)
			fail_msg("reason %u", reason);
		assert_int_equal(!exit_owner_reason(reason), reserved);
	}
	assert_string_equal(exit_reason_name(EXIT_CPUID), "cpuid");
	assert_string_equal(exit_reason_name(35), "reserved");
	assert_string_equal(exit_reason_name(1000), "reserved");
}

static void unreachable_bitmaps_exit(void **state)
{
	struct fixture f;
	struct exit_query q = {.vmcs12 = &f.vmcs12, .reason = EXIT_IO};

	(void)state;
	fixture_init(&f);
	f.vmcs12.v[F_CPU_CTLS] |= CPU_IO_BITMAPS | CPU_MSR_BITMAPS;
	assert_true(vmcs12_wants_exit(&q));
	q.reason = EXIT_MSR_READ;
	assert_true(vmcs12_wants_exit(&q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ownership),
		cmocka_unit_test(every_reason),
		cmocka_unit_test(unreachable_bitmaps_exit),
	};

	return cmocka_run_group_tests_name("vmcs_merge_ownership", tests, NULL, NULL);
}
