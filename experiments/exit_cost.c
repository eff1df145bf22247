/* SPDX-License-Identifier: MIT */
/*
 * Experiment exit-cost: one guest image measures what each operation costs on the bare machine, as a VM of
 * L0 (L1), and as a VM of a hypervisor that is a VM of L0 (L2), the latter with VMCS shadowing and
 * incremental merging on and off. Claims N1 to N3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/exit_cost_peer.h"
#include "experiments/exit_cost_ratio.h"
#include "experiments/exit_cost_rows.h"
#include "experiments/exit_trace.h"
#include "experiments/exits_runs.h"
#include "experiments/experiment.h"
#include "experiments/files.h"
#include "experiments/peer_kvm.h"
#include "experiments/setting.h"

/* L1 as it is, and L1 that wants every exit it can have: the exceptions are #DE, #BP, #UD, #GP and #PF. */
#define INTERCEPT_ALL "exiting=hlt,rdtsc,pause,invlpg,cr3,cr8 exceptions=0x6049"
#define SHADOW(on)    "nested.shadow_vmcs = " on "\n"
#define MERGE(on)     "nested.incremental_merge = " on "\n"

/* clang-format off */
static const struct planned {
	const char *name; /* of the machine run */
	const char *level, *config;
	unsigned depth;
	bool vmx; /* VMX instructions, by a guest that may use VT-x */
	bool shadow; /* needs a processor with VMCS shadowing */
	const char *vm_lines;
	const char *l1hv; /* its command line: what it intercepts of L2 */
} plan[] = {
	{"bare",                    "bare", "-",                                          0, false, false, "",                        ""},
	{"l1",                      "L1",   "-",                                          1, false, false, "",                        ""},
	{"l2-shadow-incremental",   "L2",   "shadow=on;merge=incremental",                2, false, true,  SHADOW("on") MERGE("on"),  ""},
	{"l2-shadow-full",          "L2",   "shadow=on;merge=full",                       2, false, true,  SHADOW("on") MERGE("off"), ""},
	{"l2-shadow-intercept",     "L2",   "shadow=on;merge=incremental;intercept=all",  2, false, true,  SHADOW("on") MERGE("on"),  INTERCEPT_ALL},
	{"l2-noshadow-incremental", "L2",   "shadow=off;merge=incremental",               2, false, false, SHADOW("off") MERGE("on"), ""},
	{"l2-noshadow-full",        "L2",   "shadow=off;merge=full",                      2, false, false, SHADOW("off") MERGE("off"), ""},
	{"l2-noshadow-intercept",   "L2",   "shadow=off;merge=incremental;intercept=all", 2, false, false, SHADOW("off") MERGE("on"), INTERCEPT_ALL},
	{"l1-vmx-shadow",           "L1",   "shadow=on",                                  1, true,  true,  SHADOW("on"),              ""},
	{"l1-vmx-noshadow",         "L1",   "shadow=off",                                 1, true,  false, SHADOW("off"),             ""},
};
/* clang-format on */
#define PLANNED  (sizeof(plan) / sizeof(plan[0]))
#define RUNS_MAX (PLANNED + EXIT_COST_PEER_RUNS)

struct state {
	struct run *run;
	struct exit_cost_images images;
	char *cmdline, *vmx_cmdline; /* the latter NULL: nothing of the kind is asked for */
	struct capture capture[RUNS_MAX];
	struct launch launch[PLANNED];
	struct exit_cost_run
		cost_run[RUNS_MAX]; /* the runs made, in the plan's order; VMX instructions' last */
	unsigned run_count;
	unsigned plain_count; /* of ours, without VMX instructions */
	unsigned peer_count;
	struct exit_cost_rows rows;
	struct exit_trace_rows traced;
};

/* With what its records call a tick, where that is none of Bochs'. */
static const char *l1hv_words(const struct run *run, const struct planned *p)
{
	const char *unit = exits_unit_words(run);

	if (!*unit || !*p->l1hv)
		return *unit ? unit : p->l1hv;
	return INTERCEPT_ALL " " EXITS_UNIT_CYCLES;
}

