/* SPDX-License-Identifier: MIT */
/* exit-cost's table for people, and what differs between levels that should not. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/exit_cost_rows.h"

#define OP_WIDTH    15
#define COST_WIDTH  8
#define EXITS_WIDTH 7

/* Decimals where they tell something: below a hundred. */
static void add_mean(struct text *out, int width, uint64_t total, uint64_t count)
{
	double mean = (double)total / (double)count;

	text_addf(out, "%*.*f", width, mean < 99.95 ? 1 : 0, mean);
}

/* An L2 column's head: "L2 s+i" is shadowing on, merge incremental. */
static void add_head(struct text *out, const struct exit_cost_run *run, int width)
{
	char head[16];
	size_t n = 0;

	for (const char *p = run->level; *p && n < 8; p++)
		head[n++] = *p;
	if (run->depth == 2) {
		head[n++] = ' ';
		head[n++] = strstr(run->config, "shadow=on") ? 'S' : 's';
		head[n++] = strstr(run->config, "merge=incremental") ? 'I' : 'f';
		if (strstr(run->config, "intercept=all"))
			head[n++] = '*';
	}
	head[n] = '\0';
	text_addf(out, "%*s", width, head);
}

/* A full merge exits as often as an incremental one: its exits would only widen the table. */
static bool counts_exits(const struct exit_cost_run *run)
{
	return run->depth && !strstr(run->config, "merge=full");
}

static void add_cost_row(struct text *out, const struct exit_cost_rows *rows,
			 const struct exit_cost_run *runs, unsigned run_count, const char *op)
{
	const struct exit_cost_row *l1 = NULL;
	const struct exit_cost_row *l2 = NULL;

	text_addf(out, "%-*s", OP_WIDTH, op);
	for (unsigned i = 0; i < run_count; i++) {
		const struct exit_cost_row *r = exit_cost_find(rows, &runs[i], op);

		if (!r) {
			text_addf(out, "%*s", COST_WIDTH, "-");
			continue;
		}
		add_mean(out, COST_WIDTH, r->ticks, r->iterations);
		if (runs[i].depth == 1)
			l1 = r;
		if (runs[i].depth == 2 && !l2)
			l2 = r;
	}
	if (l1 && l2 && l1->ticks)
		text_addf(out, "%7.1f",
			  (double)l2->ticks / (double)l2->iterations /
				  ((double)l1->ticks / (double)l1->iterations));
	else
		text_addf(out, "%7s", "-");
	for (unsigned i = 0; i < run_count; i++) {
		const struct exit_cost_row *r = exit_cost_find(rows, &runs[i], op);

		if (!counts_exits(&runs[i]))
			continue;
		if (r)
			add_mean(out, EXITS_WIDTH, r->exits, r->iterations);
		else
			text_addf(out, "%*s", EXITS_WIDTH, "-");
	}
	text_addf(out, "\n");
}

/* Of an operation's ticks, the part that is L0's accounting. */
static double accounting_share(const struct exit_cost_row *r)
{
	return (double)r->accounting_ticks / (double)r->ticks;
}

static void add_share(struct text *out, const struct exit_cost_row *r)
{
	text_addf(out, "%.1f %s of %.1f at %s %s (%.1f %%)",
		  (double)r->accounting_ticks / (double)r->iterations, r->run->unit,
		  (double)r->ticks / (double)r->iterations, r->run->level, r->op, 100 * accounting_share(r));
}

/* What measuring cost: for the round that L1 is for, and where its share is greatest. */
static void add_accounting(struct text *out, const struct exit_cost_rows *rows)
{
	const struct exit_cost_row *worst = NULL, *round = NULL;

	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *r = &rows->row[i];

		/* L0's ticks include waiting that the operation's leave out: HLT's. */
		if (!r->windowed || !r->ticks || r->ticks_l0 > r->ticks)
			continue;
		if (!worst || accounting_share(r) > accounting_share(worst))
			worst = r;
		if (!round && r->run->depth == 2 && !strcmp(r->op, "vmcall"))
			round = r;
	}
	if (!worst)
		return;
	text_addf(out, "accounting is part of it: ");
	if (round) {
		add_share(out, round);
		text_addf(out, "; at most ");
	}
	add_share(out, worst);
	text_addf(out, "\n");
}

static bool seen_before(const struct exit_cost_rows *rows, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (!strcmp(rows->row[i].op, rows->row[at].op))
			return true;
	return false;
}

