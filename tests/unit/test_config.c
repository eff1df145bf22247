/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bundle/bundle.h"
#include "bundle/config.h"

static struct l0_config config; /* large */
static struct config_error error;

#define VM        "[vm a]\nimage = k\n"
#define LONG_NAME "a123456789a123456789a123456789a123456789a12345678" /* 48 letters and one */

static const struct {
	const char *name;
	const char *text;
	const char *message;
} bad_rows[] = {
	{"empty",			"",								       "no [vm NAME] section"                                         },
	{"no VM",			"[l0]\nlimit = 3\n",						      "no [vm NAME] section"                                         },
	{"unknown key of a VM",          VM "nestd = on\n",
	 "line 3: unknown key 'nestd' in [vm a]; expected one of image, cmdline, memory, vcpus, nested, "
	 "nested.shadow_vmcs, "
	 "nested.incremental_merge, nested.lazy_rare_fields, nested.cached_checks, "
	 "nested.cached_host_state, nested.watch_msr_bitmap, nested.clean_fields, nested.limit, "
	 "nested.vmx_locked, "
	 "record.phases, cached_cpuid, scratch, slice, module"														    },
	{"unknown key of L0",            "[l0]\nmemory = 1M\n",
	 "line 2: unknown key 'memory' in [l0]; expected one of limit, crash"												     },
	{"key before a section",         "image = k\n",
	 "line 1: 'image' stands before the first section; expected [l0] or [vm NAME]"											    },
	{"no equals sign",               VM "nested\n",							    "line 3: expected [l0], [vm NAME] or KEY = VALUE, got 'nested'"},
	{"twice",			VM "\nmemory = 2M\nmemory = 2M\n",                                        "line 5: 'memory' was given before, on line 4"                 },
	{"limit of no MSR",              VM "nested.limit = IA32_EFER 1\n",
	 "line 3: 'nested.limit' must be the name or number of a VMX capability MSR and a value, got "
	 "'IA32_EFER 1'"																			  },
	{"limit without a value",        VM "nested.limit = 0x48b\n",
	 "line 3: 'nested.limit' must be the name or number of a VMX capability MSR and a value, got "
	 "'0x48b'"																				},
	{"limit twice",                  VM "nested.limit = 0x48b 1\nnested.limit = IA32_VMX_PROCBASED_CTLS2 3\n",
	 "line 4: a limit was given before for 'IA32_VMX_PROCBASED_CTLS2'"													},
	{"memory too small",             VM "memory = 512K\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '512K'"													  },
	{"memory too large",             VM "memory = 5G\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '5G'"													    },
	{"memory overflows",             VM "memory = 99999999999999999999G\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '99999999999999999999G'"											 },
	{"memory wraps by its unit",     VM "memory = 17179869185G\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '17179869185G'"												  },
	{"memory of a wrong unit",       VM "memory = 64MB\n",
	 "line 3: 'memory' must be a size between 1M and 3G, got '64MB'"													  },
	{"memory not in pages",          VM "memory = 1048577\n",
	 "line 3: a size must be a multiple of 4K, got '1048577'"														 },
	{"memory empty",                 VM "memory =\n",							  "line 3: 'memory' must be a size between 1M and 3G, got ''"    },
	{"vcpus 0",		      VM "vcpus = 0\n",							 "line 3: 'vcpus' must be a number between 1 and 8, got '0'"    },
	{"vcpus negative",               VM "vcpus = -1\n",							"line 3: 'vcpus' must be a number between 1 and 8, got '-1'"   },
	{"vcpus 2^32 + 1",               VM "vcpus = 4294967297\n",
	 "line 3: 'vcpus' must be a number between 1 and 8, got '4294967297'"												     },
	{"vcpus 2^64 + 1",               VM "vcpus = 18446744073709551617\n",
	 "line 3: 'vcpus' must be a number between 1 and 8, got '18446744073709551617'"											   },
	{"vcpus 2^64 + 1, hexadecimal",  VM "vcpus = 0x10000000000000001\n",
	 "line 3: 'vcpus' must be a number between 1 and 8, got '0x10000000000000001'"											    },
	{"nested yes",                   VM "nested = yes\n",						      "line 3: 'nested' must be on or off, got 'yes'"                },
	{"image of two words",           "[vm a]\nimage = a b\n",
	 "line 2: 'image' must be a bundle entry's name of at most 47 letters, got 'a b'"											 },
	{"image too long",               "[vm a]\nimage = " LONG_NAME "\n",
	 "line 2: 'image' must be a bundle entry's name of at most 47 letters, got '" LONG_NAME "'"                                                                               },
	{"no image",		     "\n[vm a]\nnested = on\n",						"line 2: [vm a] has no 'image'"                                },
	{"no image, another VM follows", "[vm a]\n[vm b]\nimage = k\n",                                            "line 1: [vm a] has no 'image'"                                },
	{"module empty",                 VM "module =\n",
	 "line 3: 'module' must be a bundle entry's name of at most 47 letters, got ''"											   },
	{"nine modules",
	 VM "module=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\nmodule=m\n",
	 "line 11: more than 8 modules"																	   },
	{"unknown section",              "[net]\n",								"line 1: unknown section '[net]'; expected [l0] or [vm NAME]"  },
	{"section not closed",           "[vm a\n",								"line 1: expected ']' at the end of '[vm a'"                   },
	{"only a bracket",               "[\n",								    "line 1: expected ']' at the end of '['"                       },
	{"[l0] twice",                   "[l0]\n[l0]\n",							   "line 2: [l0] was given before"                                },
	{"VM twice",		     VM "[vm a]\n",							    "line 3: a VM named 'a' was described before"                  },
	{"VM without a name",            "[vm]\n",
	 "line 1: a VM's name is 1 to 31 letters, digits, '_' and '-', got ''"												    },
	{"VM with a bad name",           "[vm a/b]\n",
	 "line 1: a VM's name is 1 to 31 letters, digits, '_' and '-', got 'a/b'"												 },
	{"nine VMs",
	 "[vm 1]\nimage=k\n[vm 2]\nimage=k\n[vm 3]\nimage=k\n[vm 4]\nimage=k\n[vm 5]\nimage=k\n[vm "
	 "6]\nimage=k\n"
	 "[vm 7]\nimage=k\n[vm 8]\nimage=k\n[vm 9]\nimage=k\n",						    "line 17: more than 8 VMs"				     },
	{"control character",            VM "cmdline = a\x01\n",                                                   "line 3: a byte that is not printable ASCII"                   },
	{"not ASCII",                    VM "cmdline = \xC3\xBC\n",                                                "line 3: a byte that is not printable ASCII"                   },
	{"slice 0",		      VM "slice = 0\n",
	 "line 3: 'slice' must be a number between 1000 and 9223372036854775807, got '0'"											 },
};

