/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/wire.h"

static const struct {
	const char *text;
	struct wire_script want;
} good_rows[] = {
	{"",			       {.seed = 1}					     },
	{"rate=1Gbit",                     {.seed = 1, .rate = 1000000000}                         },
	{"rate=2.5Gbit,delay=50us",        {.seed = 1, .rate = 2500000000, .delay = 50000}         },
	{"rate=64kbit",                    {.seed = 1, .rate = 64000}                              },
	{"rate=300bit,delay=1.5ms",        {.seed = 1, .rate = 300, .delay = 1500000}              },
	{"delay=2s",		       {.seed = 1, .delay = 2000000000}                        },
	{"loss=0.1%",		      {.seed = 1, .loss = 1000}                               },
	{"loss=100%,dup=0.0001%",          {.seed = 1, .loss = 1000000, .twice = 1}                },
	{"reorder=1%,corrupt=2.25%",       {.seed = 1, .reorder = 10000, .corrupt = 22500}         },
	{"seed=18446744073709551615",      {.seed = UINT64_MAX}                                    },
	{"cut@round=2:500ms",              {.seed = 1, .cuts = 1, .cut = {{2, 500000000}}}         },
	{"cut@round=0:1s,cut@round=0:0ms", {.seed = 1, .cuts = 2, .cut = {{0, 1000000000}, {0, 0}}}},
};

static void scripts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		struct wire_script script;
		char *why = NULL;

		if (wire_script_parse(good_rows[i].text, &script, &why))
			fail_msg("%s: %s", good_rows[i].text, why);
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): both were zeroed whole */
		if (memcmp(&script, &good_rows[i].want, sizeof(script)) != 0)
			fail_msg("%s: read as something else", good_rows[i].text);
	}
}

#define KEYS        "; keys are rate, delay, loss, dup, reorder, corrupt, seed, cut@round"
#define RATE        "'rate' must be a rate such as 1Gbit, 100Mbit or 64kbit, got "
#define DELAY       "'delay' must be a time such as 50us, 2ms or 1s, got "
#define LOSS        "'loss' must be a percentage such as 0.1%, got "
#define CUT         "'cut@round' must be ROUND:TIME such as 2:500ms, got "
#define NINE_CUTS   "cut@round=1:1s,cut@round=1:1s,cut@round=1:1s,"
#define A_KEY_VALUE " is no KEY=VALUE of a link" KEYS

static const struct {
	const char *text, *why;
} bad_rows[] = {
	{"rate",				  "'rate'" A_KEY_VALUE                                 },
	{"rat=1Gbit",			     "'rat=1Gbit'" A_KEY_VALUE                            },
	{",",				     "''" A_KEY_VALUE				     },
	{"loss=1%,",			      "''" A_KEY_VALUE				     },
	{"loss=1%,,dup=1%",                       "''" A_KEY_VALUE                                     },
	{"=1%",				   "'=1%'" A_KEY_VALUE                                  },
	{"rate=",				 RATE "''"					    },
	{"rate=Gbit",			     RATE "'Gbit'"					},
	{"rate=1",				RATE "'1'"					   },
	{"rate=1GBit",			    RATE "'1GBit'"				       },
	{"rate=-1bit",			    RATE "'-1bit'"				       },
	{"rate=.5Gbit",			   RATE "'.5Gbit'"                                      },
	{"rate=5.Gbit",			   RATE "'5.Gbit'"                                      },
	{"rate=1.2.3Gbit",                        RATE "'1.2.3Gbit'"                                   },
	{"rate=0.5bit",			   RATE "'0.5bit'"                                      },
	{"rate=1001Gbit",                         RATE "'1001Gbit'"                                    },
	{"rate=99999999999999999999bit",          RATE "'99999999999999999999bit'"                     },
	{"rate=99999999999Gbit",                  RATE "'99999999999Gbit'"                             },
	{"delay=1h",			      DELAY "'1h'"					 },
	{"delay=3601s",			   DELAY "'3601s'"                                      },
	{"loss=1",				LOSS "'1'"					   },
	{"loss=101%",			     LOSS "'101%'"					},
	{"loss=100.0001%",                        LOSS "'100.0001%'"                                   },
	{"loss=0.00001%",                         LOSS "'0.00001%'"                                    },
	{"loss=1%,loss=1%",                       "'loss' was given before"                            },
	{"seed=x",				"'seed' must be a number, got 'x'"                   },
	{"seed=18446744073709551616",             "'seed' must be a number, got '18446744073709551616'"},
	{"cut@round=2",			   CUT "'2'"					    },
	{"cut@round=:1s",                         CUT "':1s'"					  },
	{"cut@round=2:",			  CUT "'2:'"					   },
	{"cut@round=2:500",                       CUT "'2:500'"                                        },
	{"cut@round=1000001:1s",                  CUT "'1000001:1s'"                                   },
	{NINE_CUTS NINE_CUTS NINE_CUTS "loss=1%", "more than 8 cuts"                                   },
};

static void errors_say_what_is_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		struct wire_script script;
		char *why = NULL;
		const int err = wire_script_parse(bad_rows[i].text, &script, &why);

		if (err != -EINVAL || !why || strcmp(why, bad_rows[i].why) != 0)
			fail_msg("%s: %d, '%s'", bad_rows[i].text, err, why ? why : "");
		free(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_are_read),
		cmocka_unit_test(errors_say_what_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
