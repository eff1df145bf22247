/* SPDX-License-Identifier: MIT */
/*
 * Experiment phases: where the ticks of an exit of L2 go, and which fields of its VMCS L1 reads and writes
 * with an exit each. The latter, without VMCS shadowing, is what the table of shadowed fields derives from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/cli.h"
#include "experiments/exits_runs.h"
#include "experiments/experiment.h"

#define PHASES "record.phases = on\n"

static const struct exits_variant variants[] = {
	{"shadow",    "shadow=on",  PHASES                             },
	{"no-shadow", "shadow=off", PHASES "nested.shadow_vmcs = off\n"},
};
#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

/* The windows of one operation in one run, and of the empty one, whose counts are the marks'. */
struct pair {
	const struct exit_cost_run *run;
	const struct sample *sample;
	const Nestbed__Window *window, *none;
};

typedef void each_fn(void *ctx, const struct pair *p);

static void each_window(const struct exits_runs *r, each_fn *fn, void *ctx)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct capture *c = &r->capture[i];
		const Nestbed__Window *none = NULL;
		unsigned at = 0;

		for (unsigned k = 0; k < c->sample_count; k++) {
			const struct sample *s = &c->sample[k];
			const Nestbed__Window *w =
				s->mark && !s->why ? capture_window(c, s->mark, &at) : NULL;

			if (!w)
				continue;
			if (!strcmp(s->op, EXIT_COST_EMPTY))
				none = w;
			else if (none)
				fn(ctx, &(struct pair){&r->run[i], s, w, none});
		}
	}
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

struct tables {
	const char *cpu;
	struct csv phases, fields;
	const struct exit_cost_run *last; /* that a heading was printed of */
};

static void add_phases(void *ctx, const struct pair *p)
{
	struct tables *t = ctx;

	if (t->last != p->run) {
		printf("%-12s%-16s", t->last ? "" : "phases", p->run->config);
		for (size_t i = 0; i < p->window->n_phase; i++)
			printf("%16s", p->window->phase[i]->name);
		printf("\n");
		t->last = p->run;
	}
	printf("%-28s", p->sample->op);
	for (size_t i = 0; i < p->window->n_phase; i++) {
		const Nestbed__PhaseTicks *phase = p->window->phase[i];
		uint64_t ticks = less(phase->ticks, i < p->none->n_phase ? p->none->phase[i]->ticks : 0);

		printf("%16.1f", (double)ticks / (double)p->sample->iterations);
		csv_word(&t->phases, t->cpu);
		csv_word(&t->phases, p->sample->op);
		csv_word(&t->phases, p->run->config);
		csv_word(&t->phases, phase->name);
		csv_mean(&t->phases, ticks, p->sample->iterations);
		csv_word(&t->phases, p->run->unit);
		csv_end_row(&t->phases);
	}
	printf("\n");
}

static void add_fields(void *ctx, const struct pair *p)
{
	struct tables *t = ctx;

	for (size_t i = 0; i < p->window->n_field; i++) {
		const Nestbed__FieldCount *f = p->window->field[i];

		csv_word(&t->fields, t->cpu);
		csv_word(&t->fields, p->sample->op);
		csv_word(&t->fields, p->run->config);
		csv_word(&t->fields, f->name);
		csv_mean(&t->fields, f->reads, p->sample->iterations);
		csv_mean(&t->fields, f->writes, p->sample->iterations);
		csv_end_row(&t->fields);
	}
}

static int run_phases(struct run *run)
{
	struct exits_runs *r = zalloc(sizeof(*r));
	struct tables t = {.cpu = run->cpu};
	int status = exits_runs_make(run, variants, VARIANTS, r);

	csv_start(&t.phases, "host_cpu,op,config,phase,l0_ticks_per_op,unit");
	csv_start(&t.fields, "host_cpu,op,config,field,reads_per_op,writes_per_op");
	if (!status) {
		each_window(r, add_phases, &t);
		each_window(r, add_fields, &t);
		status = run_file(run, "phases.csv", &t.phases.text);
	}
	if (!status)
		status = run_file(run, "fields.csv", &t.fields.text);
	csv_free(&t.phases);
	csv_free(&t.fields);
	exits_runs_free(r);
	free(r);
	return status;
}

static const struct experiment_key keys[] = {
	{"iterations", "200", "how often each operation runs",                                 exits_check_iterations},
	{"ops",        "",    "only these operations, comma-separated (default: all of them)", exits_check_ops       },
};

static const struct figure figures[] = {
	{"phases.gp", "phases.csv", "phases"},
};

const struct experiment phases = {
	.name = "phases",
	.what = "where the ticks of an exit of L2 go, and which fields L1 uses",
	.any_machine = true,
	.keys = keys,
	.key_count = sizeof(keys) / sizeof(keys[0]),
	.figures = figures,
	.figure_count = sizeof(figures) / sizeof(figures[0]),
	.run = run_phases,
};
