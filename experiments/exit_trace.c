/* SPDX-License-Identifier: MIT */
#include "experiments/exit_trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/elf_code.h"
#include "experiments/exits_runs.h"
#include "experiments/files.h"
#include "experiments/setting.h"

#define RUNS      5
#define LATENCIES "latencies.csv"

/* clang-format off */
static const struct planned {
	const char *name; /* of the machine run */
	struct exit_trace_label label;
	unsigned depth;
	bool vmx; /* VMX instructions, by a guest that may use VT-x */
	bool shadow; /* needs a processor with VMCS shadowing */
	const char *vm_lines;
} plan[RUNS] = {
	{"trace-l1",              {"nestbed", "L1", "-"},                            1, false, false, ""},
	{"trace-l2-shadow",       {"nestbed", "L2", "shadow=on;merge=incremental"},  2, false, true,  "nested.shadow_vmcs = on\n"},
	{"trace-l2-noshadow",     {"nestbed", "L2", "shadow=off;merge=incremental"}, 2, false, false, "nested.shadow_vmcs = off\n"},
	{"trace-l1-vmx-shadow",   {"nestbed", "L1", "shadow=on"},                    1, true,  true,  "nested.shadow_vmcs = on\n"},
	{"trace-l1-vmx-noshadow", {"nestbed", "L1", "shadow=off"},                   1, true,  false, "nested.shadow_vmcs = off\n"},
};
/* clang-format on */

int exit_trace_check_iterations(const char *value, char **why)
{
	uint64_t n;

	return number_parse(value, 0, 100000, &n, why);
}

int exit_trace_check_cpi(const char *value, char **why)
{
	uint32_t millis;

	if (!millis_parse(value, &millis) && millis && millis <= 100000)
		return 0;
	*why = text_format("'%s' is no number of cycles an instruction from 0.001 to 100, such as 0.75",
			   value);
	return -EINVAL;
}

/* Reads what the setting names: the build's own file when it names none. 0 or negative errno. */
static int read_latencies(const char *value, struct latencies *latencies, char **why)
{
	char *path = *value ? text_copy(value) : text_format("%s/" LATENCIES, build_dir());
	struct blob file;
	int err = file_read(path, &file);

	if (err) {
		*why = text_format("%s: %s", path, strerror(-err));
	} else if (memchr(file.data, 0, file.size)) {
		*why = text_format("%s: no text: there is a zero byte in it", path);
		free(file.data);
		err = -EINVAL;
	} else {
		err = latencies_parse(file.data, path, latencies, why);
		free(file.data);
	}
	free(path);
	return err;
}

int exit_trace_check_latencies(const char *value, char **why)
{
	struct latencies latencies;

	return read_latencies(value, &latencies, why);
}

unsigned exit_trace_iterations(const struct run *run)
{
	return (unsigned)strtoul(run_value(run, "trace"), NULL, 10);
}

struct state {
	struct run *run;
	struct blob l0, exits, l1hv;
	struct trace_l0 who;
	char *cmdline, *vmx_cmdline; /* the latter NULL: nothing of the kind is asked for */
	const struct planned *planned[RUNS]; /* those that are made */
	unsigned count;
	struct launch launch[RUNS];
	struct capture capture[RUNS];
	struct trace trace[RUNS];
	struct machine_trace sink[RUNS];
};

static void plan_launch(struct state *s, const struct planned *p)
{
	const unsigned i = s->count++;
	struct launch *l = &s->launch[i];
	const char *cmdline = p->vmx ? s->vmx_cmdline : s->cmdline;

	s->planned[i] = p;
	trace_init(&s->trace[i], &s->who);
	s->sink[i] = trace_sink(&s->trace[i]);
	capture_init(&s->capture[i], p->depth);
	*l = (struct launch){
		.name = p->name,
		.guest = "exits",
		.image = s->exits,
		.cmdline = cmdline,
		.memory = EXITS_MEMORY,
		.nested = p->vmx,
		.vm_lines = p->vm_lines,
		.l0_lines = "",
		.trace = &s->sink[i],
	};
	if (p->depth == 2)
		exits_launch_l2(l, s->exits, s->l1hv, cmdline, "");
}

