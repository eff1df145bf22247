/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/pit.h"

#include "l0hv/devices/scale.h"

#define ACCESS_LOW  1
#define ACCESS_HIGH 2
#define ACCESS_BOTH 3

#define CONTROL_GATE2    0x01u
#define CONTROL_WRITABLE 0x0Fu
#define CONTROL_REFRESH  0x10u
#define CONTROL_OUT2     0x20u
#define REFRESH_CLOCKS   18u /* PIT clocks between two toggles of the refresh bit */

static int is_periodic(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* Clocks counted since the start; stands still while the gate stops it (modes 0, 2, 3, 4). */
static uint64_t clocks(const struct pit *pit, const struct pit_channel *c, uint64_t now)
{
	if (!c->gate && c->mode != 1 && c->mode != 5)
		return c->frozen;
	return scale_down(elapsed_since(c->start, now), PIT_HZ, pit->ticks_per_second);
}

static uint64_t tick_of_clock(const struct pit *pit, const struct pit_channel *c, uint64_t clock)
{
	return add_saturating(c->start, scale_up(clock, pit->ticks_per_second, PIT_HZ));
}

static int is_running(const struct pit_channel *c)
{
	if (!c->count)
		return 0;
	return c->mode == 1 || c->mode == 5 ? c->triggered : c->gate;
}

/* Rising edges of the output in the first `clock` clocks. */
static uint64_t edges_by(const struct pit_channel *c, uint64_t clock)
{
	if (!c->count)
		return 0;
	if (is_periodic(c))
		return clock / c->count;
	if (c->mode == 4 || c->mode == 5)
		return clock > c->count; /* low for the one clock at terminal count */
	return clock >= c->count; /* modes 0 and 1: high at terminal count */
}

static void update_next_edge(struct pit *pit)
{
	const struct pit_channel *c = &pit->channel[0];
	uint64_t clock;

	pit->next_edge = UINT64_MAX;
	if (!is_running(c))
		return;
	if (is_periodic(c))
		clock = (c->edges + 1) * c->count;
	else if (c->edges)
		return;
	else
		clock = c->mode == 4 || c->mode == 5 ? c->count + 1u : c->count;
	pit->next_edge = tick_of_clock(pit, c, clock);
}

int pit_take_edges(struct pit *pit, uint64_t now)
{
	struct pit_channel *c = &pit->channel[0];
	uint64_t edges;

	if (now < pit->next_edge)
		return 0;
	edges = edges_by(c, clocks(pit, c, now));
	if (edges <= c->edges) {
		update_next_edge(pit);
		return 0;
	}
	c->edges = edges;
	update_next_edge(pit);
	return 1;
}

int pit_output(const struct pit *pit, unsigned channel, uint64_t now)
{
	const struct pit_channel *c = &pit->channel[channel % 3];
	uint64_t clock;

	if (!c->count || !is_running(c))
		return c->mode == 0 ? c->count && c->frozen >= c->count : 1;
	clock = clocks(pit, c, now);
	switch (c->mode) {
	case 2:
		return clock % c->count != c->count - 1;
	case 3:
		return clock % c->count < (c->count + 1u) / 2;
	case 4:
	case 5:
		return clock != c->count;
	default:
		return clock >= c->count;
	}
}

static uint16_t to_bcd(uint32_t value)
{
	return (uint16_t)(value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 |
			  value / 1000 % 10 << 12);
}

static uint32_t from_bcd(uint32_t value)
{
	return (value & 15) + (value >> 4 & 15) * 10 + (value >> 8 & 15) * 100 + (value >> 12 & 15) * 1000;
}

/* What the counting element holds now. */
static uint16_t counter(const struct pit *pit, const struct pit_channel *c, uint64_t now)
{
	uint64_t clock = is_running(c) || c->frozen ? clocks(pit, c, now) : 0;
	uint64_t value;

	if (!c->count)
		return 0;
	if (c->mode == 3)
		value = c->count - 2 * clock % c->count;
	else if (c->mode == 2)
		value = c->count - clock % c->count;
	else
		value = c->count - clock; /* goes on from 0 to 0xFFFF */
	return c->bcd ? to_bcd((uint32_t)(value % 10000)) : (uint16_t)value;
}

static void set_gate(struct pit *pit, struct pit_channel *c, int level, uint64_t now)
{
	if (c->gate == level)
		return;
	if (!level) {
		c->frozen = clocks(pit, c, now);
	} else if (c->mode == 0 || c->mode == 4) {
		c->start = now - scale_up(c->frozen, pit->ticks_per_second, PIT_HZ);
	} else {
		c->start = now; /* a rising gate reloads in modes 1, 2, 3, 5 */
		c->edges = 0;
		c->triggered = 1;
	}
	c->gate = (uint8_t)level;
}

static void load(struct pit *pit, struct pit_channel *c, uint16_t value, uint64_t now)
{
	uint32_t count = c->bcd ? from_bcd(value) : value;

	c->count = count ? count : c->bcd ? 10000 : 65536;
	if (c->mode == 1 || c->mode == 5)
		return; /* counts from the next trigger on */
	c->start = now;
	c->edges = 0;
	c->frozen = 0;
	update_next_edge(pit);
}

static void write_count(struct pit *pit, struct pit_channel *c, uint8_t value, uint64_t now)
{
	switch (c->access) {
	case ACCESS_LOW:
		load(pit, c, value, now);
		break;
	case ACCESS_HIGH:
		load(pit, c, (uint16_t)(value << 8), now);
		break;
	default:
		if (!c->write_high)
			c->write_low = value;
		else
			load(pit, c, (uint16_t)(value << 8 | c->write_low), now);
		c->write_high = !c->write_high;
	}
}

static uint8_t read_count(struct pit *pit, struct pit_channel *c, uint64_t now)
{
	uint16_t value;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->latched) {
		value = c->latch;
		c->latched--;
		if (c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && !c->latched))
			value >>= 8;
		return (uint8_t)value;
	}
	value = counter(pit, c, now);
	if (c->access == ACCESS_BOTH) {
		c->read_high = !c->read_high;
		return (uint8_t)(c->read_high ? value : value >> 8);
	}
	return (uint8_t)(c->access == ACCESS_HIGH ? value >> 8 : value);
}

