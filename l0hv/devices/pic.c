/* SPDX-License-Identifier: MIT */
#include "l0hv/devices/pic.h"

#define MASTER      0
#define SLAVE       1
#define CASCADE     2u /* the master's input behind which the slave sits */
#define SPURIOUS    7u
#define ICW1_INIT   0x10u
#define ICW1_SINGLE 0x02u
#define ICW1_ICW4   0x01u
#define ICW4_AEOI   0x02u
#define OCW3        0x08u
#define ELCR_MASTER 0xF8u /* IRQ 0, 1, 2 are edge triggered for good */
#define ELCR_SLAVE  0xDEu /* IRQ 8, 13 too */

static uint8_t bit(unsigned input)
{
	return (uint8_t)(1u << (input & 7));
}

static uint8_t requests(const struct pic_chip *chip)
{
	return (uint8_t)(chip->irr | (chip->line & chip->elcr));
}

/* Input that the chip would acknowledge, -1 when its INT output is low. */
static int winner(const struct pic_chip *chip)
{
	uint8_t wanting = (uint8_t)(requests(chip) & ~chip->imr);
	uint8_t serving = chip->special_mask ? (uint8_t)(chip->isr & ~chip->imr) : chip->isr;

	if (chip->init || !wanting)
		return -1;
	for (unsigned i = 1; i <= 8; i++) {
		unsigned input = (chip->lowest + i) & 7;

		if (serving & bit(input))
			return -1;
		if (wanting & bit(input))
			return (int)input;
	}
	return -1;
}

static void update(struct pic *pic)
{
	struct pic_chip *master = &pic->chip[MASTER];
	int slave_input = winner(&pic->chip[SLAVE]);
	int input;

	if (slave_input >= 0)
		master->irr |= bit(CASCADE);
	else
		master->irr &= (uint8_t)~bit(CASCADE);
	input = winner(master);
	if (input < 0)
		pic->vector = -1;
	else if (input == CASCADE)
		pic->vector = (int16_t)(pic->chip[SLAVE].base + slave_input);
	else
		pic->vector = (int16_t)(master->base + input);
}

void pic_reset(struct pic *pic)
{
	*pic = (struct pic){0};
	for (int i = MASTER; i <= SLAVE; i++) {
		pic->chip[i].imr = 0xFF;
		pic->chip[i].lowest = 7;
		pic->chip[i].elcr_allowed = i == MASTER ? ELCR_MASTER : ELCR_SLAVE;
	}
	update(pic);
}

static uint8_t ack_chip(struct pic_chip *chip)
{
	int input = winner(chip);

	if (input < 0)
		return SPURIOUS;
	chip->irr &= (uint8_t)~bit((unsigned)input);
	if (!(chip->icw4 & ICW4_AEOI))
		chip->isr |= bit((unsigned)input);
	else if (chip->rotate_auto)
		chip->lowest = (uint8_t)input;
	return (uint8_t)input;
}

uint8_t pic_ack(struct pic *pic)
{
	struct pic_chip *master = &pic->chip[MASTER];
	struct pic_chip *slave = &pic->chip[SLAVE];
	uint8_t input = ack_chip(master);
	uint8_t vector = (uint8_t)(master->base + input);

	if (input == CASCADE)
		vector = (uint8_t)(slave->base + ack_chip(slave));
	update(pic);
	return vector;
}

static void end_of_interrupt(struct pic_chip *chip, uint8_t command)
{
	uint8_t serving = chip->special_mask ? (uint8_t)(chip->isr & ~chip->imr) : chip->isr;
	unsigned input = command & 7;
	int specific = command & 0x40;
	int rotate = command & 0x80;

	if (!specific) {
		if (!serving)
			return;
		input = (chip->lowest + 1u) & 7;
		while (!(serving & bit(input)))
			input = (input + 1) & 7;
	}
	chip->isr &= (uint8_t)~bit(input);
	if (rotate)
		chip->lowest = (uint8_t)input;
}

