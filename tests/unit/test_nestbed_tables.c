/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/cli.h"
#include "experiments/exit_cost_rows.h"
#include "tests/unit/nestbed_frames.h"

/* ---- CSV ---- */

static void means(void **state)
{
	static const struct {
		uint64_t total, count;
		const char *want;
	} rows[] = {
		{0,          1,   "0.0"                   },
		{10,         4,   "2.5"                   },
		{1,          3,   "0.3"                   },
		{2,          3,   "0.7"                   },
		{1,          20,  "0.1"                   },
		{1,          21,  "0.0"                   },
		{19,         20,  "1.0"                   },
		{199,        200, "1.0"                   },
		{3940,       20,  "197.0"                 },
		{7,          0,   "0.0"                   },
		{UINT64_MAX, 1,   "18446744073709551615.0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct csv csv;
		struct text want = {0};

		csv_start(&csv, "x");
		csv_mean(&csv, rows[i].total, rows[i].count);
		csv_end_row(&csv);
		text_addf(&want, "x\n%s\n", rows[i].want);
		assert_string_equal(csv.text.data, want.data);
		text_free(&want);
		csv_free(&csv);
	}
}

static void quotes(void **state)
{
	struct csv csv;

	(void)state;
	csv_start(&csv, "a,b,c,d");
	csv_word(&csv, "plain;x=y");
	csv_word(&csv, "a,b");
	csv_word(&csv, "say \"x\"");
	csv_number(&csv, UINT64_MAX);
	csv_end_row(&csv);
	assert_string_equal(csv.text.data,
			    "a,b,c,d\nplain;x=y,\"a,b\",\"say \"\"x\"\"\",18446744073709551615\n");
	csv_free(&csv);
}

/* ---- rows from records ---- */

struct exit {
	uint32_t level, reason;
	const char *name;
	uint64_t count, ticks, reflected;
};

static void window_add(struct text *out, uint32_t mark, uint32_t level, uint64_t l0, uint64_t l1,
		       uint64_t entries, const struct exit *exits, size_t count)
{
	Nestbed__ExitCount list[8], *pointers[8];
	Nestbed__Window w = NESTBED__WINDOW__INIT;
	Nestbed__Record record = NESTBED__RECORD__INIT;

	for (size_t i = 0; i < count; i++) {
		nestbed__exit_count__init(&list[i]);
		list[i].level = exits[i].level;
		list[i].reason = exits[i].reason;
		list[i].name = (char *)(uintptr_t)exits[i].name;
		list[i].count = exits[i].count;
		list[i].ticks = exits[i].ticks;
		list[i].reflected = exits[i].reflected;
		pointers[i] = &list[i];
	}
	w.mark = mark;
	w.level = level;
	w.ticks_l0 = l0;
	w.ticks_l1 = l1;
	w.entries = entries;
	w.vmreads = entries * 3;
	w.n_exit = count;
	w.exit = pointers;
	record.body_case = NESTBED__RECORD__BODY_WINDOW;
	record.window = &w;
	record_add(out, &record);
}

static void guest_sample(struct text *out, uint32_t mark, const char *op, uint64_t n, uint64_t ticks,
			 uint64_t check, const char *why)
{
	struct text inner = {0}, middle = {0};

	text_addf(&inner, "%s\n", op);
	sample_add(&inner, mark, op, n, ticks, check, why);
	output_add(&middle, "exits", NESTBED__OUTPUT__CHANNEL__CONSOLE, inner.data, inner.size);
	output_add(out, "l1hv", NESTBED__OUTPUT__CHANNEL__CONSOLE, middle.data, middle.size);
	text_free(&inner);
	text_free(&middle);
}

/* L2 runs: marks cost 10 ticks in L0, 4 in L1 and an exit of their own. */
static const struct exit marks_only[] = {
	{2, 30, "io", 1, 10, 0}
};
static const struct exit cpuid_exits[] = {
	{1, 24, "vmresume", 10, 900, 0 },
        {2, 30, "io",       1,  10,  0 },
        {2, 10, "cpuid",    10, 500, 10}
};

static struct capture l2_capture(const struct text *records)
{
	struct capture c;

	capture_init(&c, 2);
	capture_output(&c, (const uint8_t *)records->data, records->size);
	capture_output(&c, NULL, 0);
	return c;
}

static struct capture good_l2(uint64_t check)
{
	struct text t = {0};
	struct capture c;

	hello_add(&t, "insns", "vmcs_shadowing", 1);
	window_add(&t, 1, 2, 10, 4, 1, marks_only, 1);
	guest_sample(&t, 1, "empty", 10, 25, 10, NULL);
	window_add(&t, 2, 2, 1410, 304, 21, cpuid_exits, 3);
	guest_sample(&t, 2, "cpuid", 10, 2005, check, NULL);
	guest_sample(&t, 0, "xsetbv", 0, 0, 0, "no XSAVE");
	c = l2_capture(&t);
	text_free(&t);
	return c;
}

static struct capture bare(void)
{
	struct text t = {0};
	struct capture c;

	text_addf(&t, "empty\n");
	sample_add(&t, 1, "empty", 10, 20, 10, NULL);
	text_addf(&t, "cpuid\n");
	sample_add(&t, 2, "cpuid", 10, 10, 0xabc, NULL);
	text_addf(&t, "xsetbv\n");
	capture_init(&c, 0);
	capture_output(&c, (const uint8_t *)t.data, t.size);
	capture_output(&c, NULL, 0);
	text_free(&t);
	return c;
}

static void tables(void **state)
{
	struct capture c0 = bare(), c2 = good_l2(0xabc);
	/* clang-format off */
	const struct exit_cost_run runs[] = {
		{.l0 = "none", .level = "bare", .config = "-", .unit = "insns", .depth = 0, .capture = &c0},
		{.l0 = "nestbed", .level = "L2", .config = "shadow=on;merge=full", .unit = "insns", .depth = 2, .capture = &c2},
	};
	/* clang-format on */
	struct exit_cost_rows rows = {0};
	struct csv csv;
	struct text differences = {0};
	char *why = NULL;

	(void)state;
	assert_string_equal(capture_unit(&c2), "insns");
	assert_int_equal(capture_capability(&c2, "vmcs_shadowing"), 1);
	assert_int_equal(capture_capability(&c2, "pml"), 0);
	assert_int_equal(exit_cost_add(&rows, &runs[0], &why), 0);
	assert_int_equal(exit_cost_add(&rows, &runs[1], &why), 0);
	exit_cost_csv(&csv, &rows, "cpu");
	assert_string_equal(
		csv.text.data,
		"host_cpu,l0,level,op,config,iterations,ticks_per_op,l0_ticks_per_op,l1_ticks_per_op,"
		"l0_exits_per_op,unit\n"
		"cpu,none,bare,empty,-,10,2.0,0.0,0.0,0.0,insns\n"
		"cpu,none,bare,cpuid,-,10,1.0,0.0,0.0,0.0,insns\n"
		"cpu,nestbed,L2,empty,shadow=on;merge=full,10,2.5,0.0,0.0,0.0,insns\n"
		"cpu,nestbed,L2,cpuid,shadow=on;merge=full,10,200.5,140.0,30.0,2.0,insns\n");
	csv_free(&csv);
	exit_reasons_csv(&csv, &rows, "cpu");
	assert_string_equal(
		csv.text.data,
		"host_cpu,level,op,config,exit_level,reason,exits_per_op,exits_per_l2_exit,reflected_per_op,"
		"l0_ticks_per_op,unit\n"
		"cpu,L2,cpuid,shadow=on;merge=full,2,cpuid,1.0,1.0,1.0,50.0,insns\n"
		"cpu,L2,cpuid,shadow=on;merge=full,1,vmresume,1.0,1.0,0.0,90.0,insns\n");
	csv_free(&csv);
	accounting_csv(&csv, &rows, "cpu");
	assert_non_null(strstr(csv.text.data,
			       "\ncpu,L2,cpuid,shadow=on;merge=full,2.0,6.0,0.0,0.0,0.0,0.0,0.0,insns\n"));
	assert_null(strstr(csv.text.data, "bare"));
	csv_free(&csv);
	assert_int_equal(exit_cost_compare(&rows, runs, 2, &differences), 0);
	exit_cost_rows_free(&rows);
	capture_free(&c0);
	capture_free(&c2);
}

/* What L1's own time is: the workload at L1, a hypervisor's work below L2. */
static void l1_ticks_are_a_hypervisors(void **state)
{
	static const struct exit cpuid_at_l1[] = {
		{1, 10, "cpuid", 10, 1000, 0}
        };
	struct text t = {0}, inner = {0};
	struct capture c;
	const struct exit_cost_run run = {
		.l0 = "nestbed", .level = "L1", .config = "-", .unit = "insns", .depth = 1, .capture = &c};
	struct exit_cost_rows rows = {0};
	char *why;

	(void)state;
	window_add(&t, 1, 1, 0, 50, 0, NULL, 0);
	window_add(&t, 2, 1, 1000, 900, 10, cpuid_at_l1, 1);
	sample_add(&inner, 1, "empty", 10, 20, 10, NULL);
	sample_add(&inner, 2, "cpuid", 10, 1500, 1, NULL);
	output_add(&t, "exits", NESTBED__OUTPUT__CHANNEL__CONSOLE, inner.data, inner.size);
	capture_init(&c, 1);
	capture_output(&c, (const uint8_t *)t.data, t.size);
	assert_int_equal(exit_cost_add(&rows, &run, &why), 0);
	assert_int_equal(rows.count, 2);
	assert_int_equal(rows.row[1].ticks_l0, 1000);
	assert_int_equal(rows.row[1].ticks_l1, 0);
	assert_int_equal(rows.row[1].exits, 10);
	exit_cost_rows_free(&rows);
	capture_free(&c);
	text_free(&t);
	text_free(&inner);
}

static void levels_that_differ(void **state)
{
	struct capture c0 = bare(), c2 = good_l2(0xabd);
	/* clang-format off */
	const struct exit_cost_run runs[] = {
		{.l0 = "none", .level = "bare", .config = "-", .unit = "insns", .depth = 0, .capture = &c0},
		{.l0 = "nestbed", .level = "L2", .config = "x", .unit = "insns", .depth = 2, .capture = &c2},
	};
	/* clang-format on */
	struct exit_cost_rows rows = {0};
	struct text out = {0};
	char *why;

	(void)state;
	text_addf(&c2.printed, "more\n");
	assert_int_equal(exit_cost_add(&rows, &runs[0], &why) | exit_cost_add(&rows, &runs[1], &why), 0);
	assert_int_equal(exit_cost_compare(&rows, runs, 2, &out), 2);
	assert_non_null(
		strstr(out.data, "cpuid: bare has 0xabc after 10 iterations, L2 x has 0xabd after 10\n"));
	assert_non_null(strstr(out.data, "printed text: bare has '', L2 x has 'more'\n"));
	text_free(&out);
	exit_cost_rows_free(&rows);
	capture_free(&c0);
	capture_free(&c2);
}

/* What a hypervisor with a defect might send. */
static void broken_records(void **state)
{
	static const struct {
		const char *name;
		uint32_t marks_level, marks_mark, cpuid_level, cpuid_mark;
		int err;
	} rows[] = {
		{"sound",                        2, 1, 2, 2, 0      },
		{"no window of the marks alone", 2, 9, 2, 2, -EPROTO},
		{"no window",                    2, 1, 2, 9, -EPROTO},
		{"window of L1",                 2, 1, 1, 2, -EPROTO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = {0};
		struct exit_cost_rows out = {0};
		struct exit_cost_run run = {
			.l0 = "nestbed", .level = "L2", .config = "x", .unit = "insns", .depth = 2};
		struct capture c;
		char *why = NULL;

		window_add(&t, rows[i].marks_mark, rows[i].marks_level, 10, 4, 1, marks_only, 1);
		guest_sample(&t, 1, "empty", 10, 25, 10, NULL);
		window_add(&t, rows[i].cpuid_mark, rows[i].cpuid_level, 1410, 304, 21, cpuid_exits, 3);
		guest_sample(&t, 2, "cpuid", 10, 2005, 1, NULL);
		c = l2_capture(&t);
		run.capture = &c;
		if (exit_cost_add(&out, &run, &why) != rows[i].err || !why != !rows[i].err)
			fail_msg("%s", rows[i].name);
		free(why);
		exit_cost_rows_free(&out);
		capture_free(&c);
		text_free(&t);
	}
}

/* ---- verdict ---- */

#define TOLD                                                                                                 \
	{                                                                                                    \
		(char *)(uintptr_t) "why", 3, 0                                                              \
	}

static void verdicts(void **state)
{
	enum { REFUSED = 1, FAULTED = 2, STOPPED = 4, ENDED_WELL = 8, BARE = 16 };
	static const struct {
		const char *name;
		int said;
		enum machine_end end;
		int status;
	} rows[] = {
		{"a VM shut down",     ENDED_WELL,           MACHINE_SHUT_DOWN,   CLI_OK         },
		{"bare",               BARE,                 MACHINE_SHUT_DOWN,   CLI_OK         },
		{"silence",            0,                    MACHINE_SHUT_DOWN,   CLI_DIED       },
		{"one of two stopped", ENDED_WELL | STOPPED, MACHINE_SHUT_DOWN,   CLI_STOPPED    },
		{"refused",            REFUSED,              MACHINE_SHUT_DOWN,   CLI_REFUSED    },
		{"fault of L0",        FAULTED | ENDED_WELL, MACHINE_SHUT_DOWN,   CLI_DIED       },
		{"panic",              ENDED_WELL,           MACHINE_DIED,        CLI_DIED       },
		{"bare panic",         BARE,                 MACHINE_DIED,        CLI_DIED       },
		{"time limit",         BARE | REFUSED,       MACHINE_TIMED_OUT,   CLI_DIED       },
		{"signal",             BARE,                 MACHINE_INTERRUPTED, CLI_INTERRUPTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct verdict v = {
			.bare = rows[i].said & BARE,
			.refused = {TOLD, rows[i].said & REFUSED ? 1 : 0},
			.faulted = {TOLD, rows[i].said & FAULTED ? 1 : 0},
			.stopped = {TOLD, rows[i].said & STOPPED ? 1 : 0},
			.vms_shut_down = rows[i].said & ENDED_WELL ? 1 : 0,
		};
		char *why = NULL;

		if (verdict_status(&v, rows[i].end, &why) != rows[i].status || !why)
			fail_msg("%s", rows[i].name);
		free(why);
	}
}

/* Whoever it was is named; a guest that floods is cut short, and sends no commands to a terminal. */
static void verdict_words(void **state)
{
	struct text t = {0}, inner = {0};
	struct capture c;
	char *why;

	(void)state;
	stop_add(&t, "good", NESTBED__STOP__CAUSE__SHUTDOWN);
	stop_add(&t, "bad", NESTBED__STOP__CAUSE__TRIPLE_FAULT);
	stop_add(&inner, "\033[2J", NESTBED__STOP__CAUSE__LIMIT);
	output_add(&t, "worse", NESTBED__OUTPUT__CHANNEL__CONSOLE, inner.data, inner.size);
	c = l2_capture(&t);
	assert_int_equal(verdict_status(&c.verdict, MACHINE_SHUT_DOWN, &why), CLI_STOPPED);
	assert_string_equal(why, "VM bad was stopped: TRIPLE_FAULT; VM worse/?[2J was stopped: LIMIT");
	free(why);
	capture_free(&c);
	for (unsigned i = 0; i < 98; i++)
		text_add(&t, inner.data, inner.size);
	c = l2_capture(&t);
	assert_int_equal(verdict_status(&c.verdict, MACHINE_SHUT_DOWN, &why), CLI_STOPPED);
	assert_non_null(strstr(why, "; and 92 more"));
	free(why);
	capture_free(&c);
	text_free(&t);
	text_free(&inner);
}

static void verdict_of_records(void **state)
{
	struct text t = {0}, inner = {0};
	struct capture c;
	char *why;

	(void)state;
	stop_add(&t, "a", NESTBED__STOP__CAUSE__SHUTDOWN);
	stop_add(&inner, "l2", NESTBED__STOP__CAUSE__SHUTDOWN);
	output_add(&t, "a", NESTBED__OUTPUT__CHANNEL__CONSOLE, inner.data, inner.size);
	c = l2_capture(&t);
	assert_int_equal(c.verdict.vms_shut_down, 1);
	assert_int_equal(verdict_status(&c.verdict, MACHINE_SHUT_DOWN, &why), CLI_OK);
	free(why);
	capture_free(&c);
	stop_add(&inner, "l2", NESTBED__STOP__CAUSE__BAD_ACCESS);
	output_add(&t, "a", NESTBED__OUTPUT__CHANNEL__CONSOLE, inner.data, inner.size);
	c = l2_capture(&t);
	assert_int_equal(verdict_status(&c.verdict, MACHINE_SHUT_DOWN, &why), CLI_STOPPED);
	assert_string_equal(why, "VM a/l2 was stopped: BAD_ACCESS");
	free(why);
	capture_free(&c);
	text_free(&t);
	text_free(&inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means),
		cmocka_unit_test(quotes),
		cmocka_unit_test(tables),
		cmocka_unit_test(l1_ticks_are_a_hypervisors),
		cmocka_unit_test(levels_that_differ),
		cmocka_unit_test(broken_records),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(verdict_of_records),
		cmocka_unit_test(verdict_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
