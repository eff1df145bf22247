/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/exit_trace_rows.h"
#include "tests/unit/nestbed_frames.h"

/* ---- latencies ---- */

static void numbers(void **state)
{
	static const struct {
		const char *word;
		int err;
		uint32_t millis;
	} rows[] = {
		{"0",                    0,       0        },
		{"30",                   0,       30000    },
		{"12.5",                 0,       12500    },
		{"0.031",                0,       31       },
		{"999999.999",           0,       999999999},
		{"1000000",              -EINVAL, 0        },
		{"4294967297",           -EINVAL, 0        },
		{"18446744073709551617", -EINVAL, 0        },
		{"1.0001",               -EINVAL, 0        },
		{"1.",                   -EINVAL, 0        },
		{".5",                   -EINVAL, 0        },
		{"1.2.3",                -EINVAL, 0        },
		{"-1",                   -EINVAL, 0        },
		{"3 ",                   -EINVAL, 0        },
		{"x",                    -EINVAL, 0        },
		{"",		     -EINVAL, 0        },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t millis = 0;

		if (millis_parse(rows[i].word, &millis) != rows[i].err || millis != rows[i].millis)
			fail_msg("'%s': %u", rows[i].word, millis);
	}
}

static void fields(void **state)
{
	static const struct {
		const char *line;
		int count;
		const char *field[4];
	} rows[] = {
		{"a,b,c",              3,       {"a", "b", "c"}       },
		{"",                   1,       {""}                  },
		{",",                  2,       {"", ""}              },
		{"\"a,b\",c",          2,       {"a,b", "c"}          },
		{"\"say \"\"x\"\"\",", 2,       {"say \"x\"", ""}     },
		{"\"\",\"\"",          2,       {"", ""}              },
		{"a\"b,c",             2,       {"a\"b", "c"}         },
		{"a,b,c,d,e",          4,       {"a", "b", "c", "d,e"}},
		{"\"a",                -EINVAL, {0}                   },
		{"\"a\"b",             -EINVAL, {0}                   },
		{"a,\"\"\"",           -EINVAL, {0}                   },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *copy = text_copy(rows[i].line), *field[4];
		int n = csv_split(copy, field, 4);

		if (n != rows[i].count)
			fail_msg("%s: %d fields", rows[i].line, n);
		for (int k = 0; k < n; k++)
			if (strcmp(field[k], rows[i].field[k]) != 0)
				fail_msg("%s: field %d is '%s'", rows[i].line, k, field[k]);
		free(copy);
	}
}

#define HEAD LATENCIES_HEAD "\n"

static void latencies_are_read(void **state)
{
	struct latencies l;
	char *why;

	(void)state;
	assert_int_equal(latencies_parse(HEAD "# remark, \"\n\nvmread,30.5,\"a, b\",\"say \"\"x\"\"\",yes,\n"
					      "vmwrite,none,,,no,looked for\nentry,784,p,s,no,r",
					 "f", &l, &why),
			 0);
	assert_true(l.known[TRACE_VMREAD] && l.known[TRACE_ENTRY]);
	assert_int_equal(l.millicycles[TRACE_VMREAD], 30500);
	assert_int_equal(l.millicycles[TRACE_ENTRY], 784000);
	assert_false(l.known[TRACE_VMWRITE]);
	assert_false(l.known[TRACE_CPUID]);
}

