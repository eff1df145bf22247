/* SPDX-License-Identifier: MIT */
/* Another L0's machine: its initramfs, its stream, and its costs beside ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/cpio.h"
#include "experiments/exit_cost_ratio.h"
#include "experiments/peer_split.h"
#include "tests/unit/nestbed_frames.h"

/* ---- the archive: what GNU cpio, busybox and Linux read ---- */

/* The field of a header, of eight hexadecimal digits. */
static unsigned long field(const char *header, unsigned index)
{
	char digits[9] = {0};

	memcpy(digits, header + 6 + 8 * (size_t)index, 8);
	return strtoul(digits, NULL, 16);
}

static void archive_is_read_back(void **state)
{
	enum { MODE = 1, SIZE = 6, NAME_SIZE = 11 };
	static const struct {
		const char *name, *content;
		unsigned long mode;
	} expected[] = {
		{"dir",        "",      0040755},
		{"dir/a",      "hello", 0100644},
		{"dir/bin",    "1234",  0100755},
		{"TRAILER!!!", "",      0      },
	};
	struct text archive = {0};
	size_t at = 0;

	(void)state;
	cpio_add_folder(&archive, "dir");
	cpio_add_file(&archive, "dir/a", 0644, "hello", 5);
	cpio_add_file(&archive, "dir/bin", 0755, "1234", 4);
	cpio_end(&archive);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const char *header = archive.data + at;
		const size_t name = 110, data = at + ((name + field(header, NAME_SIZE) + 3) & ~3ul);

		assert_int_equal(at % 4, 0);
		assert_memory_equal(header, "070701", 6);
		assert_int_equal(field(header, MODE), expected[i].mode);
		assert_int_equal(field(header, SIZE), strlen(expected[i].content));
		assert_string_equal(header + name, expected[i].name);
		assert_memory_equal(archive.data + data, expected[i].content, strlen(expected[i].content));
		at = (data + field(header, SIZE) + 3) & ~3ul;
	}
	assert_int_equal(at, archive.size);
	text_free(&archive);
}

/* ---- one stream, two hypervisors ---- */

static void vm_add(struct text *out, const char *op, uint64_t ticks)
{
	struct text inner = {0};

	hello_add(out, "insns", "nested", 1);
	sample_add(&inner, 1, op, 10, ticks, 10, NULL);
	output_add(out, "exits", NESTBED__OUTPUT__CHANNEL__CONSOLE, inner.data, inner.size);
	stop_add(out, "exits", NESTBED__STOP__CAUSE__SHUTDOWN);
	text_free(&inner);
}

static void each_gets_its_own(void **state)
{
	struct capture c[2];
	struct capture *pointers[] = {&c[0], &c[1]};
	struct text t = {0};

	(void)state;
	text_addf(&t, "text of the loader\n");
	stop_add(&t, "nobody", NESTBED__STOP__CAUSE__LIMIT); /* before any Hello: no one's */
	vm_add(&t, "first", 100);
	vm_add(&t, "second", 200);
	vm_add(&t, "third", 300); /* more than expected */
	for (size_t piece = 1; piece < 40; piece += 13) {
		struct peer_split *split;

		capture_init(&c[0], 1);
		capture_init(&c[1], 1);
		split = peer_split_new(pointers, 2);
		assert_int_equal(peer_split_begun(split), 0);
		for (size_t at = 0; at < t.size; at += piece)
			peer_split_output(split, (const uint8_t *)t.data + at,
					  piece < t.size - at ? piece : t.size - at);
		peer_split_output(split, NULL, 0);
		assert_int_equal(peer_split_begun(split), 2);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(c[i].sample_count, 1);
			assert_string_equal(c[i].sample[0].op, i ? "second" : "first");
			assert_int_equal(c[i].verdict.vms_shut_down, 1);
			assert_int_equal(c[i].verdict.stopped.count, 0);
			capture_free(&c[i]);
		}
		peer_split_free(split);
	}
	text_free(&t);
}

/* ---- ratios ---- */