/* The operations in the workload's order: that of the run that measured most. */
static const struct capture *widest(const struct exit_cost_run *runs, unsigned run_count)
{
	const struct capture *best = runs[0].capture;

	for (unsigned i = 1; i < run_count; i++)
		if (runs[i].capture->sample_count > best->sample_count)
			best = runs[i].capture;
	return best;
}

void exit_cost_table(struct text *out, const struct exit_cost_rows *rows, const struct exit_cost_run *runs,
		     unsigned run_count, const char *cpu)
{
	const struct capture *ops = widest(runs, run_count);

	text_addf(out, "exit-cost on %s: %s an operation; L2 over L1; exits to L0 an operation\n", cpu,
		  runs[run_count - 1].unit);
	text_addf(out, "%-*s", OP_WIDTH, "operation");
	for (unsigned i = 0; i < run_count; i++)
		add_head(out, &runs[i], COST_WIDTH);
	text_addf(out, "%7s", "L2/L1");
	for (unsigned i = 0; i < run_count; i++)
		if (counts_exits(&runs[i]))
			add_head(out, &runs[i], EXITS_WIDTH);
	text_addf(out, "\n");
	for (unsigned i = 0; i < ops->sample_count; i++)
		for (unsigned k = 0; k < rows->count; k++)
			if (!strcmp(rows->row[k].op, ops->sample[i].op) && !seen_before(rows, k))
				add_cost_row(out, rows, runs, run_count, ops->sample[i].op);
	text_addf(out,
		  "S, s: VMCS shadowing on, off; I, f: merge incremental, full; *: L1 intercepts all it can; "
		  "L2/L1: of the first L2 column\n");
	add_accounting(out, rows);
}

void exit_cost_vmx_table(struct text *out, const struct exit_cost_rows *rows,
			 const struct exit_cost_run *runs, unsigned run_count)
{
	bool headed = false;

	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *r = &rows->row[i];

		if (r->run < runs || r->run >= runs + run_count || !r->run->vmx || r->run->opaque ||
		    !strcmp(r->op, EXIT_COST_EMPTY))
			continue;
		if (!headed)
			text_addf(out, "VMX instructions of L1: %s, and exits to L0\n", r->run->unit);
		headed = true;
		text_addf(out, "%-*s %-10s", OP_WIDTH, r->op, r->run->config);
		add_mean(out, COST_WIDTH, r->ticks, r->iterations);
		add_mean(out, EXITS_WIDTH, r->exits, r->iterations);
		text_addf(out, "\n");
	}
}

/* What an operation computed, against the first run that measured it as often. */
static unsigned compare_checks(const struct exit_cost_rows *rows, struct text *out)
{
	unsigned differences = 0;

	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_cost_row *a = &rows->row[i];

		if (seen_before(rows, i))
			continue;
		for (unsigned k = i + 1; k < rows->count; k++) {
			const struct exit_cost_row *b = &rows->row[k];

			if (strcmp(a->op, b->op) || (a->iterations == b->iterations && a->check == b->check))
				continue;
			text_addf(out,
				  "%s: %s has 0x%" PRIx64 " after %" PRIu64
				  " iterations, %s %s has 0x%" PRIx64 " after %" PRIu64 "\n",
				  a->op, a->run->level, a->check, a->iterations, b->run->level,
				  b->run->config, b->check, b->iterations);
			differences++;
		}
	}
	return differences;
}

static unsigned compare_printed(const struct exit_cost_run *runs, unsigned run_count, struct text *out)
{
	const struct text *first = &runs[0].capture->printed;
	unsigned differences = 0;

	for (unsigned i = 1; i < run_count; i++) {
		const struct text *other = &runs[i].capture->printed;
		size_t at = 0;

		if (runs[i].vmx != runs[0].vmx) /* other operations have other names */
			continue;
		while (at < first->size && at < other->size && first->data[at] == other->data[at])
			at++;
		if (at == first->size && at == other->size)
			continue;
		while (at && first->data[at - 1] != '\n')
			at--;
		text_addf(out, "printed text: %s has '%.*s', %s %s has '%.*s'\n", runs[0].level,
			  (int)strcspn(first->data + at, "\n"), first->data + at, runs[i].level,
			  runs[i].config, (int)strcspn(other->data + at, "\n"), other->data + at);
		differences++;
	}
	return differences;
}

unsigned exit_cost_compare(const struct exit_cost_rows *rows, const struct exit_cost_run *runs,
			   unsigned run_count, struct text *out)
{
	return compare_checks(rows, out) + compare_printed(runs, run_count, out);
}