static void latencies_that_are_wrong(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"",					     "f:1: not the head"                                   },
		{"vmread,30,p,s,yes,\n",                         "f:1: not the head"                                   },
		{HEAD "vmread,30,p,s,yes\n",                     "f:2: 5 fields, not the six of " LATENCIES_HEAD       },
		{HEAD "vmread,30,p,s,yes,r,x\n",                 "f:2: 7 fields"                                       },
		{HEAD "#\nvmraed,30,p,s,yes,\n",                 "f:3: 'vmraed' is no class of slow instructions"      },
		{HEAD "other,30,p,s,yes,\n",                     "f:2: 'other' is no class"                            },
		{HEAD "vmread,30,p,s,yes,\nvmread,none,,,no,\n", "f:3: vmread stands there twice"                      },
		{HEAD "vmread,30,p,s,maybe,\n",                  "f:2: verified: 'maybe' is neither yes nor no"        },
		{HEAD "vmread,about 30,p,s,yes,\n",
		 "f:2: cycles: 'about 30' is neither a decimal number below 1000000"                                   },
		{HEAD "vmread,,p,s,yes,\n",                      "f:2: cycles: ''"                                     },
		{HEAD "vmread,30,p,,yes,\n",                     "f:2: vmread: a number needs a processor and a source"},
		{HEAD "vmread,30,,s,yes,\n",                     "f:2: vmread: a number needs a processor and a source"},
		{HEAD "vmread,30,\"p,s,yes,\n",                  "f:2: quotation marks"                                },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct latencies l;
		char *why = NULL;

		if (!latencies_parse(rows[i].text, "f", &l, &why) || !why ||
		    strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("'%s': %s", rows[i].text, why ? why : "taken");
		free(why);
	}
}

/* ---- the model ---- */

static struct exit_trace_model model(void)
{
	struct exit_trace_model m = {.milli_cpi = 500};

	m.latencies.known[TRACE_ENTRY] = m.latencies.known[TRACE_VMREAD] = m.latencies.known[TRACE_RDTSC] =
		true;
	m.latencies.millicycles[TRACE_ENTRY] = 700000;
	m.latencies.millicycles[TRACE_VMREAD] = 30000;
	m.latencies.millicycles[TRACE_RDTSC] = 18500;
	return m;
}

static void cycles(void **state)
{
	const struct exit_trace_model m = model();
	struct trace_counts c = {0};
	struct modelled r;

	(void)state;
	c.of[TRACE_L0][TRACE_ENTRY] = 2;
	c.of[TRACE_L0][TRACE_VMREAD] = 10;
	c.of[TRACE_L0][TRACE_VMWRITE] = 4;
	c.of[TRACE_L0][TRACE_RDTSC] = 1;
	c.of[TRACE_L0][TRACE_OTHER] = 100;
	c.of[TRACE_GUESTS][TRACE_CPUID] = 7;
	r = latencies_model(&m.latencies, m.milli_cpi, &c, TRACE_L0);
	assert_int_equal(r.transitions, 1400000);
	assert_int_equal(r.vmx, 300000);
	assert_int_equal(r.slow, 18500);
	assert_int_equal(r.plain, 52000); /* VMWRITE has no latency here */
	assert_int_equal(r.all, 1400000 + 300000 + 18500 + 52000);
	for (unsigned k = 0; k < TRACE_CLASS_COUNT; k++)
		assert_int_equal(r.left_out[k], k == TRACE_VMWRITE);
}

/* ---- rows ---- */

static void window_add(struct text *out, uint32_t mark, uint64_t entries, uint64_t vmreads, uint64_t vmwrites,
		       uint64_t vmptrlds)
{
	Nestbed__Window w = NESTBED__WINDOW__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;

	w.mark = mark;
	w.level = 1;
	w.entries = entries;
	w.vmreads = vmreads;
	w.vmwrites = vmwrites;
	w.vmptrlds = vmptrlds;
	record.body_case = NESTBED__RECORD__BODY_WINDOW;
	record.window = &w;
	record_add(out, &record);
}

static void guest_sample(struct text *out, uint32_t mark, const char *op, uint64_t n, const char *why)
{
	struct text inner = {0};

	sample_add(&inner, mark, op, n, 100, 0, why);
	output_add(out, "exits", NESTBED__OUTPUT__CHANNEL__CONSOLE, inner.data, inner.size);
	text_free(&inner);
}

/* L0 counted two VMREADs of its own between each pair of marks. */
static struct capture captured(const char *first)
{
	struct text t = {0};
	struct capture c;

