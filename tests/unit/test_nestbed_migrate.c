/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/migrate_cases.h"

#define SKYLAKE "corei7_skylake_x"
#define HASWELL "corei7_haswell_4770"

static void lists(void **state)
{
	static const struct {
		enum migrate_axis axis;
		const char *list, *why; /* why NULL: taken; else a part of the sentence */
	} rows[] = {
		{MIGRATE_FROM,      SKYLAKE,                                     NULL                    },
		{MIGRATE_FROM,      SKYLAKE "," HASWELL,                         NULL                    },
		{MIGRATE_FROM,      "",					  "CPU model"             },
		{MIGRATE_TO,        SKYLAKE ",i486",                             "i486"                  },
		{MIGRATE_WORKLOAD,  "dirtier,idle,avx2,wbinvd",                  NULL                    },
		{MIGRATE_WORKLOAD,  "dirtier,hello",                             "'hello' is none of"    },
		{MIGRATE_LEVEL,     "L1,L2",                                     NULL                    },
		{MIGRATE_LEVEL,     "L3",					"'L3' is none of L1, L2"},
		{MIGRATE_GUEST_MIB, "1,4096",                                    NULL                    },
		{MIGRATE_GUEST_MIB, "0",					 "from 1 to 4096"        },
		{MIGRATE_LINK_MBIT, "1,1000000",                                 NULL                    },
		{MIGRATE_LINK_MBIT, "1000,",                                     "''"                    },
		{MIGRATE_LINK_MBIT, "1000,1000",                                 "there twice"           },
		{MIGRATE_DIRTY,     "0",					 "from 1 to"             },
		{MIGRATE_DIRTY,     "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",    NULL                    },
		{MIGRATE_DIRTY,     "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "more than 16"          },
		{MIGRATE_TRACKER,   "auto,wp,ad,pml",                            NULL                    },
		{MIGRATE_TRACKER,   "off",                                       "'off' is none of"      },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *why = NULL;
		const int err = migrate_axis_check(rows[i].axis, rows[i].list, &why);

		if (rows[i].why ? err != -EINVAL || !why || !strstr(why, rows[i].why) : err != 0)
			fail_msg("%s=%s: %s", migrate_axis_name(rows[i].axis), rows[i].list,
				 why ? why : "taken");
		free(why);
	}
}

static const char *const plain[MIGRATE_AXES] = {SKYLAKE, HASWELL, "dirtier", "L1",
						"64",    "1000",  "5000",    "pml"};

static void all_combinations(void **state)
{
	const char *list[MIGRATE_AXES];
	struct migrate_cases cases;
	struct migrate_case c;
	char *why;

	(void)state;
	memcpy(list, plain, sizeof(list));
	list[MIGRATE_LINK_MBIT] = "500,1000";
	list[MIGRATE_DIRTY] = "10,20,30";
	assert_int_equal(migrate_cases_make(list, &cases, &why), 0);
	assert_int_equal(cases.count, 6);
	for (unsigned i = 0; i < 6; i++) {
		c = migrate_case(&cases, i);
		assert_int_equal(c.link_mbit, i < 3 ? 500 : 1000);
		assert_int_equal(c.dirty, 10 * (i % 3 + 1));
		assert_int_equal(c.guest_mib, 64);
		assert_string_equal(c.word[MIGRATE_FROM], SKYLAKE);
		assert_string_equal(c.word[MIGRATE_TO], HASWELL);
		assert_string_equal(c.word[MIGRATE_TRACKER], "pml");
	}
	migrate_cases_free(&cases);
}

static void refused(const char *workloads, const char *rates, const char *links, const char *part)
{
	const char *list[MIGRATE_AXES];
	struct migrate_cases cases;
	char *why = NULL;

	memcpy(list, plain, sizeof(list));
	list[MIGRATE_WORKLOAD] = workloads;
	list[MIGRATE_DIRTY] = rates;
	list[MIGRATE_GUEST_MIB] = list[MIGRATE_LINK_MBIT] = links;
	assert_int_equal(migrate_cases_make(list, &cases, &why), -EINVAL);
	if (!strstr(why, part))
		fail_msg("%s", why);
	free(why);
	migrate_cases_free(&cases);
}

static void what_does_not_go_together(void **state)
{
	(void)state;
	refused("dirtier,idle", "1,2", "1", "workload idle has no rate");
	refused("dirtier", "1,2,3,4,5,6,7,8", "1,2,3,4,5,6,7,8,9,10,11,12", "1152 moves; at most 1000");
}

/* More to send, a slower link and a slower guest each need a longer life. */
static void lives(void **state)
{
	const struct migrate_load load = {.pages = 1000, .fill_mib = 1, .pattern = "zipf", .args = ""};
	const struct migrate_load more = {.pages = 2000, .fill_mib = 1, .pattern = "zipf", .args = ""};
	struct migrate_cases cases;
	struct migrate_case c, slow;
	uint64_t least;
	char *why;

	(void)state;
	assert_int_equal(migrate_cases_make(plain, &cases, &why), 0);
	c = slow = migrate_case(&cases, 0);
	slow.link_mbit = 100;
	least = (1000 + 256) * 4096 * 8; /* at 1000 Mbit a tick a bit */
	assert_true(migrate_life(&c, &load) > least);
	assert_true(migrate_life(&c, &more) > migrate_life(&c, &load) + 1000 * 4096 * 8);
	assert_true(migrate_life(&slow, &load) > 10 * least);
	slow = c;
	slow.word[MIGRATE_LEVEL] = "L2";
	assert_true(migrate_life(&slow, &load) > migrate_life(&c, &load));
	slow.word[MIGRATE_WORKLOAD] = "avx2";
	assert_true(migrate_life(&slow, &load) < migrate_life(&c, &load));
	migrate_cases_free(&cases);
}

static void command_lines(void **state)
{
	static const struct {
		const char *workload, *args, *begins, *holds;
	} rows[] = {
		{"dirtier", "",          "rate=5000 writes=", " pages=100 pattern=zipf move=1 fill=3 seed=7"},
		{"dirtier", "writes=12", "writes=12 rate=",   " writes="                                    },
		{"idle",    "",          "beats=",            " fill=3 seed=7"                              },
		{"avx2",    "",          "rounds=",           " move=1 seed=7"                              },
		{"wbinvd",  "only=invd", "only=invd rounds=", " pages=100 only=wbinvd move=1 fill=3 seed=7" },
	};
	const char *list[MIGRATE_AXES];
	char *why;

	(void)state;
	memcpy(list, plain, sizeof(list));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct migrate_load load = {
			.pages = 100, .fill_mib = 3, .seed = 7, .pattern = "zipf", .args = rows[i].args};
		struct migrate_cases cases;
		struct migrate_case c;
		char *line;

		list[MIGRATE_WORKLOAD] = rows[i].workload;
		assert_int_equal(migrate_cases_make(list, &cases, &why), 0);
		c = migrate_case(&cases, 0);
		line = migrate_cmdline(&c, &load);
		if (strncmp(line, rows[i].begins, strlen(rows[i].begins)) != 0 ||
		    !strstr(line, rows[i].holds))
			fail_msg("%s", line);
		assert_int_equal(c.dirty, strcmp(rows[i].workload, "dirtier") ? 0 : 5000);
		free(line);
		migrate_cases_free(&cases);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(all_combinations),
		cmocka_unit_test(what_does_not_go_together),
		cmocka_unit_test(lives),
		cmocka_unit_test(command_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
