// SPDX-License-Identifier: MIT
/*
 * String instructions with one or both operands on a device, forwards and backwards, across pages, into
 * faults; and INS and OUTS, whose memory operand may be on a device too. Compared as in operands.c.
 */
#include "exact.h"
#include "rt_check.h"

enum flow {
	FROM_DEVICE,
	TO_DEVICE,
	OVERLAPPING, /* both on the device */
	CROSSING, /* the device's pages, source and destination */
	TO_ABSENT, /* the destination runs into a page that is absent */
	FROM_ABSENT,
	TO_READ_ONLY,
	BEHIND_LIMIT, /* 16-bit code: the destination lies across the segment's end */
	FLOWS,
};
static const char *const flow_names[FLOWS] = {"from device",  "to device",       "overlapping",
					      "crossing",     "to absent",       "from absent",
					      "to read-only", "behind the limit"};
static enum flow flow;

static void change_pages(const struct setup *s)
{
	(void)s;
	if (flow == TO_ABSENT || flow == FROM_ABSENT) {
		memory_flags(PAGE_AFTER, 0);
		memory_flags(PAGE_BEFORE, 0);
	}
	if (flow == TO_READ_ONLY) {
		memory_flags(PAGE_AFTER, RT_PRESENT | RT_USER);
		memory_flags(PAGE_BEFORE, RT_PRESENT | RT_USER);
	}
}

struct string_row {
	const char *name;
	const uint8_t *code, *end;
	uint8_t modes, size, address_bits, segment; /* of the source */
	bool compares;
};

