/* SPDX-License-Identifier: MIT */
/* Whatever a result holds is text on its page; drawings are drawings; claims are those of PAPER_NOTES.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/claims.h"
#include "experiments/experiment.h"
#include "experiments/html.h"
#include "experiments/report.h"

/* In place of all experiments. */
static const struct experiment known = {.name = "exit-cost", .what = "a <b>test</b>"};

const struct experiment *experiment_find(const char *name)
{
	return strcmp(name, known.name) != 0 ? NULL : &known;
}

static void text_stays_text(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *in, *out;
	} rows[] = {
		{"nothing",          "",                          ""                                      },
		{"markup",           "<script>&\"'",              "&lt;script&gt;&amp;&quot;&#39;"        },
		{"UTF-8",            "\xc3\xa4 \xf0\x9f\x90\x9b", "\xc3\xa4 \xf0\x9f\x90\x9b"             },
		{"cut off UTF-8",    "\xe2\x82",                  "\xef\xbf\xbd\xef\xbf\xbd"              },
		{"overlong UTF-8",   "\xc0\xbc",                  "\xef\xbf\xbd\xef\xbf\xbd"              },
		{"half a surrogate", "\xed\xa0\x80",              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"  },
		{"control",          "a\x01\x7f\n\tb",            "a\xef\xbf\xbd\xef\xbf\xbd\n\tb"        },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text out = {0};

		print_message("%s\n", rows[i].name);
		html_text(&out, rows[i].in);
		assert_string_equal(out.data, rows[i].out);
		text_free(&out);
	}
}

static void drawings(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *in, *out; /* NULL: refused */
	} rows[] = {
		{"ids get a prefix",
		 "<?xml version=\"1.0\"?><!-- x --><svg><g id='a'/><use xlink:href='#a'/><path clip-path='url(#a)'/></svg>\n",
		 "<svg role=\"img\" aria-label=\"L\"><g id=\"p-a\"/><use xlink:href=\"#p-a\"/><path clip-path=\"url(#p-a)\"/></svg>"},
		{"titles go", "<svg><title>Gnuplot</title><desc><g id='x'>y</g></desc><text>a &lt; b</text></svg>",
		 "<svg role=\"img\" aria-label=\"L\"><text>a &lt; b</text></svg>"},
		{"a script", "<svg><script>x</script></svg>", NULL},
		{"a handler", "<svg onload=\"x()\"></svg>", NULL},
		{"a handler in capitals", "<svg><g ONCLICK='x()'/></svg>", NULL},
		{"a style", "<svg><g style='background: red'/></svg>", NULL},
		{"a link elsewhere", "<svg><use href='http://x/y#z'/></svg>", NULL},
		{"a link to a script", "<svg><use xlink:href='javascript:x()'/></svg>", NULL},
		{"an url elsewhere", "<svg><path fill='URL(http://x/)'/></svg>", NULL},
		{"an url in entities", "<svg><path fill='&#117;rl(http://x/)'/></svg>", NULL},
		{"an image set", "<svg><g fill=\"image-set('http://e/x' 1x)\"/></svg>", NULL},
		{"an image set of a file", "<svg><g fill=\"-webkit-image-set('x' 1x)\"/></svg>", NULL},
		{"a source", "<svg><g fill='src(x)'/></svg>", NULL},
		{"an address", "<svg><g class='//e/x'/></svg>", NULL},
		{"a colour and a place", "<svg><g fill='rgb( 1, 2,3)' transform=\"translate(1,2) rotate(3)\"/></svg>",
		 "<svg role=\"img\" aria-label=\"L\"><g fill=\"rgb( 1, 2,3)\" transform=\"translate(1,2) rotate(3)\"/></svg>"},
		{"two drawings referred to", "<svg><g fill='url(#a) url(#b)'/></svg>",
		 "<svg role=\"img\" aria-label=\"L\"><g fill=\"url(#p-a) url(#p-b)\"/></svg>"},
		{"its own role", "<svg role='presentation'></svg>", NULL},
		{"a name space", "<svg xmlns='http://www.w3.org/2000/svg'></svg>",
		 "<svg role=\"img\" aria-label=\"L\" xmlns=\"http://www.w3.org/2000/svg\"></svg>"},
		{"an attribute that gnuplot doesn't write", "<svg><g contenteditable='true'/></svg>", NULL},
		{"entities", "<svg><text>&amp;&gt;&quot;&apos;&#8211;&#xE4;</text></svg>",
		 "<svg role=\"img\" aria-label=\"L\"><text>&amp;&gt;&quot;&apos;&#8211;&#xE4;</text></svg>"},
		{"an unknown entity", "<svg><text>&x;</text></svg>", NULL},
		{"a half entity", "<svg><text>a & b</text></svg>", NULL},
		{"a number that is none", "<svg><text>&#x;</text></svg>", NULL},
		{"foreign content", "<svg><foreignObject><p>x</p></foreignObject></svg>", NULL},
		{"an image", "<svg><image href='#x'/></svg>", NULL},
		{"an animation", "<svg><set attributeName='href'/></svg>", NULL},
		{"another root", "<g></g>", NULL},
		{"two drawings", "<svg></svg><svg></svg>", NULL},
		{"text behind it", "<svg></svg>x", NULL},
		{"an end too many", "<svg></svg></svg>", NULL},
		{"a wrong end", "<svg><g></svg></g>", NULL},
		{"no end", "<svg><g>", NULL},
		{"half a tag", "<svg><g id=\"a", NULL},
		{"a bare attribute", "<svg><g hidden/></svg>", NULL},
		{"no quotation marks", "<svg><g id=a/></svg>", NULL},
		{"a comment without an end", "<svg><!-- </svg>", NULL},
		{"a declaration", "<!DOCTYPE svg [<!ENTITY x 'y'>]><svg></svg>", NULL},
		{"markup in a value", "<svg><g id='<script>'/></svg>",
		 "<svg role=\"img\" aria-label=\"L\"><g id=\"p-&lt;script&gt;\"/></svg>"},
		{"nothing", "", NULL},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text out = {0};
		char *why = NULL;

		print_message("%s\n", rows[i].name);
		if (rows[i].out) {
			assert_int_equal(svg_inline(&out, rows[i].in, "p-", "L", &why), 0);
			assert_string_equal(out.data, rows[i].out);
		} else {
			assert_int_equal(svg_inline(&out, rows[i].in, "p-", "L", &why), -EINVAL);
			assert_non_null(why);
			assert_int_equal(out.size, 0);
		}
		free(why);
		text_free(&out);
	}
}

