/* SPDX-License-Identifier: MIT */
#include "l0hv/migrate/device_part.h"

#include <string.h>

#include "l0hv/devices/platform_impl.h"
#include "l0hv/devices/scale.h"
#include "nestbed/ports.h"

#define TICK_NEVER    UINT64_MAX /* in a device */
#define WIRE_NEVER    0x8000000000000000ull
#define WIRE_NONE     0x8000000000000001ull /* 0 in a device: what it counts from has not been */
#define TICK_DISTANCE (1ull << 62) /* the farthest, before and after */

enum kind {
	BITS, /* no bit outside `limit` */
	MOST, /* at most `limit` */
	TICK, /* absolute; NEVER and 0 stay that */
};

struct member {
	const char *name;
	uint16_t offset;
	uint8_t width; /* bytes of one: 1, 2, 4, 8 */
	uint8_t count;
	uint8_t kind;
	uint64_t limit;
};

struct part_layout {
	const struct member *member;
	unsigned count;
};

#define ROW(type, m, n, kind, limit)                                                                         \
	{                                                                                                    \
#m, offsetof(struct type, m), sizeof(((struct type *)0)->m) / (n), n, kind, limit            \
	}
#define ALL UINT64_MAX
#define LAYOUT(name)                                                                                         \
	static const struct part_layout name##_layout = {name##_members,                                     \
							 sizeof(name##_members) / sizeof(name##_members[0])}

/* SDM "Advanced Programmable Interrupt Controller (APIC)": writable bits of each register; vectors below 16
 * are never accepted. */
static const struct member lapic_members[] = {
	ROW(lapic, base, 1, BITS, 0xFFFFFFFFFFD00),
	ROW(lapic, irr, 4, BITS, ALL),
	ROW(lapic, isr, 4, BITS, ALL),
	ROW(lapic, tmr, 4, BITS, 0), /* no interrupt comes level-triggered */
	ROW(lapic, ldr, 1, BITS, 0xFF000000),
	ROW(lapic, dfr, 1, BITS, 0xFFFFFFFF),
	ROW(lapic, svr, 1, BITS, 0x3FF),
	ROW(lapic, lvt, LVT_COUNT, BITS, 0x7F7FF),
	ROW(lapic, icr_low, 1, BITS, 0xCCFFF),
	ROW(lapic, icr_high, 1, BITS, ALL),
	ROW(lapic, esr, 1, BITS, 0xE0),
	ROW(lapic, esr_pending, 1, BITS, 0xE0),
	ROW(lapic, timer_initial, 1, BITS, ALL),
	ROW(lapic, timer_divide, 1, BITS, 0xB),
	ROW(lapic, tpr, 1, BITS, ALL),
	ROW(lapic, timer_from, 1, BITS, ALL),
	ROW(lapic, timer_start, 1, TICK, 0),
	ROW(lapic, timer_expiry, 1, TICK, 0),
	ROW(lapic, tsc_deadline, 1, BITS, ALL),
};
LAYOUT(lapic);

static const struct member pic_members[] = {
	ROW(pic_chip, irr, 1, BITS, ALL),        ROW(pic_chip, isr, 1, BITS, ALL),
	ROW(pic_chip, imr, 1, BITS, ALL),        ROW(pic_chip, line, 1, BITS, ALL),
	ROW(pic_chip, elcr, 1, BITS, 0xFE),      ROW(pic_chip, base, 1, BITS, 0xF8),
	ROW(pic_chip, lowest, 1, MOST, 7),       ROW(pic_chip, init, 1, MOST, 4),
	ROW(pic_chip, icw1, 1, BITS, ALL),       ROW(pic_chip, icw4, 1, BITS, ALL),
	ROW(pic_chip, read_isr, 1, MOST, 1),     ROW(pic_chip, poll, 1, MOST, 1),
	ROW(pic_chip, special_mask, 1, MOST, 1), ROW(pic_chip, rotate_auto, 1, MOST, 1),
};
LAYOUT(pic);

#define DFR_FIXED      0x0FFFFFFFu
#define ICR_HIGH_FIXED 0x00FFFFFFu /* but in x2APIC mode */
#define BCD_MOST       16665u /* four digits, each up to 15 as a guest may write them */

#define PIT_FAR (1ull << 53) /* clocks: 240 years */
static const struct member pit_members[] = {
	ROW(pit, born, 1, TICK, 0),
	ROW(pit, control, 1, BITS, 0xF),
};
LAYOUT(pit);
static const struct member channel_members[] = {
	ROW(pit_channel, start, 1, TICK, 0),       ROW(pit_channel, count, 1, MOST, 65536),
	ROW(pit_channel, edges, 1, MOST, PIT_FAR), ROW(pit_channel, frozen, 1, MOST, PIT_FAR),
	ROW(pit_channel, latch, 1, BITS, ALL),     ROW(pit_channel, latched, 1, MOST, 2),
	ROW(pit_channel, status, 1, BITS, ALL),    ROW(pit_channel, status_latched, 1, MOST, 1),
	ROW(pit_channel, mode, 1, MOST, 5),        ROW(pit_channel, access, 1, MOST, 3),
	ROW(pit_channel, bcd, 1, MOST, 1),         ROW(pit_channel, read_high, 1, MOST, 1),
	ROW(pit_channel, write_high, 1, MOST, 1),  ROW(pit_channel, write_low, 1, BITS, ALL),
	ROW(pit_channel, gate, 1, MOST, 1),        ROW(pit_channel, triggered, 1, MOST, 1),
};
LAYOUT(channel);

static const struct member rtc_members[] = {
	ROW(rtc, born, 1, TICK, 0),     ROW(rtc, index, 1, MOST, 127),  ROW(rtc, reg_a, 1, BITS, 0x7F),
	ROW(rtc, reg_b, 1, BITS, 0x87), ROW(rtc, cmos, 128, BITS, ALL),
};
LAYOUT(rtc);

static const struct member kbc_members[] = {
	ROW(kbc, command_byte, 1, BITS, ALL),
	ROW(kbc, answer, 1, BITS, ALL),
	ROW(kbc, full, 1, MOST, 1),
	ROW(kbc, expects, 1, BITS, ALL),
	ROW(kbc, last_was_command, 1, MOST, 1),
	ROW(kbc, tested, 1, MOST, 1),
};
LAYOUT(kbc);

static const struct member uart_members[] = {
	ROW(uart, ier, 1, BITS, 0xF),          ROW(uart, fcr, 1, BITS, 1),
	ROW(uart, lcr, 1, BITS, ALL),          ROW(uart, mcr, 1, BITS, 0x1F),
	ROW(uart, scr, 1, BITS, ALL),          ROW(uart, dll, 1, BITS, ALL),
	ROW(uart, dlm, 1, BITS, ALL),          ROW(uart, lsr_errors, 1, BITS, 2),
	ROW(uart, msr_delta, 1, BITS, 0xF),    ROW(uart, thre_pending, 1, MOST, 1),
	ROW(uart, fifo, UART_FIFO, BITS, ALL), ROW(uart, head, 1, MOST, UART_FIFO - 1),
	ROW(uart, used, 1, MOST, UART_FIFO),   ROW(uart, irq, 1, MOST, 1),
	ROW(uart, edge, 1, MOST, 1),
};
LAYOUT(uart);

static const struct member dma_members[] = {
	ROW(dma, address, 1, BITS, ALL),
	ROW(dma, value, 1, BITS, ALL),
	ROW(dma, delay, 1, BITS, DMA_DELAY_MAX),
	ROW(dma, due, 1, TICK, 0),
	ROW(dma, state, 1, MOST, NB_WRITER_FAILED),
};
LAYOUT(dma);

static const struct member port_members[] = {
	ROW(platform, doorbell_port, 1, BITS, ALL),
	ROW(platform, doorbell_mmio, 1, BITS, ALL),
	ROW(platform, shutdown_matched, 1, MOST, sizeof(NB_SHUTDOWN_WORD) - 2),
	ROW(platform, reset_control, 1, BITS, 0xA),
};
LAYOUT(port);

const struct device_part device_parts[] = {
	{"lapic",		   offsetof(struct platform_vcpu, lapic),          &lapic_layout,   OF_VCPU},
	{"pic.master",              offsetof(struct platform,      pic.chip[0]),    &pic_layout,     OF_VM  },
	{"pic.slave",               offsetof(struct platform,      pic.chip[1]),    &pic_layout,     OF_VM  },
	{"pit",		     offsetof(struct platform,      pit),            &pit_layout,     OF_VM  },
	{"pit.0",		   offsetof(struct platform,      pit.channel[0]), &channel_layout, OF_VM  },
	{"pit.1",		   offsetof(struct platform,      pit.channel[1]), &channel_layout, OF_VM  },
	{"pit.2",		   offsetof(struct platform,      pit.channel[2]), &channel_layout, OF_VM  },
	{"rtc",		     offsetof(struct platform,      rtc),            &rtc_layout,     OF_VM  },
	{"kbc",		     offsetof(struct platform,      kbc),            &kbc_layout,     OF_VM  },
	{"uart",		    offsetof(struct platform,      uart),           &uart_layout,    OF_VM  },
	{"ports",		   0,			     &port_layout,    OF_VM          },
	{"dma", offsetof(struct platform,                          dma),     &dma_layout,      OF_SCRATCH       },
};
const unsigned device_part_count = sizeof(device_parts) / sizeof(device_parts[0]);

static uint64_t member_get(const uint8_t *from, unsigned width)
{
	uint64_t value = 0;

	memcpy(&value, from, width); /* little-endian, as the wire is */
	return value;
}

size_t device_part_size(const struct device_part *part)
{
	size_t n = 0;

	for (unsigned i = 0; i < part->layout->count; i++)
		n += (size_t)part->layout->member[i].width * part->layout->member[i].count;
	return n;
}

unsigned device_part_instances(const struct device_part *part, const struct platform *p)
{
	switch (part->of) {
	case OF_VCPU:
		return p->vcpus;
	case OF_SCRATCH:
		return p->scratch != NULL;
	case OF_VM:
	default:
		return 1;
	}
}

static uint8_t *part_at(const struct device_part *part, struct platform *p, unsigned vcpu)
{
	return (uint8_t *)(part->of == OF_VCPU ? (void *)&p->vcpu[vcpu] : (void *)p) + part->offset;
}

/* A TSC deadline can be as far as the guest likes: beyond a century it is never. */
static bool is_far(uint64_t tick, uint64_t now)
{
	return tick > now && tick - now >= TICK_DISTANCE;
}

static uint64_t tick_to_wire(uint64_t tick, uint64_t now)
{
	if (is_far(tick, now))
		return WIRE_NEVER;
	return tick ? tick - now : WIRE_NONE;
}

static uint64_t tick_from_wire(uint64_t value, uint64_t now)
{
	if (value == WIRE_NEVER)
		return TICK_NEVER;
	return value == WIRE_NONE ? 0 : value + now;
}

void device_part_pack(const struct device_part *part, const struct platform *p, unsigned vcpu, uint64_t now,
		      uint8_t *to)
{
	const uint8_t *base = part_at(part, (struct platform *)(uintptr_t)p, vcpu);

	for (unsigned i = 0; i < part->layout->count; i++) {
		const struct member *m = &part->layout->member[i];

		for (unsigned k = 0; k < m->count; k++, to += m->width) {
			uint64_t value = member_get(base + m->offset + (size_t)k * m->width, m->width);

			if (m->kind == TICK)
				value = tick_to_wire(value, now);
			memcpy(to, &value, m->width);
		}
	}
}

static bool member_ok(const struct member *m, uint64_t value, uint64_t now)
{
	switch ((enum kind)m->kind) {
	case BITS:
		return !(value & ~m->limit);
	case MOST:
		return value <= m->limit;
	case TICK:
	default: /* not before this clock began, either: the devices compare ticks unsigned */
		return value == WIRE_NEVER || value == WIRE_NONE || value < TICK_DISTANCE ||
		       (value > -TICK_DISTANCE && -value <= now);
	}
}

const char *device_part_unpack(const struct device_part *part, struct platform *p, unsigned vcpu,
			       uint64_t now, const uint8_t *from)
{
	uint8_t *base = part_at(part, p, vcpu);

	for (unsigned i = 0; i < part->layout->count; i++) {
		const struct member *m = &part->layout->member[i];

		for (unsigned k = 0; k < m->count; k++, from += m->width) {
			uint64_t value = member_get(from, m->width);

			if (!member_ok(m, value, now))
				return m->name;
			if (m->kind == TICK)
				value = tick_from_wire(value, now);
			memcpy(base + m->offset + (size_t)k * m->width, &value, m->width);
		}
	}
	return NULL;
}

/* What a write can set: SDM "Local Vector Table". */
static const uint32_t lvt_bits[LVT_COUNT] = {
	[LVT_CMCI] = 0x107FF,  [LVT_TIMER] = 0x700FF, [LVT_THERMAL] = 0x107FF, [LVT_PMC] = 0x107FF,
	[LVT_LINT0] = 0x1A7FF, [LVT_LINT1] = 0x1A7FF, [LVT_ERROR] = 0x100FF,
};

static const char *check_lvt(const struct lapic *l)
{
	for (unsigned i = 0; i < LVT_COUNT; i++) {
		if (l->lvt[i] & ~lvt_bits[i])
			return "bits of a local APIC's entry";
		if (!(l->svr & SVR_ENABLE) && !(l->lvt[i] & LVT_MASKED))
			return "an open entry of a local APIC that is off";
	}
	return NULL;
}

static const char *check_lapic(const struct lapic *l, bool x2apic, unsigned maxphyaddr)
{
	const uint64_t mode = l->base & (APIC_BASE_ENABLE | APIC_BASE_EXTD);

	if (mode == APIC_BASE_EXTD || (mode & APIC_BASE_EXTD && !x2apic))
		return "the mode of a local APIC";
	if (maxphyaddr < 52 && l->base >> maxphyaddr)
		return "the address of a local APIC";
	if ((l->irr.word[0] | l->isr.word[0]) & 0xFFFF)
		return "an interrupt of a local APIC below vector 16";
	if (!l->timer_expiry)
		return "the timer of a local APIC";
	if (~l->dfr & DFR_FIXED || (!(mode & APIC_BASE_EXTD) && l->icr_high & ICR_HIGH_FIXED))
		return "reserved bits of a local APIC";
	return check_lvt(l);
}

static const char *check_channel(const struct pit *pit, unsigned i, uint64_t now)
{
	const struct pit_channel *c = &pit->channel[i];
	const uint64_t clocks = scale_down(elapsed_since(c->start, now), PIT_HZ, pit->ticks_per_second);

	if (c->start == TICK_NEVER || !c->access || (c->bcd && c->count > BCD_MOST))
		return "a channel of the PIT";
	if (c->gate != (i == 2 ? pit->control & 1 : 1) || (i != 2 && c->triggered))
		return "a gate of the PIT";
	return c->edges > clocks ? "more edges of the PIT than clocks" : NULL;
}

static const char *check_chip(const struct pic_chip *chip)
{
	return chip->elcr & ~chip->elcr_allowed || chip->init == 1 ? "the PIC" : NULL;
}

const char *device_parts_check(const struct platform *p, bool x2apic, uint64_t now)
{
	const char *bad = NULL;

	for (unsigned i = 0; i < p->vcpus && !bad; i++)
		bad = check_lapic(&p->vcpu[i].lapic, x2apic, p->maxphyaddr);
	for (unsigned i = 0; i < 2 && !bad; i++)
		bad = check_chip(&p->pic.chip[i]);
	for (unsigned i = 0; i < 3 && !bad; i++)
		bad = check_channel(&p->pit, i, now);
	if (!bad && (p->rtc.born + 1 < 2 || p->pit.born + 1 < 2)) /* neither 0 nor TICK_NEVER */
		bad = "the age of a clock";
	if (!bad && (p->dma.due != TICK_NEVER) != (p->dma.state == NB_WRITER_PENDING))
		bad = "a write of a device";
	return bad;
}

/* Channel 0, whose gate is always open: modes 1 and 5 wait for it to rise. */
static bool counts(const struct pit_channel *c)
{
	return c->count && c->mode != 1 && c->mode != 5;
}

void device_parts_refresh(struct platform *p, uint64_t now)
{
	for (unsigned i = 0; i < p->vcpus; i++)
		lapic_set_tpr(&p->vcpu[i].lapic, p->vcpu[i].lapic.tpr);
	pic_write(&p->pic, 0x4D0, p->pic.chip[0].elcr);
	p->pit.next_edge = counts(&p->pit.channel[0]) ? 0 : TICK_NEVER;
	platform_sync_pit(p, now);
	platform_refresh(p, PLATFORM_NO_VCPU);
	if (p->dma.due != TICK_NEVER)
		p->ops->late_write_waits(p->ctx);
}

static void shift_members(const struct device_part *part, struct platform *p, unsigned vcpu, uint64_t by)
{
	uint8_t *base = part_at(part, p, vcpu);

	for (unsigned i = 0; i < part->layout->count; i++) {
		const struct member *m = &part->layout->member[i];
		uint64_t value = member_get(base + m->offset, m->width);

		if (m->kind != TICK || value == TICK_NEVER || !value)
			continue;
		value = add_saturating(value, by);
		memcpy(base + m->offset, &value, sizeof(value));
	}
}

void device_parts_shift(struct platform *p, uint64_t by)
{
	for (unsigned i = 0; i < device_part_count; i++)
		for (unsigned vcpu = 0; vcpu < device_part_instances(&device_parts[i], p); vcpu++)
			shift_members(&device_parts[i], p, vcpu, by);
	for (unsigned vcpu = 0; vcpu < p->vcpus; vcpu++)
		p->vcpu[vcpu].lapic.tsc_offset -= by;
	if (p->pit.next_edge != TICK_NEVER)
		p->pit.next_edge += by;
	platform_refresh(p, PLATFORM_NO_VCPU);
	if (p->dma.due != TICK_NEVER)
		p->ops->late_write_waits(p->ctx);
}