#define EACH_SIZE(X, id, text, cmp)                                                                          \
	X(id##b, 64, text "b", MODES_64, 1, 64, SEG_DS, cmp)                                                 \
	X(id##w, 64, text "w", MODES_64, 2, 64, SEG_DS, cmp)                                                 \
	X(id##l, 64, text "l", MODES_64, 4, 64, SEG_DS, cmp)                                                 \
	X(id##q, 64, text "q", MODES_64, 8, 64, SEG_DS, cmp)                                                 \
	X(id##a, 64, "addr32 " text "l", MODES_64, 4, 32, SEG_DS, cmp)                                       \
	X(id##b_32, 32, text "b", MODES_32, 1, 32, SEG_DS, cmp)                                              \
	X(id##l_32, 32, text "l", MODES_32, 4, 32, SEG_DS, cmp)                                              \
	X(id##b_16, 16, text "b", MODES_16, 1, 16, SEG_DS, cmp)                                              \
	X(id##w_16, 16, text "w", MODES_16, 2, 16, SEG_DS, cmp)
#define EACH(X)                                                                                              \
	EACH_SIZE(X, movs, "movs", 0)                                                                        \
	EACH_SIZE(X, rep_movs, "rep movs", 0)                                                                \
	EACH_SIZE(X, stos, "stos", 0)                                                                        \
	EACH_SIZE(X, rep_stos, "rep stos", 0)                                                                \
	EACH_SIZE(X, lods, "lods", 0)                                                                        \
	EACH_SIZE(X, rep_lods, "rep lods", 0)                                                                \
	EACH_SIZE(X, cmps, "cmps", 1)                                                                        \
	EACH_SIZE(X, repe_cmps, "repe cmps", 1)                                                              \
	EACH_SIZE(X, repne_cmps, "repne cmps", 1)                                                            \
	EACH_SIZE(X, scas, "scas", 1)                                                                        \
	EACH_SIZE(X, repe_scas, "repe scas", 1)                                                              \
	EACH_SIZE(X, repne_scas, "repne scas", 1)                                                            \
	X(movs_fs, 64, "rep movsl %fs:(%rsi), %es:(%rdi)", MODES_64, 4, 64, SEG_FS, 0)                       \
	X(movs_es, 32, "rep movsl %es:(%esi), %es:(%edi)", MODES_32, 4, 32, SEG_ES, 0)                       \
	X(lods_gs, 32, "lodsb %gs:(%esi), %al", MODES_32, 1, 32, SEG_GS, 0)                                  \
	X(cmps_ss, 32, "repe cmpsb %es:(%edi), %ss:(%esi)", MODES_32, 1, 32, SEG_SS, 1)

#define SNIPPET(id, bits, text, ...) CODE##bits(string_##id, text)
EACH(SNIPPET)
#define ROW(id, bits, text, where, bytes, address, seg, cmp)                                                 \
	{#bits ": " text, string_##id, string_##id##_end, where, bytes, address, seg, cmp},
static const struct string_row rows[] = {EACH(ROW)};

/* A walk of `n` elements reaches the boundary behind the device's last page, or before its first one. */
static uint64_t into_fault(const struct string_row *row, bool down, unsigned int n)
{
	const unsigned int before =
		(unsigned int)(random_word() % n) * row->size + (unsigned int)(random_word() % row->size);

	return down ? LINEAR(PAGE_DATA0) + before : LINEAR(PAGE_AFTER) - row->size - before;
}

static void aim(struct setup *s, const struct string_row *row)
{
	const uint64_t device = LINEAR(PAGE_DATA0) + 0x100, other = LINEAR(PAGE_OTHER) + 0x100;
	const bool down = s->entry.rflags & FLAG_DF;
	const unsigned int count = (unsigned int)(random_word() % (32u / row->size + 1));
	uint64_t from = device, to = other;

	switch (flow) {
	case TO_DEVICE:
		from = other;
		to = device;
		break;
	case OVERLAPPING:
		to = device + 2ull * row->size - 4;
		break;
	case CROSSING:
		from = LINEAR(PAGE_DATA1) + (down ? 5u : 0u - 5u);
		to = LINEAR(PAGE_DATA1) + (down ? 3u : 0u - 3ull * row->size);
		break;
	case TO_ABSENT:
	case TO_READ_ONLY:
		from = other;
		to = into_fault(row, down, count + 1);
		break;
	case FROM_ABSENT:
		from = into_fault(row, down, count + 1);
		break;
	case BEHIND_LIMIT:
		to = WINDOW + 0x10000 - row->size / 2u;
		break;
	case FROM_DEVICE:
	case FLOWS:
	default:
		break;
	}
	setup_pointer(s, RSI, row->segment, row->address_bits, from);
	setup_pointer(s, RDI, SEG_ES, row->address_bits, to);
	s->entry.r[RCX] = count | (IN_64(s->mode) && row->address_bits == 32 ? random_word() << 32 : 0) |
			  (row->address_bits == 16 ? random_word() & 0xffff0000 : 0);
}

/* So that comparisons go on for a while. */
static const struct string_row *row_now;
static void make_equal(const struct setup *s)
{
	if (!row_now->compares)
		return;
	for (enum page p = PAGE_BEFORE; p <= PAGE_OTHER; p++)
		if (p != PAGE_ABSENT)
			for (unsigned int i = 0; i < 64; i++)
				if (s->seed >> (i % 37) & 1)
					memory_bytes(p)[0x100 - 32 + i] = (uint8_t)s->entry.r[RAX];
}

static bool one_case(const struct string_row *row, enum mode mode, enum place place, uint64_t *digest)
{
	static struct outcome processor, other;
	struct setup s;
	char name[100];
	bool same;

	setup_init(&s, mode, row->code, row->end);
	s.pages = change_pages;
	s.prepare = make_equal;
	row_now = row;
	if (row->compares)
		s.entry.r[RAX] = (s.entry.r[RAX] & 0xff) * (IN_64(mode) ? 0x0101010101010101 : 0x01010101);
	aim(&s, row);
	run(&s, ON_RAM, &processor);
	run(&s, place, &other);
	rt_snprintf(name, sizeof(name), "%s, mode %u, %s", row->name, mode, flow_names[flow]);
	same = outcome_same(name, &processor, &other);
	if (!same || verbose(name))
		outcome_print(name, &processor);
	*digest = outcome_digest(&other, *digest);
	return same;
}

void test_strings(void)
{
	const unsigned int inputs = (unsigned int)rt_arg_u64("inputs", 3);
	const enum place place = memory_has_device() ? ON_DEVICE : ON_RAM;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int cases = 0, bad = 0;
		uint64_t digest = 0;

		if (!selected(rows[i].name))
			continue;
		for (enum mode mode = 0; mode < MODES; mode++)
			for (flow = 0; rows[i].modes & IN_MODE(mode) && flow < FLOWS; flow++) {
				if (flow == BEHIND_LIMIT && !(MODES_16 & IN_MODE(mode)))
					continue;
				for (unsigned int n = 0; n < inputs && bad < 4; n++, cases++)
					bad += !one_case(&rows[i], mode, place, &digest);
			}
		row_end(rows[i].name, cases, bad, digest);
	}
}
