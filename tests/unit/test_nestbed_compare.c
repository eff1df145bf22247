/* SPDX-License-Identifier: MIT */
/* Tables read again, and what differs between two of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/columns.h"
#include "experiments/compare.h"

static void broken_tables_are_told(void **state)
{
	static const struct {
		const char *name, *text, *why;
	} rows[] = {
		{"nothing",           "",                   "t:1: no table: a head with the columns' names was expected"},
		{"a column twice",    "a,b,a\n",            "t:1: column 'a' stands there twice"                        },
		{"a nameless column", "a,,b\n",             "t:1: column 2 has no name"                                 },
		{"a short row",       "a,b\n1,2\n3\n",      "t:3: 1 fields where the head has 2"                        },
		{"a long row",        "a,b\n1,2,3\n",       "t:2: 3 fields where the head has 2"                        },
		{"an open quotation", "a,b\n1,2\n\"x,2\n",
		 "t:3: quotation marks that enclose no whole field"                                                     },
		{"lines in a cell",   "a\n\"x\ny\"\n1,2\n", "t:4: 2 fields where the head has 1"                        },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct table t;
		char *why = NULL;

		print_message("%s\n", rows[i].name);
		assert_int_equal(table_parse(rows[i].text, strlen(rows[i].text), "t", &t, &why), -EINVAL);
		assert_string_equal(why, rows[i].why);
		free(why);
	}
}

static void cells_come_back(void **state)
{
	static const char text[] = "op,config,ticks\r\n\"a \"\"b\"\", c\",\"x\ny\",1.5\nz,-,-\n";
	struct table t;
	char *why;

	(void)state;
	assert_int_equal(table_parse(text, sizeof(text) - 1, "t", &t, &why), 0);
	assert_int_equal(t.rows, 2);
	assert_int_equal(t.columns, 3);
	assert_string_equal(table_cell(&t, 0, 0), "a \"b\", c");
	assert_string_equal(table_cell(&t, 0, 1), "x\ny");
	assert_true(table_is_numeric(&t, 2));
	assert_false(table_is_numeric(&t, 1));
	assert_int_equal(table_column(&t, "config"), 1);
	assert_int_equal(table_column(&t, "level"), -1);
	table_free(&t);
}

static void columns_have_a_kind(void **state)
{
	static const struct {
		const char *name;
		enum column_kind kind;
	} rows[] = {
		{"op",                COLUMN_KEY  },
		{"link_mbit",         COLUMN_KEY  },
		{"pages_per_round",   COLUMN_KEY  },
		{"dirty_pages_per_s", COLUMN_KEY  },
		{"round",             COLUMN_KEY  },
		{"rounds",            COLUMN_EXACT},
		{"digest",            COLUMN_EXACT},
		{"ticks_per_op",      COLUMN_NOISY},
		{"l0_exits_per_op",   COLUMN_NOISY},
		{"down_ticks",        COLUMN_NOISY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].name);
		assert_int_equal(column_kind(rows[i].name), rows[i].kind);
	}
}

#define HEAD   "host_cpu,op,n,iterations,ticks_per_op,unit\n"
#define NOISE  "op,repeats,median_ticks_per_op,min_ticks_per_op,p90_ticks_per_op,unit\n"
#define CYCLES "op,ticks_per_op,unit\n"

static const struct compare_options standard = {.tolerance = -1}, subset = {.tolerance = -1, .subset = true},
				    loose = {.tolerance = -1, .loose = true}, one_percent = {.tolerance = 1},
				    ten_percent = {.tolerance = 10};

static void differences(void **state)
{
	static const struct {
		const char *name, *first, *second;
		const struct compare_options *options;
		const char *csv; /* without its head */
	} rows[] = {
		{"the same",			     HEAD "c,a,1,10,2.0,insns\n",                     HEAD "c,a,1,10,2.0,insns\n",         &standard,    ""                                                    },
		{"in another order",                     HEAD "c,a,1,9,2.0,insns\nc,b,1,9,3.0,insns\n",
		 HEAD "c,b,1,9,3.0,insns\nc,a,1,9,2.0,insns\n",										&standard,    ""                                                    },
		{"a number",			     HEAD "c,a,1,10,2.0,insns\nc,b,1,10,3.0,insns\n",
		 HEAD "c,a,1,10,2.5,insns\nc,b,1,10,3.0,insns\n",									      &standard,
		 "t,a,ticks_per_op,2.0,2.5,+0.5,+25.0\n"																			   },
		{"the last digit",                       HEAD "c,a,1,10,123456789.1,insns\n",             HEAD "c,a,1,10,123456789.2,insns\n",
		 &standard,																  "t,-,ticks_per_op,123456789.1,123456789.2,+0.1,+0.0\n"},
		{"numbers in keys have names",           HEAD "c,a,1,10,2.0,insns\nc,a,2,10,0.0,insns\n",
		 HEAD "c,a,1,10,2.0,insns\nc,a,2,10,4.0,insns\n",									      &standard,
		 "t,n=2,ticks_per_op,0.0,4.0,+4.0,-\n"																			     },
		{"below the tolerance",                  HEAD "c,a,1,10,200.0,insns\n",                   HEAD "c,a,1,10,202.0,insns\n",
		 &one_percent,															       ""						    },
		{"above the tolerance",                  HEAD "c,a,1,10,200.0,insns\n",                   HEAD "c,a,1,10,197.8,insns\n",
		 &one_percent,															       "t,-,ticks_per_op,200.0,197.8,-2.2,-1.1\n"            },
		{"a row less and a row more",            HEAD "c,a,1,10,2.0,insns\n",                     HEAD "c,b,1,10,2.0,insns\n",
		 &standard,																  "t,a,row,row,-,-,-\nt,b,row,-,row,-,-\n"              },
		{"a row less of a part",                 HEAD "c,a,1,10,2.0,insns\nc,b,1,10,2.0,insns\n",
		 HEAD "c,b,1,10,2.0,insns\n",												  &subset,      ""                                                    },
		{"a row more of a part",                 HEAD "c,a,1,10,2.0,insns\n",                     HEAD "c,b,1,10,2.0,insns\n",         &subset,
		 "t,b,row,-,row,-,-\n"																					     },
		{"rows with one key",                    HEAD "c,a,1,10,2.0,insns\nc,a,1,10,3.0,insns\n",
		 HEAD "c,a,1,10,2.0,insns\nc,a,1,10,4.0,insns\n",									      &standard,
		 "t,-,ticks_per_op,3.0,4.0,+1.0,+33.3\n"																			   },
		{"columns",			      "op,ticks\na,1\n",                               "op,bytes\na,1\n",                   &standard,
		 "t,-,ticks,column,-,-,-\nt,-,bytes,-,column,-,-\n"																		},
		{"another processor",                    HEAD "c,a,1,10,2.0,insns\n",                     HEAD "d,a,1,10,2.0,insns\n",         &standard,
		 "t,c,row,row,-,-,-\nt,d,row,-,row,-,-\n"																			  },
		{"another processor by force",           HEAD "c,a,1,10,2.0,insns\n",                     HEAD "d,a,1,10,2.5,insns\n",
		 &loose,																     "t,-,ticks_per_op,2.0,2.5,+0.5,+25.0\n"               },
		{"words",				"op,outcome\na,moved\n",                         "op,outcome\na,lost\n",              &ten_percent,
		 "t,-,outcome,moved,lost,-,-\n"																				    },
		{"medians inside the other's spread",    NOISE "a,9,100,90,130,cycles\n",
		 NOISE "a,9,120,110,150,cycles\n",											     &standard,    ""                                                    },
		{"medians on one side inside",           NOISE "a,9,100,90,130,cycles\n",
		 NOISE "a,9,125,110,150,cycles\n",											     &standard,    ""                                                    },
		{"medians outside",                      NOISE "a,9,100,90,110,cycles\n",                 NOISE "a,9,120,111,150,cycles\n",
		 &standard,																  "t,-,median_ticks_per_op,100,120,+20,+20.0\n"         },
		{"medians outside, below the tolerance", NOISE "a,9,100,90,101,cycles\n",
		 NOISE "a,9,109,105,150,cycles\n",											     &ten_percent, ""                                                    },
		{"other repeats",                        NOISE "a,9,100,90,110,cycles\n",                 NOISE "a,8,100,90,110,cycles\n",     &standard,
		 "t,-,repeats,9,8,-1,-11.1\n"																				      },
		{"cycles without a spread, near",        CYCLES "a,100.0,cycles\n",                       CYCLES "a,104.9,cycles\n",
		 &standard,																  ""						    },
		{"cycles without a spread, far",         CYCLES "a,100.0,cycles\n",                       CYCLES "a,105.1,cycles\n",
		 &standard,																  "t,-,ticks_per_op,100.0,105.1,+5.1,+5.1\n"            },
		{"medians of instructions are exact",    NOISE "a,9,100,90,110,insns\n",
		 NOISE "a,9,101,90,110,insns\n",											       &standard,    "t,-,median_ticks_per_op,100,101,+1,+1.0\n"           },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct comparison c = {0};
		struct text csv = {0};
		struct table a, b;
		char *why;

		print_message("%s\n", rows[i].name);
		assert_int_equal(table_parse(rows[i].first, strlen(rows[i].first), "a", &a, &why), 0);
		assert_int_equal(table_parse(rows[i].second, strlen(rows[i].second), "b", &b, &why), 0);
		compare_tables("t", &a, &b, NULL, rows[i].options, &c);
		compare_csv(&csv, &c);
		assert_string_equal(strchr(csv.data, '\n') + 1, rows[i].csv);
		text_free(&csv);
		comparison_free(&c);
		table_free(&a);
		table_free(&b);
	}
}

