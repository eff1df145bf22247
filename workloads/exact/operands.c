// SPDX-License-Identifier: MIT
/*
 * Every form of every instruction that L0 executes on device memory: on RAM, where the processor executes it,
 * and on the scratch device, where L0 does, from the same state. Where there is no such device both are RAM,
 * and what the row prints is what the processor does.
 */
#include "exact.h"
#include "operand_rows.h"
#include "rt_check.h"
#include "rt_record.h"

enum where {
	MIDDLE, /* naturally aligned */
	UNALIGNED,
	DEVICE_TO_DEVICE, /* the operand crosses from one page to the next */
	RAM_TO_DEVICE,
	DEVICE_TO_RAM,
	DEVICE_TO_ABSENT, /* #PF of the second page */
	DEVICE_TO_READ_ONLY, /* #PF if it is written */
	WHERES,
};
static const char *const where_names[WHERES] = {"middle",          "unaligned",  "device-device",
						"RAM-device",      "device-RAM", "device-absent",
						"device-read-only"};

/* Regions of run.c that an operand there can touch, and that of PAGE_OTHER. */
static const unsigned int where_regions[WHERES] = {
	1u << 2 | 1u << 7, 1u << 2 | 1u << 7, 3u << 3 | 1u << 7, 3u << 0 | 1u << 7,
	3u << 5 | 1u << 7, 3u << 5 | 1u << 7, 3u << 5 | 1u << 7,
};

static bool have_device;
static enum where where;

static void change_pages(const struct setup *s)
{
	(void)s;
	if (where == DEVICE_TO_ABSENT)
		memory_flags(PAGE_AFTER, 0);
	if (where == DEVICE_TO_READ_ONLY)
		memory_flags(PAGE_AFTER, RT_PRESENT | RT_USER);
}

/* Linear address of an operand of `size` bytes. */
static uint64_t address_at(unsigned int size)
{
	const uint64_t middle = LINEAR(PAGE_DATA0) + 0x100;
	const unsigned int behind =
		size > 1 ? 1 + (unsigned int)(random_word() % (size - 1)) : 1; /* the boundary */

	switch (where) {
	case UNALIGNED:
		return middle + (random_word() & 7);
	case DEVICE_TO_DEVICE:
		return LINEAR(PAGE_DATA1) - behind;
	case RAM_TO_DEVICE:
		return LINEAR(PAGE_DATA0) - (size > 1 ? behind : 0);
	case DEVICE_TO_RAM:
	case DEVICE_TO_ABSENT:
	case DEVICE_TO_READ_ONLY:
		return LINEAR(PAGE_AFTER) - behind;
	case MIDDLE:
	case WHERES:
	default:
		return middle;
	}
}

#define NO_REGISTER 0xff

struct operand_row {
	const char *name;
	const uint8_t *code, *end;
	uint8_t modes;
	uint8_t size; /* bytes of the operand */
	uint8_t base, index, scale, address_bits;
	uint8_t segment;
	uint8_t fixed; /* the address is in the instruction: LINEAR(PAGE_DATA0) + 0x100 */
	int32_t displacement;
	uint32_t feature; /* enum feature */
	uint8_t aligned; /* to so many bytes, or #GP; 0: anywhere */
};

enum feature { ALWAYS, SSE3_, POPCNT_, MOVBE_, CX16_ };

/* Which instructions a processor has: CPUID leaf 1 or 7, register by number EAX EBX ECX EDX, bit. */
static const struct {
	uint32_t leaf, reg, bit;
} features[] = {
	[ALWAYS] = {1, 3, 0 },
          [SSE3_] = {1, 2, 0 },
          [POPCNT_] = {1, 2, 23},
	[MOVBE_] = {1, 2, 22},
          [CX16_] = {1, 2, 13},
};

