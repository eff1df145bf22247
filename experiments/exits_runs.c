/* SPDX-License-Identifier: MIT */
#include "experiments/exits_runs.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/exit_cost_rows.h"
#include "experiments/files.h"
#include "experiments/setting.h"

#define L1HV_MEMORY (128ull << 20) /* l1hv and its guest */

int exits_check_iterations(const char *value, char **why)
{
	uint64_t n;

	return number_parse(value, 1, 1000000, &n, why);
}

int exits_check_ops(const char *value, char **why)
{
	for (const char *p = value; *p; p++) {
		bool between = p > value && p[1] && p[-1] != ',';

		if (isalnum((unsigned char)*p) || *p == '_' || (*p == ',' && between))
			continue;
		*why = text_format("'%s' is not a list of operations such as cpuid,vmcall", value);
		return -EINVAL;
	}
	return 0;
}

static char *cmdline_of(const char *iterations, const char *ops)
{
	if (!*ops)
		return text_format("iterations=%s", iterations);
	return text_format("iterations=%s ops=%s%s", iterations,
			   list_holds(ops, EXIT_COST_EMPTY) ? "" : EXIT_COST_EMPTY ",", ops);
}

char *exits_cmdline(const struct run *run, const char *iterations)
{
	return cmdline_of(run_value(run, iterations), run_value(run, "ops"));
}

char *exits_vmx_cmdline(const struct run *run, const char *iterations)
{
	static const char *const vmx[] = {"vmread",         "vmwrite", "vmread_shadow",
					  "vmwrite_shadow", "vmptrld", "invept"};
	const char *asked = run_value(run, "ops");
	struct text ops = {0};
	char *cmdline;

	for (size_t i = 0; i < sizeof(vmx) / sizeof(vmx[0]); i++)
		if (list_holds(asked, vmx[i]))
			text_addf(&ops, "%s%s", ops.size ? "," : "", vmx[i]);
	if (!ops.size)
		return NULL;
	cmdline = cmdline_of(run_value(run, iterations), ops.data);
	text_free(&ops);
	return cmdline;
}

const char *exits_unit_words(const struct run *run)
{
	return run->driver->emulates ? "" : EXITS_UNIT_CYCLES;
}

void exits_launch_l2(struct launch *l, struct blob exits, struct blob l1hv, const char *cmdline,
		     const char *l1hv_cmdline)
{
	l->guest = "l1hv";
	l->image = l1hv;
	l->cmdline = l1hv_cmdline;
	l->memory = L1HV_MEMORY;
	l->nested = true;
	l->module[0] = (struct launch_module){"exits", cmdline, exits};
	l->module_count = 1;
}

void exits_tell_silence(const char *name, const struct text *printed)
{
	size_t end = printed->size;
	size_t begin;

	while (end && printed->data[end - 1] == '\n')
		end--;
	for (begin = end; begin && printed->data[begin - 1] != '\n'; begin--)
		;
	fprintf(stderr, "nestbed: %s: the workload reported nothing%s%.*s\n", name,
		end > begin ? "; it wrote: " : "", (int)(end - begin), printed->data + begin);
}

static int add_rows(struct exits_runs *r, const struct exits_variant *variant)
{
	for (unsigned i = 0; i < r->count; i++) {
		const char *unit = capture_unit(&r->capture[i]);
		char *why;

		r->run[i] = (struct exit_cost_run){
			.l0 = "nestbed",
			.level = "L2",
			.config = variant[i].config,
			.unit = unit ? unit : "ticks",
			.depth = 2,
			.capture = &r->capture[i],
		};
		if (exit_cost_add(&r->rows, &r->run[i], &why)) {
			fprintf(stderr, "nestbed: %s: %s\n", variant[i].name, why);
			free(why);
			return CLI_FAILED;
		}
		if (!r->capture[i].sample_count) {
			exits_tell_silence(variant[i].name, &r->capture[i].printed);
			return CLI_FAILED;
		}
	}
	return CLI_OK;
}

/* The same guest computes the same, whatever L0 saves itself. */
static int compare(const struct exits_runs *r)
{
	struct text out = {0};
	unsigned n = exit_cost_compare(&r->rows, r->run, r->count, &out);

	if (n)
		printf("WARNING: %u results differ between runs, and should not:\n%s", n, out.data);
	else
		printf("What the workload computed and printed is the same in all %u runs.\n", r->count);
	text_free(&out);
	return n ? CLI_FAILED : CLI_OK;
}

int exits_runs_make(struct run *run, const struct exits_variant *variant, unsigned count,
		    struct exits_runs *r)
{
	struct blob exits = {0}, l1hv = {0};
	char *cmdline = exits_cmdline(run, "iterations");
	int status = CLI_REFUSED;

	*r = (struct exits_runs){.count = count};
	if (!guest_read("exits", &exits) && !guest_read("l1hv", &l1hv)) {
		for (unsigned i = 0; i < count; i++) {
			r->launch[i] = (struct launch){
				.name = variant[i].name, .vm_lines = variant[i].vm_lines, .l0_lines = ""};
			exits_launch_l2(&r->launch[i], exits, l1hv, cmdline, exits_unit_words(run));
			capture_init(&r->capture[i], 2);
		}
		status = run_machines(run, r->launch, r->capture, count);
		for (unsigned i = 0; i < count; i++)
			launch_free(&r->launch[i]);
	}
	if (!status)
		status = add_rows(r, variant);
	if (!status)
		status = compare(r);
	if (!status)
		json_object_set_new(run->meta, "unit", json_string(r->run[0].unit));
	free(exits.data);
	free(l1hv.data);
	free(cmdline);
	return status;
}

void exits_runs_free(struct exits_runs *r)
{
	exit_cost_rows_free(&r->rows);
	for (unsigned i = 0; i < r->count; i++)
		capture_free(&r->capture[i]);
}
