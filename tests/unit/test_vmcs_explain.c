/* SPDX-License-Identifier: MIT */
/* vmcs-explain: what it reads, what it refuses and where, what it prints. */
#include <stdlib.h>

#include "tests/unit/merge_fixture.h"
#include "vmcs_merge/explain/explain.h"

/* clang-format off */
static const struct {
	const char *name;
	const char *text;
	unsigned line;        /* 0: accepted */
	const char *expected; /* part of the message */
} rows[] = {
	{"nothing",             "",                                            0, ""},
	{"comment",             "# vmcs12.X = 1\n\n  # more",                  0, ""},
	{"prefix",              "vmcs12.GUEST_RIP = 0x10",                     0, ""},
	{"section",             "[ vmcs01 ]\nHOST_RIP=16 # ours",              0, ""},
	{"control bits",        "vmcs12.CPU_CTLS = CPU_HLT_EXITING | 0x2|4",   0, ""},
	{"carriage returns",    "[vmcs12]\r\nGUEST_RIP = 1\r\n",               0, ""},
	{"no section",          "\nGUEST_RIP = 1",                             2, "expected 'vmcs12.'"},
	{"no such VMCS",        "vmcs02.GUEST_RIP = 1",                        1, "expected 'vmcs12.'"},
	{"no such section",     "[vmcs02]",                                    1, "expected '[vmcs12]'"},
	{"no such field",       "[vmcs12]\n\n\nGUEST_RIPP = 1",                4, "expected the name of a VMCS field"},
	{"no value",            "vmcs12.GUEST_RIP =",                          1, "expected a number"},
	{"no equals sign",      "vmcs12.GUEST_RIP 1",                          1, "expected 'FIELD = VALUE'"},
	{"half a number",       "vmcs12.GUEST_RIP = 0x",                       1, "expected a number"},
	{"65 bits",             "vmcs12.GUEST_RIP = 0x10000000000000000",      1, "expected a number"},
	{"most of 64 bits",     "vmcs12.GUEST_RIP = 18446744073709551615",     0, ""},
	{"too wide",            "vmcs12.VPID = 0x10000",                       1, "expected at most 0xffff"},
	{"bit of another word", "vmcs12.CPU_CTLS = CTL2_EPT",                  1, "control bit of CPU_CTLS"},
	{"bit of no word",      "vmcs12.GUEST_RIP = CPU_HLT_EXITING",          1, "expected a number"},
	{"dangling bar",        "vmcs12.CPU_CTLS = 1 |",                       1, "expected a number"},
	{"twice",               "[vmcs12]\nVPID = 1\nvmcs12.VPID = 1",         3, "expected once"},
};
/* clang-format on */

static void lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct explain_input input;
		struct explain_error error;
		int status = explain_parse(rows[i].text, strlen(rows[i].text), &input, &error);

		if ((status == 0) != (rows[i].line == 0))
			fail_msg("%s: status %d (%s)", rows[i].name, status, error.text);
		if (status && (error.line != rows[i].line || !strstr(error.text, rows[i].expected)))
			fail_msg("%s: line %u, %s", rows[i].name, error.line, error.text);
	}
}

static void values(void **state)
{
	static const char text[] =
		"[vmcs12]\nCPU_CTLS = CPU_HLT_EXITING | 2\n[vmcs01]\nHOST_RIP = 0xFFFF800000000000";
	static struct explain_input input;
	struct explain_error error;

	(void)state;
	assert_int_equal(explain_parse(text, sizeof(text) - 1, &input, &error), 0);
	assert_int_equal(input.vmcs12.v[F_CPU_CTLS], 0x82);
	assert_true(input.vmcs01.v[F_HOST_RIP] == 0xffff800000000000);
	assert_true(vmcs_bitset_test(&input.set12, F_CPU_CTLS));
	assert_false(vmcs_bitset_test(&input.set01, F_CPU_CTLS));
}

static void answers_why(void **state)
{
	static const char text[] = "vmcs01.CPU_CTLS = CPU_HLT_EXITING";
	static struct explain_input input;
	struct explain_options options = {.all = false};
	struct explain_error error;
	char *out = NULL;
	size_t length = 0, fields = 0;
	FILE *file = open_memstream(&out, &length);

	(void)state;
	assert_int_equal(explain_parse(text, sizeof(text) - 1, &input, &error), 0);
	explain_print(file, &input, &options);
	fflush(file);
	assert_non_null(strstr(out, "vmcs12=0 vmcs01=1 -> 1  OR"));
	assert_null(strstr(out, "HOST_RIP"));
	options.all = true;
	rewind(file);
	explain_print(file, &input, &options);
	fclose(file);
	for (const char *at = out; (at = strchr(at, '\n')) != NULL; at++)
		fields += at[1] != ' ' && at[1] != 0;
	assert_int_equal(fields + 1, VMCS_FIELD_COUNT);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(values),
		cmocka_unit_test(answers_why),
	};

	return cmocka_run_group_tests_name("vmcs_explain", tests, NULL, NULL);
}