	hello_add(&t, "insns", "vmcs_shadowing", 1);
	window_add(&t, 1, 0, 2, 0, 0);
	guest_sample(&t, 1, first, 10, NULL);
	guest_sample(&t, 0, "xsetbv", 0, "no XSAVE");
	window_add(&t, 2, 10, 52, 10, 1);
	guest_sample(&t, 2, "cpuid", 10, NULL);
	capture_init(&c, 1);
	capture_output(&c, (const uint8_t *)t.data, t.size);
	capture_output(&c, NULL, 0);
	text_free(&t);
	return c;
}

static void fill(struct trace *t)
{
	const struct machine_trace sink = trace_sink(t);
	struct trace_counts *now = &t->now;

	now->of[TRACE_GUESTS][TRACE_OTHER] = 30; /* empty */
	sink.line(sink.ctx, NULL, 0);
	now->of[TRACE_GUESTS][TRACE_OTHER] = 40;
	now->of[TRACE_GUESTS][TRACE_CPUID] = 10;
	now->of[TRACE_L0][TRACE_ENTRY] = 10;
	now->of[TRACE_L0][TRACE_VMREAD] = 50;
	now->of[TRACE_L0][TRACE_VMWRITE] = 10;
	now->of[TRACE_L0][TRACE_VMPTRLD] = 1;
	now->of[TRACE_L0][TRACE_OTHER] = 1000;
	now->unreadable = 5;
	sink.line(sink.ctx, NULL, 0);
}

static const struct exit_trace_label label = {"nestbed", "L1", "-"}, peer = {"kvm", "L1", "-"};

static void tables(void **state)
{
	const struct exit_trace_model m = model();
	struct exit_trace_rows rows = {0};
	struct capture capture = captured("empty");
	struct trace trace;
	struct text text = {0};
	struct csv csv;
	unsigned at = 0;
	char *why = NULL;

	(void)state;
	trace_init(&trace, &(const struct trace_l0){0});
	fill(&trace);
	assert_int_equal(exit_trace_add(&rows, &label, &capture, &trace, &at, &why), 0);
	assert_int_equal(exit_trace_compare(&rows, &label, &capture, &text), 0);
	instructions_csv(&csv, &rows, "cpu");
	assert_string_equal(csv.text.data, "host_cpu,l0,level,config,op,by,class,count_per_op\n"
					   "cpu,nestbed,L1,-,empty,L0,all,0.0\n"
					   "cpu,nestbed,L1,-,empty,guests,all,0.0\n"
					   "cpu,nestbed,L1,-,cpuid,L0,all,107.1\n"
					   "cpu,nestbed,L1,-,cpuid,L0,entry,1.0\n"
					   "cpu,nestbed,L1,-,cpuid,L0,vmread,5.0\n"
					   "cpu,nestbed,L1,-,cpuid,L0,vmwrite,1.0\n"
					   "cpu,nestbed,L1,-,cpuid,L0,vmptrld,0.1\n"
					   "cpu,nestbed,L1,-,cpuid,L0,other,100.0\n"
					   "cpu,nestbed,L1,-,cpuid,guests,all,2.0\n"
					   "cpu,nestbed,L1,-,cpuid,guests,cpuid,1.0\n"
					   "cpu,nestbed,L1,-,cpuid,guests,other,1.0\n"
					   "cpu,nestbed,L1,-,cpuid,unknown,unreadable,0.5\n");
	csv_free(&csv);
	modelled_csv(&csv, &rows, &m, "cpu");
	assert_string_equal(csv.text.data,
			    "host_cpu,l0,level,config,op,instructions_l0_per_op,instructions_guests_per_op,"
			    "modelled_cycles_per_op,transition_cycles_per_op,vmx_cycles_per_op,"
			    "slow_cycles_per_op,plain_cycles_per_op,left_out\n"
			    "cpu,nestbed,L1,-,empty,0.0,0.0,0.0,0.0,0.0,0.0,0.0,-\n"
			    "cpu,nestbed,L1,-,cpuid,107.1,2.0,900.6,700.0,150.0,0.0,50.6,vmwrite;vmptrld\n");
	csv_free(&csv);
	/* A second L0 stands beside the first; its sections follow in the same trace. */
	assert_int_equal(at, 2);
	fill(&trace);
	assert_int_equal(exit_trace_add(&rows, &peer, &capture, &trace, &at, &why), 0);
	assert_int_equal(exit_trace_end(&trace, at, &why), 0);
	assert_int_equal(rows.count, 4);
	assert_ptr_equal(exit_trace_find(&rows, &peer, "cpuid"), &rows.row[3]);
	exit_trace_table(&text, &rows, &m, "cpu");
	assert_non_null(strstr(text.data, "nestbed at L1, -\n"));
	assert_non_null(strstr(text.data, "kvm at L1, "));
	assert_non_null(strstr(text.data, "vmwrite, vmptrld\n"));
	text_free(&text);
	exit_trace_rows_free(&rows);
	trace_free(&trace);
	capture_free(&capture);
}

