/* SPDX-License-Identifier: MIT */
/* For programs that run on the machine itself before any other: the boot ROM, and what boots Linux. */
#ifndef EXPERIMENTS_ROM_BARE_H
#define EXPERIMENTS_ROM_BARE_H

#include <stdint.h>

#include "nestbed/ports.h"

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void print(const char *s)
{
	while (*s)
		outb(NB_PORT_CONSOLE, (uint8_t)*s++);
}

/* Says who gives up and why, and ends the machine. */
static inline void give_up(const char *who, const char *why)
{
	print(who);
	print(": ");
	print(why);
	print("\n");
	for (const char *s = NB_SHUTDOWN_WORD; *s; s++)
		outb(NB_PORT_SHUTDOWN, (uint8_t)*s);
	for (;;)
		__asm__ volatile("cli; hlt");
}

#endif