static struct exit_cost_row row(const struct exit_cost_run *run, const char *op, uint64_t iterations,
				uint64_t ticks, uint64_t exits)
{
	return (struct exit_cost_row){
		.run = run, .op = op, .iterations = iterations, .ticks = ticks, .exits = exits};
}

static void ratios(void **state)
{
	/* clang-format off */
	static const struct exit_cost_run runs[] = {
		{.l0 = "nestbed", .level = "L1", .config = "-", .unit = "insns", .depth = 1},
		{.l0 = "nestbed", .level = "L2", .config = "shadow=on;merge=incremental", .unit = "insns", .depth = 2},
		{.l0 = "nestbed", .level = "L2", .config = "shadow=off;merge=incremental", .unit = "insns", .depth = 2},
		{.l0 = "nestbed", .level = "L1", .config = "shadow=on", .unit = "insns", .depth = 1, .vmx = true},
		{.l0 = "kvm", .level = "L1", .config = "mitigations=off", .like = "-", .unit = "insns", .depth = 1, .opaque = true},
		{.l0 = "kvm", .level = "L2", .config = "shadow=on;mitigations=off", .like = "shadow=on;merge=incremental",
		 .unit = "insns", .depth = 2, .opaque = true},
		{.l0 = "kvm", .level = "L1", .config = "shadow=on;mitigations=off", .like = "shadow=on", .unit = "insns",
		 .depth = 1, .vmx = true, .opaque = true},
	};
	/* clang-format on */
	/* clang-format off */
	struct exit_cost_row list[] = {
		row(&runs[0], "cpuid", 10, 1820, 10), row(&runs[0], "rdtsc", 10, 10, 0),
		row(&runs[0], "pause", 10, 0, 0),     row(&runs[1], "cpuid", 10, 29000, 20),
		row(&runs[2], "cpuid", 10, 99000, 90), row(&runs[3], "vmread", 10, 2330, 10),
		row(&runs[4], "empty", 20, 40, 0),    row(&runs[4], "cpuid", 20, 19600, 20),
		row(&runs[4], "rdtsc", 20, 20, 0),    row(&runs[4], "pause", 20, 20, 0),
		row(&runs[4], "novel", 20, 20, 0),    row(&runs[5], "cpuid", 10, 14500, 20),
		row(&runs[6], "vmread", 10, 11650, 10),
	};
	/* clang-format on */
	const struct exit_cost_rows rows = {list, sizeof(list) / sizeof(list[0])};
	struct text table = {0};
	struct csv csv;

	(void)state;
	exit_cost_ratio_csv(&csv, &rows, "cpu");
	assert_string_equal(
		csv.text.data,
		"host_cpu,level,op,peer,config,nestbed_ticks_per_op,peer_ticks_per_op,peer_over_nestbed,"
		"nestbed_exits_per_op,peer_exits_per_op,peer_served_by,unit\n"
		"cpu,L1,cpuid,kvm,mitigations=off,182.0,980.0,5.385,1.0,1.0,kernel,insns\n"
		"cpu,L1,rdtsc,kvm,mitigations=off,1.0,1.0,1.000,0.0,0.0,kernel,insns\n"
		"cpu,L1,pause,kvm,mitigations=off,0.0,1.0,-,0.0,0.0,kernel,insns\n"
		"cpu,L2,cpuid,kvm,shadow=on;mitigations=off,2900.0,1450.0,0.500,2.0,2.0,kernel,insns\n"
		"cpu,L1,vmread,kvm,shadow=on;mitigations=off,233.0,1165.0,5.000,1.0,1.0,kernel,insns\n");
	csv_free(&csv);
	exit_cost_ratio_table(&table, &rows, "cpu");
	assert_non_null(strstr(table.data, "kvm at L1, mitigations=off\n"));
	assert_null(strstr(table.data, "rdtsc")); /* exits under neither */
	assert_non_null(strstr(table.data, "0.50  cheaper there\n"));
	assert_non_null(strstr(table.data, "kvm at L1, shadow=on;mitigations=off, VMX instructions\n"));
	text_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archive_is_read_back),
		cmocka_unit_test(each_gets_its_own),
		cmocka_unit_test(ratios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
