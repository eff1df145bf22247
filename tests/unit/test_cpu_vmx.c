/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "l0hv/exits/cpu_vmx.h"
#include "merge_fixture.h"

static struct vmx_caps offered(void)
{
	const struct vmx_caps hardware = fixture_caps();
	struct vmx_caps caps;

	cpu_vmx_offer(&hardware, &caps);
	return caps;
}

/* Lowered by one MSR. */
static struct vmx_caps limited(unsigned msr, uint64_t value)
{
	uint64_t limit[VMX_CAPS_COUNT] = {0};
	struct vmx_caps caps = offered();
	uint32_t bad;

	limit[msr - VMX_CAPS_FIRST_MSR] = value;
	assert_int_equal(cpu_vmx_limit(&caps, limit, 1u << (msr - VMX_CAPS_FIRST_MSR), &bad), 0);
	return caps;
}

static void offer_is_what_l0_supports(void **state)
{
	const struct vmx_caps hardware = fixture_caps(), caps = offered();
	struct vmx_caps plain;

	(void)state;
	caps_for_guest(&hardware, &plain);
	assert_memory_equal(&caps, &plain, sizeof(caps));
}

static void no_limit(void **state)
{
	uint64_t limit[VMX_CAPS_COUNT] = {0};
	struct vmx_caps caps = offered(), before = caps;
	uint32_t bad;

	(void)state;
	assert_int_equal(cpu_vmx_limit(&caps, limit, 0, &bad), 0);
	assert_memory_equal(&caps, &before, sizeof(caps));
	/* what it has already */
	assert_int_equal(cpu_vmx_limit(&caps, before.msr, (1u << VMX_CAPS_COUNT) - 1, &bad), 0);
	assert_memory_equal(&caps, &before, sizeof(caps));
}

/* What Lynnfield has, and no more; then what hangs on what was taken away. */
static void secondary_controls(void **state)
{
	const struct vmx_caps caps = limited(0x48B, 0x7full << 32), before = offered();

	(void)state;
	assert_int_equal(caps.cpu2 >> 32, before.cpu2 >> 32 & 0x7f);
	assert_int_equal(caps.vmfunc, 0);
	assert_int_equal(caps.vmcs_enum, 0x2e); /* no TSC multiplier any more */
	assert_int_equal(caps.pin, before.pin);
}

static void ept_without_write_back(void **state)
{
	const struct vmx_caps caps = limited(0x48C, EPT_CAP_4_LEVEL | EPT_CAP_UC);

	(void)state;
	assert_false(vmx_can(&caps, WORD_CPU2, CTL2_EPT) ||
		     vmx_can(&caps, WORD_CPU2, CTL2_UNRESTRICTED_GUEST) ||
		     vmx_can(&caps, WORD_CPU2, CTL2_PML) || vmx_can(&caps, WORD_CPU2, CTL2_VMFUNC));
	assert_int_equal(caps.ept_vpid, 0);
	assert_true(vmx_can(&caps, WORD_CPU2, CTL2_VPID));
}

/* The TRUE MSR follows the other. */
static void no_nmi_exiting(void **state)
{
	const struct vmx_caps caps = limited(0x481, ~((uint64_t)PIN_NMI_EXITING << 32) & ~0xffffffffull);

	(void)state;
	assert_false(vmx_can(&caps, WORD_PIN, PIN_NMI_EXITING) ||
		     vmx_can(&caps, WORD_PIN, PIN_VIRTUAL_NMIS) || vmx_can(&caps, WORD_CPU, CPU_NMI_WINDOW));
	assert_int_equal(caps.pin & ~(caps.pin >> 32) & 0xffffffff, 0);
}

static void format_stays(void **state)
{
	const struct vmx_caps caps = limited(0x480, 6ull << 50);

	(void)state;
	assert_int_equal(caps.true_pin | caps.true_cpu | caps.true_exit | caps.true_entry, 0);
	assert_int_equal(VMX_BASIC_REVISION(caps.basic), NESTBED_VMCS_REVISION);
	assert_int_equal(VMX_BASIC_REGION_SIZE(caps.basic), NESTBED_VMCS_SIZE);
	assert_int_equal(limited(0x48A, 2).vmcs_enum, offered().vmcs_enum);
}