#define HOSTILE "</td><script>alert(1)</script><img src=x onerror='alert(2)'>\"'&"

/* A result in which each word is hostile. */
static void make_hostile(struct report_run *run)
{
	static const char csv[] = "op,ticks_per_op,<b>x</b>\n</table><script>x,1,\"<img src=\"\"x\"\">\"\n";
	static const char *const settings[] = {HOSTILE};
	struct result *r = &run->result;
	char *why;

	*run = (struct report_run){.title = text_copy(HOSTILE), .records = true};
	r->dir = text_copy(HOSTILE);
	r->meta = json_pack("{s:s, s:s, s:[s], s:{s:s}, s:{s:s}, s:[{s:s, s:s}]}", "experiment", known.name,
			    "host_cpu", HOSTILE, "command_line", HOSTILE, "settings", HOSTILE, settings[0],
			    "versions", HOSTILE, HOSTILE, "machines", "name", HOSTILE, "outcome", HOSTILE);
	r->experiment = json_string_value(json_object_get(r->meta, "experiment"));
	r->table = zalloc(sizeof(*r->table));
	r->table_count = 1;
	r->table[0].name = text_copy(HOSTILE);
	assert_int_equal(table_parse(csv, sizeof(csv) - 1, "t", &r->table[0].table, &why), 0);
	run->figure = zalloc(sizeof(*run->figure));
	run->figure_count = 1;
	run->figure[0] = (struct report_figure){text_copy(HOSTILE), text_copy("<svg onload='alert(3)'/>")};
	run->count = zalloc(sizeof(*run->count));
	run->count_count = 1;
	run->count[0] = (struct report_count){text_copy(HOSTILE), text_copy(HOSTILE), 1};
}