static void write_ocw2(struct pic_chip *chip, uint8_t value)
{
	switch (value >> 5) {
	case 0: /* rotate in automatic EOI mode: clear, set */
	case 4:
		chip->rotate_auto = value >> 7;
		break;
	case 6: /* set priority */
		chip->lowest = value & 7;
		break;
	case 2: /* no operation */
		break;
	default:
		end_of_interrupt(chip, value);
	}
}

static void write_ocw3(struct pic_chip *chip, uint8_t value)
{
	if (value & 0x40)
		chip->special_mask = (value >> 5) & 1;
	if (value & 0x04)
		chip->poll = 1;
	else if (value & 0x02)
		chip->read_isr = value & 1;
}

static void write_command(struct pic_chip *chip, uint8_t value)
{
	if (value & ICW1_INIT) {
		chip->irr = chip->isr = chip->imr = 0;
		chip->lowest = 7;
		chip->special_mask = chip->read_isr = chip->poll = chip->rotate_auto = 0;
		chip->icw1 = value;
		chip->icw4 = 0;
		chip->init = 2;
	} else if (value & OCW3) {
		write_ocw3(chip, value);
	} else {
		write_ocw2(chip, value);
	}
}

static void write_data(struct pic_chip *chip, uint8_t value)
{
	uint8_t last = chip->icw1 & ICW1_ICW4 ? 4 : 0;

	switch (chip->init) {
	case 2:
		chip->base = value & 0xF8;
		chip->init = chip->icw1 & ICW1_SINGLE ? last : 3;
		break;
	case 3: /* the wiring of the cascade is fixed */
		chip->init = last;
		break;
	case 4:
		chip->icw4 = value;
		chip->init = 0;
		break;
	default:
		chip->imr = value;
	}
}

/* Poll command: the read is the acknowledge. */
static uint8_t poll(struct pic_chip *chip)
{
	int input = winner(chip);

	chip->poll = 0;
	return input < 0 ? SPURIOUS : (uint8_t)(0x80 | ack_chip(chip));
}

uint8_t pic_read(struct pic *pic, uint16_t port)
{
	struct pic_chip *chip = &pic->chip[port >= 0xA0 && port <= 0xA1 ? SLAVE : MASTER];
	uint8_t value;

	switch (port) {
	case 0x4D0:
	case 0x4D1:
		return pic->chip[port - 0x4D0].elcr;
	case 0x20:
	case 0x21:
	case 0xA0:
	case 0xA1:
		break;
	default:
		return 0xFF;
	}
	if (chip->poll)
		value = poll(chip);
	else if (port & 1)
		value = chip->imr;
	else
		value = chip->read_isr ? chip->isr : requests(chip);
	update(pic);
	return value;
}

void pic_write(struct pic *pic, uint16_t port, uint8_t value)
{
	switch (port) {
	case 0x20:
		write_command(&pic->chip[MASTER], value);
		break;
	case 0x21:
		write_data(&pic->chip[MASTER], value);
		break;
	case 0xA0:
		write_command(&pic->chip[SLAVE], value);
		break;
	case 0xA1:
		write_data(&pic->chip[SLAVE], value);
		break;
	case 0x4D0:
	case 0x4D1:
		pic->chip[port - 0x4D0].elcr = value & pic->chip[port - 0x4D0].elcr_allowed;
		break;
	default:
		return;
	}
	update(pic);
}

void pic_set_line(struct pic *pic, unsigned irq, int level)
{
	struct pic_chip *chip = &pic->chip[irq >= 8 ? SLAVE : MASTER];

	if (irq >= 16 || irq == CASCADE)
		return;
	if (!level)
		chip->line &= (uint8_t)~bit(irq);
	else if (!(chip->line & bit(irq))) {
		chip->line |= bit(irq);
		if (!(chip->elcr & bit(irq)))
			chip->irr |= bit(irq);
	}
	update(pic);
}

int pic_listens(const struct pic *pic, unsigned irq)
{
	const struct pic_chip *chip = &pic->chip[irq >= 8 ? SLAVE : MASTER];

	if (irq >= 16 || pic->chip[MASTER].init || chip->init)
		return 0;
	if (irq >= 8 && (pic->chip[MASTER].imr & bit(CASCADE)))
		return 0;
	return !((chip->imr | chip->irr) & bit(irq));
}
