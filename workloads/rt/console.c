/* SPDX-License-Identifier: MIT */
/* Where bytes go: debug console, COM1; and the way out. */
#include <nestbed/ports.h>

#include "rt.h"

#define COM1         0x3f8
#define COM1_DIVISOR 1 /* 115200 baud */
#define LCR_DLAB     0x80
#define LCR_8N1      0x03
#define LSR_EMPTY    0x20 /* transmitter holding register empty */
#define COM1_TRIES   1000000u

static enum { UNKNOWN, DEBUG_PORT, UART } console;
static bool com1_ready;

static void com1_init(void)
{
	outb(COM1 + 1, 0);
	outb(COM1 + 3, LCR_DLAB | LCR_8N1);
	outb(COM1 + 0, COM1_DIVISOR);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, LCR_8N1);
	outb(COM1 + 2, 0x07); /* FIFOs on and empty */
	outb(COM1 + 4, 0x03); /* DTR, RTS */
	com1_ready = true;
}

void rt_com1_write(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	if (!com1_ready)
		com1_init();
	while (size--) {
		/* A port that isn't there reads as all ones: empty at once. */
		for (unsigned int i = 0; i < COM1_TRIES && !(inb(COM1 + 5) & LSR_EMPTY); i++)
			pause_cpu();
		outb(COM1, *p++);
	}
}

void rt_write(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	if (console == UNKNOWN)
		console = inb(NB_PORT_CONSOLE) == NB_PORT_CONSOLE ? DEBUG_PORT : UART;
	if (console == UART) {
		rt_com1_write(bytes, size);
		return;
	}
	/* Single bytes, not REP OUTSB: every hypervisor handles these. */
	while (size--)
		outb(NB_PORT_CONSOLE, *p++);
}

void rt_shutdown(void)
{
	for (const char *p = NB_SHUTDOWN_WORD; *p; p++)
		outb(NB_PORT_SHUTDOWN, (uint8_t)*p);
	interrupts_off();
	for (;;)
		halt();
}