static unsigned occurrences(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

static void hostile_results_are_text(void **state)
{
	struct report_page page = {.notes = "../PAPER_NOTES.md"};
	struct comparison c = {0};
	struct report_run run;

	(void)state;
	make_hostile(&run);
	compare_note_difference(&c, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE);
	report_begin(&page, HOSTILE, "");
	report_index_begin(&page);
	report_index(&page, "part-1", HOSTILE);
	report_index_end(&page);
	report_run(&page, "part-1", &run);
	report_differences(&page, "part-2", &run, &run, &c, HOSTILE "\n" HOSTILE "\n");
	report_end(&page, "");
	assert_int_equal(occurrences(page.out.data, "<script"), 1); /* the page's own */
	assert_int_equal(occurrences(page.out.data, "</script"), 1);
	assert_int_equal(occurrences(page.out.data, "<img"), 0);
	assert_int_equal(occurrences(page.out.data, "<svg"), 0);
	assert_int_equal(occurrences(page.out.data, "<b>"), 0);
	assert_int_equal(occurrences(page.out.data, "<table"), occurrences(page.out.data, "</table>"));
	assert_int_equal(occurrences(page.out.data, "<table"), occurrences(page.out.data, "<caption"));
	assert_int_equal(occurrences(page.out.data, "<td"), occurrences(page.out.data, "</td>"));
	assert_int_equal(occurrences(page.out.data, "<div"), occurrences(page.out.data, "</div>"));
	assert_int_equal(occurrences(page.out.data, "<section"), occurrences(page.out.data, "</section>"));
	assert_int_equal(occurrences(page.out.data, "Left out: attribute onload."), 1);
	text_free(&page.out);
	comparison_free(&c);
	report_run_free(&run);
}

static char *read_notes(void)
{
	FILE *f = fopen("PAPER_NOTES.md", "re");
	struct text t = {0};
	char part[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		text_add(&t, part, n);
	fclose(f);
	return t.data;
}

/* That the section is there, tests/system/docs.sh says. */
static void claims_are_the_notes(void **state)
{
	char *notes = read_notes();

	(void)state;
	for (size_t i = 0; i < claim_count; i++) {
		char *row =
			text_format("\n| %s | %s | %s |", claims[i].id, claims[i].mechanism, claims[i].text);
		char *anchor = text_format("| [%s](#%s) |", claims[i].found, claims[i].anchor), *end = NULL;
		char *at = strstr(notes, row);

		print_message("%s\n", claims[i].id);
		assert_non_null(at);
		end = strchr(at + 1, '\n');
		assert_non_null(strstr(at, anchor));
		assert_true(strstr(at, anchor) < end);
		free(row);
		free(anchor);
	}
	free(notes);
}

/* The page of a result with this one table. */
static char *page_of(const char *experiment, const char *name, const char *csv, const char *notes)
{
	struct report_page page = {.notes = notes};
	struct report_run run = {.title = text_copy("a run")};
	char *why;

	run.result.dir = text_copy("runs/a");
	run.result.meta = json_pack("{s:s, s:[s,s,s,s]}", "experiment", experiment, "command_line", "nestbed",
				    "run", "--set", "args=it's x");
	run.result.experiment = experiment;
	run.result.table = zalloc(sizeof(*run.result.table));
	run.result.table_count = 1;
	run.result.table[0].name = text_copy(name);
	assert_int_equal(table_parse(csv, strlen(csv), "t", &run.result.table[0].table, &why), 0);
	report_run(&page, "part-1", &run);
	report_run_free(&run);
	return page.out.data;
}

/* A claim is looked at by rows, not by the experiment's name. */
static void claims_are_of_what_ran(void **state)
{
	static const struct {
		const char *experiment, *table, *csv, *claims; /* their ids, in order */
	} rows[] = {
		{"migrate",   "barriers.csv",  "hop,barriers\n",                           ""      },
		{"migrate",   "barriers.csv",  "hop,barriers\n0,1\n",                      "M2"    },
		{"migrate",   "rounds.csv",    "hop,round\n0,1\n",                         "M1"    },
		{"migrate",   "migrate.csv",   "hop,round\n0,1\n",                         ""      },
		{"migrate",   "tracker.csv",   "tracker\npml\n",                           "M1"    },
		{"exit-cost", "exit-cost.csv", "level,config\nL1,-\n",                     ""      },
		{"exit-cost", "exit-cost.csv", "level,config\nL2,a\n",                     "N1N3"  },
		{"exit-cost", "exit-cost.csv", "level,config\nL2,a\nL2,b;intercept=all\n", "N1N2N3"},
		{"exit-cost", "exit-cost.csv", "level\nL2\n",                              "N1N3"  },
		{"exit-cost", "ratio.csv",     "level,config\nL2,a\n",                     "N3"    },
		{"ablation",  "exit-cost.csv", "level,config\nL2,a\n",                     ""      },
		{"ablation",  "ablation.csv",  "level,config\nL2,a\n",                     "N3"    },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *page = page_of(rows[i].experiment, rows[i].table, rows[i].csv, NULL);
		struct text ids = {0};

		print_message("%s %s %s\n", rows[i].experiment, rows[i].table, rows[i].claims);
		text_add(&ids, "", 0);
		for (const char *p = page; (p = strstr(p, "<dt>")); p++)
			text_add(&ids, p + 4, 2);
		assert_string_equal(ids.data, rows[i].claims);
		text_free(&ids);
		free(page);
	}
}

/* What was found stands on the page, wherever it goes. */
static void found_is_told(void **state)
{
	char *page = page_of("migrate", "barriers.csv", "hop\n0\n", NULL);

	(void)state;
	assert_non_null(strstr(page, ": holds; a barrier costs what is unsent. </dd>"));
	free(page);
	page = page_of("migrate", "barriers.csv", "hop\n0\n", "PAPER_NOTES.md");
	assert_non_null(strstr(
		page,
		": holds; a barrier costs what is unsent. <a href=\"PAPER_NOTES.md#m2-wbinvd-barrier\">"));
	free(page);
}

static void commands_run_again(void **state)
{
	static const struct {
		const char *word, *quoted;
	} rows[] = {
		{"plain-1.2/x=y,z", "plain-1.2/x=y,z"},
		{"",                "''"             },
		{"a b",             "'a b'"          },
		{"it's",            "'it'\\''s'"     },
		{"$x",              "'$x'"           },
		{"\xc3\xa4",        "'\xc3\xa4'"     },
	};
	char *page = page_of("migrate", "barriers.csv", "hop\n", NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = {0};

		text_add_shell(&t, rows[i].word);
		assert_string_equal(t.data, rows[i].quoted);
		text_free(&t);
	}
	assert_non_null(
		strstr(page, "<td>nestbed run --set &#39;args=<wbr>it&#39;\\&#39;&#39;s x&#39;</td>"));
	free(page);
}

static void paper(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *csv, *holds; /* a part of the page */
	} rows[] = {
		{"what all rows say", "a_b,c\nx,1\nx,2\n",
		 "<p class=\"paper\">In all rows: a_b x</p>\n"},
		{"breaks behind some characters", "a_b,c\nx;y=z,1\nw,2\n",
		 "<th scope=\"col\">a_<wbr>b</th><th scope=\"col\" class=\"number\">c</th></tr>\n</thead>\n<tbody>\n<tr><td>x;<wbr>y=<wbr>z</td>"},
		{"not at the end", "a_,c\nx_,1\nw,2\n", "<td>x_</td>"},
		{"such a column", "a,c\nx,1\nx,2\n", "<th scope=\"col\" class=\"same\">a</th>"},
		{"one row says nothing of all", "a,c\nx,1\n", "<th scope=\"col\">a</th>"},
		{"all rows alike", "a,c\nx,1\nx,1\n", "<td>x</td><td class=\"number\">1</td>"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *page = page_of("migrate", "t.csv", rows[i].csv, NULL);

		print_message("%s\n", rows[i].name);
		assert_non_null(strstr(page, rows[i].holds));
		free(page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays_text),          cmocka_unit_test(drawings),
		cmocka_unit_test(hostile_results_are_text), cmocka_unit_test(claims_are_the_notes),
		cmocka_unit_test(claims_are_of_what_ran),   cmocka_unit_test(found_is_told),
		cmocka_unit_test(commands_run_again),       cmocka_unit_test(paper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
