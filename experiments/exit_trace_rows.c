/* SPDX-License-Identifier: MIT */
#include "experiments/exit_trace_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/exit_cost_rows.h"

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What the measured loop costs without an operation in it is no part of the operation. */
static struct trace_counts counts_less(const struct trace_counts *a, const struct trace_counts *b)
{
	struct trace_counts r = {.unreadable = less(a->unreadable, b->unreadable)};

	for (unsigned who = 0; who < TRACE_WHO_COUNT; who++)
		for (unsigned c = 0; c < TRACE_CLASS_COUNT; c++)
			r.of[who][c] = less(a->of[who][c], b->of[who][c]);
	return r;
}

static bool measured(const struct sample *s)
{
	return !s->why && s->iterations;
}

/* The section of the empty operation, or NULL with *why. */
static const struct trace_counts *find_empty(const struct capture *capture, const struct trace *trace,
					     unsigned at, char **why)
{
	const struct trace_counts *empty = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < capture->sample_count; i++) {
		if (!measured(&capture->sample[i]))
			continue;
		if (n < trace->sections - at && !strcmp(capture->sample[i].op, EXIT_COST_EMPTY))
			empty = &trace->section[at + n];
		n++;
	}
	if (n > trace->sections - at)
		*why = text_format("%u operations measured, but %u traced", n, trace->sections - at);
	else if (!empty)
		*why = text_format("no trace of operation '%s', which says what the loop costs",
				   EXIT_COST_EMPTY);
	else
		return empty;
	return NULL;
}

static bool is_ours(const char *l0)
{
	return !strcmp(l0, "nestbed");
}

/* A kernel that has nothing to do executes its idle loop meanwhile: that is no cost of waiting. */
static bool idles(const struct exit_trace_label *label, const char *op)
{
	return !is_ours(label->l0) && !strcmp(op, "hlt");
}

int exit_trace_add(struct exit_trace_rows *rows, const struct exit_trace_label *label,
		   const struct capture *capture, const struct trace *trace, unsigned *at, char **why)
{
	const struct trace_counts *empty = find_empty(capture, trace, *at, why);

	if (!empty)
		return -EPROTO;
	for (unsigned i = 0; i < capture->sample_count; i++) {
		const struct sample *s = &capture->sample[i];

		if (!measured(s))
			continue;
		if (idles(label, s->op)) {
			(*at)++;
			continue;
		}
		rows->row = array_grow(rows->row, rows->count, sizeof(*rows->row));
		rows->row[rows->count++] = (struct exit_trace_row){
			.l0 = label->l0,
			.level = label->level,
			.config = label->config,
			.op = text_copy(s->op),
			.iterations = s->iterations,
			.counts = counts_less(&trace->section[(*at)++], empty),
		};
	}
	return 0;
}

int exit_trace_end(const struct trace *trace, unsigned at, char **why)
{
	if (at == trace->sections)
		return 0;
	*why = text_format("%u operations measured, but %u traced", at, trace->sections);
	return -EPROTO;
}

static bool same_run(const struct exit_trace_row *r, const struct exit_trace_label *label)
{
	return !strcmp(r->l0, label->l0) && !strcmp(r->level, label->level) &&
	       !strcmp(r->config, label->config);
}

const struct exit_trace_row *exit_trace_find(const struct exit_trace_rows *rows,
					     const struct exit_trace_label *label, const char *op)
{
	for (unsigned i = 0; i < rows->count; i++)
		if (same_run(&rows->row[i], label) && !strcmp(rows->row[i].op, op))
			return &rows->row[i];
	return NULL;
}

void exit_trace_rows_free(struct exit_trace_rows *rows)
{
	for (unsigned i = 0; i < rows->count; i++)
		free(rows->row[i].op);
	free(rows->row);
	*rows = (struct exit_trace_rows){0};
}

/* ---- instructions.csv ---- */

static void add_words(struct csv *csv, const struct exit_trace_row *r, const char *cpu)
{
	csv_word(csv, cpu);
	csv_word(csv, r->l0);
	csv_word(csv, r->level);
	csv_word(csv, r->config);
	csv_word(csv, r->op);
}

