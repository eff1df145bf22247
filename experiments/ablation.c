/* SPDX-License-Identifier: MIT */
/*
 * Experiment ablation: what each optimisation of L0 is worth. The workload runs at L2 with all of them, with
 * each one off in turn, and with none. Claim N3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/exits_runs.h"
#include "experiments/experiment.h"

#define OFF(key)     key " = off\n"
#define SHADOW       OFF("nested.shadow_vmcs")
#define MERGE        OFF("nested.incremental_merge")
#define LAZY         OFF("nested.lazy_rare_fields")
#define CHECKS       OFF("nested.cached_checks")
#define HOST_STATE   OFF("nested.cached_host_state")
#define MSR_BITMAP   OFF("nested.watch_msr_bitmap")
#define CLEAN_FIELDS OFF("nested.clean_fields")
#define CPUID        OFF("cached_cpuid")

static const struct exits_variant variants[] = {
	{"all-on",               "all on",                       ""							       },
	{"no-shadow-vmcs",       "nested.shadow_vmcs=off",       SHADOW							   },
	{"no-incremental-merge", "nested.incremental_merge=off", MERGE                                                            },
	{"no-lazy-rare-fields",  "nested.lazy_rare_fields=off",  LAZY                                                             },
	{"no-cached-checks",     "nested.cached_checks=off",     CHECKS                                                           },
	{"no-cached-host-state", "nested.cached_host_state=off", HOST_STATE                                                       },
	{"no-watch-msr-bitmap",  "nested.watch_msr_bitmap=off",  MSR_BITMAP                                                       },
	{"no-clean-fields",      "nested.clean_fields=off",      CLEAN_FIELDS                                                     },
	{"no-cached-cpuid",      "cached_cpuid=off",             CPUID							    },
	{"all-off",              "all off",                      SHADOW MERGE LAZY CHECKS HOST_STATE MSR_BITMAP CLEAN_FIELDS CPUID},
};
#define VARIANTS (sizeof(variants) / sizeof(variants[0]))
_Static_assert(VARIANTS <= EXITS_RUNS_MAX, "room for each");

/* The same operation with all on; the runs have the same operations in the same order. */
static const struct exit_cost_row *base_of(const struct exits_runs *r, const struct exit_cost_row *row)
{
	return exit_cost_find(&r->rows, &r->run[0], row->op);
}

static void write_csv(struct csv *csv, const struct exits_runs *r, const char *cpu)
{
	csv_start(csv, "host_cpu,l0,level,op,config,iterations,ticks_per_op,l0_ticks_per_op,l0_exits_per_op,"
		       "percent_of_all_on,unit");
	for (unsigned i = 0; i < r->rows.count; i++) {
		const struct exit_cost_row *row = &r->rows.row[i], *base = base_of(r, row);

		csv_word(csv, cpu);
		csv_word(csv, "nestbed");
		csv_word(csv, row->run->level);
		csv_word(csv, row->op);
		csv_word(csv, row->run->config);
		csv_number(csv, row->iterations);
		csv_mean(csv, row->ticks, row->iterations);
		csv_mean(csv, row->ticks_l0, row->iterations);
		csv_mean(csv, row->exits, row->iterations);
		csv_mean(csv, 100 * row->ticks, base ? base->ticks : 0);
		csv_word(csv, row->run->unit);
		csv_end_row(csv);
	}
}

/* A line a variant, a column an operation: cost, and how much of that with all on. */
static void print_table(const struct exits_runs *r, const char *cpu)
{
	printf("ablation on %s: %s an operation at L2, and per cent of that with all on\n%-30s", cpu,
	       r->run[0].unit, "");
	for (unsigned k = 0; k < r->rows.count && r->rows.row[k].run == &r->run[0]; k++)
		printf("%16s", r->rows.row[k].op);
	for (unsigned k = 0; k < r->rows.count; k++) {
		const struct exit_cost_row *row = &r->rows.row[k], *base = base_of(r, row);

		if (!k || row->run != r->rows.row[k - 1].run)
			printf("\n%-30s", row->run->config);
		printf("%10.0f%5.0f%%", (double)row->ticks / (double)row->iterations,
		       base && base->ticks ? 100.0 * (double)row->ticks / (double)base->ticks : 0.0);
	}
	printf("\n");
}

static int run_ablation(struct run *run)
{
	struct exits_runs *r = zalloc(sizeof(*r));
	struct csv csv;
	int status = exits_runs_make(run, variants, VARIANTS, r);

	if (!status) {
		write_csv(&csv, r, run->cpu);
		status = run_file(run, "ablation.csv", &csv.text);
		csv_free(&csv);
		print_table(r, run->cpu);
		if (!capture_capability(&r->capture[0], "vmcs_shadowing"))
			printf("%s has no VMCS shadowing: its switch changes nothing\n", run->cpu);
	}
	exits_runs_free(r);
	free(r);
	return status;
}

static const struct experiment_key keys[] = {
	{"iterations", "200",					   "how often each operation runs",     exits_check_iterations},
	{"ops",        "vmcall,cpuid,rdmsr_trapped,pio_out,mmio_write", "these operations, comma-separated",
	 exits_check_ops													   },
};

static const struct figure figures[] = {
	{"ablation.gp", "ablation.csv", "ablation"},
};

const struct experiment ablation = {
	.name = "ablation",
	.what = "what each optimisation of L0 is worth at L2",
	.any_machine = true,
	.keys = keys,
	.key_count = sizeof(keys) / sizeof(keys[0]),
	.figures = figures,
	.figure_count = sizeof(figures) / sizeof(figures[0]),
	.run = run_ablation,
};