static void plan_launch(const struct state *s, struct launch *l, const struct planned *p)
{
	const char *cmdline = p->vmx ? s->vmx_cmdline : s->cmdline;

	*l = (struct launch){
		.name = p->name,
		.bare = !p->depth,
		.guest = "exits",
		.image = s->images.exits,
		.cmdline = cmdline,
		.memory = p->depth ? EXITS_MEMORY : CLI_DEFAULT_MEMORY,
		.nested = p->vmx,
		.vm_lines = p->vm_lines,
		.l0_lines = "",
	};
	if (p->depth == 2)
		exits_launch_l2(l, s->images.exits, s->images.l1hv, cmdline, l1hv_words(s->run, p));
}

/* Adds the rows of runs from first on; their unit is that of the first that has one. */
static int add_rows(struct state *s, unsigned first)
{
	for (unsigned i = first; i < s->run_count; i++) {
		struct exit_cost_run *r = &s->cost_run[i];
		char *why;

		if (exit_cost_add(&s->rows, r, &why)) {
			fprintf(stderr, "nestbed: %s at %s %s: %s\n", r->l0, r->level, r->config, why);
			free(why);
			return CLI_FAILED;
		}
		if (!r->capture->sample_count) {
			exits_tell_silence(r->level, &r->capture->printed);
			return CLI_FAILED;
		}
	}
	return CLI_OK;
}

/* Runs plan[first] to plan[last - 1], but those that need what the processor or the settings lack; an exit
 * status. */
static int run_part(struct state *s, unsigned first, unsigned last, bool shadow)
{
	const unsigned before = s->run_count;
	unsigned n = 0;
	int status;

	for (unsigned i = first; i < last; i++) {
		const struct planned *p = &plan[i];
		struct capture *c = &s->capture[s->run_count];

		if ((p->shadow && !shadow) || (p->vmx && !s->vmx_cmdline))
			continue;
		plan_launch(s, &s->launch[n++], p);
		capture_init(c, p->depth);
		s->cost_run[s->run_count++] = (struct exit_cost_run){
			.l0 = p->depth ? "nestbed" : "none",
			.level = p->level,
			.config = p->config,
			.depth = p->depth,
			.vmx = p->vmx,
			.capture = c,
		};
		s->plain_count += !p->vmx;
	}
	status = run_machines(s->run, s->launch, &s->capture[before], n);
	for (unsigned i = 0; i < n; i++)
		launch_free(&s->launch[i]);
	for (unsigned i = before; i < s->run_count; i++) {
		const char *unit = capture_unit(&s->capture[1]);

		s->cost_run[i].unit = unit ? unit : "ticks";
	}
	return status ? status : add_rows(s, before);
}

static bool wants_peer(const struct state *s)
{
	return !strcmp(run_value(s->run, "peer"), "kvm");
}

/* The same on KVM; an exit status. */
static int run_peer(struct state *s, bool shadow)
{
	const unsigned before = s->run_count;
	int status;

	if (!wants_peer(s))
		return CLI_OK;
	status = exit_cost_peer(s->run, &s->images, shadow, &s->capture[before], &s->cost_run[before],
				&s->peer_count, &s->traced);
	s->run_count += s->peer_count;
	return status ? status : add_rows(s, before);
}

/* What was not measured, and why: for the log, not for the tables. VMX instructions have runs of their own.
 */
static void tell_skipped(const struct state *s)
{
	for (unsigned i = 0; i < s->run_count; i++) {
		const struct capture *c = s->cost_run[i].capture;

		for (unsigned k = 0; k < c->sample_count; k++)
			if (c->sample[k].why && strcmp(c->sample[k].why, EXIT_COST_NO_VTX) != 0)
				printf("not measured: %s at %s %s: %s\n", c->sample[k].op,
				       s->cost_run[i].level, s->cost_run[i].config, c->sample[k].why);
	}
}

static int write_tables(struct state *s)
{
	static const struct {
		const char *file;
		void (*write)(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu);
	} tables[] = {
		{"exit-cost.csv",    exit_cost_csv      },
		{"exit-reasons.csv", exit_reasons_csv   },
		{"accounting.csv",   accounting_csv     },
		{"ratio.csv",        exit_cost_ratio_csv}, /* with a peer */
	};
	const size_t count = sizeof(tables) / sizeof(tables[0]) - !s->peer_count;
	struct text table = {0};
	int status = CLI_OK;

	for (size_t i = 0; i < count && !status; i++) {
		struct csv csv;

		tables[i].write(&csv, &s->rows, s->run->cpu);
		status = run_file(s->run, tables[i].file, &csv.text);
		csv_free(&csv);
	}
	exit_cost_table(&table, &s->rows, s->cost_run, s->plain_count, s->run->cpu);
	exit_cost_vmx_table(&table, &s->rows, s->cost_run, s->run_count);
	exit_cost_ratio_table(&table, &s->rows, s->run->cpu);
	fputs(table.data, stdout);
	text_free(&table);
	return status;
}

