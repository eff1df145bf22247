/* SPDX-License-Identifier: MIT */
/*
 * The stream's parts of devices: their layout as a target reads it, every value out of range refused by the
 * name of its member, and whatever a guest can bring about restored on another clock so that the guest sees
 * no difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "l0hv/devices/platform_impl.h"
#include "l0hv/migrate/device_part.h"
#include "nestbed/ports.h"
#include "tests/unit/device_guest.h"

#define ALL   UINT64_MAX
#define NEVER 0x8000000000000000ull /* on the wire */
#define NONE  0x8000000000000001ull /* likewise: never yet */
#define FAR   (1ull << 62)
#define NOW   (1ull << 40)

enum { BITS, MOST, TICK };

/* Version 1 of each part, by its members in their order. */
struct row {
	const char *part, *member;
	uint8_t width, count, kind;
	uint64_t limit;
};

static const struct row rows[] = {
	{"lapic", "base",             8, 1,   BITS, 0xFFFFFFFFFFD00 },
	{"lapic", "irr",              8, 4,   BITS, ALL             },
	{"lapic", "isr",              8, 4,   BITS, ALL             },
	{"lapic", "tmr",              8, 4,   BITS, 0               },
	{"lapic", "ldr",              4, 1,   BITS, 0xFF000000      },
	{"lapic", "dfr",              4, 1,   BITS, ALL             },
	{"lapic", "svr",              4, 1,   BITS, 0x3FF           },
	{"lapic", "lvt",              4, 7,   BITS, 0x7F7FF         },
	{"lapic", "icr_low",          4, 1,   BITS, 0xCCFFF         },
	{"lapic", "icr_high",         4, 1,   BITS, ALL             },
	{"lapic", "esr",              4, 1,   BITS, 0xE0            },
	{"lapic", "esr_pending",      4, 1,   BITS, 0xE0            },
	{"lapic", "timer_initial",    4, 1,   BITS, ALL             },
	{"lapic", "timer_divide",     4, 1,   BITS, 0xB             },
	{"lapic", "tpr",              1, 1,   BITS, ALL             },
	{"lapic", "timer_from",       4, 1,   BITS, ALL             },
	{"lapic", "timer_start",      8, 1,   TICK, 0               },
	{"lapic", "timer_expiry",     8, 1,   TICK, 0               },
	{"lapic", "tsc_deadline",     8, 1,   BITS, ALL             },
	{"pic",   "irr",              1, 1,   BITS, ALL             },
	{"pic",   "isr",              1, 1,   BITS, ALL             },
	{"pic",   "imr",              1, 1,   BITS, ALL             },
	{"pic",   "line",             1, 1,   BITS, ALL             },
	{"pic",   "elcr",             1, 1,   BITS, 0xFE            },
	{"pic",   "base",             1, 1,   BITS, 0xF8            },
	{"pic",   "lowest",           1, 1,   MOST, 7               },
	{"pic",   "init",             1, 1,   MOST, 4               },
	{"pic",   "icw1",             1, 1,   BITS, ALL             },
	{"pic",   "icw4",             1, 1,   BITS, ALL             },
	{"pic",   "read_isr",         1, 1,   MOST, 1               },
	{"pic",   "poll",             1, 1,   MOST, 1               },
	{"pic",   "special_mask",     1, 1,   MOST, 1               },
	{"pic",   "rotate_auto",      1, 1,   MOST, 1               },
	{"pit",   "born",             8, 1,   TICK, 0               },
	{"pit",   "control",          1, 1,   BITS, 0xF             },
	{"pit.",  "start",            8, 1,   TICK, 0               },
	{"pit.",  "count",            4, 1,   MOST, 65536           },
	{"pit.",  "edges",            8, 1,   MOST, 1ull << 53      },
	{"pit.",  "frozen",           8, 1,   MOST, 1ull << 53      },
	{"pit.",  "latch",            2, 1,   BITS, ALL             },
	{"pit.",  "latched",          1, 1,   MOST, 2               },
	{"pit.",  "status",           1, 1,   BITS, ALL             },
	{"pit.",  "status_latched",   1, 1,   MOST, 1               },
	{"pit.",  "mode",             1, 1,   MOST, 5               },
	{"pit.",  "access",           1, 1,   MOST, 3               },
	{"pit.",  "bcd",              1, 1,   MOST, 1               },
	{"pit.",  "read_high",        1, 1,   MOST, 1               },
	{"pit.",  "write_high",       1, 1,   MOST, 1               },
	{"pit.",  "write_low",        1, 1,   BITS, ALL             },
	{"pit.",  "gate",             1, 1,   MOST, 1               },
	{"pit.",  "triggered",        1, 1,   MOST, 1               },
	{"rtc",   "born",             8, 1,   TICK, 0               },
	{"rtc",   "index",            1, 1,   MOST, 127             },
	{"rtc",   "reg_a",            1, 1,   BITS, 0x7F            },
	{"rtc",   "reg_b",            1, 1,   BITS, 0x87            },
	{"rtc",   "cmos",             1, 128, BITS, ALL             },
	{"kbc",   "command_byte",     1, 1,   BITS, ALL             },
	{"kbc",   "answer",           1, 1,   BITS, ALL             },
	{"kbc",   "full",             1, 1,   MOST, 1               },
	{"kbc",   "expects",          1, 1,   BITS, ALL             },
	{"kbc",   "last_was_command", 1, 1,   MOST, 1               },
	{"kbc",   "tested",           1, 1,   MOST, 1               },
	{"uart",  "ier",              1, 1,   BITS, 0xF             },
	{"uart",  "fcr",              1, 1,   BITS, 1               },
	{"uart",  "lcr",              1, 1,   BITS, ALL             },
	{"uart",  "mcr",              1, 1,   BITS, 0x1F            },
	{"uart",  "scr",              1, 1,   BITS, ALL             },
	{"uart",  "dll",              1, 1,   BITS, ALL             },
	{"uart",  "dlm",              1, 1,   BITS, ALL             },
	{"uart",  "lsr_errors",       1, 1,   BITS, 2               },
	{"uart",  "msr_delta",        1, 1,   BITS, 0xF             },
	{"uart",  "thre_pending",     1, 1,   MOST, 1               },
	{"uart",  "fifo",             1, 16,  BITS, ALL             },
	{"uart",  "head",             1, 1,   MOST, 15              },
	{"uart",  "used",             1, 1,   MOST, 16              },
	{"uart",  "irq",              1, 1,   MOST, 1               },
	{"uart",  "edge",             1, 1,   MOST, 1               },
	{"ports", "doorbell_port",    4, 1,   BITS, ALL             },
	{"ports", "doorbell_mmio",    4, 1,   BITS, ALL             },
	{"ports", "shutdown_matched", 1, 1,   MOST, 7               },
	{"ports", "reset_control",    1, 1,   BITS, 0xA             },
	{"dma",   "address",          8, 1,   BITS, ALL             },
	{"dma",   "value",            8, 1,   BITS, ALL             },
	{"dma",   "delay",            8, 1,   BITS, DMA_DELAY_MAX   },
	{"dma",   "due",              8, 1,   TICK, 0               },
	{"dma",   "state",            1, 1,   MOST, NB_WRITER_FAILED},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* "pic" stands for "pic.master" too, "pit." for each channel, but "pit" for itself alone. */
static bool row_of(const struct row *row, const struct device_part *part)
{
	if (!strcmp(row->part, part->name))
		return true;
	return strcmp(row->part, "pit") && strchr(part->name, '.') &&
	       !strncmp(row->part, part->name, strlen(row->part));
}

static const char *put(struct platform *p, const struct device_part *part, const uint8_t *data)
{
	device_guest_init(p, NOW);
	return device_part_unpack(part, p, 0, NOW, data);
}

static uint64_t mask_of(const struct row *row)
{
	return row->width == 8 ? ALL : (1ull << row->width * 8) - 1;
}

/* value at `at` of a part that is otherwise as after a reset: taken, or refused by the member's name. */
static void try_value(const struct device_part *part, const struct row *row, size_t at, uint64_t value,
		      bool taken)
{
	uint8_t data[DEVICE_PART_MAX], again[DEVICE_PART_MAX];
	struct platform p;
	const char *bad;

	device_guest_init(&p, NOW);
	device_part_pack(part, &p, 0, NOW, data);
	memcpy(data + at, &value, row->width);
	bad = put(&p, part, data);
	if (taken ? bad != NULL : !bad || strcmp(bad, row->member) != 0)
		fail_msg("%s %s %llx: %s", part->name, row->member, (unsigned long long)value,
			 bad ? bad : "taken");
	if (!taken)
		return;
	device_part_pack(part, &p, 0, NOW, again);
	if (memcmp(data, again, device_part_size(part)) != 0)
		fail_msg("%s %s %llx: packed, it is another one", part->name, row->member,
			 (unsigned long long)value);
}

static void try_member(const struct device_part *part, const struct row *row, size_t at)
{
	const uint64_t mask = mask_of(row);

	switch (row->kind) {
	case BITS:
		for (unsigned bit = 0; bit < row->width * 8u; bit++)
			try_value(part, row, at, 1ull << bit, row->limit >> bit & 1);
		try_value(part, row, at, row->limit & mask, true);
		break;
	case MOST:
		try_value(part, row, at, row->limit, true);
		try_value(part, row, at, row->limit + 1, false);
		try_value(part, row, at, mask, false);
		break;
	default:
		try_value(part, row, at, NEVER, true);
		try_value(part, row, at, NONE, true);
		try_value(part, row, at, NONE + 1, false);
		try_value(part, row, at, 0, true);
		try_value(part, row, at, FAR - 1, true);
		try_value(part, row, at, FAR, false);
		try_value(part, row, at, -NOW + 1, true);
		try_value(part, row, at, -NOW - 1, false); /* before this clock began */
	}
}

static void test_ranges(void **state)
{
	(void)state;
	for (unsigned i = 0; i < device_part_count; i++) {
		const struct device_part *part = &device_parts[i];
		size_t at = 0;

		for (size_t r = 0; r < ROWS; r++) {
			if (!row_of(&rows[r], part))
				continue;
			for (unsigned k = 0; k < rows[r].count; k++, at += rows[r].width)
				try_member(part, &rows[r], at);
		}
		if (at != device_part_size(part))
			fail_msg("%s: %zu bytes, not %zu", part->name, device_part_size(part), at);
		assert_true(at <= DEVICE_PART_MAX);
	}
}

/* ---- what no member alone can say ---- */

#define REFUSED_OF(x2apic, change)                                                                           \
	do {                                                                                                 \
		static struct platform p;                                                                    \
		struct lapic *l = &p.vcpu[1].lapic;                                                          \
		struct pit_channel *c = &p.pit.channel[2];                                                   \
                                                                                                             \
		device_guest_init(&p, NOW);                                                                  \
		assert_null(device_parts_check(&p, false, NOW));                                             \
		(void)l;                                                                                     \
		(void)c;                                                                                     \
		change;                                                                                      \
		if (!device_parts_check(&p, x2apic, NOW))                                                    \
			fail_msg(#change ": taken");                                                         \
	} while (0)
#define REFUSED(change) REFUSED_OF(false, change)
#define TAKEN(x2apic, change)                                                                                \
	do {                                                                                                 \
		static struct platform p;                                                                    \
		struct lapic *l = &p.vcpu[1].lapic;                                                          \
		struct pit_channel *c = &p.pit.channel[2];                                                   \
		const char *bad;                                                                             \
                                                                                                             \
		device_guest_init(&p, NOW);                                                                  \
		(void)l;                                                                                     \
		(void)c;                                                                                     \
		change;                                                                                      \
		bad = device_parts_check(&p, x2apic, NOW);                                                   \
		if (bad)                                                                                     \
			fail_msg(#change ": %s", bad);                                                       \
	} while (0)

static void test_together(void **state)
{
	(void)state;
	REFUSED(l->base |= APIC_BASE_EXTD);
	TAKEN(true, l->base |= APIC_BASE_EXTD);
	REFUSED_OF(true, l->base = (l->base & ~(uint64_t)APIC_BASE_ENABLE) | APIC_BASE_EXTD);
	REFUSED(l->base |= 1ull << p.maxphyaddr);
	TAKEN(false, l->base |= 1ull << (p.maxphyaddr - 1));
	REFUSED(l->irr.word[0] = 1ull << 15);
	TAKEN(false, l->irr.word[0] = 1ull << 16);
	REFUSED(l->isr.word[0] = 1);
	REFUSED(l->dfr = 0xF0000000);
	REFUSED(l->icr_high = 1);
	TAKEN(true, l->base |= APIC_BASE_EXTD; l->icr_high = 1);
	REFUSED(l->lvt[LVT_TIMER] = 0x20);
	TAKEN(false, l->svr |= SVR_ENABLE; l->lvt[LVT_TIMER] = 0x20);
	REFUSED(l->lvt[LVT_TIMER] |= 0x100);
	REFUSED(l->lvt[LVT_ERROR] |= 0x700);
	REFUSED(l->lvt[LVT_CMCI] |= 0x20000);
	REFUSED(l->lvt[LVT_LINT0] |= 0x1000);
	REFUSED(p.pic.chip[0].elcr = 1 << 2);
	REFUSED(p.pic.chip[1].elcr = 1 << 5);
	REFUSED(p.pic.chip[1].init = 1);
	REFUSED(c->start = ALL);
	REFUSED(c->access = 0);
	REFUSED(c->bcd = 1; c->count = 16666);
	REFUSED(c->gate = 1);
	REFUSED(p.pit.control = 1);
	TAKEN(false, p.pit.control = 1; c->gate = 1);
	REFUSED(p.pit.channel[0].gate = 0);
	REFUSED(p.pit.channel[0].triggered = 1);
	TAKEN(false, c->triggered = 1);
	REFUSED(c->start = NOW; c->edges = 1);
	TAKEN(false, c->start = NOW - 1000; c->edges = 1);
	TAKEN(false, l->timer_expiry = ALL);
	REFUSED(l->timer_expiry = 0);
	REFUSED(p.rtc.born = 0);
	REFUSED(p.pit.born = 0);
	REFUSED(p.rtc.born = ALL);
	REFUSED(p.pit.born = ALL);
	REFUSED(p.dma.due = NOW);
	REFUSED(p.dma.state = NB_WRITER_PENDING);
	TAKEN(false, p.dma.due = NOW; p.dma.state = NB_WRITER_PENDING);
}

/* ---- a guest that moves ---- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Steps of both, each on its clock: what they see is the same. */
static void live(const char *name, struct platform *a, uint64_t *now_a, struct platform *b, uint64_t *now_b,
		 unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		const uint64_t some[2] = {next(), next()};
		const uint8_t *bytes = (const uint8_t *)some;
		uint64_t passed, seen = device_guest_step(a, bytes, *now_a, &passed), other;

		*now_a += passed;
		if (!b)
			continue;
		other = device_guest_step(b, bytes, *now_b, &passed);
		if (other != seen)
			fail_msg("%s: step %u, kind %u at %x: %llx, and %llx where it went", name, i,
				 bytes[1] % 10, bytes[3] | bytes[4] << 8, (unsigned long long)seen,
				 (unsigned long long)other);
		*now_b += passed;
		for (unsigned vcpu = 0; vcpu < GUEST_VCPUS; vcpu++)
			assert_int_equal(platform_interrupt_pending(a, vcpu),
					 platform_interrupt_pending(b, vcpu));
	}
}

static void test_any_guest_moves(void **state)
{
	static struct platform a, b;
	static struct device_guest_parts before, after;

	(void)state;
	for (unsigned seed = 0; seed < 2000; seed++) {
		uint64_t now_a = 1ull << 50, now_b = now_a + (1ull << 45) + seed;
		const char *bad;
		char name[32];

		snprintf(name, sizeof(name), "seed %u", seed);
		random_state = seed;
		device_guest_init(&a, now_a);
		live(name, &a, &now_a, NULL, NULL, seed % 400 * 4);
		platform_advance(&a, now_a);
		platform_sync_pit(&a, now_a);
		platform_refresh(&a, PLATFORM_NO_VCPU);
		now_b += now_a - (1ull << 50);
		device_guest_init(&b, now_b);
		for (unsigned vcpu = 0; vcpu < GUEST_VCPUS; vcpu++)
			b.vcpu[vcpu].lapic.tsc_offset = a.vcpu[vcpu].lapic.tsc_offset + now_a - now_b;
		device_guest_pack(&a, now_a, &before);
		bad = device_guest_unpack(&b, now_b, &before);
		if (bad)
			fail_msg("seed %u: %s", seed, bad);
		device_parts_refresh(&b, now_b);
		live(name, &a, &now_a, &b, &now_b, 400);
		device_parts_refresh(&a, now_a);
		device_parts_refresh(&b, now_b);
		device_guest_pack(&a, now_a, &before);
		device_guest_pack(&b, now_b, &after);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

/* Time that stands still for a guest is none for it. */
static void test_shift(void **state)
{
	static struct platform p;
	static struct device_guest_parts before, after;

	(void)state;
	for (unsigned seed = 0; seed < 100; seed++) {
		const uint64_t by = 1 + next() % FAR / 4;
		uint64_t now = 1ull << 50, tsc;

		random_state = seed;
		device_guest_init(&p, now);
		live("shifted", &p, &now, NULL, NULL, 300);
		device_parts_refresh(&p, now);
		device_guest_pack(&p, now, &before);
		tsc = now + p.vcpu[1].lapic.tsc_offset;
		device_parts_shift(&p, by);
		device_guest_pack(&p, now + by, &after);
		assert_int_equal(now + by + p.vcpu[1].lapic.tsc_offset, tsc);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

/* One tick of a local APIC's timer goes to another clock; what it is there. */
static uint64_t moved_tick(uint64_t tick)
{
	const struct device_part *part = &device_parts[0];
	uint8_t data[DEVICE_PART_MAX];
	struct platform p;

	assert_string_equal(part->name, "lapic");
	device_guest_init(&p, NOW);
	p.vcpu[0].lapic.timer_start = tick;
	device_part_pack(part, &p, 0, NOW, data);
	device_guest_init(&p, 3 * NOW);
	assert_null(device_part_unpack(part, &p, 0, 3 * NOW, data));
	return p.vcpu[0].lapic.timer_start;
}

static void test_ticks(void **state)
{
	(void)state;
	assert_int_equal(moved_tick(NOW), 3 * NOW);
	assert_int_equal(moved_tick(NOW - 7), 3 * NOW - 7);
	assert_int_equal(moved_tick(NOW + 7), 3 * NOW + 7);
	assert_int_equal(moved_tick(1), 2 * NOW + 1);
	assert_int_equal(moved_tick(0), 0);
	assert_int_equal(moved_tick(ALL), ALL);
	assert_int_equal(moved_tick(NOW + FAR - 1), 3 * NOW + FAR - 1);
	assert_int_equal(moved_tick(NOW + FAR), ALL);
}

/* The farthest deadline stays one. */
static void test_shift_far(void **state)
{
	struct platform p;

	(void)state;
	device_guest_init(&p, NOW);
	p.vcpu[0].lapic.timer_expiry = ALL - 1;
	device_parts_shift(&p, FAR);
	assert_int_equal(p.vcpu[0].lapic.timer_expiry, ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),          cmocka_unit_test(test_together),
		cmocka_unit_test(test_any_guest_moves), cmocka_unit_test(test_shift),
		cmocka_unit_test(test_shift_far),       cmocka_unit_test(test_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
