/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

#include "experiments/decode.h"
#include "experiments/printer.h"
#include "tests/unit/nestbed_frames.h"

#define CONSOLE NESTBED__OUTPUT__CHANNEL__CONSOLE
#define COM1    NESTBED__OUTPUT__CHANNEL__COM1

/* What the printer makes of a machine's output that comes in parts of `part` bytes. */
static char *print(const struct text *in, size_t part, int json)
{
	char *out = NULL;
	size_t size = 0;
	struct printer p = {.out = open_memstream(&out, &size), .json = json};
	const struct decode_sink sink = {
		.text = printer_text, .record = printer_record, .bad = printer_bad, .ctx = &p};
	struct decode *d = decode_new(&sink);

	assert_non_null(p.out);
	for (size_t at = 0; at < in->size; at += part)
		decode_feed(d, (const uint8_t *)in->data + at, in->size - at < part ? in->size - at : part);
	decode_end(d);
	printer_end(&p);
	decode_free(d);
	fclose(p.out);
	return out;
}

static void expect(const struct text *in, int json, const char *want)
{
	for (size_t part = 1; part <= in->size; part += part < 16 ? 1 : 97) {
		char *got = print(in, part, json);

		assert_string_equal(got, want);
		free(got);
	}
}

/* L2's frame inside L1's stream inside L0's, cut into single bytes at both borders. */
static void nested_streams(void **state)
{
	struct text l2 = {0}, l1 = {0}, l0 = {0};

	(void)state;
	text_addf(&l2, "inner\n");
	sample_add(&l2, 2, "cpuid", 10, 30, 0xab, NULL);
	text_addf(&l2, "rest");
	text_addf(&l1, "one\ntw");
	for (size_t i = 0; i < l2.size; i++)
		output_add(&l1, "b", CONSOLE, l2.data + i, 1);
	text_addf(&l1, "o\n");
	text_addf(&l0, "boot\n");
	for (size_t i = 0; i < l1.size; i += 3)
		output_add(&l0, "a", CONSOLE, l1.data + i, l1.size - i < 3 ? l1.size - i : 3);
	stop_add(&l0, "a", NESTBED__STOP__CAUSE__TRIPLE_FAULT);
	expect(&l0, 0,
	       "boot\na> one\na/b> inner\n@a/b sample mark=2 op=cpuid iterations=10 ticks=30 check=0xab\na> "
	       "two\n"
	       "@ stop vm=a cause=TRIPLE_FAULT\na/b> rest\n");
	text_free(&l2);
	text_free(&l1);
	text_free(&l0);
}

static void vms_and_channels_do_not_mix(void **state)
{
	struct text in = {0};

	(void)state;
	output_add(&in, "a", CONSOLE, "x", 1);
	output_add(&in, "b", CONSOLE, "y", 1);
	output_add(&in, "a", COM1, "z", 1);
	output_add(&in, "a", CONSOLE, "X\n", 2);
	output_add(&in, "b", CONSOLE, "Y\n", 2);
	output_add(&in, "a", COM1, "Z\n", 2);
	expect(&in, 0, "a> xX\nb> yY\na:com1> zZ\n");
	text_free(&in);
}

static void frames_that_hold_no_record(void **state)
{
	struct text in = {0};

	(void)state;
	frame_add(&in, "\xff\xff\xff", 3);
	frame_add(&in, "", 0); /* a record of no kind */
	text_addf(&in, "on\n");
	expect(&in, 0, "@ bad_frame size=3\n@ unknown\non\n");
	text_free(&in);
}

/* A guest may nest its output as deep as it likes, and name as many VMs. */
static void limits(void **state)
{
	struct text in = {0}, two = {0};
	char *got;
	unsigned lines = 0;

	(void)state;
	text_addf(&in, "deep\n");
	for (int i = 0; i < 6; i++) {
		struct text out = {0};

		output_add(&out, "v", CONSOLE, in.data, in.size);
		text_free(&in);
		in = out;
	}
	got = print(&in, in.size, 0);
	assert_ptr_equal(strstr(got, "@v/v/v output vm=v"), got);
	assert_null(strstr(got, "> deep"));
	free(got);
	for (int i = 0; i < 200; i++) {
		char name[16];

		snprintf(name, sizeof(name), "vm%d", i);
		output_add(&two, name, CONSOLE, "!\n", 2);
	}
	got = print(&two, two.size, 0);
	for (const char *p = got; *p; p++)
		lines += *p == '>';
	assert_int_equal(lines, DECODE_VMS_MAX);
	free(got);
	text_free(&in);
	text_free(&two);
}

static void terminal_commands_are_shown(void **state)
{
	struct text in = {0};

	(void)state;
	text_addf(&in, "a\x1b[2Jb\tc\r\n");
	expect(&in, 0, "a\\x1b[2Jb\tc\n");
	text_free(&in);
}

static void json_lines(void **state)
{
	struct text in = {0}, inner = {0};

	(void)state;
	sample_add(&inner, 0, "x\"y", 0, 0, 0, "none here");
	text_addf(&inner, "hi\n");
	output_add(&in, "a", CONSOLE, inner.data, inner.size);
	expect(&in, 1,
	       "{\"record\":\"sample\",\"mark\":0,\"op\":\"x\\\"y\",\"iterations\":0,\"ticks\":0,\"check\":0,"
	       "\"skipped\":true,\"why\":\"none here\",\"from\":\"a\"}\n{\"text\":\"hi\",\"from\":\"a\"}\n");
	text_free(&in);
	text_free(&inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_streams),
		cmocka_unit_test(vms_and_channels_do_not_mix),
		cmocka_unit_test(frames_that_hold_no_record),
		cmocka_unit_test(limits),
		cmocka_unit_test(terminal_commands_are_shown),
		cmocka_unit_test(json_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
