/* SPDX-License-Identifier: MIT */
/* What the tool cpuid prints with -r, and our own record of a machine, which has lines for MSRs too. */
#include "cpu_baseline/read/reader.h"

/* "CPU 0:", or "CPU:" of `cpuid -1` */
static bool is_header(struct piece line)
{
	uint64_t number;

	if (!piece_take(&line, "CPU"))
		return false;
	if (piece_blanks(&line) && !piece_decimal(&line, 0xffff, &number))
		return false;
	return piece_is(line, ":");
}

static bool take_hex(struct piece *s, const char *before, unsigned min, unsigned max, uint64_t *value)
{
	piece_blanks(s);
	return piece_take(s, before) && piece_hex(s, min, max, value);
}

/* "0x0000000d 0x01: eax=0x… ebx=0x… ecx=0x… edx=0x…", eight digits each: fewer are a line cut short. */
static bool leaf_line(struct piece line, struct cpu_leaf *leaf)
{
	static const char *const regs[CPU_REGS] = {"eax=0x", "ebx=0x", "ecx=0x", "edx=0x"};
	uint64_t value;

	if (!take_hex(&line, "0x", 8, 8, &value))
		return false;
	leaf->leaf = (uint32_t)value;
	if (!take_hex(&line, "0x", 1, 8, &value) || !piece_take(&line, ":"))
		return false;
	leaf->subleaf = (uint32_t)value;
	for (unsigned i = 0; i < CPU_REGS; i++) {
		if (!take_hex(&line, regs[i], 8, 8, &value))
			return false;
		leaf->reg[i] = (uint32_t)value;
	}
	return !line.n;
}

/* "msr 0x00000480 0x00d810000000002b", all 16 digits of the value */
static bool msr_line(struct piece line, uint32_t *number, uint64_t *value)
{
	uint64_t n;

	if (!take_hex(&line, "msr 0x", 1, 8, &n) || !take_hex(&line, "0x", 16, 16, value))
		return false;
	*number = (uint32_t)n;
	return !line.n;
}

bool cpuid_text_is(struct piece text)
{
	struct cpu_leaf leaf;

	for (unsigned i = 0; i < 64 && text.n; i++) {
		struct piece line = piece_trim(piece_line(&text));

		if (is_header(line) || leaf_line(line, &leaf))
			return true;
	}
	return false;
}

static int one_line(struct reader *r, struct piece line)
{
	char shown[PIECE_SHOWN + 1];
	struct cpu_leaf leaf;
	uint32_t number;
	uint64_t value;

	if (is_header(line))
		return reader_cpu(r);
	if (leaf_line(line, &leaf))
		return reader_leaf(r, &leaf);
	if (msr_line(line, &number, &value)) {
		/* Our own record leaves out components that are all 0, and tells the end of lists; the tool
		 * prints all components, and in older versions no end. */
		r->promises.every_component = false;
		r->promises.last_subleaf = true;
		return reader_msr(r, number, value);
	}
	return reader_wrong(
		r,
		"'%s', expected 'CPU N:', '0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…' with "
		"8 digits each, or 'msr 0xNUMBER 0x…' with 16",
		piece_show(line, shown));
}

int cpuid_text_read(struct reader *r)
{
	struct piece line;
	int status;

	r->promises =
		(struct reader_promises){.every_leaf = true, .every_subleaf = true, .every_component = true};
	while ((status = reader_line(r, &line)) == 1) {
		status = line.n ? one_line(r, line) : 0;
		if (status)
			return status;
	}
	return status ? status : reader_finish(r);
}