/* Each of what L0 counts itself, off by one. */
static void another_count_is_told(void **state)
{
	static const enum trace_class classes[] = {TRACE_ENTRY, TRACE_VMREAD, TRACE_VMWRITE, TRACE_VMPTRLD};
	struct capture capture = captured("empty");

	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct exit_trace_rows rows = {0};
		struct text text = {0};
		struct trace trace;
		unsigned at = 0;
		char *why;

		trace_init(&trace, &(const struct trace_l0){0});
		fill(&trace);
		trace.section[1].of[TRACE_L0][classes[i]]++;
		assert_int_equal(exit_trace_add(&rows, &label, &capture, &trace, &at, &why), 0);
		assert_int_equal(exit_trace_compare(&rows, &label, &capture, &text), 1);
		if (!strstr(text.data, trace_class_names[classes[i]]))
			fail_msg("%s: %s", trace_class_names[classes[i]], text.data);
		text_free(&text);
		exit_trace_rows_free(&rows);
		trace_free(&trace);
	}
	capture_free(&capture);
}

static void sections_that_do_not_fit(void **state)
{
	struct capture capture = captured("empty"), other = captured("cpuid");
	struct exit_trace_rows rows = {0};
	struct trace trace;
	unsigned at = 0;
	char *why = NULL;

	(void)state;
	trace_init(&trace, &(const struct trace_l0){0});
	assert_int_equal(exit_trace_add(&rows, &label, &capture, &trace, &at, &why), -EPROTO);
	assert_string_equal(why, "2 operations measured, but 0 traced");
	free(why);
	fill(&trace);
	assert_int_equal(exit_trace_add(&rows, &label, &other, &trace, &at, &why), -EPROTO);
	assert_string_equal(why, "no trace of operation 'empty', which says what the loop costs");
	free(why);
	assert_int_equal(at, 0);
	assert_int_equal(rows.count, 0);
	at = 1;
	assert_int_equal(exit_trace_add(&rows, &label, &capture, &trace, &at, &why), -EPROTO);
	assert_string_equal(why, "2 operations measured, but 1 traced");
	free(why);
	at = 0;
	fill(&trace);
	assert_int_equal(exit_trace_add(&rows, &label, &capture, &trace, &at, &why), 0);
	assert_int_equal(exit_trace_end(&trace, at, &why), -EPROTO);
	assert_string_equal(why, "2 operations measured, but 4 traced");
	free(why);
	exit_trace_rows_free(&rows);
	trace_free(&trace);
	capture_free(&capture);
	capture_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(fields),
		cmocka_unit_test(latencies_are_read),
		cmocka_unit_test(latencies_that_are_wrong),
		cmocka_unit_test(cycles),
		cmocka_unit_test(tables),
		cmocka_unit_test(another_count_is_told),
		cmocka_unit_test(sections_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
