/* SPDX-License-Identifier: MIT */
/*
 * Dumps as InstLatx64 collects them: sections of AIDA64's report. A row of CPUID names its sub-leaf behind
 * it,
 * "[SL 01]"; older ones don't, and only repeat the leaf.
 */
#include "cpu_baseline/read/reader.h"

/* Rows of the processor that is being read: which sub-leaves they are is only known when all are there. */
struct pending {
	struct cpu_leaf leaf;
	unsigned line;
	bool labelled;
};

enum section {
	PREFACE, /* before the first header */
	PROCESSOR,
	MSRS,
	OTHER, /* about something else: not looked at */
	RESULTS, /* measurements, up to the end */
};

struct dump {
	struct reader *r;
	enum section section;
	unsigned count;
	struct pending row[READER_LEAVES];
};

/* ---- sub-leaves ---- */

/* How leaves without labels are numbered. */
enum numbering {
	IN_ORDER, /* 0, 1, 2… */
	BY_BITS, /* 0, then those that bits of sub-leaf 0 tell of */
	BY_STATES, /* 0 and 1, then the components of XCR0 and IA32_XSS */
};

/* Leaves that have sub-leaves: SDM Vol. 2A, "CPUID"; AMD's manual Vol. 3 for those from 0x80000000 on. */
static const struct {
	uint32_t leaf;
	enum numbering numbering;
	enum cpu_reg bits; /* BY_BITS */
} numbered[] = {
	{0x2,        IN_ORDER,  CPU_EAX}, /* asked again as often as it tells itself, on old processors */
	{0x4,        IN_ORDER,  CPU_EAX},
        {0x7,        IN_ORDER,  CPU_EAX},
        {0xb,        IN_ORDER,  CPU_EAX},
	{0xd,        BY_STATES, CPU_EAX},
        {0xf,        IN_ORDER,  CPU_EAX},
        {0x10,       BY_BITS,   CPU_EBX},
	{0x12,       IN_ORDER,  CPU_EAX},
        {0x14,       IN_ORDER,  CPU_EAX},
        {0x17,       IN_ORDER,  CPU_EAX},
	{0x18,       IN_ORDER,  CPU_EAX},
        {0x1b,       IN_ORDER,  CPU_EAX},
        {0x1d,       IN_ORDER,  CPU_EAX},
	{0x1e,       IN_ORDER,  CPU_EAX},
        {0x1f,       IN_ORDER,  CPU_EAX},
        {0x20,       IN_ORDER,  CPU_EAX},
	{0x23,       BY_BITS,   CPU_EAX},
        {0x24,       IN_ORDER,  CPU_EAX},
        {0x8000001d, IN_ORDER,  CPU_EAX},
	{0x80000020, BY_BITS,   CPU_EBX},
        {0x80000026, IN_ORDER,  CPU_EAX},
};

/* The i-th row of the leaf; NULL: there are fewer. */
static const struct pending *row_of(const struct dump *d, uint32_t leaf, unsigned i)
{
	for (unsigned n = 0; n < d->count; n++) {
		if (d->row[n].leaf.leaf == leaf && !i--)
			return &d->row[n];
	}
	return NULL;
}

static unsigned rows_of(const struct dump *d, uint32_t leaf)
{
	unsigned n = 0;

	while (row_of(d, leaf, n))
		n++;
	return n;
}

static uint64_t wide(const struct pending *row, enum cpu_reg high, enum cpu_reg low)
{
	return row ? (uint64_t)row->leaf.reg[high] << 32 | row->leaf.reg[low] : 0;
}

/* Which sub-leaf the row is, the position-th of its leaf: the rest of *mask, bit by bit, behind the first
 * ones. */
static int by_mask(struct dump *d, const struct pending *row, unsigned position, unsigned first,
		   uint64_t mask, uint32_t *subleaf)
{
	unsigned rows = rows_of(d, row->leaf.leaf), bits = (unsigned)__builtin_popcountll(mask);

	if (rows != first + bits)
		return reader_wrong_at(
			d->r, row->line,
			"leaf %#x has %u rows without [SL n], expected %u as its first ones say: "
			"which is which is not told",
			row->leaf.leaf, rows, first + bits);
	for (position -= first; position; position--)
		mask &= mask - 1;
	*subleaf = (uint32_t)__builtin_ctzll(mask);
	return 0;
}

