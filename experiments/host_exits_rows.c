/* SPDX-License-Identifier: MIT */
#include "experiments/host_exits_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/exit_cost_rows.h"

static const struct sample *find(const struct capture *c, const char *op)
{
	for (unsigned i = 0; i < c->sample_count; i++)
		if (!strcmp(c->sample[i].op, op) && c->sample[i].mark)
			return &c->sample[i];
	return NULL;
}

static int rising(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The lowest value that at least `percent` of them do not exceed. */
static uint64_t quantile(const uint64_t *sorted, unsigned count, unsigned percent)
{
	return sorted[(count * percent + 99) / 100 - 1];
}

static int add_op(struct host_exits_rows *rows, const struct capture *capture, unsigned repeats,
		  const struct sample *first, char **why)
{
	uint64_t ticks[HOST_EXITS_REPEATS_MAX] = {0};

	for (unsigned k = 0; k < repeats; k++) {
		const struct sample *s = find(&capture[k], first->op);

		if (!s || s->iterations != first->iterations) {
			*why = text_format("run %u did not measure '%s' as the first one did", k + 1,
					   first->op);
			return -EPROTO;
		}
		ticks[k] = s->ticks;
	}
	qsort(ticks, repeats, sizeof(ticks[0]), rising);
	rows->row = array_grow(rows->row, rows->count, sizeof(*rows->row));
	rows->row[rows->count++] = (struct host_exits_row){
		.op = first->op,
		.iterations = first->iterations,
		.repeats = repeats,
		.median = quantile(ticks, repeats, 50),
		.low = ticks[0],
		.p90 = quantile(ticks, repeats, 90),
	};
	return 0;
}

int host_exits_add(struct host_exits_rows *rows, const struct capture *capture, unsigned repeats, char **why)
{
	for (unsigned i = 0; i < capture[0].sample_count; i++) {
		const struct sample *s = &capture[0].sample[i];

		if (s->mark && s->iterations && strcmp(s->op, EXIT_COST_EMPTY) != 0 &&
		    add_op(rows, capture, repeats, s, why))
			return -EPROTO;
	}
	return 0;
}

void host_exits_csv(struct csv *csv, const struct host_exits_rows *rows, const char *cpu, const char *unit)
{
	csv_start(csv, "host_cpu,l0,op,repeats,iterations,median_ticks_per_op,min_ticks_per_op,p90_ticks_per_"
		       "op,unit");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct host_exits_row *r = &rows->row[i];

		csv_word(csv, cpu);
		csv_word(csv, "kvm");
		csv_word(csv, r->op);
		csv_number(csv, r->repeats);
		csv_number(csv, r->iterations);
		csv_mean(csv, r->median, r->iterations);
		csv_mean(csv, r->low, r->iterations);
		csv_mean(csv, r->p90, r->iterations);
		csv_word(csv, unit);
		csv_end_row(csv);
	}
}

void host_exits_table(struct text *out, const struct host_exits_rows *rows, const char *cpu, const char *unit)
{
	text_addf(out, "exits to this computer's KVM, %s: %s an operation\n%-16s%10s%10s%10s\n", cpu, unit,
		  "operation", "median", "least", "90 %");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct host_exits_row *r = &rows->row[i];
		const double n = (double)r->iterations;

		text_addf(out, "%-16s%10.0f%10.0f%10.0f\n", r->op, (double)r->median / n, (double)r->low / n,
			  (double)r->p90 / n);
	}
}

void host_exits_rows_free(struct host_exits_rows *rows)
{
	free(rows->row);
	*rows = (struct host_exits_rows){0};
}
