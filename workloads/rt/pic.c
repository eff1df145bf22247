/* SPDX-License-Identifier: MIT */
/* 8259A interrupt controllers and 8254 timer of a PC. */
#include "rt.h"
#include "rt_apic.h"

#define PIC1     0x20
#define PIC2     0xa0
#define PIC_EOI  0x20
#define ICW1     0x11 /* edge triggered, cascade, ICW4 follows */
#define ICW4     0x01 /* 8086 mode */
#define PIT      0x40
#define PIT_RATE 0x34 /* counter 0, low byte then high byte, mode 2 */
#define CASCADE  2u

void rt_pic_init(uint8_t base)
{
	outb(PIC1, ICW1);
	outb(PIC2, ICW1);
	outb(PIC1 + 1, base);
	outb(PIC2 + 1, (uint8_t)(base + 8));
	outb(PIC1 + 1, 1u << CASCADE);
	outb(PIC2 + 1, CASCADE);
	outb(PIC1 + 1, ICW4);
	outb(PIC2 + 1, ICW4);
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

void rt_pic_mask(void)
{
	rt_pic_init(0x20);
}

void rt_pic_unmask(unsigned int irq)
{
	uint16_t port = irq < 8 ? PIC1 + 1 : PIC2 + 1;

	outb(port, (uint8_t)(inb(port) & ~(1u << (irq & 7))));
	if (irq >= 8)
		outb(PIC1 + 1, (uint8_t)(inb(PIC1 + 1) & ~(1u << CASCADE)));
}

void rt_pic_eoi(unsigned int irq)
{
	if (irq >= 8)
		outb(PIC2, PIC_EOI);
	outb(PIC1, PIC_EOI);
}

void rt_pit_periodic(uint16_t divisor)
{
	outb(PIT + 3, PIT_RATE);
	outb(PIT, (uint8_t)divisor);
	outb(PIT, (uint8_t)(divisor >> 8));
}
