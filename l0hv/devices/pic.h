/* SPDX-License-Identifier: MIT */
/*
 * Pair of 8259A interrupt controllers, master on IRQ 0-7, slave on IRQ 8-15 behind the master's IR2,
 * with the ELCR (ports 0x4D0, 0x4D1). Source: Intel's 8259A data sheet.
 *
 * A request, once latched by a rising edge, stays latched until it is acknowledged; a level request
 * follows its line. Left out: 8085 (CALL) mode, special mask mode's polling corner cases, rotation
 * of priorities on a buffered master.
 */
#ifndef L0HV_DEVICES_PIC_H
#define L0HV_DEVICES_PIC_H

#include <stdint.h>

struct pic_chip {
	uint8_t irr, isr, imr;
	uint8_t line; /* level of each input now */
	uint8_t elcr; /* 1: level triggered */
	uint8_t elcr_allowed;
	uint8_t base; /* vector of IR0 */
	uint8_t lowest; /* input with the lowest priority; 7 after initialization */
	uint8_t init; /* next ICW expected: 0 none, 2, 3, 4 */
	uint8_t icw1;
	uint8_t icw4;
	uint8_t read_isr; /* OCW3: what a read of the command port gives */
	uint8_t poll; /* OCW3: next read is a poll */
	uint8_t special_mask;
	uint8_t rotate_auto; /* rotate in automatic EOI mode */
};

struct pic {
	struct pic_chip chip[2]; /* master, slave */
	int16_t vector; /* cached: what an acknowledge would return now, -1 when INT is low */
};

void pic_reset(struct pic *pic);
uint8_t pic_read(struct pic *pic, uint16_t port); /* 0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1 */
void pic_write(struct pic *pic, uint16_t port, uint8_t value);
void pic_set_line(struct pic *pic, unsigned irq, int level);

/* INTA cycle: the vector. With INT low it is the spurious one, IR7's of the master. */
uint8_t pic_ack(struct pic *pic);

/* Nonzero when a new edge on this input could raise INT: used to leave out deadlines nobody waits for. */
int pic_listens(const struct pic *pic, unsigned irq);

#endif
