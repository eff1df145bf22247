/* SPDX-License-Identifier: MIT */
#include "experiments/exit_cost_ratio.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Our row that `theirs` is to be compared with; NULL when there is none. */
static const struct exit_cost_row *ours_of(const struct exit_cost_rows *rows,
					   const struct exit_cost_row *theirs)
{
	const struct exit_cost_run *t = theirs->run;

	if (!t->like || !strcmp(theirs->op, EXIT_COST_EMPTY))
		return NULL;
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *r = &rows->row[i];
		const struct exit_cost_run *o = r->run;

		if (!o->like && o->depth == t->depth && o->vmx == t->vmx && !strcmp(o->config, t->like) &&
		    !strcmp(r->op, theirs->op))
			return r;
	}
	return NULL;
}

/* A VM's devices are kvm-run's, a program; our L0 serves them itself. At L2 they are l1hv's. */
static bool in_user_mode(const struct exit_cost_row *t)
{
	static const char *const ops[] = {"pio_out", "pio_in", "mmio_write", "mmio_read"};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(t->op, ops[i]))
			return t->run->depth == 1;
	return false;
}

/* With three decimals, rounded half up. */
static void add_ratio(struct csv *csv, uint64_t theirs, uint64_t ours)
{
	const uint64_t thousandths = ours ? (2000 * theirs + ours) / (2 * ours) : 0;
	char *word = ours ? text_format("%" PRIu64 ".%03" PRIu64, thousandths / 1000, thousandths % 1000)
			  : text_copy("-");

	csv_word(csv, word);
	free(word);
}

void exit_cost_ratio_csv(struct csv *csv, const struct exit_cost_rows *rows, const char *cpu)
{
	csv_start(csv,
		  "host_cpu,level,op,peer,config,nestbed_ticks_per_op,peer_ticks_per_op,peer_over_nestbed,"
		  "nestbed_exits_per_op,peer_exits_per_op,peer_served_by,unit");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *t = &rows->row[i], *o = ours_of(rows, t);

		if (!o)
			continue;
		csv_word(csv, cpu);
		csv_word(csv, t->run->level);
		csv_word(csv, t->op);
		csv_word(csv, t->run->l0);
		csv_word(csv, t->run->config);
		csv_mean(csv, o->ticks, o->iterations);
		csv_mean(csv, t->ticks, t->iterations);
		add_ratio(csv, t->ticks * o->iterations, o->ticks * t->iterations);
		csv_mean(csv, o->exits, o->iterations);
		csv_mean(csv, t->exits, t->iterations);
		csv_word(csv, in_user_mode(t) ? "user" : "kernel");
		csv_word(csv, t->run->unit);
		csv_end_row(csv);
	}
}

static double mean(const struct exit_cost_row *r)
{
	return (double)r->ticks / (double)r->iterations;
}

/* An operation that neither exits for is the processor's alone. */
static bool exits_for(const struct exit_cost_row *o, const struct exit_cost_row *t)
{
	return o->exits >= o->iterations || t->exits >= t->iterations;
}

static void add_run(struct text *out, const struct exit_cost_rows *rows, const struct exit_cost_run *run)
{
	text_addf(out, "%s at %s, %s%s\n%-16s%10s%10s%8s\n", run->l0, run->level, run->config,
		  run->vmx ? ", VMX instructions" : "", "operation", "nestbed", run->l0, "times");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *t = &rows->row[i], *o = t->run == run ? ours_of(rows, t) : NULL;

		if (!o || !o->ticks || !exits_for(o, t))
			continue;
		text_addf(out, "%-16s%10.1f%10.1f%8.2f%s%s\n", t->op, mean(o), mean(t), mean(t) / mean(o),
			  in_user_mode(t) ? "  in user mode there" : "",
			  mean(t) < mean(o) ? "  cheaper there" : "");
	}
}

void exit_cost_ratio_table(struct text *out, const struct exit_cost_rows *rows, const char *cpu)
{
	const struct exit_cost_run *last = NULL;

	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_run *run = rows->row[i].run;

		if (!run->like || run == last)
			continue;
		if (!last)
			text_addf(out, "Two L0s on %s: %s an operation\n", cpu, run->unit);
		add_run(out, rows, run);
		last = run;
	}
}