static bool has(uint32_t feature)
{
	const struct cpuid c = cpuid(features[feature].leaf, 0);
	const uint32_t reg[4] = {c.eax, c.ebx, c.ecx, c.edx};

	return reg[features[feature].reg] >> features[feature].bit & 1;
}

#define SNIPPET(id, text, bytes)           CODE64(operand_##id, text)
#define SNIPPET_ADDRESS_64(id, text, ...)  CODE64(operand_##id, text)
#define SNIPPET_ADDRESS_32(id, text, ...)  CODE32(operand_##id, text)
#define SNIPPET_ADDRESS_16(id, text, ...)  CODE16(operand_##id, text)
#define SNIPPET_FIXED(id, bits, text, ...) CODE##bits(operand_##id, text)
#define SNIPPET_FEATURE(id, text, ...)     CODE64(operand_##id, text)
EACH_64(SNIPPET)
EACH_ALIGNED(SNIPPET)
EACH_ADDRESS_64(SNIPPET_ADDRESS_64)
EACH_ADDRESS_32(SNIPPET_ADDRESS_32)
EACH_ADDRESS_16(SNIPPET_ADDRESS_16)
EACH_FIXED(SNIPPET_FIXED)
EACH_FEATURE(SNIPPET_FEATURE)

#define ROW(prefix, id, text) .name = prefix ": " text, .code = operand_##id, .end = operand_##id##_end
#define PLAIN(bytes)                                                                                         \
	.modes = MODES_64, .size = bytes, .base = RSI, .index = NO_REGISTER, .address_bits = 64,             \
	.segment = SEG_DS
#define ROW_64(id, text, bytes)      {ROW("64", id, text), PLAIN(bytes)},
#define ROW_ALIGNED(id, text, bytes) {ROW("64", id, text), PLAIN(bytes), .aligned = 16},
#define ROW_FEATURE(id, text, bytes, needs, align)                                                           \
	{ROW("64", id, text), PLAIN(bytes), .feature = needs, .aligned = align},