static void add_class(struct csv *csv, const struct exit_trace_row *r, const char *cpu, const char *by,
		      const char *class, uint64_t count)
{
	add_words(csv, r, cpu);
	csv_word(csv, by);
	csv_word(csv, class);
	csv_mean(csv, count, r->iterations);
	csv_end_row(csv);
}

void instructions_csv(struct csv *csv, const struct exit_trace_rows *rows, const char *cpu)
{
	static const char *const by[TRACE_WHO_COUNT] = {[TRACE_L0] = "L0", [TRACE_GUESTS] = "guests"};

	csv_start(csv, "host_cpu,l0,level,config,op,by,class,count_per_op");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_trace_row *r = &rows->row[i];

		for (enum trace_who who = 0; who < TRACE_WHO_COUNT; who++) {
			add_class(csv, r, cpu, by[who], "all", trace_sum(&r->counts, who));
			for (unsigned c = 0; c < TRACE_CLASS_COUNT; c++)
				if (r->counts.of[who][c])
					add_class(csv, r, cpu, by[who], trace_class_names[c],
						  r->counts.of[who][c]);
		}
		if (r->counts.unreadable)
			add_class(csv, r, cpu, "unknown", "unreadable", r->counts.unreadable);
	}
}

/* ---- modelled.csv ---- */

static struct modelled model_row(const struct exit_trace_model *model, const struct exit_trace_row *r)
{
	return latencies_model(&model->latencies, model->milli_cpi, &r->counts, TRACE_L0);
}

static void add_left_out(struct text *out, const bool *left_out, const char *between)
{
	const char *before = "";

	for (unsigned c = 0; c < TRACE_CLASS_COUNT; c++) {
		if (!left_out[c])
			continue;
		text_addf(out, "%s%s", before, trace_class_names[c]);
		before = between;
	}
	if (!*before)
		text_addf(out, "-");
}

void modelled_csv(struct csv *csv, const struct exit_trace_rows *rows, const struct exit_trace_model *model,
		  const char *cpu)
{
	csv_start(csv, "host_cpu,l0,level,config,op,instructions_l0_per_op,instructions_guests_per_op,"
		       "modelled_cycles_per_op,transition_cycles_per_op,vmx_cycles_per_op,slow_cycles_per_op,"
		       "plain_cycles_per_op,left_out");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_trace_row *r = &rows->row[i];
		const struct modelled m = model_row(model, r);
		const uint64_t thousandths = r->iterations * 1000;
		struct text left_out = {0};

		add_words(csv, r, cpu);
		csv_mean(csv, trace_sum(&r->counts, TRACE_L0), r->iterations);
		csv_mean(csv, trace_sum(&r->counts, TRACE_GUESTS), r->iterations);
		csv_mean(csv, m.all, thousandths);
		csv_mean(csv, m.transitions, thousandths);
		csv_mean(csv, m.vmx, thousandths);
		csv_mean(csv, m.slow, thousandths);
		csv_mean(csv, m.plain, thousandths);
		add_left_out(&left_out, m.left_out, ";");
		csv_word(csv, left_out.data);
		csv_end_row(csv);
		text_free(&left_out);
	}
}

/* ---- the table for people ---- */

#define OP_WIDTH 15

/* The classes that have a column of their own. */
static const enum trace_class told[] = {TRACE_ENTRY,   TRACE_VMREAD, TRACE_VMWRITE,
					TRACE_VMPTRLD, TRACE_INVEPT, TRACE_WRMSR};
#define TOLD (sizeof(told) / sizeof(told[0]))

static void add_head(struct text *out, const struct exit_trace_row *r)
{
	text_addf(out, "%s at %s, %s\n%-*s%9s", r->l0, r->level, r->config, OP_WIDTH, "operation", "insns");
	for (size_t i = 0; i < TOLD; i++)
		text_addf(out, "%9s", trace_class_names[told[i]]);
	text_addf(out, "%9s%9s\n", "cycles", "of VMX");
}