static void counts_and_fixed_bits(void **state)
{
	const struct vmx_caps before = offered();
	struct vmx_caps caps = limited(0x485, VMX_MISC_TIMER_RATE(before.misc) | 2ull << 16);

	(void)state;
	assert_int_equal(VMX_MISC_TIMER_RATE(caps.misc), VMX_MISC_TIMER_RATE(before.misc));
	assert_int_equal(VMX_MISC_CR3_TARGETS(caps.misc), 2);
	assert_int_equal(caps.misc & VMX_MISC_ACTIVITY_HLT, 0);
	assert_true(vmx_can(&caps, WORD_PIN, PIN_PREEMPTION_TIMER));
	/* a timer that counts at another rate is none */
	caps = limited(0x485, VMX_MISC_TIMER_RATE(before.misc) ^ 1);
	assert_false(vmx_can(&caps, WORD_PIN, PIN_PREEMPTION_TIMER) ||
		     vmx_can(&caps, WORD_EXIT, EXIT_CTL_SAVE_TIMER));
	assert_int_equal(limited(0x486, 2).cr0_fixed0, before.cr0_fixed0 | 2);
	assert_int_equal(limited(0x489, 0x20f0).cr4_fixed1, before.cr4_fixed1 & 0x20f0);
}

static void contradictions_are_told(void **state)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
		uint32_t told;
	} rows[] = {
		{0x481, 0,                     0x481}, /* the processor demands what it forbids */
		{0x482, 1ull << 63 | 1u << 30, 0x482}, /* it demands what it forbids itself */
		{0x488, 1ull << 63,            0x488},
		{0x489, 0,                     0x488},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t limit[VMX_CAPS_COUNT] = {0};
		struct vmx_caps caps = offered(), before = caps;
		uint32_t bad = 0;

		limit[rows[i].msr - VMX_CAPS_FIRST_MSR] = rows[i].value;
		assert_int_equal(cpu_vmx_limit(&caps, limit, 1u << (rows[i].msr - VMX_CAPS_FIRST_MSR), &bad),
				 -EPERM);
		assert_int_equal(bad, rows[i].told);
		assert_memory_equal(&caps, &before, sizeof(caps));
	}
}

static void policies(void **state)
{
	static struct cpu_policy policy;
	struct vmx_caps caps = offered(), back;

	(void)state;
	assert_int_equal(cpu_vmx_own_format(&policy), 0);
	assert_int_equal(policy.msr_count, 0);
	assert_int_equal(cpu_vmx_set_caps(&policy, &caps), 0);
	cpu_vmx_caps(&policy, &back);
	assert_memory_equal(&back, &caps, sizeof(caps));
	/* as a baseline leaves it */
	assert_int_equal(cpu_policy_set_msr(&policy, 0x480, caps.basic & ~0x1fff7fffffffull), 0);
	assert_int_equal(cpu_vmx_own_format(&policy), 0);
	assert_int_equal(cpu_policy_msr(&policy, 0x480)->value, caps.basic);
	/* MSRs that hang on a control */
	caps.cpu2 = 0;
	caps.basic &= ~VMX_BASIC_TRUE_CTLS;
	assert_true(cpu_vmx_has_msr(&caps, 0x48B));
	assert_false(cpu_vmx_has_msr(&caps, 0x48C) || cpu_vmx_has_msr(&caps, 0x48D) ||
		     cpu_vmx_has_msr(&caps, 0x490) || cpu_vmx_has_msr(&caps, 0x491));
	caps.cpu = 0;
	assert_false(cpu_vmx_has_msr(&caps, 0x48B));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer_is_what_l0_supports),
		cmocka_unit_test(no_limit),
		cmocka_unit_test(secondary_controls),
		cmocka_unit_test(ept_without_write_back),
		cmocka_unit_test(no_nmi_exiting),
		cmocka_unit_test(format_stays),
		cmocka_unit_test(counts_and_fixed_bits),
		cmocka_unit_test(contradictions_are_told),
		cmocka_unit_test(policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
