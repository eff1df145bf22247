/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/cpu_models.h"
#include "experiments/processors.h"
#include "experiments/setting.h"
#include "experiments/text.h"

static void settings(void **state)
{
	static const struct {
		const char *word, *key, *value; /* key NULL: refused */
	} rows[] = {
		{"a=b",                    "a",                  "b"  },
                {"a=",                     "a",                  ""   },
		{"a=b=c",                  "a",                  "b=c"},
                {"nested.shadow_vmcs=off", "nested.shadow_vmcs", "off"},
		{"x-1= y ",                "x-1",                " y "},
                {"",                       NULL,                 NULL },
		{"a",		      NULL,                 NULL },
                {"=b",                     NULL,                 NULL },
		{"a b=c",                  NULL,                 NULL },
                {"[vm]=c",                 NULL,                 NULL },
		{"a=b\n[vm x]",            NULL,                 NULL },
                {"a\n=b",                  NULL,                 NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct setting s = {0};
		char *why = NULL;
		int err = setting_parse(rows[i].word, &s, &why);

		if (!rows[i].key) {
			if (err != -EINVAL || !why)
				fail_msg("'%s' is taken", rows[i].word);
		} else if (err || strcmp(s.key, rows[i].key) != 0 || strcmp(s.value, rows[i].value) != 0) {
			fail_msg("'%s' is not taken as it should", rows[i].word);
		}
		setting_free(&s);
		free(why);
	}
}

static void numbers(void **state)
{
	static const struct {
		const char *word;
		int64_t number; /* -1: refused; from 1 to 1000 */
	} rows[] = {
		{"1",                    1   },
		{"1000",                 1000},
		{"007",                  7   },
		{"0",                    -1  },
		{"1001",                 -1  },
		{"",		     -1  },
		{"-1",                   -1  },
		{"+1",                   -1  },
		{" 1",                   -1  },
		{"1 ",                   -1  },
		{"0x10",                 -1  },
		{"1e2",                  -1  },
		{"18446744073709551617", -1  },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t n = 0;
		char *why = NULL;
		int err = number_parse(rows[i].word, 1, 1000, &n, &why);

		if (rows[i].number < 0 ? err != -EINVAL || !why : err || n != (uint64_t)rows[i].number)
			fail_msg("'%s'", rows[i].word);
		free(why);
	}
}

static void memory(void **state)
{
	static const struct {
		const char *word;
		uint64_t bytes; /* 0: refused */
	} rows[] = {
		{"64M",                   64ull << 20},
		{"1g",                    1ull << 30 },
		{"2048K",                 2ull << 20 },
		{"1048576",               1ull << 20 },
		{"0",                     0          },
		{"0M",                    0          },
		{"64",                    0          },
		{"1000K",                 0          },
		{"64MB",                  0          },
		{"M",                     0          },
		{"",		      0          },
		{"-1M",                   0          },
		{"1.5G",                  0          },
		{"17592186044416M",       0          },
		{"99999999999999999999G", 0          },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t n = 0;
		char *why = NULL;
		int err = memory_parse(rows[i].word, &n, &why);

		if (rows[i].bytes ? err || n != rows[i].bytes : err != -EINVAL || !why)
			fail_msg("'%s'", rows[i].word);
		free(why);
	}
}

static void lists(void **state)
{
	(void)state;
	assert_true(list_holds("", "x"));
	assert_true(list_holds("x", "x"));
	assert_true(list_holds("a,x", "x"));
	assert_true(list_holds("x,a", "x"));
	assert_false(list_holds("xa,ax", "x"));
	assert_false(list_holds("a", "x"));
}

static void sets_of_processors(void **state)
{
	static const struct {
		const char *word, *others; /* NULL: refused */
	} rows[] = {
		{"3",          "0-2,5,8191"  },
                {"0,2-3",      "1,5,8191"    },
                {"0-3,5,8191", ""            },
                {"2-2,2",      "0-1,3,5,8191"},
		{"4",          NULL          },
                {"3-5",        NULL          },
                {"99",         NULL          },
                {"8192",       NULL          },
		{"4294967299", NULL          },
                {"3-2",        NULL          },
                {"3-",         NULL          },
                {"-3",         NULL          },
		{"3,",         NULL          },
                {",3",         NULL          },
                {"3 ",         NULL          },
                {"0;<x",       NULL          },
		{"",           NULL          },
	};
	static struct processors all, set;
	char *why = NULL, *others;

	(void)state;
	assert_int_equal(processors_parse("0-3,5,8191", NULL, &all, &why), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int err = processors_parse(rows[i].word, &all, &set, &why);

		if (!err != !!rows[i].others)
			fail_msg("'%s'", rows[i].word);
		others = err ? why : processors_others(&all, &set);
		if (!others)
			others = text_copy("");
		if (err ? !strstr(others, rows[i].word) : strcmp(others, rows[i].others) != 0)
			fail_msg("'%s': '%s'", rows[i].word, others);
		free(others);
	}
	assert_int_equal(processors_parse("3-5", &all, &set, &why), -EINVAL);
	assert_string_equal(why, "'3-5': there is no processor 4; this computer has 6: 0-3,5,8191");
	free(why);
}

static void cpu_models_are_found(void **state)
{
	char *told;

	(void)state;
	assert_non_null(cpu_model_find("corei7_skylake_x"));
	assert_null(cpu_model_find("corei7_skylake"));
	assert_null(cpu_model_find("corei7_skylake_x,count=2"));
	told = cpu_model_unknown("pentium9");
	assert_non_null(strstr(told, "'pentium9'"));
	assert_non_null(strstr(told, "tigerlake"));
	assert_null(strstr(told, "ryzen"));
	free(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings),
		cmocka_unit_test(numbers),
		cmocka_unit_test(memory),
		cmocka_unit_test(lists),
		cmocka_unit_test(sets_of_processors),
		cmocka_unit_test(cpu_models_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