/* An exit status: levels that disagree are a defect of a hypervisor, whatever they cost. */
static int compare(const struct state *s)
{
	struct text out = {0};
	unsigned n = exit_cost_compare(&s->rows, s->cost_run, s->run_count, &out);

	if (n)
		printf("WARNING: %u results differ between levels, and should not:\n%s", n, out.data);
	else
		printf("What the workload computed and printed is the same in all %u runs.\n", s->run_count);
	text_free(&out);
	return n ? CLI_FAILED : CLI_OK;
}

static int run_all(struct state *s)
{
	bool shadow;
	int status, differ;

	if (!s->run->driver->emulates && (wants_peer(s) || exit_trace_iterations(s->run)))
		return cli_usage(text_format("settings peer and trace are for machine bochs, not %s",
					     s->run->driver->name));
	if (guest_read("exits", &s->images.exits) || guest_read("l1hv", &s->images.l1hv))
		return CLI_REFUSED;
	if (exit_trace_iterations(s->run) && guest_read(EXIT_TRACE_IMAGE, &s->images.traced))
		return CLI_REFUSED;
	if (wants_peer(s) && peer_kvm_get())
		return CLI_REFUSED;
	status = run_part(s, 0, 2, false); /* L0 says there what the processor has */
	if (status)
		return status;
	shadow = capture_capability(&s->capture[1], "vmcs_shadowing");
	if (!shadow)
		printf("%s has no VMCS shadowing: no rows with shadow=on\n", s->run->cpu);
	status = run_part(s, 2, PLANNED, shadow);
	if (!status && s->images.traced.size)
		status = exit_trace_measure(s->run, shadow, &s->traced);
	if (!status)
		status = run_peer(s, shadow);
	if (status)
		return status;
	tell_skipped(s);
	status = write_tables(s);
	differ = compare(s);
	if (!status && s->images.traced.size)
		status = exit_trace_write(s->run, &s->traced);
	json_object_set_new(s->run->meta, "unit", json_string(s->cost_run[1].unit));
	return status ? status : differ;
}

static int run_exit_cost(struct run *run)
{
	struct state *s = zalloc(sizeof(*s));
	int status;

	s->run = run;
	s->cmdline = exits_cmdline(run, "iterations");
	s->vmx_cmdline = exits_vmx_cmdline(run, "iterations");
	status = run_all(s);
	exit_cost_rows_free(&s->rows);
	exit_trace_rows_free(&s->traced);
	for (unsigned i = 0; i < s->run_count; i++)
		capture_free(&s->capture[i]);
	free(s->images.exits.data);
	free(s->images.l1hv.data);
	free(s->images.traced.data);
	free(s->cmdline);
	free(s->vmx_cmdline);
	free(s);
	return status;
}

/* clang-format off */
static const struct experiment_key keys[] = {
	{"iterations", "200",  "how often each operation runs",                                  exits_check_iterations},
	{"ops",        "",     "only these operations, comma-separated (default: all of them)",  exits_check_ops},
	{"peer",       "none", "another L0 beside ours: kvm, or none",                           peer_check},
	{"trace",      "0",    "iterations of each operation that are traced too (0: none)",     exit_trace_check_iterations},
	{"cpi",        "1",    "modelled cycles of an instruction without a latency of its own", exit_trace_check_cpi},
	{"latencies",  "",     "table of latencies (default: the build's latencies.csv)",        exit_trace_check_latencies},
};
/* clang-format on */

static const struct figure figures[] = {
	{"exit-cost.gp",    "exit-cost.csv",    "exit-cost"   },
	{"exits-per-op.gp", "exit-reasons.csv", "exits-per-op"},
	{"reflection.gp",   "exit-cost.csv",    "reflection"  },
	{"peer.gp",         "ratio.csv",        "peer"        },
};

const struct experiment exit_cost = {
	.name = "exit-cost",
	.what = "what each trapped operation costs bare, at L1 and at L2",
	.any_machine = true,
	.keys = keys,
	.key_count = sizeof(keys) / sizeof(keys[0]),
	.figures = figures,
	.figure_count = sizeof(figures) / sizeof(figures[0]),
	.run = run_exit_cost,
};