static int add_rows(struct state *s, unsigned i, struct exit_trace_rows *rows)
{
	const struct planned *p = s->planned[i];
	struct text out = {0};
	unsigned differences, at = 0;
	char *why;

	if (!s->capture[i].sample_count) {
		exits_tell_silence(p->name, &s->capture[i].printed);
		return CLI_FAILED;
	}
	if (exit_trace_add(rows, &p->label, &s->capture[i], &s->trace[i], &at, &why) ||
	    exit_trace_end(&s->trace[i], at, &why)) {
		fprintf(stderr, "nestbed: %s: %s\n", p->name, why);
		free(why);
		return CLI_FAILED;
	}
	differences = exit_trace_compare(rows, &p->label, &s->capture[i], &out);
	if (differences)
		printf("WARNING: %u counts of the trace are not those of L0:\n%s", differences, out.data);
	text_free(&out);
	return differences ? CLI_FAILED : CLI_OK;
}

static int run_all(struct state *s, bool shadowing, struct exit_trace_rows *rows)
{
	int status;

	if (build_file_read("l0.elf", &s->l0) || guest_read(EXIT_TRACE_IMAGE, &s->exits) ||
	    guest_read("l1hv", &s->l1hv))
		return CLI_REFUSED;
	if (elf_code(&s->l0, &s->who)) {
		fprintf(stderr, "nestbed: %s/l0.elf: no 32-bit ELF file with code in it\n", build_dir());
		return CLI_REFUSED;
	}
	for (unsigned i = 0; i < RUNS; i++)
		if ((shadowing || !plan[i].shadow) && (s->vmx_cmdline || !plan[i].vmx))
			plan_launch(s, &plan[i]);
	status = run_machines(s->run, s->launch, s->capture, s->count);
	for (unsigned i = 0; i < s->count; i++)
		launch_free(&s->launch[i]);
	for (unsigned i = 0; i < s->count && !status; i++)
		status = add_rows(s, i, rows);
	return status;
}

int exit_trace_measure(struct run *run, bool shadowing, struct exit_trace_rows *rows)
{
	struct state *s = zalloc(sizeof(*s));
	int status;

	s->run = run;
	s->cmdline = exits_cmdline(run, "trace");
	s->vmx_cmdline = exits_vmx_cmdline(run, "trace");
	status = run_all(s, shadowing, rows);
	for (unsigned i = 0; i < s->count; i++) {
		capture_free(&s->capture[i]);
		trace_free(&s->trace[i]);
	}
	free(s->l0.data);
	free(s->exits.data);
	free(s->l1hv.data);
	free(s->cmdline);
	free(s->vmx_cmdline);
	free(s);
	return status;
}

int exit_trace_write(struct run *run, const struct exit_trace_rows *rows)
{
	struct exit_trace_model model;
	struct text table = {0};
	struct csv csv;
	char *why;
	int status;

	if (millis_parse(run_value(run, "cpi"), &model.milli_cpi))
		return CLI_USAGE; /* not after the check of the setting */
	if (read_latencies(run_value(run, "latencies"), &model.latencies, &why)) {
		fprintf(stderr, "nestbed: %s\n", why);
		free(why);
		return CLI_REFUSED;
	}
	instructions_csv(&csv, rows, run->cpu);
	status = run_file(run, "instructions.csv", &csv.text);
	csv_free(&csv);
	modelled_csv(&csv, rows, &model, run->cpu);
	if (!status)
		status = run_file(run, "modelled.csv", &csv.text);
	csv_free(&csv);
	exit_trace_table(&table, rows, &model, run->cpu);
	fputs(table.data, stdout);
	text_free(&table);
	return status;
}