static void latch_count(struct pit *pit, struct pit_channel *c, uint64_t now)
{
	if (c->latched)
		return;
	c->latch = counter(pit, c, now);
	c->latched = c->access == ACCESS_BOTH ? 2 : 1;
	c->read_high = 0;
}

static void read_back(struct pit *pit, uint8_t command, uint64_t now)
{
	for (unsigned i = 0; i < 3; i++) {
		struct pit_channel *c = &pit->channel[i];

		if (!(command & 2u << i))
			continue;
		if (!(command & 0x20))
			latch_count(pit, c, now);
		if (command & 0x10 || c->status_latched)
			continue;
		c->status = (uint8_t)(pit_output(pit, i, now) << 7 | (c->count ? 0 : 0x40) | c->access << 4 |
				      c->mode << 1 | c->bcd);
		c->status_latched = 1;
	}
}

static void write_command(struct pit *pit, uint8_t command, uint64_t now)
{
	struct pit_channel *c;
	uint8_t mode = (command >> 1) & 7;

	if (command >> 6 == 3) {
		read_back(pit, command, now);
		return;
	}
	c = &pit->channel[command >> 6];
	if (!(command & 0x30)) {
		latch_count(pit, c, now);
		return;
	}
	c->access = (command >> 4) & 3;
	c->mode = mode > 5 ? mode & 3 : mode;
	c->bcd = command & 1;
	c->count = 0;
	c->edges = c->frozen = 0;
	c->latched = c->status_latched = c->read_high = c->write_high = c->triggered = 0;
	update_next_edge(pit);
}

void pit_reset(struct pit *pit, uint64_t ticks_per_second, uint64_t now)
{
	*pit = (struct pit){.ticks_per_second = ticks_per_second, .born = now, .next_edge = UINT64_MAX};
	for (unsigned i = 0; i < 3; i++) {
		pit->channel[i].access = ACCESS_BOTH;
		pit->channel[i].gate = i != 2;
	}
}

uint8_t pit_read(struct pit *pit, uint16_t port, uint64_t now)
{
	uint64_t toggles;

	switch (port) {
	case 0x40:
	case 0x41:
	case 0x42:
		return read_count(pit, &pit->channel[port - 0x40], now);
	case 0x61:
		toggles = scale_down(elapsed_since(pit->born, now), PIT_HZ, pit->ticks_per_second) /
			  REFRESH_CLOCKS;
		return (uint8_t)(pit->control | (toggles & 1 ? CONTROL_REFRESH : 0) |
				 (pit_output(pit, 2, now) ? CONTROL_OUT2 : 0));
	default:
		return 0xFF; /* the control word can't be read */
	}
}

void pit_write(struct pit *pit, uint16_t port, uint8_t value, uint64_t now)
{
	switch (port) {
	case 0x40:
	case 0x41:
	case 0x42:
		write_count(pit, &pit->channel[port - 0x40], value, now);
		break;
	case 0x43:
		write_command(pit, value, now);
		break;
	case 0x61:
		pit->control = value & CONTROL_WRITABLE;
		set_gate(pit, &pit->channel[2], value & CONTROL_GATE2, now);
		break;
	default:
		break;
	}
}