static void add_line(struct text *out, const struct exit_trace_row *r, const struct exit_trace_model *model)
{
	const struct modelled m = model_row(model, r);
	const double n = (double)r->iterations;

	text_addf(out, "%-*s%9.1f", OP_WIDTH, r->op, (double)trace_sum(&r->counts, TRACE_L0) / n);
	for (size_t i = 0; i < TOLD; i++)
		text_addf(out, "%9.1f", (double)r->counts.of[TRACE_L0][told[i]] / n);
	text_addf(out, "%9.0f%9.0f\n", (double)m.all / 1000 / n, (double)(m.vmx + m.transitions) / 1000 / n);
}

static void add_left_out_of_all(struct text *out, const struct exit_trace_rows *rows,
				const struct exit_trace_model *model)
{
	bool left_out[TRACE_CLASS_COUNT] = {false};

	for (unsigned i = 0; i < rows->count; i++) {
		const struct modelled m = model_row(model, &rows->row[i]);

		for (unsigned c = 0; c < TRACE_CLASS_COUNT; c++)
			left_out[c] |= m.left_out[c];
	}
	add_left_out(out, left_out, ", ");
}

void exit_trace_table(struct text *out, const struct exit_trace_rows *rows,
		      const struct exit_trace_model *model, const char *cpu)
{
	text_addf(out,
		  "traced on %s: instructions of L0 an operation, slow ones among them; cycles modelled, and "
		  "of "
		  "them those of VMX\n",
		  cpu);
	for (unsigned i = 0; i < rows->count; i++) {
		const struct exit_trace_row *r = &rows->row[i];
		const struct exit_trace_label label = {r->l0, r->level, r->config};

		if (!i || !same_run(&rows->row[i - 1], &label))
			add_head(out, r);
		if (strcmp(r->op, EXIT_COST_EMPTY) != 0)
			add_line(out, r, model);
	}
	text_addf(out,
		  "cycles: %" PRIu32 ".%03" PRIu32
		  " an instruction, published latencies for slow ones; too few for those without one: ",
		  model->milli_cpi / 1000, model->milli_cpi % 1000);
	add_left_out_of_all(out, rows, model);
	text_addf(out, "\n");
}

/* ---- against L0's own accounting ---- */

/* Another L0 than this project's tells VM entries alone. */
static unsigned compare_one(const struct exit_trace_row *r, const struct exit_cost_row *own, struct text *out)
{
	const struct {
		enum trace_class class;
		uint64_t own;
	} rows[] = {
		{TRACE_ENTRY,   own->entries },
		{TRACE_VMREAD,  own->vmreads },
		{TRACE_VMWRITE, own->vmwrites},
		{TRACE_VMPTRLD, own->vmptrlds},
	};
	const size_t count = is_ours(r->l0) ? sizeof(rows) / sizeof(rows[0]) : 1;
	unsigned differences = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t traced = r->counts.of[TRACE_L0][rows[i].class];

		if (traced == rows[i].own)
			continue;
		text_addf(out, "%s at %s %s: %" PRIu64 " %s traced, L0 counted %" PRIu64 "\n", r->op,
			  r->level, r->config, traced, trace_class_names[rows[i].class], rows[i].own);
		differences++;
	}
	return differences;
}

unsigned exit_trace_compare(const struct exit_trace_rows *rows, const struct exit_trace_label *label,
			    const struct capture *capture, struct text *out)
{
	const struct exit_cost_run run = {.l0 = label->l0,
					  .level = label->level,
					  .config = label->config,
					  .unit = "",
					  .depth = capture->depth,
					  .capture = capture};
	struct exit_cost_rows own = {0};
	unsigned differences = 0;
	char *why;

	if (exit_cost_add(&own, &run, &why)) {
		text_addf(out, "%s %s: %s\n", label->level, label->config, why);
		free(why);
		exit_cost_rows_free(&own);
		return 1;
	}
	for (unsigned i = 0; i < own.count; i++) {
		const struct exit_trace_row *r = exit_trace_find(rows, label, own.row[i].op);

		if (r)
			differences += compare_one(r, &own.row[i], out);
	}
	exit_cost_rows_free(&own);
	return differences;
}
