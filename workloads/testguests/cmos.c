/* SPDX-License-Identifier: MIT */
/* What CMOS says of memory: the VM's, or where the ports are passed through the machine's. */
#include "rt.h"

static uint64_t cmos16(uint8_t reg)
{
	uint64_t v;

	outb(0x70, reg);
	v = inb(0x71);
	outb(0x70, (uint8_t)(reg + 1));
	return v | (uint64_t)inb(0x71) << 8;
}

void rt_main(void)
{
	rt_printf("cmos: %lu KiB, %lu KiB from 1 MiB on, %lu KiB from 16 MiB on\n", cmos16(0x15),
		  cmos16(0x30), cmos16(0x34) * 64);
}
