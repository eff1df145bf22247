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
#include "experiments/exit_cost_rows.h"
#include "experiments/exits_runs.h"
#include "experiments/experiment.h"
#include "experiments/files.h"
#include "experiments/setting.h"

#define RUNS 8

/* L1 as it is, and L1 that wants every exit it can have: the exceptions are #DE, #BP, #UD, #GP and #PF. */
#define INTERCEPT_ALL "exiting=hlt,rdtsc,pause,invlpg,cr3,cr8 exceptions=0x6049"
#define SHADOW(on)    "nested.shadow_vmcs = " on "\n"
#define MERGE(on)     "nested.incremental_merge = " on "\n"

/* Those with VMCS shadowing come first among the runs at L2: a processor without it starts behind them. */
/* clang-format off */
static const struct {
	const char *name; /* of the machine run */
	const char *level, *config;
	unsigned depth;
	bool shadow;
	const char *vm_lines;
	const char *l1hv; /* its command line: what it intercepts of L2 */
} plan[RUNS] = {
	{"bare",                    "bare", "-",                                       0, false, "",                           ""},
	{"l1",                      "L1",   "-",                                       1, false, "",                           ""},
	{"l2-shadow-incremental",   "L2",   "shadow=on;merge=incremental",             2, true,  SHADOW("on") MERGE("on"),     ""},
	{"l2-shadow-full",          "L2",   "shadow=on;merge=full",                    2, true,  SHADOW("on") MERGE("off"),    ""},
	{"l2-shadow-intercept",     "L2",   "shadow=on;merge=incremental;intercept=all",  2, true,  SHADOW("on") MERGE("on"),  INTERCEPT_ALL},
	{"l2-noshadow-incremental", "L2",   "shadow=off;merge=incremental",            2, false, SHADOW("off") MERGE("on"),    ""},
	{"l2-noshadow-full",        "L2",   "shadow=off;merge=full",                   2, false, SHADOW("off") MERGE("off"),   ""},
	{"l2-noshadow-intercept",   "L2",   "shadow=off;merge=incremental;intercept=all", 2, false, SHADOW("off") MERGE("on"), INTERCEPT_ALL},
};
/* clang-format on */

struct state {
	struct run *run;
	struct blob exits, l1hv;
	char *cmdline;
	struct capture capture[RUNS];
	struct launch launch[RUNS];
	struct exit_cost_run cost_run[RUNS]; /* the runs made, in the plan's order */
	unsigned run_count;
	struct exit_cost_rows rows;
};

static void plan_launch(struct state *s, unsigned i)
{
	struct launch *l = &s->launch[i];

	*l = (struct launch){
		.name = plan[i].name,
		.bare = !plan[i].depth,
		.guest = "exits",
		.image = s->exits,
		.cmdline = s->cmdline,
		.memory = plan[i].depth ? EXITS_MEMORY : CLI_DEFAULT_MEMORY,
		.vm_lines = plan[i].vm_lines,
		.l0_lines = "",
	};
	if (plan[i].depth == 2)
		exits_launch_l2(l, s->exits, s->l1hv, s->cmdline, plan[i].l1hv);
}

/* Runs plan[first] to plan[last - 1]; an exit status. */
static int run_part(struct state *s, unsigned first, unsigned last)
{
	int status;

	for (unsigned i = first; i < last; i++) {
		plan_launch(s, i);
		capture_init(&s->capture[i], plan[i].depth);
	}
	status = run_machines(s->run, &s->launch[first], &s->capture[first], last - first);
	for (unsigned i = first; i < last; i++)
		launch_free(&s->launch[i]);
	return status;
}

static int add_rows(struct state *s, unsigned first, unsigned last)
{
	const char *unit = capture_unit(&s->capture[1]);

	for (unsigned i = first; i < last; i++) {
		struct exit_cost_run *r = &s->cost_run[s->run_count++];
		char *why;

		*r = (struct exit_cost_run){
			.level = plan[i].level,
			.config = plan[i].config,
			.unit = unit ? unit : "ticks",
			.depth = plan[i].depth,
			.capture = &s->capture[i],
		};
		if (exit_cost_add(&s->rows, r, &why)) {
			fprintf(stderr, "nestbed: %s: %s\n", plan[i].name, why);
			free(why);
			return CLI_FAILED;
		}
		if (!s->capture[i].sample_count) {
			exits_tell_silence(plan[i].name, &s->capture[i].printed);
			return CLI_FAILED;
		}
	}
	return CLI_OK;
}

/* What was not measured, and why: for the log, not for the tables. */
static void tell_skipped(const struct state *s)
{
	for (unsigned i = 0; i < s->run_count; i++) {
		const struct capture *c = s->cost_run[i].capture;

		for (unsigned k = 0; k < c->sample_count; k++)
			if (c->sample[k].why)
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
		{"exit-cost.csv",    exit_cost_csv   },
		{"exit-reasons.csv", exit_reasons_csv},
		{"accounting.csv",   accounting_csv  },
	};
	struct text table = {0};
	int status = CLI_OK;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !status; i++) {
		struct csv csv;

		tables[i].write(&csv, &s->rows, s->run->cpu);
		status = run_file(s->run, tables[i].file, &csv.text);
		csv_free(&csv);
	}
	exit_cost_table(&table, &s->rows, s->cost_run, s->run_count, s->run->cpu);
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
	unsigned first_l2 = 2;
	int status, differ;

	if (guest_read("exits", &s->exits) || guest_read("l1hv", &s->l1hv))
		return CLI_REFUSED;
	status = run_part(s, 0, 2); /* L0 says there what the processor has */
	if (status)
		return status;
	status = add_rows(s, 0, 2);
	if (!capture_capability(&s->capture[1], "vmcs_shadowing")) {
		printf("%s has no VMCS shadowing: no rows with shadow=on\n", s->run->cpu);
		while (first_l2 < RUNS && plan[first_l2].shadow)
			first_l2++;
	}
	if (!status)
		status = run_part(s, first_l2, RUNS);
	if (!status)
		status = add_rows(s, first_l2, RUNS);
	if (status)
		return status;
	tell_skipped(s);
	status = write_tables(s);
	differ = compare(s);
	json_object_set_new(s->run->meta, "unit", json_string(s->cost_run[1].unit));
	return status ? status : differ;
}

static int run_exit_cost(struct run *run)
{
	struct state *s = zalloc(sizeof(*s));
	int status;

	s->run = run;
	s->cmdline = exits_cmdline(run);
	status = run_all(s);
	exit_cost_rows_free(&s->rows);
	for (unsigned i = 0; i < RUNS; i++)
		capture_free(&s->capture[i]);
	free(s->exits.data);
	free(s->l1hv.data);
	free(s->cmdline);
	free(s);
	return status;
}

static const struct experiment_key keys[] = {
	{"iterations", "200", "how often each operation runs",                                 exits_check_iterations},
	{"ops",        "",    "only these operations, comma-separated (default: all of them)", exits_check_ops       },
};

static const struct figure figures[] = {
	{"exit-cost.gp",    "exit-cost.csv",    "exit-cost"   },
	{"exits-per-op.gp", "exit-reasons.csv", "exits-per-op"},
	{"reflection.gp",   "exit-cost.csv",    "reflection"  },
};

const struct experiment exit_cost = {
	.name = "exit-cost",
	.what = "what each trapped operation costs bare, at L1 and at L2",
	.keys = keys,
	.key_count = sizeof(keys) / sizeof(keys[0]),
	.figures = figures,
	.figure_count = sizeof(figures) / sizeof(figures[0]),
	.run = run_exit_cost,
};