static void errors_name_line_and_cure(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const int err = config_parse(bad_rows[i].text, strlen(bad_rows[i].text), &config, &error);
		const char *want = bad_rows[i].message;
		const char *cut =
			strstr(error.text, "…"); /* what the user wrote is quoted up to 48 letters */
		const int differs = cut ? strncmp(error.text, want, (size_t)(cut - error.text))
					: strcmp(error.text, want);

		if (err != -EINVAL || differs)
			fail_msg("%s: %d '%s'", bad_rows[i].name, err, error.text);
	}
}

static void a_full_text(void **state)
{
	const char *text = "# two VMs\n"
			   "[l0]\n"
			   "limit = 20000000000          # ticks; optional\n"
			   "\n"
			   "[vm first-one]\r\n"
			   "image = exits\r\n"
			   "  cmdline=iterations=200 a#b # comment\n"
			   "memory = 0x4000K\n"
			   "vcpus = 2\n"
			   "nested = on\n"
			   "nested.shadow_vmcs = off\n"
			   "nested.incremental_merge = off\n"
			   "nested.vmx_locked = off\n"
			   "nested.limit = IA32_VMX_PROCBASED_CTLS2 0xff00000000\n"
			   "nested.limit = 0x491 0\n"
			   "nested.lazy_rare_fields = off\n"
			   "nested.cached_checks = off\n"
			   "nested.cached_host_state = off\n"
			   "nested.watch_msr_bitmap = off\n"
			   "nested.clean_fields = off\n"
			   "cached_cpuid = off\n"
			   "record.phases = on\n"
			   "slice = 5000\n"
			   "module = disk  root=/dev/x  y\n"
			   "module = initrd\n"
			   "[ vm b ]\n"
			   "image = hello"; /* no newline at the end */
	const struct vm_config *a = &config.vm[0], *b = &config.vm[1];

	(void)state;
	if (config_parse(text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	assert_int_equal(config.limit, 20000000000);
	assert_int_equal(config.vm_count, 2);
	assert_string_equal(a->name, "first-one");
	assert_string_equal(a->image, "exits");
	assert_string_equal(a->cmdline, "iterations=200 a#b");
	assert_int_equal(a->memory, 16 << 20);
	assert_int_equal(a->vcpus, 2);
	assert_true(a->nested && !a->shadow_vmcs && !a->incremental_merge && !a->vmx_locked);
	assert_int_equal(a->limited, 1u << 11 | 1u << 17);
	assert_int_equal(a->limit[11], 0xff00000000);
	assert_int_equal(a->limit[17], 0);
	assert_true(!a->lazy_rare_fields && !a->cached_checks && !a->cached_host_state);
	assert_true(!a->watch_msr_bitmap && !a->clean_fields && !a->cached_cpuid && a->record_phases);
	assert_int_equal(a->slice, 5000);
	assert_int_equal(a->module_count, 2);
	assert_string_equal(a->module[0].entry, "disk");
	assert_string_equal(a->module[0].args, "root=/dev/x  y");
	assert_string_equal(a->module[1].entry, "initrd");
	assert_string_equal(a->module[1].args, "");
	assert_int_equal(a->line, 5);
	assert_int_equal(a->module[1].line, 25);
	assert_string_equal(b->name, "b");
	assert_int_equal(b->memory, 64 << 20);
	assert_int_equal(b->vcpus, 1);
	assert_int_equal(b->slice, 1000000);
	assert_true(!b->nested && b->shadow_vmcs && b->incremental_merge && b->vmx_locked);
	assert_true(b->lazy_rare_fields && b->cached_checks && b->cached_host_state);
	assert_true(b->watch_msr_bitmap && b->clean_fields && b->cached_cpuid && !b->record_phases);
}

static void text_needs_no_nul(void **state)
{
	const char text[] = VM "memory = 2Mxxx";
	char *exact = malloc(sizeof(text) - 4);

	(void)state;
	assert_non_null(exact);
	memcpy(exact, text, sizeof(text) - 4);
	assert_int_equal(config_parse(exact, sizeof(text) - 4, &config, &error), 0);
	assert_int_equal(config.vm[0].memory, 2 << 20);
	free(exact);
}

static void a_nul_inside_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(config_parse(VM "\0\n", sizeof(VM "\0\n") - 1, &config, &error), -EINVAL);
	assert_int_equal(error.line, 3);
}

static void entries_must_be_in_the_bundle(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"[vm a]\nimage = kernel\nmodule = disk x\n", NULL                                     },
		{"[vm a]\n\nimage = kernl\n",                 "line 3: the bundle has no entry 'kernl'"},
		{"[vm a]\nimage = kernel\nmodule = dsk\n",    "line 3: the bundle has no entry 'dsk'"  },
	};
	static _Alignas(4096) unsigned char blob[4 * 4096];
	struct nb_bundle_header h = {.magic = NB_BUNDLE_MAGIC, .count = 3};
	struct bundle bundle;

	(void)state;
	h.entry[0] = (struct nb_bundle_entry){"config", 4096, 10};
	h.entry[1] = (struct nb_bundle_entry){"kernel", 8192, 4};
	h.entry[2] = (struct nb_bundle_entry){"disk", 12288, 4096};
	memcpy(blob, &h, sizeof(h));
	assert_int_equal(bundle_open(blob, sizeof(blob), &bundle, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(config_parse(cases[i].text, strlen(cases[i].text), &config, &error), 0);
		if (!cases[i].message) {
			assert_int_equal(config_check_entries(&config, &bundle, &error), 0);
			continue;
		}
		assert_int_equal(config_check_entries(&config, &bundle, &error), -ENOENT);
		assert_string_equal(error.text, cases[i].message);
	}
}

/* Run from the top folder, as make does. */
static void documentation_has_every_key(void **state)
{
	static char doc[1 << 16];
	FILE *f = fopen("docs/bundle.md", "r");
	size_t count, n;
	const struct config_key *keys = config_keys(&count);

	(void)state;
	assert_non_null(f);
	n = fread(doc, 1, sizeof(doc) - 1, f);
	fclose(f);
	doc[n] = '\0';
	for (size_t i = 0; i < count; i++) {
		char row[64];

		snprintf(row, sizeof(row), "| `%s` |", keys[i].name);
		if (!strstr(doc, row) || !keys[i].help[0])
			fail_msg("docs/bundle.md has no row for '%s'", keys[i].name);
		for (size_t j = 0; j < i; j++)
			assert_true(keys[j].section != keys[i].section ||
				    strcmp(keys[j].name, keys[i].name) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_name_line_and_cure),
		cmocka_unit_test(a_full_text),
		cmocka_unit_test(text_needs_no_nul),
		cmocka_unit_test(a_nul_inside_is_an_error),
		cmocka_unit_test(entries_must_be_in_the_bundle),
		cmocka_unit_test(documentation_has_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
