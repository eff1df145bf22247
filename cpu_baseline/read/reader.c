/* SPDX-License-Identifier: MIT */
/* Lines, rows, errors. */
#include "cpu_baseline/read/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int reader_wrong_at(struct reader *r, unsigned line, const char *format, ...)
{
	struct cpu_read_report *report = r->report;
	va_list args;
	int n;

	if (report->error[0])
		return -EINVAL;
	report->line = line;
	if (line)
		n = snprintf(report->error, sizeof(report->error), "%.255s:%u: ", r->name, line);
	else
		n = snprintf(report->error, sizeof(report->error), "%.255s: ", r->name);
	va_start(args, format);
	vsnprintf(report->error + n, sizeof(report->error) - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

void reader_note(struct reader *r, const char *format, ...)
{
	char *notes = r->report->notes;
	size_t used = strlen(notes), room = sizeof(r->report->notes) - 1;
	va_list args;

	if (used >= room)
		return;
	va_start(args, format);
	vsnprintf(notes + used, room - used, format, args);
	va_end(args);
	used = strlen(notes);
	notes[used] = '\n';
	notes[used + 1] = 0;
}

int reader_line(struct reader *r, struct piece *line)
{
	if (!r->rest.n)
		return 0;
	*line = piece_line(&r->rest);
	r->line++;
	if (line->n > CPU_READ_LINE_MAX)
		return reader_wrong(r, "a line of %zu characters, expected at most %u", line->n,
				    CPU_READ_LINE_MAX);
	if (line->n && memchr(line->at, 0, line->n))
		return reader_wrong(r, "a byte of value 0, expected text");
	*line = piece_trim(*line);
	return 1;
}

/* ---- rows ---- */

static unsigned rows_place(const struct reader_rows *rows, uint32_t leaf, uint32_t subleaf)
{
	unsigned i = 0;

	while (i < rows->leaf_count && (rows->leaf[i].leaf != leaf || rows->leaf[i].subleaf != subleaf))
		i++;
	return i;
}

static unsigned msr_place(const struct reader_rows *rows, uint32_t number)
{
	unsigned i = 0;

	while (i < rows->msr_count && rows->msr[i].number != number)
		i++;
	return i;
}

const struct cpu_leaf *rows_find(const struct reader_rows *rows, uint32_t leaf, uint32_t subleaf)
{
	unsigned at = rows_place(rows, leaf, subleaf);

	return at < rows->leaf_count ? &rows->leaf[at] : NULL;
}

/* " of line 7"; nothing where there is no text */
#define OF_LINE 24
static const char *of_line(unsigned line, char buffer[OF_LINE])
{
	buffer[0] = 0;
	if (line)
		snprintf(buffer, OF_LINE, " of line %u", line);
	return buffer;
}

int reader_leaf(struct reader *r, const struct cpu_leaf *leaf)
{
	struct reader_rows *rows = r->rows;
	unsigned at = rows_place(rows, leaf->leaf, leaf->subleaf);
	char buffer[OF_LINE];

	if (at < rows->leaf_count) {
		if (!memcmp(rows->leaf[at].reg, leaf->reg, sizeof(leaf->reg)))
			return 0;
		return reader_wrong(r, "leaf %#x sub-leaf %#x again with other values, expected those%s",
				    leaf->leaf, leaf->subleaf, of_line(rows->leaf_line[at], buffer));
	}
	if (at == READER_LEAVES)
		return reader_wrong(r, "more rows of CPUID than expected, at most %u a processor",
				    READER_LEAVES);
	rows->leaf[at] = *leaf;
	rows->leaf_line[at] = r->line;
	rows->leaf_count++;
	return 0;
}

int reader_msr(struct reader *r, uint32_t number, uint64_t value)
{
	struct reader_rows *rows = r->rows;
	unsigned at = msr_place(rows, number);
	char buffer[OF_LINE];

	if (at < rows->msr_count) {
		if (rows->msr[at].value == value)
			return 0;
		return reader_wrong(r, "MSR %#x again with another value, expected that%s", number,
				    of_line(rows->msr_line[at], buffer));
	}
	if (at == READER_MSRS)
		return reader_wrong(r, "more MSRs than expected, at most %u a processor", READER_MSRS);
	rows->msr[at] = (struct cpu_msr){number, value};
	rows->msr_line[at] = r->line;
	rows->msr_count++;
	return 0;
}

/* ---- several processors ---- */

/*
 * Bits that are a processor's own: SDM Vol. 2A, "CPUID", and AMD's Architecture Programmer's Manual Vol. 3,
 * "CPUID" for those from 0x8000001E on.
 */
static const struct {
	uint32_t leaf;
	uint32_t own[CPU_REGS];
} own_bits[] = {
	{0x1,        {0, 0xff000000, 0, 0}      }, /* initial APIC ID */
	{0x6,        {0, 0, 0, 0xffff0000}      }, /* row in the hardware feedback table */
	{0xb,        {0, 0, 0, 0xffffffff}      }, /* x2APIC ID */
	{0x1f,       {0, 0, 0, 0xffffffff}      },
	{0x8000001e, {0xffffffff, 0xff, 0xff, 0}}, /* APIC, core and node ID */
	{0x80000026, {0, 0, 0, 0xffffffff}      },
};

static uint32_t own_of(uint32_t leaf, unsigned reg)
{
	for (size_t i = 0; i < sizeof(own_bits) / sizeof(own_bits[0]); i++) {
		if (own_bits[i].leaf == leaf)
			return own_bits[i].own[reg];
	}
	return 0;
}

static const char *const reg_name[CPU_REGS] = {"EAX", "EBX", "ECX", "EDX"};

static int same_leaves(struct reader *r)
{
	const struct reader_rows *a = &r->first, *b = &r->later;
	char buffer[OF_LINE];

	for (unsigned i = 0; i < b->leaf_count; i++) {
		const struct cpu_leaf *row = &b->leaf[i];
		unsigned at = rows_place(a, row->leaf, row->subleaf);

		if (at == a->leaf_count)
			return reader_wrong_at(
				r, b->leaf_line[i],
				"leaf %#x sub-leaf %#x, which the first processor lacks, expected "
				"processors that are all alike, not a hybrid",
				row->leaf, row->subleaf);
		for (unsigned reg = 0; reg < CPU_REGS; reg++) {
			uint32_t differs = (row->reg[reg] ^ a->leaf[at].reg[reg]) & ~own_of(row->leaf, reg);

			if (differs)
				return reader_wrong_at(
					r, b->leaf_line[i],
					"leaf %#x sub-leaf %#x %s differs by %#x from that%s, expected "
					"processors that are all alike, not a hybrid",
					row->leaf, row->subleaf, reg_name[reg], differs,
					of_line(a->leaf_line[at], buffer));
		}
	}
	for (unsigned i = 0; i < a->leaf_count; i++) {
		if (!rows_find(b, a->leaf[i].leaf, a->leaf[i].subleaf))
			return reader_wrong(r,
					    "the processor that ends here lacks leaf %#x sub-leaf %#x%s, "
					    "expected processors that are all alike, not a hybrid",
					    a->leaf[i].leaf, a->leaf[i].subleaf,
					    of_line(a->leaf_line[i], buffer));
	}
	return 0;
}

static int same_msrs(struct reader *r)
{
	const struct reader_rows *a = &r->first, *b = &r->later;

	for (unsigned i = 0; i < b->msr_count; i++) {
		unsigned at = msr_place(a, b->msr[i].number);

		if (at == a->msr_count || a->msr[at].value != b->msr[i].value)
			return reader_wrong_at(r, b->msr_line[i],
					       "MSR %#x differs from that of the first processor, expected "
					       "processors that are all alike, not a hybrid",
					       b->msr[i].number);
	}
	return 0;
}

/* Nothing is missing in the processor that ends here, and it is like the first. */
static int end_of_cpu(struct reader *r)
{
	int status = reader_complete(r);

	if (!status && r->rows == &r->later)
		status = same_leaves(r);
	return status || r->rows == &r->first ? status : same_msrs(r);
}

int reader_cpu(struct reader *r)
{
	if (r->rows == &r->first && !r->first.leaf_count && !r->first.msr_count)
		return 0;
	if (end_of_cpu(r))
		return -EINVAL;
	r->rows = &r->later;
	r->later.leaf_count = 0;
	r->later.msr_count = 0;
	return 0;
}

/* ---- the whole ---- */

static int into_policy(struct reader *r)
{
	const struct reader_rows *rows = &r->first;

	for (unsigned i = 0; i < rows->leaf_count; i++) {
		if (cpu_policy_set(r->policy, &rows->leaf[i]))
			return reader_wrong_at(r, rows->leaf_line[i],
					       "more rows of CPUID than expected, at most %u",
					       CPU_POLICY_LEAVES);
	}
	for (unsigned i = 0; i < rows->msr_count; i++) {
		if (cpu_policy_set_msr(r->policy, rows->msr[i].number, rows->msr[i].value))
			return reader_wrong_at(r, rows->msr_line[i], "more MSRs than expected, at most %u",
					       CPU_POLICY_MSRS);
	}
	return 0;
}

int reader_finish(struct reader *r)
{
	/* A list of features promises no leaf. */
	if (!r->policy->features_only && end_of_cpu(r))
		return -EINVAL;
	return into_policy(r);
}

/* The file's name without folder and extension; a URI as it is. */
static void name_policy(struct cpu_policy *policy, const char *name)
{
	const char *start = strrchr(name, '/'), *dot;
	size_t n;

	start = start && !strstr(name, "://") ? start + 1 : name;
	dot = strstr(name, "://") ? NULL : strrchr(start, '.');
	n = dot && dot != start ? (size_t)(dot - start) : strlen(start);
	if (n >= sizeof(policy->name))
		n = sizeof(policy->name) - 1;
	memcpy(policy->name, start, n);
	policy->name[n] = 0;
}

int reader_run(reader_fn *read, const char *name, struct piece text, const struct cpu_read_options *options,
	       struct cpu_policy *out, struct cpu_read_report *report)
{
	static const struct cpu_read_options defaults;
	struct reader r = {.name = name,
			   .rest = text,
			   .options = options ? options : &defaults,
			   .report = report,
			   .policy = out};

	r.rows = &r.first;
	memset(out, 0, sizeof(*out));
	memset(report, 0, sizeof(*report));
	name_policy(out, name);
	if (text.n > CPU_READ_TEXT_MAX)
		return reader_wrong(&r, "a text of %zu bytes, expected at most %u", text.n,
				    CPU_READ_TEXT_MAX);
	return read(&r);
}
