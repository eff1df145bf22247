/* SPDX-License-Identifier: MIT */
/*
 * 8254 interval timer, ports 0x40-0x43, and the system control port 0x61. Source: Intel's 8254 data
 * sheet. Channel 0 drives IRQ 0, channel 2's gate and output are in port 0x61; channel 1's refresh is
 * only seen as the toggle in port 0x61.
 *
 * Time is a parameter in ticks; the counters run at PIT_HZ of `ticks_per_second`, without drift. A new
 * count takes effect at once, also in modes 2 and 3 (the chip waits for the end of the period).
 */
#ifndef L0HV_DEVICES_PIT_H
#define L0HV_DEVICES_PIT_H

#include <stdint.h>

#define PIT_HZ 1193182u

struct pit_channel {
	uint64_t start; /* tick at which the count was loaded, or the gate triggered */
	uint32_t count; /* 1 to 65536 clocks; 0: none loaded since the control word */
	uint64_t edges; /* rising edges of the output taken since start */
	uint64_t frozen; /* clocks elapsed when the gate went low */
	uint16_t latch;
	uint8_t latched; /* bytes of latch still to be read */
	uint8_t status, status_latched;
	uint8_t mode; /* 0 to 5 */
	uint8_t access; /* 1 low byte, 2 high byte, 3 both */
	uint8_t bcd;
	uint8_t read_high, write_high; /* byte to come in access 3 */
	uint8_t write_low; /* first byte */
	uint8_t gate;
	uint8_t triggered; /* modes 1 and 5 */
};

struct pit {
	uint64_t ticks_per_second;
	uint64_t born; /* tick of reset: phase of the refresh toggle */
	struct pit_channel channel[3];
	uint64_t next_edge; /* cached: tick of channel 0's next rising edge, UINT64_MAX when none comes */
	uint8_t control; /* port 0x61, writable bits */
};

void pit_reset(struct pit *pit, uint64_t ticks_per_second, uint64_t now);
uint8_t pit_read(struct pit *pit, uint16_t port, uint64_t now); /* 0x40-0x43, 0x61 */
void pit_write(struct pit *pit, uint16_t port, uint8_t value, uint64_t now);

/* Nonzero when channel 0's output rose since the last call; updates next_edge. */
int pit_take_edges(struct pit *pit, uint64_t now);
int pit_output(const struct pit *pit, unsigned channel, uint64_t now);

#endif