#define ROW_ADDRESS(id, text, where, b, i, s, bits, disp, seg)                                               \
	{ROW(#where, id, text),                                                                              \
	 .modes = where,                                                                                     \
	 .size = where == MODES_16 ? 2 : 4,                                                                  \
	 .base = b,                                                                                          \
	 .index = i,                                                                                         \
	 .scale = s,                                                                                         \
	 .address_bits = bits,                                                                               \
	 .displacement = disp,                                                                               \
	 .segment = seg},
#define ROW_FIXED(id, bits, text, where, bytes)                                                              \
	{ROW(#where, id, text), .modes = where,       .size = bytes,                                         \
	 .base = NO_REGISTER,   .index = NO_REGISTER, .fixed = 1},

static const struct operand_row operand_rows[] = {
	EACH_64(ROW_64) EACH_ALIGNED(ROW_ALIGNED) EACH_ADDRESS_64(ROW_ADDRESS) EACH_ADDRESS_32(ROW_ADDRESS)
		EACH_ADDRESS_16(ROW_ADDRESS) EACH_FIXED(ROW_FIXED) EACH_FEATURE(ROW_FEATURE)};

static uint64_t low(uint64_t value, unsigned int bits)
{
	return bits >= 64 ? value : value & ((1ull << bits) - 1);
}

/* Registers so that the effective address is `linear`; what the address size doesn't use is random in 64-bit
 * mode. */
static void aim(struct setup *s, const struct operand_row *row, uint64_t linear)
{
	const unsigned int bits = row->address_bits;
	uint64_t base = linear - (uint64_t)(int64_t)row->displacement, index = 0;

	if (IN_64(s->mode)) {
		if (row->segment == SEG_FS)
			base -= s->fs_base = 0x12345000;
		if (row->segment == SEG_GS)
			base -= s->gs_base = 0xfffffffffedcb000;
	} else {
		base -= run_segment_base(s->mode, row->segment);
	}
	if (row->index != NO_REGISTER) {
		index = random_word() & 0x3f;
		base -= index * row->scale;
		s->entry.r[row->index] = index | (IN_64(s->mode) ? random_word() & ~low(~0ull, bits) : 0);
	}
	if (row->base != NO_REGISTER)
		s->entry.r[row->base] =
			low(base, bits) | (IN_64(s->mode) ? random_word() & ~low(~0ull, bits) : 0);
}

static bool is_wide(const char *name)
{
	const size_t n = strlen("cmpxchg8b");

	for (; *name; name++)
		if (!strncmp(name, "cmpxchg8b", n) || !strncmp(name, "cmpxchg16b", n + 1))
			return true;
	return false;
}

/* Half of the comparing instructions find what they compare with. */
static const struct operand_row *row_now;
static uint64_t operand_now;

static void make_equal(const struct setup *s)
{
	volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)operand_now;

	if (s->seed & 1 || where == DEVICE_TO_ABSENT || where == DEVICE_TO_READ_ONLY)
		return;
	for (unsigned int i = 0; i < row_now->size; i++) { /* with rAX; with rDX:rAX what compares two */
		const unsigned int half = is_wide(row_now->name) ? row_now->size / 2u : 16;
		const bool high = i >= half;

		p[i] = (uint8_t)(s->entry.r[high ? RDX : RAX] >> 8 * ((high ? i - half : i) & 7));
	}
}

static bool is_bit_string(const char *name)
{
	for (; *name; name++)
		if (!strncmp(name, "bt", 2))
			return !strncmp(name + strlen(name) - strlen("dx, (%rsi)"), "dx, (%rsi)", 10);
	return false;
}

static bool one_case(const struct operand_row *row, enum mode mode, uint64_t *digest)
{
	static struct outcome processor, other;
	struct setup s;
	char name[100];
	bool same;

	setup_init(&s, mode, row->code, row->end);
	s.pages = change_pages;
	s.regions = where_regions[where];
	operand_now = row->fixed ? LINEAR(PAGE_DATA0) + 0x100 : address_at(row->size);
	if (row->aligned && where != UNALIGNED)
		operand_now &= ~(uint64_t)(row->aligned - 1u);
	row_now = row;
	s.prepare = make_equal;
	aim(&s, row, operand_now);
	if (is_bit_string(row->name)) /* within what is compared, on both sides */
		s.entry.r[RDX] = (random_word() & 127) - 64;
	run(&s, ON_RAM, &processor);
	run(&s, have_device ? ON_DEVICE : ON_RAM, &other);
	rt_snprintf(name, sizeof(name), "%s, mode %u, %s", row->name, mode, where_names[where]);
	same = outcome_same(name, &processor, &other);
	if (!same || verbose(name))
		outcome_print(name, &processor);
	*digest = outcome_digest(&other, *digest);
	return same;
}

static void run_row(const struct operand_row *row, unsigned int inputs)
{
	uint64_t digest = 0;
	unsigned int cases = 0, bad = 0;

	if (!selected(row->name))
		return;
	if (!has(row->feature)) {
		rt_skip(row->name, "the processor hasn't the instruction");
		return;
	}
	for (enum mode mode = 0; mode < MODES; mode++) {
		if (!(row->modes & IN_MODE(mode)))
			continue;
		for (where = 0; where < WHERES; where++) {
			if ((row->size == 1 || row->fixed) && where > MIDDLE)
				break;
			for (unsigned int i = 0; i < inputs && bad < 4; i++, cases++)
				bad += !one_case(row, mode, &digest);
		}
	}
	row_end(row->name, cases, bad, digest);
}

void test_operands(void)
{
	const unsigned int inputs = (unsigned int)rt_arg_u64("inputs", 3);

	have_device = memory_has_device();
	rt_value("device", have_device, "");
	for (size_t i = 0; i < sizeof(operand_rows) / sizeof(operand_rows[0]); i++)
		run_row(&operand_rows[i], inputs);
}
