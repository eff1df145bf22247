/* SPDX-License-Identifier: MIT */
/* The section of a boot bundle that describes a CPU (docs/bundle.md). */
#include "cpu_baseline/read/reader.h"
#include "nestbed/vmx_msrs.h"

#define MSR_ARCH_CAPABILITIES 0x10au

/* A comment begins at '#' in front or behind a blank. */
static struct piece no_comment(struct piece line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.at[i] == '#' && (!i || line.at[i - 1] == ' ' || line.at[i - 1] == '\t'))
			line.n = i;
	}
	return piece_trim(line);
}

/* "[cpu NAME]" */
static bool is_header(struct piece line)
{
	if (!piece_take(&line, "[cpu") || !piece_blanks(&line))
		return false;
	if (line.n < 2 || line.at[line.n - 1] != ']')
		return false;
	for (size_t i = 0; i + 1 < line.n; i++) {
		char c = line.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return true;
}

bool section_is(struct piece text)
{
	struct piece line = {0};

	while (text.n && !line.n)
		line = no_comment(piece_trim(piece_line(&text)));
	return piece_take(&line, "[");
}

/* The front up to a blank. */
static struct piece word(struct piece *rest)
{
	struct piece w = {rest->at, 0};

	while (w.n < rest->n && w.at[w.n] != ' ' && w.at[w.n] != '\t')
		w.n++;
	*rest = piece_trim((struct piece){rest->at + w.n, rest->n - w.n});
	return w;
}

static int cpuid_value(struct reader *r, struct piece value)
{
	uint64_t number[2 + CPU_REGS];
	char shown[PIECE_SHOWN + 1];
	struct cpu_leaf leaf;
	struct piece rest = value;
	bool good = true;

	for (unsigned i = 0; i < sizeof(number) / sizeof(number[0]) && good; i++)
		good = piece_number(word(&rest), UINT32_MAX, &number[i]);
	if (!good || rest.n)
		return reader_wrong(
			r, "'%s', expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX', six numbers of 32 bits",
			piece_show(value, shown));
	leaf.leaf = (uint32_t)number[0];
	leaf.subleaf = (uint32_t)number[1];
	for (unsigned i = 0; i < CPU_REGS; i++)
		leaf.reg[i] = (uint32_t)number[2 + i];
	return reader_leaf(r, &leaf);
}

static bool msr_number(struct piece name, uint64_t *number)
{
#define ROW(n, s) {#s, n},
	/* clang-format off */
	static const struct {
		const char *name;
		uint32_t number;
	} known[] = {
		NB_VMX_MSRS(ROW)
		{"IA32_ARCH_CAPABILITIES", MSR_ARCH_CAPABILITIES},
	};
	/* clang-format on */
#undef ROW

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (piece_is(name, known[i].name)) {
			*number = known[i].number;
			return true;
		}
	}
	return piece_number(name, UINT32_MAX, number);
}

static int msr_value(struct reader *r, struct piece value)
{
	char shown[PIECE_SHOWN + 1];
	struct piece rest = value;
	uint64_t number, v;

	if (!msr_number(word(&rest), &number) || !piece_number(rest, UINT64_MAX, &v))
		return reader_wrong(r, "'%s', expected 'msr = NUMBER VALUE', numbers of 32 and 64 bits",
				    piece_show(value, shown));
	return reader_msr(r, (uint32_t)number, v);
}

static int assignment(struct reader *r, struct piece line)
{
	char shown[PIECE_SHOWN + 1];
	struct piece whole = line, key = {line.at, 0};

	while (key.n < line.n && line.at[key.n] != '=')
		key.n++;
	line.at += key.n;
	line.n -= key.n;
	key = piece_trim(key);
	if (piece_take(&line, "=") && piece_is(key, "cpuid"))
		return cpuid_value(r, piece_trim(line));
	if (line.n && piece_is(key, "msr"))
		return msr_value(r, piece_trim(line));
	return reader_wrong(r,
			    "'%s', expected 'cpuid = LEAF SUBLEAF EAX EBX ECX EDX' or 'msr = NUMBER VALUE'",
			    piece_show(whole, shown));
}

static int one_line(struct reader *r, struct piece line, bool *begun)
{
	char shown[PIECE_SHOWN + 1];

	if (*begun && line.at[0] != '[')
		return assignment(r, line);
	if (*begun || !is_header(line))
		return reader_wrong(r, "'%s', expected one section, [cpu NAME]", piece_show(line, shown));
	*begun = true;
	return 0;
}

int section_read(struct reader *r)
{
	bool begun = false, whole = !r->rest.n || r->rest.at[r->rest.n - 1] == '\n';
	struct piece line;
	int status;

	while ((status = reader_line(r, &line)) == 1) {
		line = no_comment(line);
		status = line.n ? one_line(r, line, &begun) : 0;
		if (status)
			return status;
	}
	/* Numbers may have any length, so the end of the line is what says that it is all there. */
	if (!status && !whole)
		return reader_wrong(r, "ends within a line, expected its end");
	return status ? status : reader_finish(r);
}
