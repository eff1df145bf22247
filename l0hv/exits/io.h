/* SPDX-License-Identifier: MIT */
/* What stands behind an I/O port of a guest. */
#ifndef L0HV_EXITS_IO_H
#define L0HV_EXITS_IO_H

#include "l0hv/devices/platform.h"

/* platform_pio_read() and platform_pio_write(), or what vm_bind() puts before them. */
extern uint32_t (*io_read)(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint64_t now);
extern void (*io_write)(struct platform *p, unsigned vcpu, uint16_t port, unsigned size, uint32_t value,
			uint64_t now);

#endif