static int number_row(struct dump *d, const struct pending *row, uint32_t *subleaf)
{
	uint32_t leaf = row->leaf.leaf;
	unsigned position = 0;
	uint64_t mask;
	size_t i = 0;

	while (row_of(d, leaf, position) != row) {
		if (row_of(d, leaf, position++)->labelled)
			return reader_wrong_at(d->r, row->line,
					       "leaf %#x without [SL n] behind one with it, expected it",
					       leaf);
	}
	*subleaf = position;
	if (!position)
		return 0;
	while (i < sizeof(numbered) / sizeof(numbered[0]) && numbered[i].leaf != leaf)
		i++;
	if (i == sizeof(numbered) / sizeof(numbered[0]))
		return reader_wrong_at(d->r, row->line,
				       "leaf %#x again, expected it once: it has no sub-leaves", leaf);
	if (numbered[i].numbering == IN_ORDER || (numbered[i].numbering == BY_STATES && position == 1))
		return 0;
	if (numbered[i].numbering == BY_BITS)
		return by_mask(d, row, position, 1, row_of(d, leaf, 0)->leaf.reg[numbered[i].bits] & ~1u,
			       subleaf);
	mask = wide(row_of(d, leaf, 0), CPU_EDX, CPU_EAX) | wide(row_of(d, leaf, 1), CPU_EDX, CPU_ECX);
	/* x87 and SSE have none, and bit 63 is none. */
	return by_mask(d, row, position, 2, mask & ~(3ull | 1ull << 63), subleaf);
}

/* The processor's rows, now that all are there. */
static int settle(struct dump *d)
{
	unsigned line = d->r->line;
	int status = 0;

	for (unsigned i = 0; i < d->count && !status; i++) {
		struct pending *row = &d->row[i];
		struct cpu_leaf leaf = row->leaf;

		if (!row->labelled)
			status = number_row(d, row, &leaf.subleaf);
		d->r->line = row->line;
		if (!status)
			status = reader_leaf(d->r, &leaf);
	}
	d->r->line = line;
	d->count = 0;
	return status;
}

/* ---- lines ---- */

/* What may stand behind a row: nothing, or text in brackets. */
static bool is_remark(struct piece rest)
{
	rest = piece_trim(rest);
	return !rest.n || (rest.n > 1 && rest.at[0] == '[' && rest.at[rest.n - 1] == ']');
}

/* "CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 00]" */
static bool cpuid_line(struct piece line, struct pending *row)
{
	uint64_t value;
	struct piece label;

	if (!piece_take(&line, "CPUID ") || !piece_hex(&line, 8, 8, &value) || !piece_take(&line, ":"))
		return false;
	*row = (struct pending){.leaf.leaf = (uint32_t)value};
	piece_blanks(&line);
	for (unsigned i = 0; i < CPU_REGS; i++) {
		if ((i && !piece_take(&line, "-")) || !piece_hex(&line, 8, 8, &value))
			return false;
		row->leaf.reg[i] = (uint32_t)value;
	}
	label = piece_trim(line);
	if (piece_take(&label, "[SL ")) {
		row->labelled =
			piece_hex(&label, 1, 8, &value) && piece_take(&label, "]") && is_remark(label);
		row->leaf.subleaf = (uint32_t)value;
		return row->labelled;
	}
	return is_remark(line);
}

/* "MSR 0000001B: 0000-0000-FEE0-0900 [S200]", or "MSR 00000300: < FAILED >", which is no value. */
static bool msr_line(struct piece line, uint32_t *number, uint64_t *value, bool *failed)
{
	uint64_t part;

	*value = 0;
	*failed = false;
	if (!piece_take(&line, "MSR ") || !piece_hex(&line, 8, 8, &part) || !piece_take(&line, ":"))
		return false;
	*number = (uint32_t)part;
	line = piece_trim(line);
	if (piece_is(line, "< FAILED >")) {
		*failed = true;
		return true;
	}
	for (unsigned i = 0; i < 4; i++) {
		if ((i && !piece_take(&line, "-")) || !piece_hex(&line, 4, 4, &part))
			return false;
		*value = *value << 16 | part;
	}
	return is_remark(line);
}

/* The MSRs that tell of capabilities; others are what the machine did at that time. */
static bool is_capability(uint32_t number)
{
	return number == 0xcf || number == 0x10a || (number >= 0x480 && number <= 0x493);
}

/* "------[ NAME ]------" */
static bool header_line(struct piece line, struct piece *name)
{
	static const char open[] = "------[ ", close[] = " ]------";

	if (!piece_take(&line, open) || line.n <= sizeof(close) - 1)
		return false;
	*name = (struct piece){line.at, line.n - (sizeof(close) - 1)};
	line.at += name->n;
	line.n = sizeof(close) - 1;
	return piece_is(line, close);
}

