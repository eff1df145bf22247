/* SPDX-License-Identifier: MIT */
/* This computer, and hosts behind a libvirt connection. */
#include <cpuid.h>
#include <unistd.h>

#include "tests/unit/cpu_read_case.h"

static void self(void **state)
{
	struct cpu_policy policy;
	struct cpu_read_report report;
	uint32_t eax, ebx, ecx, edx;
	char host[CPU_POLICY_NAME_MAX];

	(void)state;
	if (cpu_read("self", NULL, &policy, &report)) {
		/* Some computers have processors that differ: that is to be told, and then there is no
		 * policy. */
		if (!strstr(report.error, "expected processors that are all alike"))
			fail_msg("%s", report.error);
		skip();
	}
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(policy.name, host);
	assert_false(policy.features_only);
	__cpuid_count(0, 0, eax, ebx, ecx, edx);
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_EAX), eax);
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_EBX), ebx);
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_ECX), ecx);
	assert_int_equal(cpu_policy_reg(&policy, 0, 0, CPU_EDX), edx);
	for (uint32_t leaf = 0; leaf <= eax; leaf++)
		assert_non_null(cpu_policy_leaf(&policy, leaf, 0));
	__cpuid_count(0x80000001, 0, eax, ebx, ecx, edx);
	assert_int_equal(cpu_policy_reg(&policy, 0x80000001, 0, CPU_EDX), edx);
}

/* What libvirt says is told in one line, and libvirt prints nothing itself. */
static void uris(void **state)
{
	struct cpu_policy policy;
	struct cpu_read_report report;

	(void)state;
	assert_int_equal(read_quietly("qemu+unix:///system?socket=/no/such/socket", &policy, &report), -EIO);
	if (strncmp(report.error,
		    "qemu+unix:///system?socket=/no/such/socket: libvirt does not connect: ", 70) != 0)
		fail_msg("%s", report.error);
	assert_null(strchr(report.error, '\n'));
	/* libvirt's built-in host of this URI names features of old, and no model. */
	assert_int_equal(cpu_read("test:///default", NULL, &policy, &report), -EINVAL);
	if (!strstr(report.error, "<cpu> without <model>, expected one"))
		fail_msg("%s", report.error);
	assert_string_equal(policy.name, "test:///default");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self),
		cmocka_unit_test(uris),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