/* The unit of meta.json, where rows have none. */
static void unit_of_the_run(void **state)
{
	static const char first[] = "hop,ticks\n0,100\n", second[] = "hop,ticks\n0,101\n";
	static const char *const unit[] = {NULL, "insns", "cycles"};
	struct table a, b;
	char *why;

	(void)state;
	assert_int_equal(table_parse(first, strlen(first), "a", &a, &why), 0);
	assert_int_equal(table_parse(second, strlen(second), "b", &b, &why), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct comparison c = {0};

		compare_tables("t", &a, &b, unit[i], &standard, &c);
		assert_int_equal(c.count, i < 2);
		comparison_free(&c);
	}
	table_free(&a);
	table_free(&b);
}

static void as_a_table(void **state)
{
	struct comparison c = {.tables = 2, .rows = 7};
	struct text out = {0};

	(void)state;
	compare_summary(&out, &c);
	assert_string_equal(out.data, "equal: 7 rows of 2 tables\n");
	text_free(&out);
	compare_note_difference(&c, "a.csv", "some row", "row", "row", "-");
	compare_note_difference(&c, "b.csv", "-", "-", "table", "-");
	compare_text(&out, &c, 1);
	assert_string_equal(out.data, "table  row       column  first  second  difference  percent\n"
				      "a.csv  some row  row       row       -           -        -\n"
				      "and 1 more: --all shows them\n");
	text_free(&out);
	compare_text(&out, &c, 0);
	assert_null(strstr(out.data, "more"));
	assert_non_null(strstr(out.data, "b.csv"));
	text_free(&out);
	compare_summary(&out, &c);
	assert_string_equal(out.data, "differs: 2 differences in 7 rows of 2 tables\n");
	text_free(&out);
	comparison_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_tables_are_told), cmocka_unit_test(cells_come_back),
		cmocka_unit_test(columns_have_a_kind),    cmocka_unit_test(differences),
		cmocka_unit_test(unit_of_the_run),        cmocka_unit_test(as_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