/* "Logical CPU #0", with "CPUID Registers / " before it or not */
static bool names_processor(struct piece name)
{
	uint64_t number;

	piece_take(&name, "CPUID Registers / ");
	return piece_take(&name, "Logical CPU #") && piece_decimal(&name, 0xffff, &number) && !name.n;
}

/* "CPU#000 AffMask: 0x0000000000000001", or "CPUID Registers (CPU #1):" of older reports */
static bool processor_line(struct piece line)
{
	struct piece old = line;
	uint64_t value;

	if (piece_take(&old, "CPUID Registers (CPU #") && piece_decimal(&old, 0xffff, &value))
		return piece_is(old, "):");
	return piece_take(&line, "CPU#") && piece_decimal(&line, 0xffff, &value) &&
	       piece_take(&line, " AffMask: 0x") && piece_hex(&line, 1, 16, &value) && !line.n;
}

/* A line of dashes, as they stand before measurements */
static bool is_rule(struct piece line)
{
	size_t n = 0;

	while (n < line.n && line.at[n] == '-')
		n++;
	return n == line.n && n >= 20;
}

/* "NAME: TEXT" or "NAME = TEXT" that tells people something: the name a word or some, no row that went wrong.
 */
static bool is_remark_line(struct piece line)
{
	struct piece copy = line;
	size_t n = 0;

	if (piece_take(&copy, "CPUID ") || piece_take(&copy, "MSR "))
		return false;
	while (n < line.n && line.at[n] != ':' && line.at[n] != '=')
		n++;
	return n && n < line.n && n <= 40 && ((line.at[0] | 0x20) >= 'a' && (line.at[0] | 0x20) <= 'z');
}

bool instlat_is(struct piece text)
{
	struct pending row;
	struct piece name;

	for (unsigned i = 0; i < 64 && text.n; i++) {
		struct piece line = piece_trim(piece_line(&text));

		if (header_line(line, &name) || processor_line(line) || cpuid_line(line, &row))
			return true;
	}
	return false;
}

static int begin_processor(struct dump *d)
{
	int status = settle(d);

	d->section = PROCESSOR;
	return status ? status : reader_cpu(d->r);
}

static int cpuid_row(struct dump *d, const struct pending *row)
{
	if (d->count == READER_LEAVES)
		return reader_wrong(d->r, "more rows of CPUID than expected, at most %u a processor",
				    READER_LEAVES);
	d->row[d->count] = *row;
	d->row[d->count++].line = d->r->line;
	return 0;
}

/* MSRs stand behind the last processor and are the first one's: the report asked once. */
static int msr_row(struct dump *d, uint32_t number, uint64_t value)
{
	struct reader_rows *rows = d->r->rows;
	int status;

	d->r->rows = &d->r->first;
	status = reader_msr(d->r, number, value);
	d->r->rows = rows;
	return status;
}

static int one_line(struct dump *d, struct piece line)
{
	char shown[PIECE_SHOWN + 1];
	struct pending row;
	struct piece name;
	uint32_t number;
	uint64_t value;
	bool failed;

	if (processor_line(line))
		return begin_processor(d);
	if (header_line(line, &name)) {
		if (names_processor(name))
			return begin_processor(d);
		d->section = piece_is(name, "MSR Registers") ? MSRS : OTHER;
		return 0;
	}
	if (is_rule(line))
		d->section = RESULTS;
	if (d->section == OTHER || d->section == RESULTS)
		return 0;
	if (cpuid_line(line, &row))
		return cpuid_row(d, &row);
	if (msr_line(line, &number, &value, &failed))
		return failed || !is_capability(number) ? 0 : msr_row(d, number, value);
	if (is_remark_line(line))
		return 0;
	return reader_wrong(d->r,
			    "'%s', expected 'CPUID LEAF: EAX-EBX-ECX-EDX' with 8 digits each, 'MSR NUMBER: "
			    "0000-0000-0000-0000', a header, 'NAME: TEXT' or 'NAME = TEXT'",
			    piece_show(line, shown));
}

int instlat_read(struct reader *r)
{
	struct dump d = {.r = r};
	struct piece line;
	int status;

	r->promises = (struct reader_promises){
		.every_leaf = true, .but_empty_lists = true, .every_subleaf = true, .every_component = true};
	while ((status = reader_line(r, &line)) == 1) {
		status = line.n ? one_line(&d, line) : 0;
		if (status)
			return status;
	}
	if (!status)
		status = settle(&d);
	return status ? status : reader_finish(r);
}
