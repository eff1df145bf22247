/* SPDX-License-Identifier: MIT */
/*
 * Experiment host-exits: what exits cost on this computer's own KVM, in cycles. The workload of exit-cost, as
 * a VM of kvm-run, some times over: cycles differ from run to run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/exits_runs.h"
#include "experiments/experiment.h"
#include "experiments/files.h"
#include "experiments/host_exits_rows.h"
#include "experiments/setting.h"

static int check_repeats(const char *value, char **why)
{
	uint64_t n;

	return number_parse(value, 1, HOST_EXITS_REPEATS_MAX, &n, why);
}

/* What the runs said, into tables. An exit status. */
static int make_tables(struct run *run, const struct capture *capture, unsigned repeats)
{
	const Nestbed__Hello *h = capture_hello(&capture[0]);
	const char *unit = capture_unit(&capture[0]);
	struct host_exits_rows rows = {0};
	struct text table = {0};
	struct csv csv;
	char *why;
	int status;

	if (!h || !unit || !capture[0].sample_count) {
		exits_tell_silence("host-exits", &capture[0].printed);
		return CLI_FAILED;
	}
	if (host_exits_add(&rows, capture, repeats, &why)) {
		fprintf(stderr, "nestbed: host-exits: %s\n", why);
		free(why);
		host_exits_rows_free(&rows);
		return CLI_FAILED;
	}
	host_exits_csv(&csv, &rows, h->cpu, unit);
	status = run_file(run, "host-exits.csv", &csv.text);
	csv_free(&csv);
	host_exits_table(&table, &rows, h->cpu, unit);
	fputs(table.data, stdout);
	text_free(&table);
	host_exits_rows_free(&rows);
	json_object_set_new(run->meta, "unit", json_string(unit));
	json_object_set_new(run->meta, "host_cpu", json_string(h->cpu));
	json_object_set_new(run->meta, "kvm", json_string(h->version));
	return status;
}

static int run_all(struct run *run, struct launch *launch, struct capture *capture, unsigned repeats)
{
	struct blob image;
	char *cmdline;
	int status;

	if (guest_read("exits", &image))
		return CLI_REFUSED;
	cmdline = exits_cmdline(run, "iterations");
	for (unsigned i = 0; i < repeats; i++) {
		launch[i] = (struct launch){
			.name = "host-exits",
			.bare = true,
			.guest = "exits",
			.image = image,
			.cmdline = cmdline,
			.memory = EXITS_MEMORY,
			.vm_lines = "",
			.l0_lines = "",
		};
		capture_init(&capture[i], 1);
	}
	run->jobs = 1; /* they would disturb each other */
	status = run_machines(run, launch, capture, 1); /* what ails this KVM, one says as well as all */
	if (!status && repeats > 1)
		status = run_machines(run, launch + 1, capture + 1, repeats - 1);
	if (!status)
		status = make_tables(run, capture, repeats);
	for (unsigned i = 0; i < repeats; i++) {
		launch_free(&launch[i]);
		capture_free(&capture[i]);
	}
	free(cmdline);
	free(image.data);
	return status;
}

static int run_host_exits(struct run *run)
{
	const unsigned repeats = (unsigned)strtoul(run_value(run, "repeats"), NULL, 10);
	struct launch *launch = zalloc(repeats * sizeof(*launch));
	struct capture *capture = zalloc(repeats * sizeof(*capture));
	const int status = run_all(run, launch, capture, repeats);

	free(launch);
	free(capture);
	return status;
}

/* clang-format off */
static const struct experiment_key keys[] = {
	{"iterations", "1000",                                   "how often each operation runs",                             exits_check_iterations},
	{"repeats",    "20",                                     "how often all of that is done",                             check_repeats},
	{"ops",        "cpuid,vmcall,pio_out,mmio_write,hlt",    "only these operations, comma-separated (empty: all of them)", exits_check_ops},
};
/* clang-format on */

static const struct figure figures[] = {
	{"host-exits.gp", "host-exits.csv", "host-exits"},
};

const struct experiment host_exits = {
	.name = "host-exits",
	.what = "what exits cost on this computer's own KVM, in cycles",
	.driver = &machine_kvm,
	.keys = keys,
	.key_count = sizeof(keys) / sizeof(keys[0]),
	.figures = figures,
	.figure_count = sizeof(figures) / sizeof(figures[0]),
	.run = run_host_exits,
};
